//! Where a run takes place: a fresh database for each.

use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio_postgres::{Client, Config, NoTls};

use crate::install::Redis;

/// Which kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Postgres,
    Sqlite(Synchronous),
    Redis(Appendfsync),
}

/// SQLite's pragma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Synchronous {
    Full,
    Normal,
}

/// Redis' setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appendfsync {
    EverySecond,
    Always,
}

impl Place {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Place::Postgres => "PostgreSQL",
            Place::Sqlite(Synchronous::Full) => "SQLite, synchronous FULL",
            Place::Sqlite(Synchronous::Normal) => "SQLite, synchronous NORMAL",
            Place::Redis(Appendfsync::EverySecond) => "Redis, appendfsync everysec",
            Place::Redis(Appendfsync::Always) => "Redis, appendfsync always",
        }
    }
}

/// A database that nobody has used.
#[derive(Debug)]
pub(crate) enum Ground<'a> {
    Postgres { server: &'a Server, name: String, url: String },
    Sqlite { folder: PathBuf, url: String },
    Redis { folder: PathBuf, url: String, _server: Box<Child> },
}

impl<'a> Ground<'a> {
    pub(crate) async fn fresh(
        place: Place,
        server: Option<&'a Server>,
        redis: Option<&Redis>,
        scratch: &Path,
    ) -> Result<Ground<'a>> {
        match place {
            Place::Postgres => {
                server.context("PostgreSQL needs --database-url")?.fresh_database().await
            }
            Place::Sqlite(_) => {
                let folder = fresh_folder(scratch)?;
                let url = format!("sqlite:{}", folder.join("jobs.db").display());
                Ok(Ground::Sqlite { folder, url })
            }
            Place::Redis(appendfsync) => {
                let redis = redis.context("Redis is not installed")?;
                let folder = fresh_folder(scratch)?;
                let (server, url) = started(redis, appendfsync, &folder).await?;
                Ok(Ground::Redis { folder, url, _server: Box::new(server) })
            }
        }
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Ground::Postgres { url, .. }
            | Ground::Sqlite { url, .. }
            | Ground::Redis { url, .. } => url,
        }
    }

    /// What was loaded is at rest: no vacuum, analysis or checkpoint of it falls into the measurement.
    pub(crate) async fn settle(&self) -> Result<()> {
        if let Ground::Postgres { url, .. } = self {
            let client = connect(&url.parse()?).await?;
            client.batch_execute("VACUUM (ANALYZE)").await?;
            client.batch_execute("CHECKPOINT").await?;
        }
        Ok(())
    }

    /// Removes it.
    pub(crate) async fn leave(self) -> Result<()> {
        match self {
            Ground::Postgres { server, name, .. } => server.drop_database(&name).await,
            Ground::Sqlite { folder, .. } => Ok(std::fs::remove_dir_all(folder)?),
            Ground::Redis { folder, mut _server, .. } => {
                _server.kill().await?;
                Ok(std::fs::remove_dir_all(folder)?)
            }
        }
    }
}

/// A PostgreSQL server on which databases may be made.
#[derive(Debug)]
pub(crate) struct Server {
    config: Config,
    url: String,
}

impl Server {
    pub(crate) fn at(url: &str) -> Result<Server> {
        let config = url.parse().context("--database-url is no URL of PostgreSQL")?;
        Ok(Server { config, url: url.to_owned() })
    }

    /// What of the server a reader has to know.
    pub(crate) async fn describe(&self) -> Result<String> {
        let client = connect(&self.config).await?;
        let mut words = Vec::new();
        for name in [
            "server_version",
            "fsync",
            "synchronous_commit",
            "full_page_writes",
            "shared_buffers",
            "max_wal_size",
        ] {
            let row = client.query_one(&format!("SHOW {name}"), &[]).await?;
            words.push(format!("{name} {}", row.get::<_, String>(0)));
        }
        Ok(format!("{}; jit off in every database", words.join(", ")))
    }

    async fn fresh_database(&self) -> Result<Ground<'_>> {
        let name = format!("peers_{}", process::id());
        self.drop_database(&name).await?;
        let client = connect(&self.config).await?;
        client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        // Compiling a plan costs statements with large estimates more than it gives, whoever sends them.
        client.batch_execute(&format!("ALTER DATABASE {name} SET jit = off")).await?;
        let url = with_database(&self.url, &name)?;
        Ok(Ground::Postgres { server: self, name, url })
    }

    async fn drop_database(&self, name: &str) -> Result<()> {
        let client = connect(&self.config).await?;
        Ok(client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?)
    }
}

async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await.context("cannot reach PostgreSQL")?;
    tokio::spawn(connection);
    Ok(client)
}

/// The URL with another database.
fn with_database(url: &str, name: &str) -> Result<String> {
    let (start, parameters) = match url.split_once('?') {
        Some((start, parameters)) => (start, format!("?{parameters}")),
        None => (url, String::new()),
    };
    let Some((scheme, rest)) = start.split_once("://") else {
        bail!("--database-url has to begin with postgres://");
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    Ok(format!("{scheme}://{authority}/{name}{parameters}"))
}

fn fresh_folder(scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join(process::id().to_string());
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

async fn started(
    redis: &Redis,
    appendfsync: Appendfsync,
    folder: &Path,
) -> Result<(Child, String)> {
    let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let appendfsync = match appendfsync {
        Appendfsync::EverySecond => "everysec",
        Appendfsync::Always => "always",
    };
    let mut command = Command::new(&redis.program);
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", appendfsync, "--dir"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    if let Some(libraries) = &redis.libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    let server = command.spawn().context("cannot start redis-server")?;
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if begun.elapsed() > Duration::from_secs(10) {
            bail!("redis-server does not listen after 10 s");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok((server, format!("redis://127.0.0.1:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_of_a_url_is_replaced() {
        let with = |url| with_database(url, "peers").unwrap();
        assert_eq!(with("postgres://me@here:5433"), "postgres://me@here:5433/peers");
        assert_eq!(with("postgres://here/old"), "postgres://here/peers");
        assert_eq!(with("postgresql:///old?host=/run"), "postgresql:///peers?host=/run");
        assert!(with_database("host=here", "peers").is_err());
    }
}

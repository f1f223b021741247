//! A few connections of the application's own.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use tokio::sync::{Mutex, MutexGuard};
use tokio_postgres::{Client, Config, NoTls};

const CONNECTIONS: usize = 4;

/// Connections that are lent out in turn, and made anew when they have broken.
///
/// One that is given back in the middle of a transaction is no danger: the driver has sent the
/// rollback before whatever the next borrower sends.
#[derive(Debug)]
pub(super) struct Pool {
    config: Config,
    connections: Vec<Mutex<Client>>,
    next: AtomicUsize,
}

impl Pool {
    pub(super) async fn connect(url: &str) -> anyhow::Result<Pool> {
        let config = read(url)?;
        let mut connections = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            connections.push(Mutex::new(connect(&config).await?));
        }
        Ok(Pool { config, connections, next: AtomicUsize::new(0) })
    }

    /// A connection, when its turn has come.
    pub(super) async fn take(&self) -> anyhow::Result<MutexGuard<'_, Client>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        let mut connection = self.connections[turn].lock().await;
        if connection.is_closed() {
            *connection = connect(&self.config).await?;
        }
        Ok(connection)
    }

    /// A connection that is the only one of its kind: it holds the lock of the demonstration.
    ///
    /// # Errors
    ///
    /// When another demonstration runs in this database.
    pub(super) async fn alone(&self) -> anyhow::Result<Client> {
        let connection = connect(&self.config).await?;
        let locked = connection.query_one(include_str!("../sql/postgres/alone.sql"), &[]).await?;
        if !locked.try_get(0)? {
            bail!("another demo is running in this database: wait for it, or use another one");
        }
        Ok(connection)
    }
}

/// Reads the URL as the jobs' storage does: what it leaves out is taken from the `PG*` variables.
fn read(url: &str) -> anyhow::Result<Config> {
    let location = kerrera_postgres::Config::from_url(url)?.location();
    let (place, settings) = location.split_once('?').unwrap_or((&location, ""));
    if ["require", "verify-ca", "verify-full"].iter().any(|mode| settings.contains(mode)) {
        bail!("the demo's own tables are reached without TLS: run it on a server that allows that");
    }
    let mut config: Config = place.parse().context("the demo cannot read the database URL")?;
    let given = url.split('?').next().and_then(|url| url.parse::<Config>().ok());
    let password = given.and_then(|config| config.get_password().map(<[u8]>::to_vec));
    if let Some(password) = password.or_else(|| Some(std::env::var("PGPASSWORD").ok()?.into())) {
        config.password(password);
    }
    Ok(config)
}

async fn connect(config: &Config) -> anyhow::Result<Client> {
    let (client, connection) = config.connect(NoTls).await.context("the demo's own connection")?;
    // Ends with the client, or with an error that the client's next call gets, too.
    tokio::spawn(connection);
    client.execute(include_str!("../sql/postgres/search_path.sql"), &[]).await?;
    Ok(client)
}

//! The database on which is measured: cleared, filled, looked at.

mod postgres;
mod sqlite;

use std::time::Duration;

use anyhow::{Context as _, bail};
use kerrera::{Client, Config, Kerrera};
use serde_json::Value;

use crate::arguments::Where;

pub use postgres::{Postgres, connect};
pub use sqlite::Sqlite;

/// The queue of the benchmark's own jobs; with a number behind it where there are several.
pub const QUEUE: &str = "kerrera_bench";

/// The worker of the jobs that are measured.
pub const WORKER: &str = "KerreraBench";

/// The database on which is measured.
#[derive(Debug)]
pub enum Ground {
    /// A server.
    Postgres(Postgres),
    /// A file.
    Sqlite(Sqlite),
}

/// What is in the table before a measurement begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Available jobs of [`WORKER`], with priority 0.
    pub jobs: u64,
    /// Over how many queues these are spread.
    pub queues: u64,
    /// Finished jobs.
    pub retained: u64,
    /// Available jobs of [`WORKER`] with a lower priority.
    pub waiting: u64,
    /// Available jobs in front of all, of a worker that nobody knows.
    pub unknown: u64,
}

impl Default for Fill {
    fn default() -> Fill {
        Fill { jobs: 0, queues: 1, retained: 0, waiting: 0, unknown: 0 }
    }
}

/// What became of the measured jobs, as the database has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many there are.
    pub jobs: u64,
    /// Those that completed, at their first attempt and without an error.
    pub completed_once: u64,
    /// Those that are available, and were never tried.
    pub untouched: u64,
}

/// How large the table of jobs is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Of the rows, or of the whole file.
    pub table_bytes: i64,
    /// Of the indexes; 0 where they are not told apart.
    pub index_bytes: i64,
    /// Rows that a vacuum would remove, by the statistics.
    pub dead_rows: i64,
}

impl Ground {
    /// Reaches the database, makes the tables if they are missing, and deletes what earlier
    /// measurements left.
    ///
    /// # Errors
    ///
    /// When there is no setting of a name that is given, the database cannot be reached, or it holds
    /// jobs of others and these are to be refused; nothing was changed then.
    pub async fn open(place: &Where) -> anyhow::Result<Ground> {
        let url = &*place.database_url;
        let config = config(url, &place.settings)?;
        let mut ground = match url.split(':').next().unwrap_or_default() {
            "postgres" | "postgresql" => Ground::Postgres(Postgres::connect(url).await?),
            "sqlite" => Ground::Sqlite(Sqlite::at(url, &place.settings)?),
            _ => bail!(
                "the database URL begins with neither \"sqlite:\" nor \"postgres:\": write \
                 sqlite:bench.db or postgres://user@host/database"
            ),
        };
        let others = match &mut ground {
            Ground::Postgres(postgres) => postgres.others().await?,
            Ground::Sqlite(sqlite) => sqlite.others()?,
        };
        if others && !place.beside_other_jobs {
            bail!(
                "the database holds jobs that are not the benchmark's: use one of its own, as after \
                 `createdb bench`, or --beside-other-jobs if their nodes may be slowed down"
            );
        }
        Kerrera::builder(config).migrate(true).never_prune().start().await?.shutdown().await;
        match &mut ground {
            Ground::Postgres(postgres) => postgres.clear(others).await?,
            Ground::Sqlite(sqlite) => sqlite.clear(others)?,
        }
        Ok(ground)
    }

    /// Clears the table, fills it, and brings it to rest: vacuumed, analysed, with nothing left to be
    /// written to the disk, as far as we are allowed to.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn fill(&mut self, fill: Fill) -> anyhow::Result<()> {
        match self {
            Ground::Postgres(postgres) => {
                let others = postgres.others().await?;
                postgres.clear(others).await?;
                postgres.fill(fill).await
            }
            Ground::Sqlite(sqlite) => {
                let others = sqlite.others()?;
                sqlite.clear(others)?;
                sqlite.fill(fill)
            }
        }
        .context("filling the table")
    }

    /// Whether a measured job is claimed at this moment.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn is_working(&mut self) -> anyhow::Result<bool> {
        match self {
            Ground::Postgres(postgres) => postgres.is_working().await,
            Ground::Sqlite(sqlite) => sqlite.is_working(),
        }
    }

    /// What became of the measured jobs. Reads the whole table.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn tally(&mut self) -> anyhow::Result<Tally> {
        match self {
            Ground::Postgres(postgres) => postgres.tally().await,
            Ground::Sqlite(sqlite) => sqlite.tally(),
        }
    }

    /// How large the table of jobs is.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn size(&mut self) -> anyhow::Result<Size> {
        match self {
            Ground::Postgres(postgres) => postgres.size().await,
            Ground::Sqlite(sqlite) => sqlite.size(),
        }
    }

    /// Its kind, its version, and the settings that decide how fast it is.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn facts(&mut self) -> anyhow::Result<Value> {
        match self {
            Ground::Postgres(postgres) => postgres.facts().await,
            Ground::Sqlite(sqlite) => sqlite.facts(),
        }
    }

    /// The processor time that the server has used, if it runs on this machine and lets us see. A
    /// file has no server.
    pub fn processor(&self) -> Option<Duration> {
        match self {
            Ground::Postgres(postgres) => postgres.processor(),
            Ground::Sqlite(_) => None,
        }
    }
}

/// The settings of a node or a client: the database, and `NAME=VALUE` each.
///
/// # Errors
///
/// When there is no such setting, or it cannot have that value.
pub(crate) fn config(url: &str, settings: &[String]) -> anyhow::Result<Config> {
    let mut config = Config::default().set("database_url", url)?;
    for setting in settings {
        let Some((name, value)) = setting.split_once('=') else {
            bail!("--set {setting:?} has no value: write it as in --set tuning.claim_batch=500");
        };
        config = config.set(name.trim(), value.trim())?;
    }
    Ok(config)
}

/// A client on connections of its own.
pub(crate) async fn client(url: &str, settings: &[String]) -> anyhow::Result<Client> {
    Ok(Client::connect(config(url, settings)?).await?)
}

/// The names of so many queues.
pub(crate) fn queues(queues: u64) -> Vec<String> {
    match queues {
        1 => vec![QUEUE.to_owned()],
        _ => (0..queues).map(|n| format!("{QUEUE}_{n}")).collect(),
    }
}

//! apalis on SQLite, at the `synchronous` asked for.
//!
//! Its own `setup` turns `synchronous` off on the connection that runs it, so that runs on a pool of its
//! own which is closed afterwards; the other pragmas that it sets are kept.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::*;
use apalis_sqlite::{Config, SqliteStorage};
use apalis_tick::Tick;
use driver::{Arguments, Handled, Peer, Result, Synchronous, What};
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::task::JoinHandle;

fn main() -> Result<()> {
    driver::main::<Apalis>()
}

const QUEUE: &str = "nothing";
const BATCH: usize = 500;
const POLL: Duration = Duration::from_millis(1);
/// SQLite has one writer: more connections only wait for each other. Two were best of 1, 2 and 4.
const CONNECTIONS: u32 = 2;

#[derive(Clone)]
struct Apalis {
    pool: SqlitePool,
    storage: SqliteStorage<Nothing>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Nothing {
    n: u64,
}

async fn handle(_: Nothing, handled: Data<Arc<Handled>>) -> std::result::Result<(), BoxDynError> {
    handled.one();
    Ok(())
}

fn storage(pool: &SqlitePool) -> SqliteStorage<Nothing> {
    let config = Config::default().queue(QUEUE).batch_size(BATCH).lock_tasks(false);
    SqliteStorage::new(pool).with_config(config)
}

impl Apalis {
    async fn count(&self, condition: &'static str) -> Result<u64> {
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM Jobs WHERE {condition}"));
        let (jobs,): (i64,) = sqlx::query_as(count).fetch_one(&self.pool).await?;
        Ok(u64::try_from(jobs)?)
    }
}

impl Peer for Apalis {
    type Workers = JoinHandle<()>;

    async fn connect(arguments: &Arguments) -> Result<Apalis> {
        let synchronous = match arguments.synchronous {
            Synchronous::Full => SqliteSynchronous::Full,
            Synchronous::Normal => SqliteSynchronous::Normal,
        };
        let options = SqliteConnectOptions::from_str(&arguments.database_url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(30))
            .pragma("temp_store", "MEMORY")
            .pragma("cache_size", "64000")
            .synchronous(synchronous);
        let setup = SqlitePool::connect_with(options.clone()).await?;
        SqliteStorage::setup(&setup).await?;
        setup.close().await;
        let pool =
            SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?;
        Ok(Apalis { storage: storage(&pool), pool })
    }

    fn settings(&self, arguments: &Arguments) -> String {
        match arguments.what {
            What::Insert => "push".to_owned(),
            _ => format!(
                "batch_size {BATCH}, parallelize(tokio::spawn), lock_tasks(false), \
                 a poll each {POLL:?}"
            ),
        }
    }

    async fn load(&self, first: u64, count: u64) -> Result<()> {
        let jobs = (first..first + count).map(|n| Nothing { n }).collect();
        self.storage.clone().push_bulk(jobs).await?;
        Ok(())
    }

    async fn insert(&self, n: u64) -> Result<()> {
        self.storage.clone().push(Nothing { n }).await?;
        Ok(())
    }

    async fn work(&self, arguments: &Arguments, handled: Arc<Handled>) -> Result<JoinHandle<()>> {
        let (pool, concurrency) = (self.pool.clone(), arguments.concurrency);
        let worker = move |_restarts: usize| {
            WorkerBuilder::new("worker")
                .backend(storage(&pool).poll_with_strategy(Tick::each(POLL)))
                .data(handled.clone())
                .concurrency(concurrency)
                .parallelize(tokio::spawn)
                .build(handle)
        };
        Ok(run(Monitor::new().register(worker)))
    }

    async fn is_unfinished(&self) -> Result<bool> {
        let exists = "SELECT EXISTS (SELECT 1 FROM Jobs WHERE status <> 'Done')";
        let (unfinished,): (bool,) = sqlx::query_as(exists).fetch_one(&self.pool).await?;
        Ok(unfinished)
    }

    async fn finished(&self) -> Result<Option<u64>> {
        Ok(Some(self.count("status = 'Done'").await?))
    }

    async fn waiting(&self) -> Result<u64> {
        self.count("status = 'Pending'").await
    }
}

fn run(monitor: Monitor) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = monitor.run().await {
            eprintln!("the workers ended: {error}");
        }
    })
}

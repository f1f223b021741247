//! apalis on PostgreSQL: large batches, handlers on tokio's tasks, and a poll strategy.
//!
//! Without a poll strategy an idle worker writes its last batch of acks with its next heartbeat, up to
//! 30 s later, because only a poll writes them. Pubsub together with a periodic poll is what its own
//! example `pubsub.rs` has; why the periodic one is not its own, `apalis_tick` says.

use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::*;
use apalis_postgres::{Config, PostgresStorage};
use apalis_tick::Tick;
use driver::{Arguments, Handled, Peer, Result, What};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinHandle;

fn main() -> Result<()> {
    driver::main::<Apalis>()
}

const QUEUE: &str = "nothing";
/// Workers of one process share the concurrency.
const WORKERS: usize = 2;
const BATCH: usize = 500;
const POLL: Duration = Duration::from_millis(25);

#[derive(Clone)]
struct Apalis {
    pool: PgPool,
    storage: PostgresStorage<Nothing>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Nothing {
    n: u64,
}

async fn handle(_: Nothing, handled: Data<Arc<Handled>>) -> std::result::Result<(), BoxDynError> {
    handled.one();
    Ok(())
}

fn storage(pool: &PgPool) -> PostgresStorage<Nothing> {
    let config = Config::default().queue(QUEUE).batch_size(BATCH).lock_tasks(false);
    PostgresStorage::new(pool).with_config(config)
}

impl Apalis {
    async fn count(&self, condition: &'static str) -> Result<u64> {
        let count = format!("SELECT count(*) FROM apalis.jobs WHERE {condition}");
        let count = sqlx::AssertSqlSafe(count);
        let (jobs,): (i64,) = sqlx::query_as(count).fetch_one(&self.pool).await?;
        Ok(u64::try_from(jobs)?)
    }
}

impl Peer for Apalis {
    type Workers = JoinHandle<()>;

    async fn connect(arguments: &Arguments) -> Result<Apalis> {
        let pool =
            PgPoolOptions::new().max_connections(32).connect(&arguments.database_url).await?;
        PostgresStorage::setup(&pool).await?;
        Ok(Apalis { storage: storage(&pool), pool })
    }

    fn settings(&self, arguments: &Arguments) -> String {
        match arguments.what {
            What::Insert => "push, 32 connections".to_owned(),
            _ => format!(
                "{WORKERS} workers, batch_size {BATCH}, parallelize(tokio::spawn), \
                 lock_tasks(false), pubsub and a poll each {POLL:?}"
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
        let workers = WORKERS.min(arguments.concurrency);
        let share = arguments.concurrency / workers;
        let pool = self.pool.clone();
        let worker = move |index: usize, _restarts: usize| {
            WorkerBuilder::new(format!("worker-{index}"))
                .backend(storage(&pool).with_pubsub().poll_with_strategy(Tick::each(POLL)))
                .data(handled.clone())
                .concurrency(share)
                .parallelize(tokio::spawn)
                .build(handle)
        };
        Ok(run(Monitor::new().register_n(workers, worker)))
    }

    async fn is_unfinished(&self) -> Result<bool> {
        let exists = "SELECT EXISTS (SELECT FROM apalis.jobs WHERE status <> 'Done')";
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

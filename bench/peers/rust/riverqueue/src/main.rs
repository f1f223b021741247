//! River for Rust. "Throughput is limited by" the fetch cooldown (`QueueConfig::with_fetch_cooldown`),
//! so it is at its minimum here.

use std::sync::Arc;
use std::time::Duration;

use driver::{Arguments, Handled, Peer, Result, What};
use riverqueue::migrate::PostgresMigrator;
use riverqueue::{
    BoxError, Client, FETCH_COOLDOWN_MIN, InsertOpts, Job, JobArgs, QueueConfig, RunHandle,
    WorkContext, WorkOutcome, Workers,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

fn main() -> Result<()> {
    driver::main::<River>()
}

const POLL: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct River {
    pool: PgPool,
    inserts: Client,
}

#[derive(Clone, Debug, Deserialize, JobArgs, Serialize)]
#[river(kind = "nothing")]
struct Nothing {
    n: u64,
}

impl Peer for River {
    type Workers = RunHandle;

    async fn connect(arguments: &Arguments) -> Result<River> {
        let pool =
            PgPoolOptions::new().max_connections(32).connect(&arguments.database_url).await?;
        PostgresMigrator::new(pool.clone()).migrate_up().await?;
        let inserts = Client::builder(pool.clone()).fetch_cooldown(FETCH_COOLDOWN_MIN).build()?;
        Ok(River { pool, inserts })
    }

    fn settings(&self, arguments: &Arguments) -> String {
        match arguments.what {
            What::Insert => "insert, 32 connections".to_owned(),
            _ => format!(
                "fetch cooldown {FETCH_COOLDOWN_MIN:?} (its minimum; 100 ms is its default)"
            ),
        }
    }

    async fn load(&self, first: u64, count: u64) -> Result<()> {
        let jobs = (first..first + count).map(|n| (Nothing { n }, InsertOpts::default()));
        self.inserts.insert_many(jobs).await?;
        Ok(())
    }

    async fn insert(&self, n: u64) -> Result<()> {
        self.inserts.insert(Nothing { n }).await?;
        Ok(())
    }

    async fn work(&self, arguments: &Arguments, handled: Arc<Handled>) -> Result<RunHandle> {
        let mut workers = Workers::new();
        workers.add_fn(move |_: WorkContext, _: Job<Nothing>| {
            let handled = handled.clone();
            async move {
                handled.one();
                Ok::<_, BoxError>(WorkOutcome::Complete)
            }
        })?;
        let queue = QueueConfig::new(arguments.concurrency)
            .with_fetch_cooldown(FETCH_COOLDOWN_MIN)
            .with_fetch_poll_interval(POLL);
        let client = Client::builder(self.pool.clone())
            .fetch_cooldown(FETCH_COOLDOWN_MIN)
            .workers(workers)
            .queue("default", queue)
            .build()?;
        Ok(client.start()?)
    }

    async fn is_unfinished(&self) -> Result<bool> {
        let exists = "SELECT EXISTS (SELECT FROM river_job WHERE state <> 'completed')";
        let (unfinished,): (bool,) = sqlx::query_as(exists).fetch_one(&self.pool).await?;
        Ok(unfinished)
    }

    async fn finished(&self) -> Result<Option<u64>> {
        let count = "SELECT count(*) FROM river_job WHERE state = 'completed'";
        let (finished,): (i64,) = sqlx::query_as(count).fetch_one(&self.pool).await?;
        Ok(Some(u64::try_from(finished)?))
    }

    async fn waiting(&self) -> Result<u64> {
        let count = "SELECT count(*) FROM river_job WHERE state = 'available'";
        let (waiting,): (i64,) = sqlx::query_as(count).fetch_one(&self.pool).await?;
        Ok(u64::try_from(waiting)?)
    }
}

//! graphile_worker for Rust: its own benchmark's settings (`benches/perf_test.rs` of the crate).

use std::sync::Arc;
use std::time::Duration;

use driver::{Arguments, Handled, Peer, Result, What};
use graphile_worker::tokio_postgres::TokioPostgresDatabase;
use graphile_worker::{
    Database, IntoTaskHandlerResult, JobSpec, LocalQueueConfig, RawJobSpec, TaskHandler,
    WorkerContext, WorkerOptions, WorkerUtils,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinHandle;

fn main() -> Result<()> {
    driver::main::<Graphile>()
}

/// Without a local queue a worker takes one job per slot and poll from a backlog.
const LOCAL_QUEUE: usize = 5_000;
/// Finished jobs are deleted together when this has passed.
const BATCH: Duration = Duration::from_millis(5);
const SCHEMA: &str = "graphile_worker";

#[derive(Clone)]
struct Graphile {
    pool: PgPool,
    database: Database,
}

#[derive(Deserialize, Serialize)]
struct Nothing {
    n: u64,
}

#[derive(Clone, Debug)]
struct Counter(Arc<Handled>);

impl TaskHandler for Nothing {
    const IDENTIFIER: &'static str = "nothing";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(counter) = context.get_ext::<Counter>() {
            counter.0.one();
        }
        Ok::<(), String>(())
    }
}

impl Graphile {
    fn utils(&self) -> WorkerUtils {
        WorkerUtils::new(self.database.clone(), SCHEMA)
    }

    async fn jobs(&self) -> Result<u64> {
        let count = "SELECT count(*) FROM graphile_worker._private_jobs";
        let (jobs,): (i64,) = sqlx::query_as(count).fetch_one(&self.pool).await?;
        Ok(u64::try_from(jobs)?)
    }
}

impl Peer for Graphile {
    type Workers = JoinHandle<()>;

    async fn connect(arguments: &Arguments) -> Result<Graphile> {
        let pool =
            PgPoolOptions::new().max_connections(32).connect(&arguments.database_url).await?;
        // Both of its drivers were tried: one works a backlog faster, the other inserts faster.
        let database: Database = match arguments.what {
            What::Insert | What::Latency => pool.clone().into(),
            _ => TokioPostgresDatabase::from_url(&arguments.database_url, 32)?.into(),
        };
        let graphile = Graphile { pool, database };
        graphile.utils().migrate().await?;
        Ok(graphile)
    }

    fn settings(&self, arguments: &Arguments) -> String {
        match arguments.what {
            What::Insert => "driver sqlx, add_job, 32 connections".to_owned(),
            What::Latency => format!("driver sqlx, local queue of {LOCAL_QUEUE}, notifications"),
            _ => format!(
                "driver tokio-postgres, local queue of {LOCAL_QUEUE}, completion batch of 5 ms"
            ),
        }
    }

    async fn load(&self, first: u64, count: u64) -> Result<()> {
        let job = |n| RawJobSpec {
            identifier: Nothing::IDENTIFIER.to_owned(),
            payload: json!({ "n": n }),
            spec: JobSpec::default(),
        };
        let jobs: Vec<RawJobSpec> = (first..first + count).map(job).collect();
        self.utils().add_raw_jobs(&jobs).await?;
        Ok(())
    }

    async fn insert(&self, n: u64) -> Result<()> {
        self.utils().add_job(Nothing { n }, JobSpec::default()).await?;
        Ok(())
    }

    async fn work(&self, arguments: &Arguments, handled: Arc<Handled>) -> Result<JoinHandle<()>> {
        let options = WorkerOptions::default()
            .database(self.database.clone())
            .schema(SCHEMA)
            .concurrency(arguments.concurrency)
            .poll_interval(BATCH)
            .local_queue(LocalQueueConfig::default().with_size(LOCAL_QUEUE))
            .listen_os_shutdown_signals(false)
            .add_extension(Counter(handled))
            .define_job::<Nothing>();
        let options = match arguments.what {
            What::Drain => options.complete_job_batch_delay(BATCH),
            _ => options,
        };
        let worker = options.init().await?;
        Ok(tokio::spawn(async move {
            if let Err(error) = worker.run().await {
                eprintln!("the worker ended: {error}");
            }
        }))
    }

    async fn is_unfinished(&self) -> Result<bool> {
        let exists = "SELECT EXISTS (SELECT FROM graphile_worker._private_jobs)";
        let (unfinished,): (bool,) = sqlx::query_as(exists).fetch_one(&self.pool).await?;
        Ok(unfinished)
    }

    async fn finished(&self) -> Result<Option<u64>> {
        Ok(None)
    }

    async fn waiting(&self) -> Result<u64> {
        self.jobs().await
    }
}

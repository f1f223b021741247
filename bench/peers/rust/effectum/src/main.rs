//! effectum, which sets `synchronous` to normal itself.

use std::path::PathBuf;
use std::sync::Arc;

use driver::{Arguments, Handled, Peer, Result, Synchronous};
use effectum::{Job, JobRunner, Queue, RunningJob, Worker};
use rusqlite::Connection;

fn main() -> Result<()> {
    driver::main::<Effectum>()
}

const NOTHING: &str = "nothing";

#[derive(Clone)]
struct Effectum {
    file: PathBuf,
    queue: Arc<Queue>,
}

async fn handle(_: RunningJob, handled: Arc<Handled>) -> std::result::Result<(), String> {
    handled.one();
    Ok(())
}

fn job(n: u64) -> Result<Job> {
    Ok(Job::builder(NOTHING).json_payload(&serde_json::json!({ "n": n }))?.build())
}

impl Effectum {
    fn ask<T: rusqlite::types::FromSql>(&self, question: &str) -> Result<T> {
        Ok(Connection::open(&self.file)?.query_row(question, [], |row| row.get(0))?)
    }
}

impl Peer for Effectum {
    type Workers = Worker;

    async fn connect(arguments: &Arguments) -> Result<Effectum> {
        if arguments.synchronous == Synchronous::Full {
            return Err("effectum sets synchronous to normal itself; there is no FULL".into());
        }
        let url = &arguments.database_url;
        let file = PathBuf::from(url.strip_prefix("sqlite:").unwrap_or(url));
        // It asks for the pragma `journal`, which does not exist, so that it would run with a rollback
        // journal. WAL is kept in the file, and it is faster.
        Connection::open(&file)?.query_row("PRAGMA journal_mode = wal", [], |_| Ok(()))?;
        let queue = Arc::new(Queue::new(&file).await?);
        Ok(Effectum { file, queue })
    }

    fn settings(&self, _: &Arguments) -> String {
        "WAL set from outside".to_owned()
    }

    async fn load(&self, first: u64, count: u64) -> Result<()> {
        let jobs = (first..first + count).map(job).collect::<Result<_>>()?;
        self.queue.add_jobs(jobs).await?;
        Ok(())
    }

    async fn insert(&self, n: u64) -> Result<()> {
        self.queue.add_job(job(n)?).await?;
        Ok(())
    }

    async fn work(&self, arguments: &Arguments, handled: Arc<Handled>) -> Result<Worker> {
        let concurrency = u16::try_from(arguments.concurrency)?;
        let jobs = vec![JobRunner::builder(NOTHING, handle).build()];
        let worker = Worker::builder(&self.queue, handled)
            .jobs(jobs)
            .max_concurrency(concurrency)
            .min_concurrency(concurrency.div_ceil(2));
        Ok(worker.build().await?)
    }

    async fn is_unfinished(&self) -> Result<bool> {
        self.ask("SELECT EXISTS (SELECT 1 FROM active_jobs)")
    }

    async fn finished(&self) -> Result<Option<u64>> {
        let count = "SELECT count(*) FROM jobs WHERE status = 'succeeded'";
        Ok(Some(u64::try_from(self.ask::<i64>(count)?)?))
    }

    async fn waiting(&self) -> Result<u64> {
        let count = "SELECT count(*) FROM active_jobs WHERE active_worker_id IS NULL";
        Ok(u64::try_from(self.ask::<i64>(count)?)?)
    }
}

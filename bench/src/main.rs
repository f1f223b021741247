//! How fast, on this machine: drain a backlog, start a job, be idle.
//!
//! Figures belong to the machine and the hour; compare only what ran side by side. Each run checks in
//! the database that every job was completed once.
#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use kerrera::prelude::*;
use tokio::sync::mpsc;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(about)]
struct Arguments {
    /// A database that may be filled: sqlite:FILE or postgres://…
    #[arg(long)]
    database_url: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Insert jobs that do nothing, then work them off.
    Drain {
        #[arg(long, default_value_t = 100_000)]
        jobs: u64,
        #[arg(long, default_value_t = 1_000)]
        limit: u32,
        /// How many jobs of a worker that nobody knows stand in front of them.
        #[arg(long, default_value_t = 0)]
        unknown: u64,
    },
    /// The time from inserting a job to its start, with nothing else to do.
    Latency {
        #[arg(long, default_value_t = 300)]
        jobs: u64,
    },
    /// The time from another process' insert to the start here; PostgreSQL only.
    Pickup {
        #[arg(long, default_value_t = 300)]
        jobs: u64,
    },
    /// Statements a second of a node with ten queues and nothing to do; PostgreSQL only.
    Idle {
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let url = arguments.database_url;
    match arguments.what {
        What::Drain { jobs, limit, unknown } => drain(&url, jobs, limit, unknown).await,
        What::Latency { jobs } => latency(&url, jobs, false).await,
        What::Pickup { jobs } => latency(&url, jobs, true).await,
        What::Idle { seconds } => idle(&url, seconds).await,
    }
}

#[derive(Default)]
struct Count {
    done: AtomicU64,
    all: tokio::sync::Notify,
}

#[derive(Serialize, Deserialize, Worker)]
struct Nothing {
    n: u64,
}

impl Perform<Arc<Count>> for Nothing {
    async fn perform(&self, cx: &Context<Arc<Count>>) -> JobResult {
        if cx.state().done.fetch_sub(1, Ordering::Relaxed) == 1 {
            cx.state().all.notify_one();
        }
        done()
    }
}

async fn drain(url: &str, jobs: u64, limit: u32, unknown: u64) -> Result<(), Error> {
    // Migrates.
    Kerrera::builder(url).migrate(true).start().await?.shutdown().await;
    let client = Client::connect(url).await?;
    let stranger = |n| NewJob::of("Stranger", serde_json::json!({ "n": n }));
    for first in (0..unknown).step_by(5_000) {
        client.insert_all((first..unknown.min(first + 5_000)).map(stranger)).await?;
    }
    let begun = Instant::now();
    for first in (0..jobs).step_by(5_000) {
        client.insert_all((first..jobs.min(first + 5_000)).map(|n| Nothing { n })).await?;
    }
    report("insert", jobs, begun.elapsed());

    let count = Arc::new(Count { done: AtomicU64::new(jobs), ..Count::default() });
    let builder = Kerrera::builder(url).state(count.clone()).queue("default", limit);
    let begun = Instant::now();
    let kerrera = builder.worker::<Nothing>().start().await?;
    count.all.notified().await;
    kerrera.shutdown().await;
    report("drain", jobs, begun.elapsed());

    let counts = client.counts().await?;
    let completed = counts.iter().filter(|count| count.state == State::Completed);
    let completed: u64 = completed.map(|count| count.jobs).sum();
    let total: u64 = counts.iter().map(|count| count.jobs).sum();
    println!("in the database: {completed} of {total} completed");
    if completed != jobs || total != jobs + unknown {
        return Err(format!("not every job was completed: {counts:?}").into());
    }
    Ok(())
}

fn report(what: &str, jobs: u64, took: Duration) {
    let rate = jobs as f64 / took.as_secs_f64();
    println!("{what}: {jobs} jobs in {:.3} s, {rate:.0} a second", took.as_secs_f64());
}

#[derive(Serialize, Deserialize, Worker)]
struct Ping {
    n: u64,
}

impl Perform<mpsc::UnboundedSender<Instant>> for Ping {
    async fn perform(&self, cx: &Context<mpsc::UnboundedSender<Instant>>) -> JobResult {
        cx.state().send(Instant::now())?;
        done()
    }
}

async fn latency(url: &str, jobs: u64, from_outside: bool) -> Result<(), Error> {
    let (sender, mut started) = mpsc::unbounded_channel();
    let builder = Kerrera::builder(url).migrate(true).state(sender).queue("default", 10);
    let kerrera = builder.worker::<Ping>().start().await?;
    let outside = match from_outside {
        true => Some(outside(url).await?),
        false => None,
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut waits = Vec::new();
    for n in 0..jobs {
        tokio::time::sleep(Duration::from_millis(10 + n * 7 % 23)).await;
        let inserted = Instant::now();
        match &outside {
            // As Oban's clients in other languages do it.
            Some(outside) => {
                let sql = "WITH job AS (INSERT INTO oban_jobs (worker, args) VALUES ('Ping', '{\"n\": 1}') \
                           RETURNING queue) \
                           SELECT pg_notify('public.oban_insert', json_build_object('queue', queue)::text) \
                           FROM job";
                outside.execute(sql, &[]).await?;
            }
            None => {
                kerrera.insert(Ping { n }).await?;
            }
        }
        waits.push(started.recv().await.ok_or("the worker is gone")? - inserted);
    }
    kerrera.shutdown().await;
    waits.sort_unstable();
    let at =
        |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    println!(
        "insert to start: p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms",
        at(0.5),
        at(0.95),
        at(0.99)
    );
    Ok(())
}

async fn outside(url: &str) -> Result<tokio_postgres::Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn idle(url: &str, seconds: u64) -> Result<(), Error> {
    let (sender, _started) = mpsc::unbounded_channel();
    let mut builder = Kerrera::builder(url).migrate(true).state(sender).queue_elsewhere("default");
    for n in 0..10 {
        builder = builder.queue(format!("queue_{n}"), 10);
    }
    let kerrera = builder.worker::<Ping>().start().await?;
    let outside = outside(url).await?;
    // A statement outside of a transaction block is one of its own; the one that asks is another.
    let transactions = async || -> Result<i64, Error> {
        let sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database \
                   WHERE datname = current_database()";
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(outside.query_one(sql, &[]).await?.get(0))
    };
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = transactions().await?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = transactions().await?;
    let rate = (after - before - 1) as f64 / (seconds + 2) as f64;
    println!("idle with ten queues: {rate:.2} transactions a second");
    kerrera.shutdown().await;
    Ok(())
}

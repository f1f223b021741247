//! What every peer's program has in common: its arguments, its clock and its one line of JSON.
//!
//! A program implements [`Peer`] and calls [`main`]. The rules that make the figures comparable are
//! here and in no program: when the clock starts and ends, and that the database is asked.
#![allow(clippy::print_stdout)]

mod process;

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use serde::Serialize;
use tokio::sync::{Notify, mpsc};

use crate::process::Usage;

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How many tasks insert at once.
const INSERTERS: u64 = 32;
/// How many jobs one statement inserts before a drain.
const LOAD: u64 = 1_000;
/// How often the database is asked whether all is recorded, once every handler has run.
const ASK: Duration = Duration::from_millis(3);

/// What a program is asked to do.
#[derive(Clone, Debug, Parser)]
pub struct Arguments {
    /// An empty database, or for a drain one that this program has loaded: postgres://… or sqlite:FILE.
    #[arg(long)]
    pub database_url: String,
    /// How many jobs.
    #[arg(long)]
    pub jobs: u64,
    /// How many handlers run at once.
    #[arg(long, default_value_t = 10)]
    pub concurrency: usize,
    /// What is measured.
    #[arg(long, value_enum)]
    pub what: What,
    /// SQLite's pragma of that name.
    #[arg(long, value_enum, default_value_t = Synchronous::Full)]
    pub synchronous: Synchronous,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Nothing: the schema is made, and the backlog of a drain is inserted.
    Load,
    /// From the start of the workers until the last job of the backlog is recorded as finished.
    Drain,
    /// Single jobs from 32 tasks, each awaiting its insert.
    Insert,
    /// From inserting a job to the first line of its handler, with nothing else to do.
    Latency,
}

/// SQLite's durability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Synchronous {
    /// Every commit is synced.
    Full,
    /// Only checkpoints are.
    Normal,
}

/// What is told by the handler.
#[derive(Debug)]
pub struct Handled {
    jobs: u64,
    done: AtomicU64,
    all: Notify,
    started: Option<mpsc::UnboundedSender<Instant>>,
}

impl Handled {
    /// A job has started, which is also all that it does.
    pub fn one(&self) {
        if let Some(started) = &self.started {
            // The receiver lives as long as the measurement.
            let _ = started.send(Instant::now());
        }
        if self.done.fetch_add(1, Ordering::Relaxed) + 1 == self.jobs {
            self.all.notify_one();
        }
    }
}

/// A peer, connected and with its schema in place.
pub trait Peer: Clone + Send + Sync + Sized + 'static {
    /// Keeps the workers running while it lives.
    type Workers;

    /// Connects, and makes the schema if it is not there.
    fn connect(arguments: &Arguments) -> impl Future<Output = Result<Self>>;

    /// The settings that matter, in words.
    fn settings(&self, arguments: &Arguments) -> String;

    /// Inserts the jobs `first..first + count` by whatever way is fastest.
    fn load(&self, first: u64, count: u64) -> impl Future<Output = Result<()>>;

    /// Inserts one job, and returns when it is durable.
    fn insert(&self, n: u64) -> impl Future<Output = Result<()>> + Send;

    /// Starts the workers, whose handler calls [`Handled::one`].
    fn work(
        &self,
        arguments: &Arguments,
        handled: Arc<Handled>,
    ) -> impl Future<Output = Result<Self::Workers>>;

    /// Whether the database holds a job that is not recorded as finished.
    fn is_unfinished(&self) -> impl Future<Output = Result<bool>>;

    /// How many jobs of how many the database holds as finished, where it keeps them.
    fn finished(&self) -> impl Future<Output = Result<Option<u64>>>;

    /// How many jobs wait in the database.
    fn waiting(&self) -> impl Future<Output = Result<u64>>;
}

/// Does what the arguments ask, and prints one line of JSON.
pub fn main<P: Peer>() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(report::<P>(&arguments))?;
    println!("{}", serde_json::to_string(&report)?);
    // What still runs has been measured; nobody waits for it.
    runtime.shutdown_background();
    Ok(())
}

/// The line of JSON.
#[derive(Debug, Default, Serialize)]
struct Report {
    jobs: u64,
    concurrency: usize,
    settings: String,
    seconds: f64,
    jobs_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    handlers_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms: Option<f64>,
    cpu_us_per_job: f64,
    peak_rss_mb: f64,
}

async fn report<P: Peer>(arguments: &Arguments) -> Result<Report> {
    let peer = P::connect(arguments).await?;
    if arguments.what == What::Load {
        for first in (0..arguments.jobs).step_by(LOAD as usize) {
            peer.load(first, LOAD.min(arguments.jobs - first)).await?;
        }
    }
    let measured = match arguments.what {
        What::Load => Report::default(),
        What::Drain => drain(&peer, arguments).await?,
        What::Insert => insert(&peer, arguments).await?,
        What::Latency => latency(&peer, arguments).await?,
    };
    Ok(Report {
        jobs: arguments.jobs,
        concurrency: arguments.concurrency,
        settings: peer.settings(arguments),
        ..measured
    })
}

async fn drain<P: Peer>(peer: &P, arguments: &Arguments) -> Result<Report> {
    expect("waiting before the drain", peer.waiting().await?, arguments.jobs)?;
    let (handled, _) = handled(arguments);
    let usage = Usage::now()?;
    let begun = Instant::now();
    let workers = peer.work(arguments, handled.clone()).await?;
    handled.all.notified().await;
    let handlers = begun.elapsed();
    // What the answer says was so when the question was put: the question costs no peer anything.
    let recorded = loop {
        let asked = begun.elapsed();
        if !peer.is_unfinished().await? {
            break asked;
        }
        tokio::time::sleep(ASK).await;
    };
    let spent = usage.since()?;
    expect("handled", handled.done.load(Ordering::Relaxed), arguments.jobs)?;
    if let Some(finished) = peer.finished().await? {
        expect("finished in the database", finished, arguments.jobs)?;
    }
    drop(workers);
    let report = measured(arguments, recorded, &spent);
    Ok(Report { handlers_seconds: Some(handlers.as_secs_f64()), ..report })
}

async fn insert<P: Peer>(peer: &P, arguments: &Arguments) -> Result<Report> {
    let jobs = arguments.jobs;
    // Connections are opened before the clock starts.
    let warm: Vec<_> =
        (0..INSERTERS).map(|n| spawn_inserter(peer, jobs + n, jobs + n + 1)).collect();
    for task in warm {
        task.await??;
    }
    let usage = Usage::now()?;
    let begun = Instant::now();
    let share = |n: u64| jobs * n / INSERTERS;
    let tasks: Vec<_> =
        (0..INSERTERS).map(|n| spawn_inserter(peer, share(n), share(n + 1))).collect();
    for task in tasks {
        task.await??;
    }
    let took = begun.elapsed();
    let spent = usage.since()?;
    expect("waiting after the inserts", peer.waiting().await?, jobs + INSERTERS)?;
    Ok(measured(arguments, took, &spent))
}

fn spawn_inserter<P: Peer>(peer: &P, first: u64, end: u64) -> tokio::task::JoinHandle<Result<()>> {
    let peer = peer.clone();
    tokio::spawn(async move {
        for n in first..end {
            peer.insert(n).await?;
        }
        Ok(())
    })
}

async fn latency<P: Peer>(peer: &P, arguments: &Arguments) -> Result<Report> {
    let (handled, mut started) = handled(arguments);
    let workers = peer.work(arguments, handled).await?;
    let mut start = async |n: u64| -> Result<Duration> {
        let inserted = Instant::now();
        peer.insert(n).await?;
        let started = tokio::time::timeout(Duration::from_secs(20), started.recv()).await?;
        Ok(started.ok_or("the workers ended")?.duration_since(inserted))
    };
    // The listeners get their time, and the first jobs open connections.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for n in 0..5 {
        start(arguments.jobs + n).await?;
    }
    let usage = Usage::now()?;
    let begun = Instant::now();
    let mut waits = Vec::new();
    for n in 0..arguments.jobs {
        tokio::time::sleep(Duration::from_millis(10 + n * 7 % 23)).await;
        waits.push(start(n).await?);
    }
    let took = begun.elapsed();
    let spent = usage.since()?;
    drop(workers);
    waits.sort_unstable();
    let at = |share: f64| {
        let index = (waits.len() as f64 * share).ceil() as usize;
        waits.get(index.saturating_sub(1)).map(|wait| wait.as_secs_f64() * 1e3)
    };
    Ok(Report { p50_ms: at(0.5), p99_ms: at(0.99), ..measured(arguments, took, &spent) })
}

fn handled(arguments: &Arguments) -> (Arc<Handled>, mpsc::UnboundedReceiver<Instant>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let started = (arguments.what == What::Latency).then_some(sender);
    let (done, all) = (AtomicU64::new(0), Notify::new());
    (Arc::new(Handled { jobs: arguments.jobs, done, all, started }), receiver)
}

fn measured(arguments: &Arguments, took: Duration, spent: &process::Spent) -> Report {
    let seconds = took.as_secs_f64();
    Report {
        seconds,
        jobs_per_second: arguments.jobs as f64 / seconds,
        cpu_us_per_job: spent.cpu.as_secs_f64() * 1e6 / arguments.jobs as f64,
        peak_rss_mb: spent.peak_rss_bytes as f64 / 1e6,
        ..Report::default()
    }
}

fn expect(what: &str, found: u64, expected: u64) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{found} jobs are {what}, where {expected} should be").into())
}

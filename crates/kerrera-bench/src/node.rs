//! One process of the measured kind: a node that works, or a client that inserts.
//!
//! It says that it is ready, waits for a line on its standard input, does what it was told, and ends
//! when its standard input does: whoever started it is gone then, or has seen enough.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kerrera::{Client, Keep, Kerrera, NewJob, Pruner, State};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::ground::{self, QUEUE};
use crate::job::{Count, Nothing};
use crate::spread::Spread;
use crate::usage;

/// The variable in which the database is named: an argument could be seen by other users.
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";

/// How often a node says how far it is.
const TELLS: Duration = Duration::from_millis(5);

/// How many jobs are run or inserted that are not counted, before the clock starts: a process that has
/// been up for a while has its connections, and has prepared its statements on them.
const WARMING: u64 = 200;

/// What one process is to do.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Order {
    pub(crate) settings: Vec<String>,
    pub(crate) role: Role,
}

/// As what.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Role {
    Work(Work),
    Insert(Insert),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Work {
    pub(crate) queues: u64,
    pub(crate) concurrency: u64,
    /// How many jobs there are in all, if that is known: so many are told of at once.
    pub(crate) jobs: u64,
    /// Whether the times to start are noted.
    pub(crate) timed: bool,
    /// For how many seconds finished jobs are kept; for ever if it does not say.
    pub(crate) keep: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Insert {
    pub(crate) first: u64,
    pub(crate) jobs: u64,
    pub(crate) tasks: u64,
    pub(crate) call: Call,
}

/// By which of a client's methods.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) enum Call {
    /// `insert`
    One,
    /// `insert_all`, with so many jobs each time
    All(u64),
    /// `insert_bulk`, once for all
    Stream,
}

/// What a process tells the one that started it, a line each.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Word {
    Ready,
    /// It has run so many whose end is written, or inserted so many.
    Did(u64),
    Ended(Ended),
}

/// What a process did in all, and what that took.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Ended {
    pub(crate) did: u64,
    /// From the word to begin to the word to end.
    pub(crate) processor_micros: Option<u64>,
    pub(crate) peak_memory_kib: Option<u64>,
    /// Times in microseconds, and how many there are of each: to start, or to insert.
    pub(crate) times: Vec<(u64, u64)>,
}

pub(crate) async fn run(order: Order) -> anyhow::Result<()> {
    let url = std::env::var(DATABASE_URL).context("a node is started by a measurement only")?;
    let ended = match order.role {
        Role::Work(work) => self::work(&url, &order.settings, work).await?,
        Role::Insert(insert) => self::insert(&url, &order.settings, insert).await?,
    };
    say(&Word::Ended(ended))
}

async fn work(url: &str, settings: &[String], work: Work) -> anyhow::Result<Ended> {
    let count = Arc::new(Count::new(work.jobs, work.timed));
    let builder = Kerrera::builder(ground::config(url, settings)?).state(count.clone());
    let builder = builder.node(format!("{QUEUE}.{}", std::process::id())).queue_elsewhere(QUEUE);
    let mut builder = match work.keep {
        Some(seconds) => {
            let pruner = Pruner::keep(Keep::all(Duration::from_secs(seconds)));
            builder.prune(pruner.every(Duration::from_secs(5)))
        }
        None => builder.never_prune(),
    };
    for queue in ground::queues(work.queues) {
        builder = builder.paused_queue(queue, u32::try_from(work.concurrency)?);
    }
    if work.jobs > 0 {
        builder = builder.queue(warm_queue(), 10);
    }
    let kerrera = builder.worker::<Nothing>().start().await?;
    if work.jobs > 0 {
        warm_up(&kerrera).await?;
    }

    let mut words = words();
    say(&Word::Ready)?;
    let (mut did, mut ran) = (0, 0);
    let mut meter = None;
    if words.recv().await.is_some() {
        meter = Some(Meter::start());
        kerrera.local_queues().resume().await?;
        let mut tick = tokio::time::interval(TELLS);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                word = words.recv() => if word.is_none() { break },
                () = count.all() => {
                    let _ = tokio::time::timeout(TELLS, until_written(&kerrera)).await;
                }
                // There is nothing to tell of an idle node, which is not to be woken for it.
                _ = tick.tick(), if work.jobs > 0 => {}
            }
            let before = std::mem::replace(&mut ran, count.ran());
            // Whether the last ends are written, the database is asked anyway. Where other jobs go on behind
            // those that are measured, some always are not.
            let written = before.max(ran.saturating_sub(kerrera.health().unwritten as u64));
            if written != did {
                did = written;
                say(&Word::Did(did))?;
            }
        }
    }
    let ended = meter.map_or_else(Ended::default, Meter::stop);
    kerrera.shutdown().await;
    Ok(Ended { did: count.ran(), times: count.starts().pairs(), ..ended })
}

/// Runs some jobs that are not counted.
async fn warm_up(kerrera: &Kerrera) -> anyhow::Result<()> {
    for inserted in kerrera.insert_all((0..WARMING).map(uncounted)).await? {
        let id = inserted.job().id;
        while kerrera.job(id).await?.is_some_and(|job| job.state != State::Completed) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    Ok(())
}

/// Waits until the end of every run is written.
async fn until_written(kerrera: &Kerrera) {
    while kerrera.health().unwritten > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A job that is measured.
fn counted(n: u64) -> NewJob {
    NewJob::from(Nothing { n: n.cast_signed(), at: None })
}

/// One that is not, in a queue of its own.
fn uncounted(_: u64) -> NewJob {
    NewJob::from(Nothing { n: -1, at: None }).queue(warm_queue()).priority(9)
}

/// A queue that only this process works.
fn warm_queue() -> String {
    format!("{QUEUE}_warm_{}", std::process::id())
}

async fn insert(url: &str, settings: &[String], insert: Insert) -> anyhow::Result<Ended> {
    let client = ground::client(url, settings).await?;
    let mut warming = JoinSet::new();
    for _ in 0..insert.tasks {
        warming.spawn(one_task(client.clone(), 0, WARMING, insert.call, uncounted));
    }
    while let Some(done) = warming.join_next().await {
        done??;
    }
    let mut words = words();
    say(&Word::Ready)?;
    if words.recv().await.is_none() {
        return Ok(Ended::default());
    }
    let meter = Meter::start();
    let mut tasks = JoinSet::new();
    for task in 0..insert.tasks {
        let share = |task| insert.first + insert.jobs * task / insert.tasks;
        let (first, end) = (share(task), share(task + 1));
        tasks.spawn(one_task(client.clone(), first, end, insert.call, counted));
    }
    let mut times = Spread::default();
    while let Some(done) = tasks.join_next().await {
        times.add_pairs(&done??.pairs());
    }
    say(&Word::Did(insert.jobs))?;
    let ended = meter.stop();
    while words.recv().await.is_some() {}
    Ok(Ended { did: insert.jobs, times: times.pairs(), ..ended })
}

/// Inserts the jobs of these numbers one call after the other, and notes how long each took.
async fn one_task(
    client: Client,
    first: u64,
    end: u64,
    call: Call,
    job: fn(u64) -> NewJob,
) -> anyhow::Result<Spread> {
    let mut times = Spread::default();
    let mut next = first;
    while next < end {
        let upto = match call {
            Call::One => next + 1,
            Call::All(batch) => end.min(next + batch),
            Call::Stream => end,
        };
        let begun = Instant::now();
        match call {
            Call::One => drop(client.insert(job(next)).await?),
            Call::All(_) => drop(client.insert_all((next..upto).map(job)).await?),
            Call::Stream => drop(client.insert_bulk((next..upto).map(job)).await?),
        }
        times.add(begun.elapsed().as_micros().try_into()?);
        next = upto;
    }
    Ok(times)
}

/// What this process uses from now on.
struct Meter(Option<Duration>);

impl Meter {
    fn start() -> Meter {
        Meter(usage::processor())
    }

    fn stop(self) -> Ended {
        let used = self.0.and_then(|before| usage::processor()?.checked_sub(before));
        Ended {
            processor_micros: used.and_then(|used| used.as_micros().try_into().ok()),
            peak_memory_kib: usage::peak_memory(),
            ..Ended::default()
        }
    }
}

/// The lines of standard input; `None` at its end. A thread of its own reads them, because nothing
/// can interrupt who does.
fn words() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

fn say(word: &Word) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(word)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    Ok(out.flush()?)
}

//! All the processes of a measurement, from their start to their end.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::node::{DATABASE_URL, Ended, Order, Word};
use crate::report::Report;
use crate::spread::Spread;

/// How long nothing may move before it is said that nothing does.
const STALLED: Duration = Duration::from_secs(60);

/// Processes that have been started, and wait for the word or have had it.
pub(crate) struct Team(Vec<Member>);

struct Member {
    child: Child,
    input: Option<ChildStdin>,
    did: Arc<AtomicU64>,
    moved: Arc<Notify>,
    /// What it said beside how far it is.
    words: mpsc::UnboundedReceiver<Word>,
}

impl Team {
    /// Starts a process for each order, and waits until all are ready.
    pub(crate) async fn start(url: &str, orders: Vec<Order>) -> anyhow::Result<Team> {
        let moved = Arc::new(Notify::new());
        let mut team = Team(Vec::new());
        for order in orders {
            team.0.push(Member::start(url, &order, moved.clone())?);
        }
        for member in &mut team.0 {
            match member.word().await? {
                Word::Ready => {}
                word => bail!("a node said {word:?} before it was ready"),
            }
        }
        Ok(team)
    }

    /// Tells all to begin.
    pub(crate) async fn begin(&mut self) -> anyhow::Result<()> {
        for member in &mut self.0 {
            let input = member.input.as_mut().context("a node had ended before it began")?;
            input.write_all(b"begin\n").await?;
        }
        Ok(())
    }

    /// How many jobs they have run or inserted.
    pub(crate) fn did(&self) -> u64 {
        self.0.iter().map(|member| member.did.load(Ordering::Relaxed)).sum()
    }

    /// Waits until they have done so many.
    pub(crate) async fn have_done(&mut self, jobs: u64) -> anyhow::Result<()> {
        let mut last = (self.did(), Instant::now());
        while last.0 < jobs {
            if let Some(member) = self.0.first() {
                let _ = timeout(Duration::from_secs(1), member.moved.notified()).await;
            }
            for member in &mut self.0 {
                if let Some(status) = member.child.try_wait()? {
                    bail!("a node ended in the middle of it, with {status}: see above");
                }
            }
            let did = self.did();
            if did > last.0 {
                last = (did, Instant::now());
            } else if last.1.elapsed() > STALLED {
                bail!("{did} of {jobs} jobs are done, and none more in {STALLED:?}");
            }
        }
        Ok(())
    }

    /// The processes' numbers.
    pub(crate) fn ids(&self) -> Vec<u32> {
        self.0.iter().filter_map(|member| member.child.id()).collect()
    }

    /// Lets all end, and gives back what they did and used.
    pub(crate) async fn end(mut self) -> anyhow::Result<Sum> {
        let mut sum = Sum::default();
        for member in &mut self.0 {
            // That is the word to end; all hear it before any is waited for.
            member.input = None;
        }
        for mut member in self.0 {
            match member.word().await? {
                Word::Ended(ended) => sum.add(&ended),
                word => bail!("a node said {word:?} at its end"),
            }
            member.child.wait().await?;
        }
        Ok(sum)
    }
}

impl Member {
    fn start(url: &str, order: &Order, moved: Arc<Notify>) -> anyhow::Result<Member> {
        let program = std::env::current_exe().context("this program does not know its own file")?;
        let mut child = Command::new(program)
            .args(["bench", "node", &serde_json::to_string(order)?])
            .env(DATABASE_URL, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting a node")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("a node has no output")?;
        let (sender, words) = mpsc::unbounded_channel();
        let did = Arc::new(AtomicU64::new(0));
        tokio::spawn(listen(BufReader::new(output), did.clone(), moved.clone(), sender));
        Ok(Member { child, input, did, moved, words })
    }

    async fn word(&mut self) -> anyhow::Result<Word> {
        let word = timeout(STALLED, self.words.recv()).await;
        let word = word.map_err(|_| anyhow!("a node says nothing for {STALLED:?}"))?;
        word.context("a node has ended too early: see above")
    }
}

async fn listen(
    output: BufReader<tokio::process::ChildStdout>,
    did: Arc<AtomicU64>,
    moved: Arc<Notify>,
    words: mpsc::UnboundedSender<Word>,
) {
    let mut lines = output.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(Word::Did(jobs)) => {
                did.store(jobs, Ordering::Relaxed);
                moved.notify_one();
            }
            Ok(word) => {
                if words.send(word).is_err() {
                    break;
                }
            }
            // Something else that is printed is for people.
            Err(_) => {}
        }
    }
}

/// What all processes did and used.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    pub(crate) did: u64,
    pub(crate) times: Spread,
    processor: Option<Duration>,
    /// Of the process that had the most.
    peak_memory_kib: Option<u64>,
}

impl Sum {
    fn add(&mut self, ended: &Ended) {
        self.did += ended.did;
        self.times.add_pairs(&ended.times);
        let used = ended.processor_micros.map(Duration::from_micros);
        self.processor = used.map(|used| used + self.processor.unwrap_or_default());
        self.peak_memory_kib = self.peak_memory_kib.max(ended.peak_memory_kib);
    }

    /// Adds another round's.
    pub(crate) fn merge(&mut self, other: &Sum) {
        self.did += other.did;
        self.times.add_pairs(&other.times.pairs());
        self.processor = other.processor.map(|used| used + self.processor.unwrap_or_default());
        self.peak_memory_kib = self.peak_memory_kib.max(other.peak_memory_kib);
    }

    /// Notes what the processes used, for each of these jobs.
    pub(crate) fn note(&self, report: &mut Report, jobs: u64) {
        report.note_number("client_cpu_us_per_job", each(self.processor, jobs));
        report.note("peak_rss_kib", self.peak_memory_kib);
    }

    /// Notes what share of one processor they used, in so long.
    pub(crate) fn note_share(&self, report: &mut Report, time: Duration) {
        let share = self.processor.map(|used| 100.0 * used.as_secs_f64() / time.as_secs_f64());
        report.note_number("client_cpu_percent_per_node", share);
        report.note("peak_rss_kib", self.peak_memory_kib);
    }
}

/// Microseconds for each of these jobs.
pub(crate) fn each(time: Option<Duration>, jobs: u64) -> Option<f64> {
    time.map(|time| time.as_secs_f64() * 1e6 / jobs.max(1) as f64)
}

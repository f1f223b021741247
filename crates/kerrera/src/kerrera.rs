//! A running engine.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kerrera_core::{JobId, Result, Uuid};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::Tuning;
use crate::builder::Builder;
use crate::cancellation::Reason;
use crate::client::Client;
use crate::database::Database;
use crate::engine::shutdown::{Effect, Shutdown};
use crate::maintenance::Maintenance;
use crate::registry::Registry;
use crate::runtime::acker::{Acks, Writer};
use crate::runtime::supervisor::{Health, HealthReport, supervise};
use crate::runtime::{
    Node, Queue, Stop, candidate, heart, leader, lifeline, listener, panics, producer, pruner,
    reindexer, stager,
};

/// A running engine: it claims jobs, runs them and writes how they ended, until it is shut down.
///
/// It is a [`Client`] too. Dropped without [`shutdown`](Kerrera::shutdown), it claims no more, and
/// what runs goes on to its end.
///
/// ```
/// use kerrera::prelude::*;
///
/// #[derive(Serialize, Deserialize, Worker)]
/// struct Add { a: i64, b: i64 }
///
/// impl Perform for Add {
///     async fn perform(&self, _: &Context) -> JobResult {
///         done().value(self.a + self.b)
///     }
/// }
///
/// # #[tokio::main] async fn main() -> kerrera::Result<()> {
/// let kerrera = Kerrera::builder("sqlite::memory:")
///     .queue("default", 10)
///     .worker::<Add>()
///     .start()
///     .await?;
/// kerrera.insert(Add { a: 1, b: 2 }).await?;
/// let stopped = kerrera.shutdown().await;
/// assert!(stopped.left.is_empty());
/// # Ok(()) }
/// ```
pub struct Kerrera {
    node: Arc<Node>,
    end: Option<End>,
}

/// What is waited for at the end.
struct End {
    producers: Vec<tokio::task::JoinHandle<()>>,
    /// Those who give something up so that another node takes it at once.
    leaders: Vec<tokio::task::JoinHandle<()>>,
    heart: heart::Thread,
}

/// How an engine stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stopped {
    /// The jobs that were told to stop and were given back: they run again, on any node.
    pub released: usize,
    /// The jobs that still run, because they do not await anything: they keep their claim until the
    /// process ends, and then run again elsewhere.
    pub left: Vec<JobId>,
}

impl Kerrera {
    /// Begins to set up an engine on a database: a URL, or a storage made before.
    pub fn builder(database: impl Into<Database>) -> Builder {
        Builder::new(database.into())
    }

    pub(crate) async fn launch<S: Send + Sync + 'static>(
        client: Client,
        name: String,
        tuning: Tuning,
        maintenance: Maintenance,
        queues: Vec<(String, u32, bool)>,
        registry: Arc<Registry<S>>,
        state: Arc<S>,
    ) -> Result<Kerrera> {
        panics::watch();
        if cfg!(panic = "abort") {
            tracing::warn!(
                target: "kerrera",
                event = "panic.abort",
                "this program is built with panic = \"abort\": a worker that panics ends the process"
            );
        }
        let (acks, ended) = Acks::new();
        let queues = queues
            .into_iter()
            .map(|(name, limit, paused)| Arc::new(Queue::new(name.into(), limit, paused)));
        let node = Arc::new(Node {
            name: name.into(),
            client: client.clone(),
            tuning,
            queues: queues.collect(),
            acks: acks.clone(),
            health: Arc::new(Health::default()),
            stop: Stop::default(),
            released: AtomicUsize::new(0),
            process: Uuid::new_v4(),
            seat: watch::Sender::new(None),
            leads_neighbours: AtomicBool::new(false),
            leaderless: Notify::new(),
            neighbours_leaderless: Notify::new(),
        });
        let heart = heart::start(node.clone()).await?;

        let writer = Writer {
            node: node.name.clone(),
            client: client.clone(),
            acks,
            health: node.health.clone(),
            writers: node.tuning.ack_writers,
            batch: node.tuning.ack_batch,
        };
        tokio::spawn(writer.run(ended));
        let mut producers = Vec::new();
        for queue in &node.queues {
            client.add_local(&queue.name, queue.inbox.clone());
            let shell = Arc::new(producer::Shell {
                node: node.clone(),
                queue: queue.clone(),
                registry: registry.clone(),
                state: state.clone(),
            });
            let run = move || shell.clone().run();
            let name = format!("producer.{}", queue.name);
            producers.push(supervise(name, node.health.clone(), run));
        }
        let staging = node.clone();
        supervise(stager::NAME.into(), node.health.clone(), move || stager::run(staging.clone()));
        let hearing = node.clone();
        supervise(listener::NAME.into(), node.health.clone(), move || {
            listener::run(hearing.clone())
        });
        let leaders = keep_in_order(&node, &maintenance);
        tracing::info!(
            target: "kerrera",
            event = "node.start",
            node = %node.name,
            queues = node.queues.len(),
            database = client.location(),
        );
        Ok(Kerrera { node, end: Some(End { producers, leaders, heart }) })
    }

    /// The client of this engine, to be kept elsewhere.
    pub fn client(&self) -> &Client {
        &self.node.client
    }

    /// This node's name.
    pub fn node(&self) -> &str {
        &self.node.name
    }

    /// Whether this node leads now: it prunes, and does whatever else only one node needs to do.
    ///
    /// Costs nothing. Another node can lead a moment later; nothing depends on there being only one.
    pub fn is_leader(&self) -> bool {
        self.node.seat.borrow().is_some()
    }

    /// How the engine's loops are, and what they have met.
    pub fn health(&self) -> HealthReport {
        let mut report = self.node.health.report();
        for queue in &self.node.queues {
            let unknown = queue.excluded();
            let unknown = unknown.iter().map(|worker| (queue.name.to_string(), worker.clone()));
            report.unknown_workers.extend(unknown);
        }
        report
    }

    /// The jobs that run here now.
    pub fn running(&self) -> Vec<RunningJob> {
        let now = std::time::Instant::now();
        let mut running = Vec::new();
        for queue in &self.node.queues {
            running.extend(queue.running().iter().map(|((id, _), run)| RunningJob {
                id: *id,
                worker: run.worker,
                queue: queue.name.to_string(),
                runs_for: now - run.started,
                is_overdue: run.due.is_some_and(|due| now > due),
            }));
        }
        running.sort_by_key(|job| job.id);
        running
    }

    /// Claims no more, and waits until what runs has ended.
    ///
    /// Jobs that run longer than [`Tuning::grace`] are told to stop, dropped at their next await, and
    /// given back with their attempt. A job that never awaits keeps its claim until the process ends.
    /// Signs of life go on until the last job has ended.
    pub async fn shutdown(mut self) -> Stopped {
        let Some(end) = self.end.take() else { return Stopped::default() };
        drain(&self.node, end).await
    }

    /// Waits for SIGTERM or SIGINT, and shuts down. A second signal ends the process at once, with
    /// status 130.
    ///
    /// # Errors
    ///
    /// When the process cannot listen for signals.
    pub async fn until_signal(self) -> Result<Stopped> {
        let mut signals = Signals::new()?;
        signals.next().await;
        tracing::info!(target: "kerrera", event = "node.stopping", node = %self.node.name);
        tokio::select! {
            stopped = self.shutdown() => Ok(stopped),
            () = signals.next() => leave(),
        }
    }
}

/// The one place where a library may end its program: a person has asked for it, twice.
#[expect(clippy::exit)]
fn leave() -> ! {
    std::process::exit(130)
}

/// Starts what takes the lead, and what the leader does. Gives back those to wait for at the end.
fn keep_in_order(node: &Arc<Node>, maintenance: &Maintenance) -> Vec<tokio::task::JoinHandle<()>> {
    let health = || node.health.clone();
    let leading = node.clone();
    let mut leaders =
        vec![supervise(leader::NAME.into(), health(), move || leader::run(leading.clone()))];
    if let Some(settings) = maintenance.pruner(node.storage().owns_tables()) {
        let node = node.clone();
        supervise(pruner::NAME.into(), health(), move || {
            pruner::run(node.clone(), settings.clone())
        });
    }
    if let Some(rescue) = maintenance.rescue {
        let node = node.clone();
        supervise(lifeline::NAME.into(), health(), move || {
            lifeline::run(node.clone(), rescue.after)
        });
    }
    if let Some(reindex) = maintenance.reindex {
        let node = node.clone();
        supervise(reindexer::NAME.into(), health(), move || reindexer::run(node.clone(), reindex));
    }
    let elections = maintenance.elections();
    if !elections.is_empty() {
        let node = node.clone();
        leaders.push(supervise(candidate::NAME.into(), health(), move || {
            candidate::run(node.clone(), elections.clone())
        }));
    }
    leaders
}

async fn drain(node: &Arc<Node>, end: End) -> Stopped {
    let tuning = &node.tuning;
    let now = || Instant::now().into_std();
    let mut shutdown = Shutdown::begin(now(), tuning.grace, tuning.cancel_grace);
    node.stop.claims.cancel();
    let producers = async {
        for task in end.producers.into_iter().chain(end.leaders) {
            let _ = task.await;
        }
    };
    // A job that blocks the thread of its producer's task holds that up too.
    let _ = timeout(tuning.grace, producers).await;
    loop {
        match shutdown.step(now(), node.running()) {
            Some(Effect::Cancel) => node.cancel_all(Reason::Shutdown),
            Some(Effect::Abort) => {
                node.stop.abort.cancel();
                let _ = timeout(shutdown.last_wait(), none_runs(node)).await;
            }
            Some(Effect::Finish) => break,
            None => match shutdown.wakes_at() {
                Some(end) => tokio::select! {
                    () = none_runs(node) => {}
                    () = sleep_until(Instant::from_std(end)) => {}
                },
                None => break,
            },
        }
    }
    let left: Vec<JobId> = node
        .queues
        .iter()
        .flat_map(|queue| queue.running().keys().map(|(id, _)| *id).collect::<Vec<_>>())
        .collect();
    if left.is_empty() {
        finish(node.clone(), end.heart).await;
    } else {
        tracing::warn!(target: "kerrera", event = "node.left", node = %node.name, jobs = ?left);
        let node = node.clone();
        tokio::spawn(async move {
            none_runs(&node).await;
            finish(node, end.heart).await;
        });
    }
    tracing::info!(target: "kerrera", event = "node.stop", node = %node.name, left = left.len());
    Stopped { released: node.released.load(Ordering::SeqCst), left }
}

/// Writes what is left to be written; then the loops end, and the heart last.
async fn finish(node: Arc<Node>, heart: heart::Thread) {
    // The client lives on, and must not go on waking producers that have ended.
    for queue in &node.queues {
        node.client.remove_local(&queue.name, &queue.inbox);
    }
    // A database that is away for longer than this gets the claims back by rescue.
    let _ = timeout(node.tuning.grace, node.acks.all_written()).await;
    node.stop.loops.cancel();
    heart.ended().await;
}

async fn none_runs(node: &Node) {
    loop {
        if node.running() == 0 {
            return;
        }
        // Jobs end at the rate at which they end; nobody waits for this to the millisecond.
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

impl Deref for Kerrera {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.node.client
    }
}

impl Drop for Kerrera {
    fn drop(&mut self) {
        let Some(end) = self.end.take() else { return };
        self.node.stop.claims.cancel();
        let node = self.node.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                none_runs(&node).await;
                finish(node, end.heart).await;
            });
        } else {
            node.stop.loops.cancel();
        }
    }
}

impl fmt::Debug for Kerrera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kerrera")
            .field("node", &self.node.name)
            .field("client", &self.node.client)
            .finish_non_exhaustive()
    }
}

/// A job that runs on this node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunningJob {
    /// Its number.
    pub id: JobId,
    /// Its worker.
    pub worker: &'static str,
    /// Its queue.
    pub queue: String,
    /// How long it has run.
    pub runs_for: std::time::Duration,
    /// Whether it runs longer than its worker allows, and does not end though it was told to.
    pub is_overdue: bool,
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt()).map_err(deaf)?,
            terminate: signal(SignalKind::terminate()).map_err(deaf)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(unix)]
fn deaf(error: std::io::Error) -> kerrera_core::Error {
    let message = format!("this process cannot listen for signals: {error}");
    kerrera_core::Error::new(kerrera_core::error::Kind::Config, message)
}

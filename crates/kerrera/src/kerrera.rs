//! A running engine.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kerrera_core::directory::Release;
use kerrera_core::error::Kind;
use kerrera_core::{Error, JobId, Result};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::Tuning;
use crate::builder::Builder;
use crate::client::Client;
use crate::database::Database;
use crate::engine::queues::{Ledger, Origin, Settings};
use crate::engine::sonar::Connectivity;
use crate::maintenance::Maintenance;
use crate::measuring::Metrics;
use crate::queues::{Queue as Steered, QueueCheck};
use crate::registry::Registry;
use crate::reindexer::Plan;
use crate::runtime::acker::{Acks, Writer};
use crate::runtime::control::{self, Control};
use crate::runtime::herald::Identity;
use crate::runtime::recorder::Recording;
use crate::runtime::supervisor::{HealthReport, supervise};
use crate::runtime::{
    Node, Queue, archivist, bookkeeper, candidate, cron, drain, heart, leader, lifeline, listener,
    operator, packer, panics, pruner, recorder, registrar, reindexer, reporter, sampler, sonar,
    stager, sweeper,
};
use crate::telemetry::{NodeLeft, NodeStart, NodeStop, NodeStopping, PanicAbort, QueueShutdown};

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
    control: JoinHandle<()>,
    /// Those who give something up so that another node takes it at once.
    leaders: Vec<JoinHandle<()>>,
    /// It writes what is left to be written when all runs have ended.
    recorder: JoinHandle<()>,
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

/// What an engine is made of.
pub(crate) struct Launch<S> {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) tuning: Tuning,
    pub(crate) maintenance: Maintenance,
    pub(crate) metrics: Metrics,
    pub(crate) release: Option<Release>,
    pub(crate) queues: Vec<(String, Settings)>,
    /// The names of the cron entries that it brings, and fires beside those that people have added.
    pub(crate) crons: Vec<String>,
    pub(crate) registry: Arc<Registry<S>>,
    pub(crate) state: Arc<S>,
}

impl Kerrera {
    /// Begins to set up an engine on a database: a URL, or a storage made before.
    pub fn builder(database: impl Into<Database>) -> Builder {
        Builder::new(database.into())
    }

    pub(crate) async fn launch<S: Send + Sync + 'static>(launch: Launch<S>) -> Result<Kerrera> {
        let Launch { client, name, tuning, maintenance, metrics, release, queues, crons, .. } =
            launch;
        let (registry, state) = (launch.registry, launch.state);
        let reindex = maintenance.reindex()?;
        panics::watch();
        if cfg!(panic = "abort") {
            client.telemetry().emit(PanicAbort {});
        }
        let (acks, ended) = Acks::new();
        let orders = client.storage().orders().await?;
        let mut node = Node::new(name.into(), client.clone(), tuning, acks.clone());
        node.recording = Recording::new(&metrics);
        let cards = registry.cards();
        let workers = cards.iter().map(|card| card.name.clone()).collect();
        node.identity = Identity { release, workers };
        if !cards.is_empty() {
            client.storage().declare_workers(node.name.clone(), cards).await?;
        }
        let node = Arc::new(node);
        let ledger = Ledger::new(Instant::now().into_std(), node.name.clone(), orders);
        for (name, settings) in queues {
            let origin = Origin { settings, since: 0 };
            // What was ordered before holds from the first claim on.
            let settings = ledger.settle(&name, &origin);
            node.add_queue(Arc::new(Queue::new(
                &node.stop,
                name.into(),
                origin,
                settings,
                node.tuning.prefetch,
            )));
        }
        let heart = heart::start(node.clone()).await?;
        if node.queues().iter().any(|queue| queue.settings().paused) {
            // Those that look on need not wait for the first beat.
            node.news.notify_one();
        }
        client.add_node(&node);
        // Before the loops, so that it is told first.
        client.telemetry().emit(NodeStart {
            node: node.name.clone(),
            queues: node.queues().len(),
            database: client.location(),
        });

        let writer = Writer {
            node: node.name.clone(),
            client: client.clone(),
            acks,
            recording: node.recording.clone(),
            book: node.book.clone(),
            health: node.health.clone(),
            writers: node.tuning.ack_writers,
            batch: node.tuning.ack_batch,
        };
        tokio::spawn(writer.run(ended));
        client.add_desk(node.desk.clone());
        let ledger = tokio::sync::Mutex::new(ledger);
        let control = Arc::new(Control { node: node.clone(), registry, state, ledger });
        for queue in &*node.queues() {
            control.work(queue.clone());
        }
        let follow = move || control.clone().run();
        let control = supervise(control::NAME.into(), node.health.clone(), follow);
        begin(&node, stager::NAME, stager::run);
        begin(&node, reporter::NAME, reporter::run);
        begin(&node, bookkeeper::NAME, bookkeeper::run);
        begin(&node, operator::NAME, operator::run);
        begin(&node, sweeper::NAME, sweeper::run);
        begin(&node, listener::NAME, listener::run);
        begin(&node, sonar::NAME, sonar::run);
        let recorder = begin(&node, recorder::NAME, recorder::run);
        let leaders = keep_in_order(&node, &maintenance, &metrics, reindex);
        // Without entries of its own too: it fires those that people add.
        let shell = Arc::new(cron::Shell::new(node.clone(), crons));
        let run = move || shell.clone().run();
        supervise(cron::NAME.into(), node.health.clone(), run);
        Ok(Kerrera { node, end: Some(End { control, leaders, recorder, heart }) })
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
        report.connectivity = self.connectivity();
        report.unwritten = self.node.acks.unwritten();
        for queue in &*self.node.queues() {
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
        for queue in &*self.node.queues() {
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

    /// Whether hints of other nodes arrive, which [`health`](Kerrera::health) says too. For lack of
    /// them everything works by polling, within about a second.
    pub fn connectivity(&self) -> Connectivity {
        self.node.ears.connectivity()
    }

    /// How a queue is worked on this node; `None` if it is not.
    pub fn check_queue(&self, queue: &str) -> Option<QueueCheck> {
        self.node.queue(queue).map(|queue| check(&self.node, &queue))
    }

    /// How the queues of this node are worked, by name.
    pub fn check_all_queues(&self) -> Vec<QueueCheck> {
        let queues = self.node.queues();
        let worked = queues.iter().filter(|queue| !queue.is_stopping());
        let mut checks: Vec<QueueCheck> = worked.map(|queue| check(&self.node, queue)).collect();
        checks.sort_by(|a, b| a.queue.cmp(&b.queue));
        checks
    }

    /// A queue that this node works, to be steered here and nowhere else: what Oban calls
    /// `local_only`. Use [`queue`](Client::queue) and [`node`](Steered::node) to start one.
    ///
    /// # Errors
    ///
    /// When this node does not work it ([`Error::is_config`](crate::Error::is_config)).
    #[doc(alias = "local_only")]
    pub fn local_queue(&self, queue: &str) -> Result<Steered> {
        if self.node.queue(queue).is_none() {
            let message = format!(
                "the queue {queue:?} does not exist locally: this node works {:?}",
                self.check_all_queues().iter().map(|check| &*check.queue).collect::<Vec<_>>()
            );
            return Err(Error::new(Kind::Config, message));
        }
        Ok(self.queue(queue).node(self.node()))
    }

    /// All queues of this node, to be steered here and nowhere else.
    pub fn local_queues(&self) -> Steered {
        self.queues().node(self.node())
    }

    /// Claims no more, and waits until what runs has ended.
    ///
    /// Jobs that run longer than [`Tuning::grace`] are told to stop, dropped at their next await, and
    /// given back with their attempt. A job that never awaits keeps its claim until the process ends.
    /// Signs of life go on until the last job has ended. Subscribers that are behind get a second more.
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
        self.node.telemetry().emit(NodeStopping { node: self.node.name.clone() });
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

/// Starts a loop of the node's.
fn begin<F>(
    node: &Arc<Node>,
    name: &str,
    run: impl Fn(Arc<Node>) -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let own = node.clone();
    supervise(name.into(), node.health.clone(), move || run(own.clone()))
}

/// Starts what takes the lead, and what the leader does. Gives back those to wait for at the end.
fn keep_in_order(
    node: &Arc<Node>,
    maintenance: &Maintenance,
    metrics: &Metrics,
    reindex: Option<Plan>,
) -> Vec<JoinHandle<()>> {
    if maintenance.never_leads {
        return Vec::new();
    }
    let mut leaders = vec![begin(node, leader::NAME, leader::run)];
    if let Some(settings) = maintenance.pruner(node.storage().owns_tables()) {
        begin(node, pruner::NAME, move |node| pruner::run(node, settings.clone()));
    }
    let records = maintenance.records;
    begin(node, archivist::NAME, move |node| archivist::run(node, records));
    if let Some(rescue) = maintenance.rescue {
        begin(node, lifeline::NAME, move |node| lifeline::run(node, rescue.after));
    }
    if let Some(plan) = reindex {
        begin(node, reindexer::NAME, move |node| reindexer::run(node, plan.clone()));
    }
    begin(node, registrar::NAME, registrar::run);
    if metrics.is_on {
        let keep = metrics.keep;
        begin(node, sampler::NAME, sampler::run);
        begin(node, packer::NAME, move |node| packer::run(node, keep));
    }
    let elections = maintenance.elections();
    if !elections.is_empty() {
        let run = move |node| candidate::run(node, elections.clone());
        leaders.push(begin(node, candidate::NAME, run));
    }
    leaders
}

async fn drain(node: &Arc<Node>, end: End) -> Stopped {
    let begun = Instant::now();
    // A queue that was stopped before tells its own end.
    let before = node.queues();
    let stopped: Vec<&Arc<Queue>> = before.iter().filter(|queue| queue.is_stopping()).collect();
    node.stop.claims.cancel();
    // No queue begins after this, and whatever this node leads is given up.
    let ended = async {
        let _ = end.control.await;
        for leader in end.leaders {
            let _ = leader.await;
        }
    };
    let _ = timeout(node.tuning.grace, ended).await;
    let queues = node.queues();
    let left = drain::drain(node, &queues).await;
    for queue in queues.iter().filter(|queue| !stopped.iter().any(|old| Arc::ptr_eq(old, queue))) {
        let (name, elapsed, orphaned) = (queue.name.clone(), begun.elapsed(), drain::ids(queue));
        node.telemetry().emit(QueueShutdown { queue: name, elapsed, orphaned });
    }
    if left.is_empty() {
        finish(node.clone(), end.recorder, end.heart).await;
    } else {
        node.telemetry().emit(NodeLeft { node: node.name.clone(), jobs: left.clone() });
        let node = node.clone();
        tokio::spawn(async move {
            drain::none_runs(&queues).await;
            finish(node, end.recorder, end.heart).await;
        });
    }
    let released = node.released.load(Ordering::SeqCst);
    node.telemetry().emit(NodeStop {
        node: node.name.clone(),
        released,
        left: left.len(),
        elapsed: begun.elapsed(),
    });
    node.telemetry().flush().await;
    Stopped { released, left }
}

/// Writes what is left to be written; then the loops end, and the heart last.
async fn finish(node: Arc<Node>, recorder: JoinHandle<()>, heart: heart::Thread) {
    // The client lives on, and must not go on waking producers that have ended.
    node.client.remove_desk(&node.desk);
    for queue in &*node.queues() {
        node.client.remove_local(&queue.name, &queue.inbox);
    }
    // A database that is away for longer than this gets the claims back by rescue.
    let written = async {
        node.acks.all_written().await;
        bookkeeper::write(&node).await;
    };
    let _ = timeout(node.tuning.grace, written).await;
    node.stop.loops.cancel();
    let _ = recorder.await;
    heart.ended().await;
}

fn check(node: &Node, queue: &Queue) -> QueueCheck {
    let Settings { limit, paused } = queue.settings();
    let mut running: Vec<JobId> = queue.running().keys().map(|(id, _)| *id).collect();
    running.sort_unstable();
    QueueCheck {
        queue: queue.name.to_string(),
        node: node.name.to_string(),
        name: node.instance.to_string(),
        uuid: queue.producer(),
        limit,
        paused,
        running,
        started_at: queue.started_at,
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
                drain::none_runs(&node.queues()).await;
                finish(node, end.recorder, end.heart).await;
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
fn deaf(error: std::io::Error) -> Error {
    let message = format!("this process cannot listen for signals: {error}");
    Error::new(Kind::Config, message)
}

//! The loops of a running engine: what [`engine`](crate::engine) decides is done here.
//!
//! - [`inbox`]: how a producer is woken.
//! - [`producer`]: claims the jobs of one queue and starts them.
//! - [`executor`]: runs one job to its end; [`crew`] runs short ones in turns.
//! - [`acker`]: writes how runs ended.
//! - [`heart`]: signs of life, and the rescue of other nodes' jobs; on a thread of its own, as is
//!   [`herald`], which says what this node is, and [`prompter`], which keeps the application's runtime
//!   listening.
//! - [`stager`]: makes due jobs available, and polls.
//! - [`reporter`]: writes how far runs are.
//! - [`recorder`]: counts runs, and writes what was counted.
//! - [`operator`]: carries out bulk operations.
//! - [`bookkeeper`]: writes down which failures were alike.
//! - [`cron`]: inserts jobs at times of the clock.
//! - [`listener`]: hears the hints of other processes.
//! - [`leader`]: takes the lead; [`pruner`], [`lifeline`], [`reindexer`], [`archivist`], [`candidate`],
//!   [`sampler`], [`packer`] and [`registrar`] do what only the leader does.
//! - [`control`]: follows the orders for queues; [`desk`] is where they come in.
//! - [`drain`]: waits for what runs, and stops it.
//! - [`sonar`]: finds out whether hints arrive.
//! - [`sweeper`]: forgets what unique jobs had claimed that are gone.
//! - [`supervisor`]: restarts loops, and knows how they are.
//! - [`panics`]: where a worker panicked.

pub(crate) mod acker;
pub(crate) mod archivist;
pub(crate) mod bookkeeper;
pub(crate) mod candidate;
pub(crate) mod control;
pub(crate) mod crew;
pub(crate) mod cron;
pub(crate) mod desk;
pub(crate) mod drain;
pub(crate) mod executor;
pub(crate) mod heart;
pub(crate) mod herald;
pub(crate) mod inbox;
pub(crate) mod leader;
pub(crate) mod lifeline;
pub(crate) mod listener;
pub(crate) mod operator;
pub(crate) mod packer;
pub(crate) mod panics;
pub(crate) mod producer;
pub(crate) mod prompter;
pub(crate) mod pruner;
pub(crate) mod recorder;
pub(crate) mod registrar;
pub(crate) mod reindexer;
pub(crate) mod reporter;
pub(crate) mod sampler;
pub(crate) mod sonar;
pub(crate) mod stager;
pub(crate) mod supervisor;
pub(crate) mod sweeper;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use kerrera_core::storage::{Seat, Storage};
use kerrera_core::{ClaimToken, Job, JobId, Timestamp, Uuid};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Tuning;
use crate::cancellation::{Cancellation, Reason};
use crate::client::Client;
use crate::engine::pace::Pace;
use crate::engine::queues::{Origin, Settings};
use crate::engine::stock::Stock;
use crate::telemetry::Telemetry;
use acker::{Acks, Ended};
use bookkeeper::Bookkeeping;
use desk::Desk;
use herald::Identity;
use inbox::Inbox;
use recorder::Recording;
use reporter::Reports;
use sonar::Ears;
use supervisor::Health;

/// What the loops share, whatever the application's state is.
pub(crate) struct Node {
    pub(crate) name: Arc<str>,
    /// The name of the Oban instance that it answers to.
    pub(crate) instance: Arc<str>,
    pub(crate) client: Client,
    pub(crate) tuning: Tuning,
    /// Those that are worked, and those that were stopped and still run something.
    queues: Mutex<Arc<[Arc<Queue>]>>,
    pub(crate) acks: Acks,
    pub(crate) reports: Arc<Reports>,
    /// What it says about itself.
    pub(crate) identity: Identity,
    /// Where runs are counted, if they are.
    pub(crate) recording: Option<Arc<Recording>>,
    /// Failures that are to be written down.
    pub(crate) book: Arc<Bookkeeping>,
    /// Rung when jobs that run here may have been cancelled elsewhere: a beat will tell.
    pub(crate) doubts: Notify,
    pub(crate) health: Arc<Health>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) ears: Ears,
    /// Rung when the crontab may have changed.
    pub(crate) crontab: Notify,
    /// Rung when an operation waits.
    pub(crate) operations: Notify,
    /// There is something that the next sign of life is to tell.
    pub(crate) news: Notify,
    /// Rung when runs have begun.
    pub(crate) begun: Notify,
    pub(crate) stop: Stop,
    /// How many runs were stopped and given back.
    pub(crate) released: AtomicUsize,
    /// Random for every start.
    pub(crate) process: Uuid,
    /// Held while this node leads.
    pub(crate) seat: watch::Sender<Option<Seat>>,
    /// Whether it leads the neighbours as well.
    pub(crate) leads_neighbours: AtomicBool,
    /// Some leader went: two may want to know, and each waits on one of these alone.
    pub(crate) leaderless: Notify,
    pub(crate) neighbours_leaderless: Notify,
}

impl Node {
    pub(crate) fn new(name: Arc<str>, client: Client, tuning: Tuning, acks: Acks) -> Node {
        let telemetry = client.telemetry().clone();
        Node {
            name,
            instance: client.instance().clone(),
            client,
            tuning,
            queues: Mutex::default(),
            acks,
            health: Arc::new(Health::new(telemetry.clone())),
            desk: Arc::new(Desk::new(telemetry)),
            ears: Ears::default(),
            crontab: Notify::new(),
            operations: Notify::new(),
            news: Notify::new(),
            begun: Notify::new(),
            stop: Stop::default(),
            released: AtomicUsize::new(0),
            process: Uuid::new_v4(),
            seat: watch::Sender::new(None),
            leads_neighbours: AtomicBool::new(false),
            leaderless: Notify::new(),
            neighbours_leaderless: Notify::new(),
            reports: Arc::default(),
            identity: Identity::default(),
            recording: None,
            book: Arc::default(),
            doubts: Notify::new(),
        }
    }

    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        self.client.storage()
    }

    /// Where everything that happens here is told.
    pub(crate) fn telemetry(&self) -> &Telemetry {
        self.client.telemetry()
    }

    /// Tells those who want to lead that a leader went. Who is just asking for the lead hears of it
    /// afterwards: the answer may be older.
    pub(crate) fn leaderless(&self) {
        self.leaderless.notify_one();
        self.neighbours_leaderless.notify_one();
    }

    /// The queues at this moment.
    pub(crate) fn queues(&self) -> Arc<[Arc<Queue>]> {
        lock(&self.queues).clone()
    }

    /// A queue that is worked.
    pub(crate) fn queue(&self, name: &str) -> Option<Arc<Queue>> {
        let queues = self.queues();
        queues.iter().find(|queue| *queue.name == *name && !queue.is_stopping()).cloned()
    }

    pub(crate) fn add_queue(&self, queue: Arc<Queue>) {
        let mut queues = lock(&self.queues);
        *queues = queues.iter().cloned().chain([queue]).collect();
    }

    pub(crate) fn remove_queue(&self, queue: &Arc<Queue>) {
        let mut queues = lock(&self.queues);
        *queues = queues.iter().filter(|other| !Arc::ptr_eq(other, queue)).cloned().collect();
    }

    /// Tells the run of a job that was cancelled to stop, if it runs here; under this claim, if it is
    /// known under which.
    pub(crate) fn stop_job(&self, id: JobId, token: Option<ClaimToken>) {
        for queue in &*self.queues() {
            if let Some((job, token)) = queue.stock().remove(id) {
                self.acks.release(&job, token);
            }
            for (claim, run) in queue.running().iter() {
                if claim.0 == id && token.is_none_or(|token| token == claim.1) {
                    run.cancellation.cancel(Reason::Cancelled);
                }
            }
        }
    }

    /// Tells every running job to stop.
    pub(crate) fn cancel_all(&self, reason: Reason) {
        for queue in &*self.queues() {
            queue.cancel_all(reason);
        }
    }
}

/// The steps in which a node stops.
#[derive(Default)]
pub(crate) struct Stop {
    /// Claim no more.
    pub(crate) claims: CancellationToken,
    /// All runs have ended: write what is left, and end.
    pub(crate) loops: CancellationToken,
}

/// The steps in which a queue stops.
pub(crate) struct Halt {
    /// Claim no more; with the node's.
    pub(crate) claims: CancellationToken,
    /// Drop what still runs at its next await.
    pub(crate) abort: CancellationToken,
}

/// One queue of this node.
pub(crate) struct Queue {
    pub(crate) name: Arc<str>,
    pub(crate) origin: Origin,
    pub(crate) settings: watch::Sender<Settings>,
    pub(crate) inbox: Arc<Inbox>,
    /// Claims are made while this is true; false while the node doubts that it is alive to others.
    pub(crate) trusted: watch::Sender<bool>,
    /// Names of workers that this node does not know, whose jobs it leaves alone.
    pub(crate) excluded: Mutex<Arc<[String]>>,
    pub(crate) halt: Halt,
    /// The task that claims.
    pub(crate) task: Mutex<Option<JoinHandle<()>>>,
    /// By this machine's clock.
    pub(crate) started_at: Timestamp,
    producer: Mutex<Uuid>,
    running: Mutex<Runs>,
    /// How many slots are kept for runs that have ended.
    held: Arc<AtomicU32>,
    /// Claimed jobs that wait for a slot.
    stock: Mutex<Stock<Claimed>>,
    /// How long its jobs take.
    pub(crate) pace: Pace,
    /// Whether a hint would make the producer claim at once.
    pub(crate) has_room: AtomicBool,
}

impl Run {
    /// The start to write back when it ends.
    pub(crate) fn began(&self) -> Option<Timestamp> {
        self.job.attempted_at.filter(|_| self.refreshed)
    }
}

/// A job that was claimed, and under which token.
pub(crate) type Claimed = (Arc<Job>, ClaimToken);

/// A slot whose run has ended; it is free when this is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    held: Arc<AtomicU32>,
    inbox: Arc<Inbox>,
}

impl Slot {
    fn hold(queue: &Queue) -> Arc<Slot> {
        queue.held.fetch_add(1, Ordering::SeqCst);
        Arc::new(Slot { held: queue.held.clone(), inbox: queue.inbox.clone() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::SeqCst);
        self.inbox.ended();
    }
}

/// Runs by job and claim: a job that was lost can be claimed again while its old run goes on.
pub(crate) type Runs = HashMap<(JobId, ClaimToken), Run, RandomState>;

/// A job that holds a slot.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) worker: &'static str,
    pub(crate) job: Arc<Job>,
    pub(crate) started: Instant,
    /// When it should have ended.
    pub(crate) due: Option<Instant>,
    /// When its slot and claim are taken away though it goes on.
    pub(crate) abandoned: Option<Instant>,
    /// How long it waits for its next attempt if it is abandoned.
    pub(crate) backoff: Duration,
    pub(crate) cancellation: Cancellation,
    /// That it is late has been said.
    pub(crate) reported: bool,
    /// Its row may have been made to tell another start than the true one.
    pub(crate) refreshed: bool,
    /// It is being taken back from a neighbour: until that is settled its end is kept here.
    pub(crate) contested: bool,
    pub(crate) ended: Option<Box<Ended>>,
}

impl Queue {
    /// A queue of a node, not worked yet; it stops claiming with that.
    pub(crate) fn new(
        stop: &Stop,
        name: Arc<str>,
        origin: Origin,
        settings: Settings,
        prefetch: Duration,
    ) -> Queue {
        Queue {
            stock: Mutex::new(Stock::new(prefetch)),
            pace: Pace::default(),
            name,
            origin,
            inbox: Arc::default(),
            trusted: watch::Sender::new(true),
            excluded: Mutex::new(Arc::default()),
            halt: Halt { claims: stop.claims.child_token(), abort: CancellationToken::new() },
            task: Mutex::default(),
            started_at: Timestamp::now(),
            producer: Mutex::new(Uuid::new_v4()),
            running: Mutex::default(),
            held: Arc::default(),
            has_room: AtomicBool::new(!settings.paused),
            settings: watch::Sender::new(settings),
        }
    }

    /// How it is worked at this moment.
    pub(crate) fn settings(&self) -> Settings {
        *self.settings.borrow()
    }

    /// Whether it claims no more, and never will again.
    pub(crate) fn is_stopping(&self) -> bool {
        self.halt.claims.is_cancelled()
    }

    /// Tells every running job to stop.
    pub(crate) fn cancel_all(&self, reason: Reason) {
        for run in self.running().values() {
            run.cancellation.cancel(reason);
        }
    }

    /// The identity under which it claims.
    pub(crate) fn producer(&self) -> Uuid {
        *lock(&self.producer)
    }

    /// Takes a new identity: the old one was declared dead.
    pub(crate) fn renew(&self, fresh: Uuid) {
        *lock(&self.producer) = fresh;
    }

    pub(crate) fn running(&self) -> MutexGuard<'_, Runs> {
        lock(&self.running)
    }

    pub(crate) fn stock(&self) -> MutexGuard<'_, Stock<Claimed>> {
        lock(&self.stock)
    }

    /// Gives everything back that was claimed and has no slot yet.
    pub(crate) fn clear_stock(&self, acks: &Acks) {
        for (job, token) in self.stock().clear() {
            acks.release(&job, token);
        }
    }

    /// How many slots are taken.
    pub(crate) fn occupied(&self) -> u32 {
        let running = u32::try_from(self.running().len()).unwrap_or(u32::MAX);
        running.saturating_add(self.held.load(Ordering::SeqCst))
    }

    /// Whether the slot of a run that has ended is kept.
    pub(crate) fn keeps_a_slot(&self) -> bool {
        self.held.load(Ordering::SeqCst) > 0
    }

    /// Runs have ended. Whoever takes one out writes its end: its task, or the heart that gave it up.
    /// Both under the lock, so that nobody sees a run neither running nor handed in.
    ///
    /// A run that was `long` keeps its slot until its end is written: a neighbour may have freed its job
    /// for its age, and whoever has room, this queue as well, would claim that before the end can take it
    /// back.
    pub(crate) fn end(&self, acks: &Acks, mut ends: Vec<Ended>, long: Duration) {
        let mut running = self.running();
        ends.retain_mut(|ended| {
            let claim = (ended.ack.id, ended.ack.token);
            let Entry::Occupied(mut entry) = running.entry(claim) else { return false };
            let run = entry.get_mut();
            ended.ack.began = run.began();
            if run.contested {
                run.ended = Some(Box::new(ended.clone()));
                return false;
            }
            if ended.ran.as_ref().is_some_and(|ran| ran.duration >= long) {
                ended.slot = Some(Slot::hold(self));
            }
            entry.remove();
            true
        });
        if !ends.is_empty() {
            acks.hand_in(ends);
            self.inbox.ended();
        }
    }

    /// Keeps the ends of these runs back, of those that go on here; says which these are.
    pub(crate) fn contest(&self, claims: &[(JobId, ClaimToken)]) -> Vec<(JobId, ClaimToken)> {
        let mut running = self.running();
        let mut contested = Vec::new();
        for claim in claims {
            if let Some(run) = running.get_mut(claim) {
                (run.contested, run.refreshed) = (true, true);
                contested.push(*claim);
            }
        }
        contested
    }

    /// It is known what became of the runs that were contested, but for these: the others' ends can
    /// be written.
    pub(crate) fn settle(&self, acks: &Acks, except: &[(JobId, ClaimToken)]) {
        let mut running = self.running();
        let settled =
            running.iter_mut().filter(|(claim, run)| run.contested && !except.contains(claim));
        let mut ended = Vec::new();
        for (claim, run) in settled {
            run.contested = false;
            ended.extend(run.ended.take().map(|end| (*claim, end)));
        }
        for (claim, end) in ended {
            running.remove(&claim);
            acks.hand_in(vec![*end]);
            self.inbox.ended();
        }
    }

    pub(crate) fn excluded(&self) -> Arc<[String]> {
        lock(&self.excluded).clone()
    }

    /// Leaves the jobs of a worker alone from now on; true if that is new.
    pub(crate) fn exclude(&self, worker: &str) -> bool {
        let mut excluded = lock(&self.excluded);
        if excluded.iter().any(|name| name == worker) {
            return false;
        }
        *excluded = excluded.iter().cloned().chain([worker.to_owned()]).collect();
        true
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerrera_core::State;
    use kerrera_core::state::{Event, decide};
    use kerrera_core::storage::Ack;

    use crate::telemetry::{Ending, Ran};

    const LONG: Duration = Duration::from_secs(60);

    fn queue() -> Queue {
        let settings = Settings { limit: 2, paused: false };
        let origin = Origin { settings, since: 0 };
        Queue::new(&Stop::default(), "default".into(), origin, settings, Duration::ZERO)
    }

    fn run(attempted_at: Timestamp) -> Run {
        let mut job = Job::blank(1);
        (job.state, job.attempt) = (State::Executing, 1);
        job.attempted_at = Some(attempted_at);
        Run {
            worker: "W",
            job: Arc::new(job),
            started: Instant::now(),
            due: None,
            abandoned: None,
            backoff: Duration::ZERO,
            cancellation: Cancellation::new(),
            reported: false,
            refreshed: false,
            contested: false,
            ended: None,
        }
    }

    fn ended(claim: (JobId, ClaimToken), run: &Run) -> Ended {
        let (id, token) = claim;
        let position = run.job.position();
        let outcome = decide(position, Event::Completed).unwrap();
        let (failure, meta, then, began) = (None, None, Vec::new(), None);
        let attempt = position.attempt;
        let ack = Ack { id, token, attempt, outcome, failure, meta, then, began };
        Ended { ack, position, ran: None, slot: None }
    }

    #[test]
    fn the_end_of_a_contested_run_is_kept_until_that_is_settled() {
        let queue = queue();
        let (acks, mut written) = Acks::new();
        let [contested, other] = [(1, ClaimToken::random()), (2, ClaimToken::random())];
        for claim in [contested, other] {
            queue.running().insert(claim, run(Timestamp::MIN));
        }
        let run = run(Timestamp::MIN);
        let unknown = (3, ClaimToken::random());
        assert_eq!(queue.contest(&[contested, unknown]), [contested], "only what runs here");

        queue.end(&acks, vec![ended(contested, &run)], LONG);
        assert!(written.try_recv().is_err());
        assert_eq!(queue.running().len(), 2, "it keeps its slot");
        queue.end(&acks, vec![ended(other, &run)], LONG);
        let ack = written.try_recv().unwrap()[0].ack.clone();
        assert_eq!((ack.id, ack.began), (2, None));

        queue.settle(&acks, &[contested]);
        assert!(written.try_recv().is_err(), "not yet known");
        queue.settle(&acks, &[]);
        let ack = written.try_recv().unwrap()[0].ack.clone();
        assert_eq!((ack.id, ack.began), (1, Some(Timestamp::MIN)), "with its true start");
        assert!(queue.running().is_empty());
    }

    #[test]
    fn the_slot_of_a_long_run_is_free_when_its_end_is_written() {
        let queue = queue();
        let (acks, mut written) = Acks::new();
        let durations = [LONG - Duration::from_millis(1), LONG];
        for (duration, kept) in durations.into_iter().zip([0, 1]) {
            let claim = (1, ClaimToken::random());
            let run = run(Timestamp::MIN);
            queue.running().insert(claim, run.clone());
            assert_eq!(queue.occupied(), 1);
            let ran = Ran { job: run.job.clone(), duration, ending: Ending::Success, failed: None };
            let end = Ended { ran: Some(ran), ..ended(claim, &run) };
            queue.end(&acks, vec![end], LONG);
            assert!(queue.running().is_empty());
            let end = written.try_recv().unwrap().remove(0);
            assert_eq!(queue.occupied(), kept);
            let again = end.refused(&"node".into(), "no");
            drop(end);
            assert_eq!(queue.occupied(), kept, "what is written instead keeps it");
            drop(again);
            assert_eq!(queue.occupied(), 0);
        }
    }

    #[test]
    fn a_contested_run_that_goes_on_ends_as_usual_once_that_is_settled() {
        let queue = queue();
        let (acks, mut written) = Acks::new();
        let claim = (1, ClaimToken::random());
        queue.running().insert(claim, run(Timestamp::MIN));
        queue.contest(&[claim]);
        queue.settle(&acks, &[]);
        assert!(written.try_recv().is_err());
        queue.end(&acks, vec![ended(claim, &run(Timestamp::MIN))], LONG);
        assert_eq!(written.try_recv().unwrap()[0].ack.id, 1);
        queue.end(&acks, vec![ended(claim, &run(Timestamp::MIN))], LONG);
        assert!(written.try_recv().is_err(), "once");
    }

    #[tokio::test]
    async fn a_leader_that_goes_while_somebody_asks_for_the_lead_is_heard_of() {
        let client = Client::connect("sqlite::memory:").await.unwrap();
        let (acks, _receiver) = Acks::new();
        let node = Node::new("node-1".into(), client, Tuning::default(), acks);
        // Nobody waits at this moment.
        node.leaderless();
        for rung in [&node.leaderless, &node.neighbours_leaderless] {
            tokio::time::timeout(Duration::from_secs(10), rung.notified()).await.unwrap();
        }
    }
}

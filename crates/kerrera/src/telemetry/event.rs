//! Every event, described once: from each entry of the table come its type, its name, its level, what
//! `tracing` is told, and what the logger writes, so that they cannot drift apart.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::{ClaimToken, Job, JobId, State, Timestamp, Uuid};
use serde_json::{Map, Value};

use super::field::Field;
use super::{Ending, FailureKind, Level, Topic};

/// One entry an event:
///
/// ```text
/// /// When.
/// Name: Level, Topic, "stable.name" [of job] [, "words for people"] { fields }
/// ```
///
/// `of job` gives it the field `job`, which is told as `id`, `queue`, `worker` and `attempt`. A field
/// can be `as another` for tracing.
macro_rules! events {
    ($(
        $(#[$about:meta])*
        $event:ident: $level:ident, $topic:ident, $name:literal
        $(of $job:ident)? $(, $words:literal)? {
            $($(#[$what:meta])* $field:ident $(as $traced:ident)?: $type:ty,)*
        }
    )*) => {
        /// Something that happened in an engine; new versions may bring more.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum Event {
            $($(#[$about])* $event($event),)*
        }

        $(
            $(#[$about])*
            #[derive(Clone, Debug)]
            #[non_exhaustive]
            pub struct $event {
                $(
                    /// The job as it was claimed.
                    pub $job: Arc<Job>,
                )?
                $($(#[$what])* pub $field: $type,)*
            }

            impl From<$event> for Event {
                fn from(event: $event) -> Event {
                    Event::$event(event)
                }
            }
        )*

        impl Event {
            /// Its stable name, such as `job.stop`.
            pub fn name(&self) -> &'static str {
                match self { $(Event::$event(_) => $name,)* }
            }

            /// How much it matters.
            pub fn level(&self) -> Level {
                match self { $(Event::$event(_) => Level::$level,)* }
            }

            /// What it is about.
            pub fn topic(&self) -> Topic {
                match self { $(Event::$event(_) => Topic::$topic,)* }
            }

            /// The job whose run it is about.
            pub fn job(&self) -> Option<&Arc<Job>> {
                match self {
                    $($(Event::$event($event { $job, .. }) => Some($job),)?)*
                    _ => None,
                }
            }

            /// Tells `tracing`, with the target `kerrera`.
            pub(crate) fn trace(&self) {
                match self {
                    $(Event::$event(_event) => tracing::event!(
                        target: "kerrera",
                        Level::$level.traced(),
                        event = $name,
                        $(
                            id = _event.$job.id,
                            queue = _event.$job.queue.as_str(),
                            worker = _event.$job.worker.as_str(),
                            attempt = _event.$job.attempt,
                        )?
                        $({ traced!($field $($traced)?) } = _event.$field.traced(),)*
                        $($words)?
                    ),)*
                }
            }

            /// The fields that belong to it alone, by name; lengths of time in microseconds.
            pub(super) fn fields(&self) -> Map<String, Value> {
                let mut fields = Map::new();
                match self {
                    $(Event::$event(_event) => {
                        $(fields.insert(stringify!($field).to_owned(), _event.$field.json());)*
                    })*
                }
                fields
            }

            /// Every event: its name, its level, whether it is a run's, and what tracing's fields are.
            #[cfg(test)]
            const TABLE: &[(&str, Level, bool, &[&str])] = &[
                $((
                    $name,
                    Level::$level,
                    false $(|| stringify!($job).len() > 0)?,
                    &[$(traced!($field $($traced)?),)*],
                ),)*
            ];

            /// What is said beside the fields, to people.
            pub(super) fn words(&self) -> Option<&'static str> {
                match self {
                    $($(Event::$event(_) => Some($words),)?)*
                    _ => None,
                }
            }
        }
    };
}

macro_rules! traced {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $traced:ident) => {
        stringify!($traced)
    };
}

events! {
    /// An engine runs.
    NodeStart: Info, Node, "node.start" {
        /// The node's name.
        node: Arc<str>,
        /// How many queues it works.
        queues: usize,
        /// Where its jobs are, without a password.
        database: String,
    }
    /// A signal asked the process to end.
    NodeStopping: Info, Node, "node.stopping" {
        /// The node's name.
        node: Arc<str>,
    }
    /// An engine has drained.
    NodeStop: Info, Node, "node.stop" {
        /// The node's name.
        node: Arc<str>,
        /// How many jobs were stopped and given back.
        released: usize,
        /// How many still run, because they do not await.
        left: usize,
        /// How long it took.
        elapsed as ms: Duration,
    }
    /// Jobs do not end, and keep their claims until the process ends.
    NodeLeft: Warn, Node, "node.left" {
        /// The node's name.
        node: Arc<str>,
        /// The jobs.
        jobs: Vec<JobId>,
    }
    /// The node may look dead to the others.
    NodeDoubt: Warn, Node, "node.doubt",
    "no sign of life has reached the database for too long; running jobs are told to stop" {
        /// The node's name.
        node: Arc<str>,
    }
    /// It is alive to them again.
    NodeTrust: Info, Node, "node.trust", "the database is reached again" {
        /// The node's name.
        node: Arc<str>,
    }
    /// The program is built so that a panic ends the process.
    PanicAbort: Warn, Node, "panic.abort",
    "this program is built with panic = \"abort\": a worker that panics ends the process" {}

    /// Jobs were inserted through the client, and are committed.
    Insert: Trace, Insert, "insert" {
        /// How many.
        count: usize,
        /// How long the database took.
        duration as ms: Duration,
    }

    /// A run begins.
    JobStart: Debug, Job, "job.start" of job {
        /// How long it waited since it could have run.
        queue_time as queue_ms: Duration,
    }
    /// A run ended, not by failing, and that is written.
    JobStop: Debug, Job, "job.stop" of job {
        /// What came of it.
        state: Ending,
        /// The state that the job is in now.
        to: State,
        /// How long it ran.
        duration as ms: Duration,
        /// How long it had waited since it could have run.
        queue_time as queue_ms: Duration,
        /// Why it was cancelled or discarded.
        reason: Option<String>,
    }
    /// A run failed, and that is written.
    JobException: Warn, Job, "job.exception" of job {
        /// Whether it is tried again.
        state: Ending,
        /// The state that the job is in now.
        to: State,
        /// How long it ran.
        duration as ms: Duration,
        /// How long it had waited since it could have run.
        queue_time as queue_ms: Duration,
        /// In which way it failed.
        kind: FailureKind,
        /// What was said, as it is kept with the job.
        error: String,
    }
    /// A run took too long, and was told to stop.
    JobTimeout: Debug, Job, "job.timeout" of job {
        /// How long it may take.
        timeout as timeout_ms: Option<Duration>,
    }
    /// It was told to stop and does not; it keeps its slot.
    JobOverdue: Warn, Job, "job.overdue" of job,
    "the run does not end though it was told to: does it block? it keeps its slot" {}
    /// Its slot and claim were taken away, as its worker allows.
    JobAbandoned: Error, Job, "job.abandoned" of job {}
    /// It was cancelled, or its claim lost; its run is told to stop.
    JobGone: Info, Job, "job.gone" of job {}
    /// The storage gave out a job that was not executing: a bug.
    JobImpossible: Error, Job, "job.impossible" of job {
        /// What cannot be.
        illegal: String,
    }
    /// A worker's own back-off panicked; the usual one is taken.
    BackoffPanicked: Error, Job, "backoff.panicked" of job {
        /// What was said.
        error: String,
    }
    /// The propagator panicked when it saw the job; the run goes on.
    PropagatorPanicked: Error, Job, "propagator.panicked" of job {
        /// What was said.
        error: String,
    }

    /// A claim came back.
    Claim: Trace, Claim, "claim" {
        /// The queue.
        queue: Arc<str>,
        /// How many jobs were asked for.
        asked: u32,
        /// How many came.
        got: u32,
        /// How long the database took.
        duration as ms: Duration,
    }
    /// First job of a worker that is not registered here.
    WorkerUnknown: Warn, Claim, "worker.unknown",
    "no worker of this name is registered here; its jobs are left for other nodes" {
        /// The queue.
        queue: Arc<str>,
        /// The worker's name.
        worker: String,
        /// The job.
        id: JobId,
    }

    /// Ended runs were written.
    AckWritten: Trace, Ack, "ack.written" {
        /// How many.
        count: usize,
        /// How long the database took.
        duration as ms: Duration,
    }
    /// The claim belonged to another; nothing was written.
    AckLost: Warn, Ack, "ack.lost",
    "the claim belongs to another; what this run ended with is not written" {
        /// The job.
        id: JobId,
        /// The claim.
        token: ClaimToken,
        /// Whether its run had begun; then no other event tells its end.
        began: bool,
    }
    /// The job had been cancelled while it ran.
    AckCancelled: Info, Ack, "ack.cancelled" {
        /// The job.
        id: JobId,
    }
    /// The database refused what the run gave back; it counts as failed.
    AckRefused: Error, Ack, "ack.refused" {
        /// The job.
        id: JobId,
        /// Why.
        error: Arc<str>,
    }
    /// Not even a failed attempt can be written.
    AckImpossible: Error, Ack, "ack.impossible",
    "not even a failed attempt can be written: the job keeps its claim until this process ends" {
        /// The job.
        id: JobId,
    }

    /// Due jobs became available.
    Stage: Debug, Stage, "stage" {
        /// How many.
        count: u64,
        /// How long the database took.
        duration as ms: Duration,
    }

    /// A time of a cron entry came, and its job was inserted.
    CronFire: Debug, Cron, "cron.fire" {
        /// The entry's name.
        name: String,
        /// Which of its times; none if it was fired by hand.
        slot: Option<Timestamp>,
        /// The job.
        id: JobId,
    }
    /// A time of a cron entry was left out, since the entry's previous job has not ended.
    CronOverlap: Info, Cron, "cron.overlap" {
        /// The entry's name.
        name: String,
        /// Which of its times.
        slot: Option<Timestamp>,
    }
    /// A cron entry could not be fired; it is tried again, and the others go on.
    CronFailed: Warn, Cron, "cron.failed" {
        /// The entry's name.
        name: String,
        /// Why.
        error: String,
    }

    /// A dead producer was removed.
    RescueProducer: Warn, Rescue, "rescue.producer" {
        /// Which one.
        producer: Uuid,
    }
    /// A dead producer's job was freed.
    RescueJob: Warn, Rescue, "rescue.job" {
        /// The job.
        id: JobId,
        /// Its queue.
        queue: String,
        /// Its state now.
        state: State,
    }
    /// A job that another implementation claimed too long ago was freed.
    RescueForeign: Warn, Rescue, "rescue.foreign" {
        /// The job.
        id: JobId,
        /// Its queue.
        queue: String,
        /// Its state now.
        state: State,
    }
    /// A neighbour had freed a job that runs here; it was taken back.
    JobReclaimed: Warn, Rescue, "job.reclaimed" {
        /// The job.
        id: JobId,
    }
    /// Others took this node for dead; it begins again.
    ProducerLost: Warn, Rescue, "producer.lost",
    "other nodes took this one for dead, and its running jobs; they are told to stop here" {
        /// The queue.
        queue: Arc<str>,
    }

    /// This node leads from now on.
    LeaderElected: Info, Leader, "leader.elected" {
        /// The node's name.
        node: Arc<str>,
        /// Higher for every new leader.
        term: i64,
    }
    /// This node leads no more, or gave the lead up.
    LeaderLost: Info, Leader, "leader.lost" {
        /// The node's name.
        node: Arc<str>,
        /// In which it led.
        term: i64,
    }
    /// The lead could not be given up; it ends by itself.
    ResignFailed: Debug, Leader, "resign.failed" {
        /// Why.
        error: String,
    }
    /// This node leads Oban's nodes as well.
    NeighboursElected: Info, Leader, "neighbours.elected" {
        /// The names of the instances.
        names: Vec<String>,
    }
    /// It leads Oban's nodes no more.
    NeighboursLost: Info, Leader, "neighbours.lost" {
        /// The names of the instances for which it stands.
        names: Vec<String>,
    }

    /// Jobs that ended long enough ago were deleted.
    Prune: Info, Maintenance, "prune" {
        /// Their state.
        state: State,
        /// How many.
        count: u64,
    }
    /// What unique jobs had claimed that are gone was forgotten.
    Sweep: Debug, Maintenance, "sweep" {
        /// How many claims.
        count: u64,
    }
    /// Indexes were built anew.
    Reindex: Info, Maintenance, "reindex" {
        /// These were.
        rebuilt: Vec<String>,
        /// Left over from an attempt that broke off, and dropped.
        dropped: Vec<String>,
        /// How many were not.
        failed: usize,
    }
    /// An index was not built anew.
    ReindexFailed: Warn, Maintenance, "reindex.failed" {
        /// Its name.
        index: String,
        /// Why.
        error: String,
    }
    /// There was nothing to build anew, or no way to do it.
    ReindexIdle: Info, Maintenance, "reindex.idle" {
        /// Why.
        reason: &'static str,
    }

    /// An order, or its end, changed how a queue is worked here.
    QueueSettings: Info, Queue, "queue.settings" {
        /// The queue.
        queue: Arc<str>,
        /// How many of its jobs run at once.
        limit: u32,
        /// Whether none is claimed.
        paused: bool,
    }
    /// A queue begins at run time.
    QueueStart: Info, Queue, "queue.start" {
        /// The queue.
        queue: Arc<str>,
        /// How many of its jobs run at once.
        limit: u32,
        /// Whether none is claimed.
        paused: bool,
    }
    /// A queue was stopped, and these jobs do not await.
    QueueLeft: Warn, Queue, "queue.left" {
        /// The queue.
        queue: Arc<str>,
        /// The jobs.
        jobs: Vec<JobId>,
    }
    /// A queue has ended at run time.
    QueueStop: Info, Queue, "queue.stop" {
        /// The queue.
        queue: Arc<str>,
    }
    /// A queue of this node has been shut down.
    QueueShutdown: Debug, Queue, "queue.shutdown" {
        /// The queue.
        queue: Arc<str>,
        /// How long it took.
        elapsed as ms: Duration,
        /// The jobs that still run.
        orphaned: Vec<JobId>,
    }

    /// A node of Oban for Elixir or Python orders something.
    Signal: Info, Notifier, "signal" {
        /// What.
        action: String,
        /// For which queue; `*` for all.
        queue: String,
    }
    /// More orders wait than there is room for; the next look finds Kerrera's own.
    SignalDropped: Warn, Notifier, "signal.dropped" {
        /// The one that was dropped.
        news: String,
    }
    /// Others were not told to stop a job, and will see it at their next beat.
    SignalFailed: Debug, Notifier, "signal.failed" {
        /// Why.
        error: String,
    }
    /// Who is heard has changed.
    NotifierSwitch: Info, Notifier, "notifier.switch" {
        /// The node's name.
        node: Arc<str>,
        /// As [`Connectivity`](crate::Connectivity) has it.
        status: &'static str,
    }
    /// No hints pass, behind a pooler for example; jobs are found by polling.
    ListenerDeaf: Info, Notifier, "listener.deaf" {
        /// Why.
        error: String,
    }
    /// Others were not told of new jobs, and will find them by polling.
    NotifyFailed: Debug, Notifier, "notify.failed" {
        /// The queue.
        queue: Arc<str>,
        /// Why.
        error: String,
    }
    /// This node could not say that it goes; the others will notice.
    RetireFailed: Debug, Node, "retire.failed" {
        /// Why.
        error: String,
    }

    /// This node has met more workers than it keeps apart in its metrics; the runs of others are counted
    /// together.
    MetricsFolded: Warn, Node, "metrics.folded",
    "there are too many workers to count each apart" {
        /// How many pairs of a queue and a worker are kept apart.
        most: usize,
    }

    /// A loop could not do its work, and tries again.
    LoopFailed: Warn, Loop, "loop.failed" {
        /// Its name, as in [`LoopHealth`](crate::LoopHealth).
        name: String,
        /// Why.
        error: String,
    }
    /// A loop panicked, and begins again.
    LoopPanicked: Error, Loop, "loop.panicked" {
        /// Its name.
        name: String,
        /// What was said.
        error: String,
    }

    /// Subscribers were too slow to hear of these.
    EventsDropped: Warn, Telemetry, "events.dropped",
    "subscribers are slower than the engine; events were dropped" {
        /// How many.
        count: u64,
    }
    /// A subscriber panicked. Told to tracing alone, and once for each subscriber.
    SubscriberPanicked: Error, Telemetry, "subscriber.panicked" {
        /// At which event.
        event as at: &'static str,
        /// What was said.
        error: String,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::Mutex;

    use tracing::field::{Field, Visit};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    use super::*;

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<String>>>);

    impl<S: tracing::Subscriber> Layer<S> for Heard {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            let metadata = event.metadata();
            let mut line = Line(format!("{} {}", metadata.level(), metadata.target()));
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
    }

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            self.0.push_str(&format!(" {field}={value:?}"));
        }
    }

    #[test]
    fn the_documentation_lists_every_event_with_its_level_and_fields() {
        let text = include_str!("../../../../docs/telemetry.md");
        let (_, table) = text.split_once("\n## Events\n").unwrap();
        let (table, _) = table.split_once("\n### Events of the storages\n").unwrap();
        let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
        assert!(rows[0].starts_with("| `event`"));
        let expected = Event::TABLE.iter().map(|(name, level, of_run, fields)| {
            let run = of_run.then(|| "*run*".to_owned());
            let fields = run.into_iter().chain(fields.iter().map(|field| format!("`{field}`")));
            let fields = fields.collect::<Vec<_>>().join(", ");
            let level = level.traced();
            format!("| `{name}` | {level} | {fields} |").replace("|  |", "| |")
        });
        for (row, expected) in rows[1..].iter().zip(expected.clone()) {
            assert!(row.starts_with(&expected), "not {expected}\nbut {row}");
        }
        assert_eq!(rows.len() - 1, expected.len());
    }

    #[test]
    fn tracing_is_told_the_same_in_its_own_units() {
        let heard = Heard::default();
        let _guard =
            tracing::subscriber::set_default(tracing_subscriber::registry().with(heard.clone()));
        let mut job = Job::blank(7);
        (job.queue, job.worker, job.attempt) = ("mailers".into(), "Welcome".into(), 2);
        let exception = Event::from(JobException {
            job: Arc::new(job),
            state: Ending::Discard,
            to: State::Discarded,
            duration: Duration::from_micros(1_500),
            queue_time: Duration::ZERO,
            kind: FailureKind::Panic,
            error: "no".into(),
        });
        exception.trace();
        Event::from(NodeTrust { node: "web-1".into() }).trace();
        let heard = heard.0.lock().unwrap();
        assert_eq!(
            heard[0],
            "WARN kerrera event=\"job.exception\" id=7 queue=\"mailers\" worker=\"Welcome\" \
             attempt=2 state=\"discard\" to=\"discarded\" ms=1.5 queue_ms=0.0 kind=\"panic\" \
             error=\"no\""
        );
        assert_eq!(
            heard[1],
            "INFO kerrera message=the database is reached again event=\"node.trust\" node=web-1"
        );
        assert_eq!((exception.name(), exception.level()), ("job.exception", Level::Warn));
    }
}

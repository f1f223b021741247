//! The traits that a storage implements, and the batches that they take.
//!
//! The verbs are the domain's, each takes and gives batches, and how they become SQL is the
//! storage's own affair. Every write that belongs to a claim carries the claim's token.
//!
//! A storage must be usable from several runtimes at once: the engine calls [`Liveness`] from a
//! thread of its own, which goes on when everything else is busy.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::Result;
use crate::executor::{Dialect, InsertPlan};
use crate::job::{Job, JobId};
use crate::new_job::ValidJob;
use crate::state::{Move, State};
use crate::time::Timestamp;
use crate::token::ClaimToken;

/// A call to the storage under way.
///
/// Dropping it leaves nothing half done: the storage finishes a statement that it has begun.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Everything that the engine needs of a database.
pub trait Storage: Jobs + Liveness + Signals + Operations + fmt::Debug {
    /// The SQL of its transactions.
    fn dialect(&self) -> Dialect;

    /// Where it is, for messages; without a password.
    fn location(&self) -> String;
}

/// Jobs on their way: insert, claim, ack, stage.
pub trait Jobs: Send + Sync {
    /// Inserts jobs, all or none, and gives them back in the same order.
    ///
    /// When it returns, they are committed.
    fn insert(&self, jobs: Vec<ValidJob>) -> Pending<'_, Vec<Inserted>>;

    /// What to run to insert jobs in a transaction that somebody else owns.
    ///
    /// Unless `quiet`, the waiting producers are told when that transaction commits.
    ///
    /// # Errors
    ///
    /// When the storage cannot do that.
    fn plan_insert(&self, jobs: &[ValidJob], quiet: bool) -> Result<InsertPlan>;

    /// Takes available jobs of one queue, at most as many as asked, and gives them back in the order
    /// in which they are to be started.
    ///
    /// A producer that has been declared dead gets none.
    fn claim(&self, claim: Claim) -> Pending<'_, Vec<Job>>;

    /// Writes how runs ended, and inserts what follows from them, in one transaction.
    ///
    /// Each is written only if its row still carries its token and is executing; the answers come in
    /// the same order.
    fn ack(&self, acks: Vec<Ack>) -> Pending<'_, Vec<Acked>>;

    /// Makes due jobs available, the oldest first, at most `limit`; and says which of the queues in
    /// `watched` have available jobs.
    fn stage(&self, limit: u32, watched: Vec<Arc<str>>) -> Pending<'_, Staged>;
}

/// A producer's wish for jobs.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Of which queue.
    pub queue: Arc<str>,
    /// By which producer.
    pub producer: Uuid,
    /// On which node.
    pub node: Arc<str>,
    /// Under which token; never used before.
    pub token: ClaimToken,
    /// How many at most.
    pub limit: u32,
    /// The workers whose jobs are to be left alone.
    pub excluded: Arc<[String]>,
    /// Where to begin to look; a hint that costs nothing to ignore.
    pub floor: Option<Floor>,
}

/// A place in the order in which a queue's jobs are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Floor {
    /// The priority there.
    pub priority: i32,
    /// The time there.
    pub scheduled_at: Timestamp,
    /// The job there.
    pub id: JobId,
}

impl From<&Job> for Floor {
    fn from(job: &Job) -> Floor {
        Floor { priority: job.priority, scheduled_at: job.scheduled_at, id: job.id }
    }
}

/// How a run ended, to be written.
#[derive(Clone, Debug)]
pub struct Ack {
    /// Which job.
    pub id: JobId,
    /// Under which claim.
    pub token: ClaimToken,
    /// What becomes of it.
    pub outcome: Move,
    /// The failure to append to its errors.
    pub failure: Option<Failure>,
    /// Keys to set in its meta.
    pub meta: Option<Map<String, Value>>,
    /// The jobs to insert with it.
    pub then: Vec<ValidJob>,
}

/// A failed attempt, to be appended to a job's errors; the storage adds the time.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which attempt it was.
    pub attempt: i32,
    /// What was said; already [sanitised](crate::failure::sanitise).
    pub error: String,
    /// The node that ran it.
    pub node: Arc<str>,
    /// How long it ran.
    pub ran: Duration,
}

/// What became of an [`Ack`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acked {
    /// It is written.
    Written,
    /// It had been written before: an earlier call succeeded and its answer was lost.
    AlreadyWritten,
    /// Somebody cancelled the job while it ran; its failure, if any, was appended.
    Cancelled,
    /// The claim is no longer ours. Nothing was written, and nothing ever will be.
    Lost,
}

/// What staging did and saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staged {
    /// How many jobs became available.
    pub count: u64,
    /// The queues in which there are available jobs, of those that were asked about, and those in
    /// which jobs became available just now.
    pub ready: Vec<String>,
}

/// What an insertion did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Inserted {
    /// The job was inserted.
    New(Job),
    /// An equal job was there, and is given back.
    Existing(Job),
    /// An equal job was there, and was changed.
    Replaced(Job),
}

impl Inserted {
    /// The job, whichever way it came.
    pub fn job(&self) -> &Job {
        match self {
            Inserted::New(job) | Inserted::Existing(job) | Inserted::Replaced(job) => job,
        }
    }

    /// The job, whichever way it came.
    pub fn into_job(self) -> Job {
        match self {
            Inserted::New(job) | Inserted::Existing(job) | Inserted::Replaced(job) => job,
        }
    }
}

/// Who is alive, and what becomes of the jobs of the dead.
pub trait Liveness: Send + Sync {
    /// Whether a process that gives no sign of life for long enough is taken for dead.
    ///
    /// False where the operating system tells of a death, and silence tells nothing.
    fn silence_is_death(&self) -> bool {
        true
    }

    /// Makes producers known, before they claim.
    fn enroll(&self, producers: Vec<Producer>) -> Pending<'_, ()>;

    /// Says that producers are alive, and asks about what they run.
    fn beat(&self, beats: Vec<Beat>) -> Pending<'_, Pulse>;

    /// Looks for producers, of any process, that give cause for doubt.
    fn look(&self) -> Pending<'_, Look>;

    /// Removes dead producers, each only if it has not stirred since it was looked at; then frees
    /// the jobs of ours that no living producer owns, at most `limit`.
    fn rescue(&self, dead: Vec<Sighting>, limit: u32) -> Pending<'_, Rescue>;

    /// Removes producers that stop in good order. Whatever they still run keeps its claim for as
    /// long as the process lives.
    fn retire(&self, producers: Vec<Uuid>) -> Pending<'_, ()>;
}

/// A producer: one queue of one process.
#[derive(Clone, Debug)]
pub struct Producer {
    /// Random for every start, never used again.
    pub uuid: Uuid,
    /// The node's name.
    pub node: Arc<str>,
    /// The queue.
    pub queue: Arc<str>,
    /// How many jobs it runs at once.
    pub limit: u32,
}

/// A sign of life.
#[derive(Clone, Debug)]
pub struct Beat {
    /// Whose.
    pub producer: Uuid,
    /// Whether it is paused.
    pub paused: bool,
    /// What it runs.
    pub running: Vec<(JobId, ClaimToken)>,
}

/// The answer to a [`Beat`].
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    /// Producers that have been declared dead.
    pub dead: Vec<Uuid>,
    /// Jobs that are no longer the caller's: cancelled, or lost.
    pub gone: Vec<(JobId, ClaimToken)>,
}

/// What was seen of the other producers.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// For how long the session that looked has been unbroken. Only a session that is older than the
    /// others' time to come back can judge by their presence.
    pub session: Duration,
    /// Those that give cause for doubt.
    pub doubtful: Vec<Sighting>,
}

/// A producer that gives cause for doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which one.
    pub producer: Uuid,
    /// Whether its process is seen.
    pub presence: Presence,
    /// For how long it has given no sign of life, by the storage's clock.
    pub silent: Duration,
    /// Changes with every sign of life.
    pub mark: i64,
}

/// What can be seen of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It holds its lock.
    Here,
    /// Its lock is free; it may be changing from one connection to another.
    Away,
    /// The operating system says that it has ended.
    Ended,
    /// There is no telling: it is behind a pooler.
    Unknown,
}

/// What a rescue did.
#[derive(Clone, Debug, Default)]
pub struct Rescue {
    /// The producers that were removed.
    pub removed: Vec<Uuid>,
    /// The jobs that were freed: number, queue and new state.
    pub jobs: Vec<(JobId, String, State)>,
}

/// Hints between processes. Nothing depends on one arriving.
pub trait Signals: Send + Sync {
    /// Tells other processes that there is work in these queues.
    fn notify(&self, queues: Vec<Arc<str>>) -> Pending<'_, ()>;

    /// Begins to listen.
    fn listen(&self) -> Pending<'_, Box<dyn Listener>>;
}

/// Hears hints.
pub trait Listener: Send {
    /// The next hint. An error ends the listener; whoever listens again has to look at everything,
    /// since hints were missed.
    fn next(&mut self) -> Pending<'_, Hint>;
}

/// Something that another process did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// There is work in this queue.
    Work(String),
    /// Something changed; there may be work anywhere.
    Changed,
}

/// Looking and managing.
pub trait Operations: Send + Sync {
    /// Checks that the database is one that this version can use, before anything is written to it.
    ///
    /// With `migrate`, what is missing is added first.
    ///
    /// # Errors
    ///
    /// One of those that [`Error::is_unmigrated`](crate::Error::is_unmigrated) and
    /// [`Error::is_foreign_schema`](crate::Error::is_foreign_schema) tell apart.
    fn open(&self, migrate: bool) -> Pending<'_, ()>;

    /// A job by its number.
    fn job(&self, id: JobId) -> Pending<'_, Option<Job>>;

    /// How many jobs there are in each queue and state. Reads every row.
    fn counts(&self) -> Pending<'_, Vec<Count>>;
}

/// How many jobs of a queue are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// The queue.
    pub queue: String,
    /// The state.
    pub state: State,
    /// How many.
    pub jobs: u64,
}

impl Count {
    /// A count.
    pub fn new(queue: impl Into<String>, state: State, jobs: u64) -> Count {
        Count { queue: queue.into(), state, jobs }
    }
}

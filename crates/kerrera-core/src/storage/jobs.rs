//! Jobs on their way: insert, claim, ack, stage.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::Pending;
use crate::error::Result;
use crate::executor::InsertPlan;
use crate::fingerprint::Fingerprint;
use crate::job::{Job, JobId, Progress};
use crate::new_job::ValidJob;
use crate::state::{Attempt, Move, Stamp, State};
use crate::time::Timestamp;
use crate::token::ClaimToken;

/// Jobs on their way: insert, claim, ack, stage.
pub trait Jobs: Send + Sync {
    /// Inserts jobs, all or none, and gives them back in the same order.
    ///
    /// A unique job for which another counts as the same is not inserted, and that other is given
    /// back. When it returns, everything is committed.
    fn insert(&self, jobs: Vec<ValidJob>) -> Pending<'_, Vec<Inserted>>;

    /// Inserts jobs as [`insert`](Jobs::insert) does, and says only how many are new. For very many: a
    /// storage does it in its fastest way.
    fn load(&self, jobs: Vec<ValidJob>) -> Pending<'_, u64> {
        Box::pin(async move {
            let inserted = self.insert(jobs).await?;
            Ok(inserted.iter().filter(|end| end.is_new()).count() as u64)
        })
    }

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
    /// Each is written only if its row still carries its token and is executing, or was so until a
    /// [neighbour](super::Neighbours) took it for its age; the answers come in the same order. An error means that none of them need have been written, and that they may be
    /// tried again.
    fn ack(&self, acks: Vec<Ack>) -> Pending<'_, Vec<Acked>>;

    /// Writes how far runs are, each only if its row still carries its token and is executing, and
    /// names those that were written. A row that somebody else holds is passed over.
    fn report(&self, reports: Vec<Report>) -> Pending<'_, Vec<JobId>>;
    /// Looks at some of the claims of unique jobs, beginning after a mark, and forgets those whose job
    /// is gone for longer than any transaction lasts.
    fn sweep_claims(&self, after: Option<ClaimMark>, limit: u32) -> Pending<'_, Swept>;

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

impl Claim {
    /// What the jobs that it takes have as `attempted_by`: node, producer and token.
    pub fn attempted_by(&self) -> Arc<[String]> {
        let (node, token) = (self.node.as_ref().to_owned(), self.token.as_str().to_owned());
        [node, self.producer.to_string(), token].into()
    }
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
    /// Which attempt it was. A row under the claim's token that tells another was written before.
    pub attempt: i32,
    /// What becomes of it.
    pub outcome: Move,
    /// The failure to append to its errors.
    pub failure: Option<Failure>,
    /// Keys to set in its meta.
    pub meta: Option<Map<String, Value>>,
    /// The jobs to insert with it.
    pub then: Vec<ValidJob>,
    /// When the attempt began, if the row tells another time since a
    /// [refresh](super::Neighbours::refresh); `None` leaves it alone.
    pub began: Option<Timestamp>,
}

impl Ack {
    /// Whether it says that the job has completed and nothing else, as most do: a storage may have a
    /// leaner statement for these.
    pub fn is_plain(&self) -> bool {
        let Move { to, attempt, allow_one_more, wait, stamp, count } = self.outcome;
        to == State::Completed
            && attempt == Attempt::Keep
            && !allow_one_more
            && wait.is_none()
            && stamp == Stamp::End
            && count.is_none()
            && self.failure.is_none()
            && self.meta.is_none()
            && self.then.is_empty()
            && self.began.is_none()
    }
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
    /// What it has in common with its like.
    pub fingerprint: Option<Fingerprint>,
}

/// How far a run is, to be written.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which job.
    pub id: JobId,
    /// Under which claim.
    pub token: ClaimToken,
    /// How far it is.
    pub progress: Progress,
}

/// What became of an [`Ack`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acked {
    /// It is written.
    Written,
    /// It had been written before: an earlier call succeeded and its answer was lost.
    AlreadyWritten,
    /// Somebody cancelled the job while it ran; its failure, if any, was appended.
    Cancelled,
    /// The claim is no longer ours. Nothing was written, and nothing ever will be.
    Lost,
    /// The database will not hold what it says, for this reason: a value, a follow-up, a rule of the
    /// table's own. Nothing was written; the claim is still ours, and the others are not affected.
    Refused(Arc<str>),
}

/// A place among the claims of unique jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimMark {
    /// The key there.
    pub key: String,
    /// Which of the claims of this key.
    pub turn: i64,
}

/// What a sweep of claims did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many claims are forgotten.
    pub forgotten: u64,
    /// Where the next sweep goes on; `None` when everything has been looked at.
    pub next: Option<ClaimMark>,
}

/// What staging did and saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staged {
    /// How many jobs became available.
    pub count: u64,
    /// The queues in which there are available jobs, of those that were asked about, and those in
    /// which jobs became available just now.
    pub ready: Vec<String>,
    /// Another number than before if the [orders](super::Orders) for queues have changed.
    pub revision: i64,
}

/// What an insertion did.
///
/// ```
/// use kerrera_core::storage::Inserted;
///
/// fn say(inserted: &Inserted) {
///     match inserted {
///         Inserted::New(job) => println!("job {} waits", job.id),
///         other => println!("job {} is the same, and {}", other.job().id, other.job().state),
///     }
/// }
/// ```
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
    /// Whether the job was inserted.
    pub fn is_new(&self) -> bool {
        matches!(self, Inserted::New(_))
    }

    /// Whether another job counted as the same, so that nothing was inserted; Oban's `conflict?`.
    pub fn is_conflict(&self) -> bool {
        !self.is_new()
    }

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

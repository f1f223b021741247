//! What keeps the tables in order, and who does it.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::Pending;
use crate::job::JobId;
use crate::state::State;
use crate::time::Timestamp;

/// What keeps the tables in order, and who does it.
///
/// One process leads, so that the work is done once; but nothing depends on there being only one.
/// Each of these verbs takes rows in the order of their numbers, leaves those that somebody else
/// holds, and does nothing a second time.
pub trait Maintenance: Send + Sync {
    /// Whether Kerrera made the tables. False where another Oban did: then its finished jobs are
    /// that one's to keep or to delete.
    fn owns_tables(&self) -> bool {
        true
    }

    /// Asks for a seat, or to keep it. `held` is the term under which the caller believes to sit
    /// there; it then keeps the seat under that term or has lost it. Without, it takes a seat that is
    /// free, under a new term.
    fn lead(&self, candidate: Candidate, held: Option<i64>) -> Pending<'_, Lease>;

    /// Gives a seat up, and tells the others. Does nothing if it is held by somebody else by now.
    fn resign(&self, seat: Seat) -> Pending<'_, ()>;

    /// Who sits there, if anybody does.
    fn leader(&self, seat: Arc<str>) -> Pending<'_, Option<Leader>>;

    /// Deletes jobs that ended long enough ago, of a stretch of numbers.
    fn prune(&self, prune: Prune) -> Pending<'_, Pruned>;

    /// Frees jobs that other implementations claimed longer than `after` ago, at most `limit`.
    /// Kerrera's own are never among them.
    fn rescue_foreign(
        &self,
        seat: Seat,
        after: Duration,
        limit: u32,
    ) -> Pending<'_, Vec<(JobId, String, State)>>;

    /// Builds indexes of the table of jobs anew, beside the work that goes on, and removes what is left
    /// of attempts that broke off.
    fn reindex(&self, reindex: Reindex) -> Pending<'_, Reindexed>;
}

/// A process that wants a seat.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which seat.
    pub seat: Arc<str>,
    /// Random for every start, never used again. A node's name would not do: two processes can have
    /// the same.
    pub holder: Uuid,
    /// The node's name, for people.
    pub node: Arc<str>,
    /// For how long it wants to be sure of it.
    pub ttl: Duration,
}

impl Candidate {
    /// The seat under a term.
    pub fn seat(&self, term: i64) -> Seat {
        Seat { name: self.seat.clone(), holder: self.holder, term }
    }
}

/// A seat that somebody holds: what every write of a leader carries, and is nothing without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Which seat.
    pub name: Arc<str>,
    /// Who holds it.
    pub holder: Uuid,
    /// Grows each time that it is taken.
    pub term: i64,
}

/// The answer to a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The term under which the candidate sits there; `None` if it does not.
    pub term: Option<i64>,
    /// For how long that holds at least, or how long the other one can still be sure of it.
    pub remains: Duration,
}

/// Who leads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leader {
    /// The node's name.
    pub node: String,
    /// Since when.
    pub since: Timestamp,
    /// How many leaders there have been, with this one.
    pub term: i64,
}

impl Leader {
    /// A leader.
    pub fn new(node: impl Into<String>, since: Timestamp, term: i64) -> Leader {
        Leader { node: node.into(), since, term }
    }
}

/// What is to be pruned, in a stretch of numbers.
#[derive(Clone, Debug)]
pub struct Prune {
    /// Under which seat.
    pub seat: Seat,
    /// How long jobs are kept: the first rule that is about a job counts, and a job that no rule is
    /// about stays.
    pub rules: Arc<[KeepRule]>,
    /// Only jobs with a larger number are looked at.
    pub after: JobId,
    /// Only jobs with a number up to this one are looked at.
    pub upto: JobId,
    /// How many jobs are looked at.
    pub limit: u32,
}

/// How long jobs are kept after they ended; `None` is for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeepRule {
    /// Only jobs of this queue.
    pub queue: Option<String>,
    /// Only jobs of this worker.
    pub worker: Option<String>,
    /// After they completed.
    pub completed: Option<Duration>,
    /// After they were cancelled.
    pub cancelled: Option<Duration>,
    /// After they were discarded.
    pub discarded: Option<Duration>,
}

impl KeepRule {
    /// The shortest time after which a job can be deleted.
    pub fn shortest(&self) -> Option<Duration> {
        [self.completed, self.cancelled, self.discarded].into_iter().flatten().min()
    }
}

/// What pruning did and saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many jobs were deleted, by the state in which they had ended.
    pub deleted: Vec<(State, u64)>,
    /// The first number that there was.
    pub first: Option<JobId>,
    /// The last number that was looked at.
    pub last: Option<JobId>,
    /// Whether it was for the limit that no more were looked at; otherwise the stretch is over, or
    /// what follows is too young to be pruned.
    pub more: bool,
}

impl Pruned {
    /// How many jobs were deleted.
    pub fn count(&self) -> u64 {
        self.deleted.iter().map(|(_, count)| count).sum()
    }
}

/// What is to be built anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reindex {
    /// Which indexes.
    pub indexes: Indexes,
    /// How long each may take.
    pub timeout: Duration,
}

/// Some of the indexes of the table of jobs; never that of its primary key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Indexes {
    /// Kerrera's own.
    Ours,
    /// All that there are.
    All,
    /// Those with these names.
    These(Vec<String>),
}

impl Indexes {
    /// Whether an index of this name, ours or not, is among them.
    pub fn contain(&self, name: &str, is_ours: bool) -> bool {
        match self {
            Indexes::Ours => is_ours,
            Indexes::All => true,
            Indexes::These(names) => names.iter().any(|known| known == name),
        }
    }
}

/// What became of the indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reindexed {
    /// Those that were built anew.
    pub rebuilt: Vec<String>,
    /// What earlier attempts had left behind, and was removed.
    pub dropped: Vec<String>,
    /// Those that were not, and why.
    pub failed: Vec<(String, String)>,
    /// Why nothing at all was done.
    pub idle: Option<&'static str>,
}

//! Looking and managing.

use super::Pending;
use crate::job::{Job, JobId};
use crate::job_change::ValidChange;
use crate::job_query::{Condition, ValidQuery};
use crate::state::{Event, Position, State, decide};
use crate::token::ClaimToken;

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

    /// The jobs of a query, in its order. Whoever sets no limit gets all of them at once.
    fn jobs(&self, query: ValidQuery) -> Pending<'_, Vec<Job>>;

    /// How many jobs a query has, counting no further than its limit.
    fn count(&self, query: ValidQuery) -> Pending<'_, u64>;

    /// Does something to the jobs of a batch that allow it, in the order of their numbers, and names
    /// those that it was done to.
    ///
    /// Whether a job allows it, and whether the conditions hold, is asked with its row locked; what
    /// others hold is waited for. Fewer than the batch's limit means that there were no more.
    fn manage(&self, batch: Batch) -> Pending<'_, Vec<Managed>>;

    /// Changes a job, if nobody else holds its row.
    ///
    /// # Errors
    ///
    /// Among others what [`ValidChange::decide`] says.
    fn update(&self, id: JobId, change: ValidChange) -> Pending<'_, Updated>;

    /// Changes a job as [`update`](Operations::update) does, if it still is as it was seen in every
    /// part; `None` if it is not, and nothing is changed.
    fn update_seen(&self, seen: Box<Job>, change: ValidChange) -> Pending<'_, Option<Updated>>;

    /// How many jobs there are in each queue and state. Reads every row.
    fn counts(&self) -> Pending<'_, Vec<Count>>;
}

/// What can be done to jobs in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// They are not to run, or to stop.
    Cancel,
    /// They are to run again.
    Retry,
    /// They are given up for good, as those are that have failed too often.
    Discard,
    /// They are to be removed.
    Delete,
}

impl Operation {
    /// What happens to the job, in the words of the state machine; `None` where it is removed.
    pub fn event(self) -> Option<Event> {
        match self {
            Operation::Cancel => Some(Event::Cancelled),
            Operation::Retry => Some(Event::Retried),
            Operation::Discard => Some(Event::GivenUp),
            Operation::Delete => None,
        }
    }

    /// Whether a job in this state allows it: a running one is not removed, and the others are a
    /// matter of [`decide`].
    pub fn applies_to(self, state: State) -> bool {
        let at = Position { state, attempt: 1, max_attempts: 20 };
        match self.event() {
            Some(event) => decide(at, event).is_ok(),
            None => state != State::Executing,
        }
    }

    /// The states that allow it, and for which all conditions about states hold.
    pub fn states(self, conditions: &[Condition]) -> Vec<State> {
        let meant = |state: &State| {
            conditions.iter().all(|condition| match condition {
                Condition::States(states) => states.contains(state),
                _ => true,
            })
        };
        let states = State::ALL.into_iter().filter(|state| self.applies_to(*state));
        states.filter(meant).collect()
    }
}

/// Some of the jobs that something is to be done to.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What is to be done.
    pub operation: Operation,
    /// What must hold of them.
    pub conditions: Vec<Condition>,
    /// Only those with a greater number.
    pub after: Option<JobId>,
    /// How many at most.
    pub limit: u32,
}

/// A job to which something was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// Its number.
    pub id: JobId,
    /// Its queue.
    pub queue: String,
    /// The state that it was in.
    pub was: State,
    /// The token of its last claim, if Kerrera made it.
    pub token: Option<ClaimToken>,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Updated {
    /// The job is as it was to be.
    Changed(Box<Job>),
    /// There is no such job.
    NotFound,
    /// Another transaction holds it; nothing was changed. Try again when that has ended.
    Locked,
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

//! Looking and managing.

use super::Pending;
use crate::job::{Job, JobId};
use crate::state::State;

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

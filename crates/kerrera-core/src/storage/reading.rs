//! Looking at many jobs, for people.

use std::time::Duration;

use super::Pending;
use crate::job_query::ValidQuery;
use crate::listing::{Scan, Scanned};
use crate::tally::{OldestJob, QueueTally, Tally, WorkerTally};

/// Looking at many jobs, for people: by statements that only read, have a time after which the database
/// ends them, and share no connection with those that work.
///
/// `within` is that time for each statement; a call whose statement did not make it fails with
/// [`Error::is_timeout`](crate::Error::is_timeout).
pub trait Reading: Send + Sync {
    /// Some rows along an index.
    fn scan(&self, scan: Scan, within: Duration) -> Pending<'_, Scanned>;

    /// How many jobs a query has, counting no further than `most`; by an estimate, if counting takes
    /// longer than a part of `within`.
    fn tally(&self, query: ValidQuery, most: u32, within: Duration) -> Pending<'_, Tally>;

    /// How many jobs there are in each queue and state, those that there are any of. States that an
    /// index has are counted no further than `most` for a queue and a state, the others estimated by a
    /// part of the table, unless it is small.
    fn tallies(&self, most: u32, within: Duration) -> Pending<'_, Vec<QueueTally>>;

    /// How many jobs of each worker are available and executing in each queue; of either state no more
    /// than `most` jobs are looked at, and if there are more, all numbers of that state are capped.
    fn worker_tallies(&self, most: u32, within: Duration) -> Pending<'_, Vec<WorkerTally>>;

    /// Whether anything could be changed: not if the database was opened to be read only, is a standby, is
    /// set so, or does not let this user.
    fn is_writable(&self, within: Duration) -> Pending<'_, bool>;

    /// The oldest available job of each queue that has one.
    fn oldest(&self, within: Duration) -> Pending<'_, Vec<OldestJob>>;
}

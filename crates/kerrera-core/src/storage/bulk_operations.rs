//! Doing something to many jobs, over hours if need be.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{Batch, Managed, Pending, Seat};
use crate::audit::{Actor, AuditEntry};
use crate::bulk_operation::{BulkAction, BulkFailure, BulkOperation};
use crate::job::JobId;
use crate::job_query::{Condition, JobQuery, ValidQuery};
use crate::tally::Tally;

/// Doing something to many jobs, over hours if need be: what is to be done, by whom, and how far it is.
///
/// An operation is a row of `kerrera_operations`. What is done to some of its jobs and how far it then
/// is are written in one transaction, so each of them is looked at once, whoever dies meanwhile.
pub trait BulkOperations: Send + Sync {
    /// Writes an operation down, for all jobs that there are now, and the entry about it, if there is
    /// one, in the same transaction; its target becomes the operation's number.
    fn create_operation(
        &self,
        new: NewOperation,
        entry: Option<AuditEntry>,
    ) -> Pending<'_, BulkOperation>;

    /// Operations, the newest first: those with smaller numbers than `before`, at most `limit`. Those
    /// that this version cannot read are left out.
    fn operations(&self, before: Option<i64>, limit: u32) -> Pending<'_, Vec<BulkOperation>>;

    /// An operation by its number.
    fn operation(&self, id: i64) -> Pending<'_, Option<BulkOperation>>;

    /// Stops an operation that has not ended, and writes the entry about it in the same transaction;
    /// false, and nothing is written, if there is none.
    fn cancel_operation(&self, id: i64, entry: Option<AuditEntry>) -> Pending<'_, bool>;

    /// Takes the oldest operation that has not ended and that nobody is at, for this long; or the one
    /// of this number. One that cannot be read is failed, and the next is taken.
    fn lease_operation(&self, lease: OperationLease) -> Pending<'_, Option<BulkOperation>>;

    /// Does what is to be done to some jobs of an operation, and writes how far it is, in one
    /// transaction; `None`, and nothing is done, if it is no longer held, was stopped, or is further
    /// than the caller knows.
    fn step_operation(&self, step: OperationStep) -> Pending<'_, Option<Vec<Managed>>>;

    /// Removes operations that ended longer ago than this, at most `limit`, while the seat is held.
    fn prune_operations(&self, seat: Seat, age: Duration, limit: u32) -> Pending<'_, u64>;
}

/// An operation that is to be written down.
#[derive(Clone, Debug)]
pub struct NewOperation {
    /// What is to be done.
    pub action: BulkAction,
    /// To which jobs.
    pub query: JobQuery,
    /// Who wants it.
    pub by: Option<Actor>,
    /// Why; already safe to store.
    pub reason: Option<String>,
    /// How many jobs allow it.
    pub total: Option<Tally>,
}

/// Who wants to carry out an operation.
#[derive(Clone, Debug)]
pub struct OperationLease {
    /// Only this one.
    pub id: Option<i64>,
    /// Who; random, and never used by another.
    pub holder: Uuid,
    /// On which node.
    pub node: Arc<str>,
    /// For how long it is theirs if they write nothing.
    pub ttl: Duration,
}

/// Some jobs of an operation.
#[derive(Clone, Debug)]
pub struct OperationStep {
    /// Which operation.
    pub id: i64,
    /// What is to be done.
    pub action: BulkAction,
    /// The conditions of its query.
    pub conditions: Vec<Condition>,
    /// Who is at it.
    pub holder: Uuid,
    /// For how long it remains theirs.
    pub ttl: Duration,
    /// Up to which number jobs were looked at before.
    pub from: JobId,
    /// Up to which they are then.
    pub to: JobId,
    /// The jobs of the query between these.
    pub jobs: Vec<JobId>,
    /// Those to which it cannot be done, which are not tried again.
    pub failures: Vec<BulkFailure>,
    /// Why it ends, if it does.
    pub end: Option<OperationEnd>,
}

/// How an operation ends.
#[derive(Clone, Debug)]
pub struct OperationEnd {
    /// Why it cannot be carried out, if it cannot.
    pub error: Option<String>,
    /// What the log is told, if anything; the count is what was done in all.
    pub entry: Option<AuditEntry>,
}

impl OperationStep {
    /// The jobs that are tried.
    pub fn batch(&self) -> Batch {
        let failed = |job: &JobId| self.failures.iter().any(|failure| failure.job == *job);
        let ids: Vec<JobId> = self.jobs.iter().filter(|job| !failed(job)).copied().collect();
        let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let conditions = self.conditions.iter().cloned().chain(self.action.condition());
        let conditions = conditions.chain([Condition::Ids(ids)]).collect();
        Batch { operation: self.action.operation(), conditions, after: None, limit }
    }

    /// How many jobs did not allow it, if it was done to so many.
    pub fn skipped(&self, done: usize) -> u64 {
        self.jobs.len().saturating_sub(self.failures.len()).saturating_sub(done) as u64
    }
}

impl NewOperation {
    /// The query as it is stored.
    ///
    /// # Errors
    ///
    /// When it makes no sense.
    pub fn stored_query(&self) -> crate::Result<String> {
        let ValidQuery { .. } = self.query.clone().validate()?;
        serde_json::to_string(&self.query).map_err(|error| {
            let message = format!("the query cannot be kept: {error}");
            crate::Error::new(crate::error::Kind::Config, message)
        })
    }
}

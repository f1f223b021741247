//! Who did what: acting and telling of it in one transaction.

use std::time::Duration;

use serde_json::Value;

use super::{Batch, CronFiring, FiredSlot, Inserted, Managed, Order, Pending, Seat, Updated};
use crate::audit::{AuditEntry, AuditQuery, AuditRecord};
use crate::cron::CronEntry;
use crate::error::{Error, Kind};
use crate::job::{Job, JobId};
use crate::job_change::ValidChange;
use crate::new_job::ValidJob;

/// Who did what: acting and telling of it in one transaction.
///
/// The log is a table of its own, `kerrera_audit`. Nothing changes a row of it.
pub trait Audit: Send + Sync {
    /// Does what the verb of this name does, and writes the entry in the same transaction, with what
    /// was really changed; none if nothing was.
    ///
    /// What others are to be told is told as the verb does it.
    ///
    /// # Errors
    ///
    /// Those of the verb. Then nothing was done, and nothing is written.
    fn act(&self, command: Command, entry: AuditEntry) -> Pending<'_, Answer>;

    /// Writes an entry about something that changes no table, such as a look or a refusal.
    fn record_audit(&self, entry: AuditEntry) -> Pending<'_, ()>;

    /// The entries of a query, the newest first.
    fn audit(&self, query: AuditQuery) -> Pending<'_, Vec<AuditRecord>>;

    /// Removes the oldest entries, if they are older than this and the seat is still held; says how
    /// many. Looks at `limit` of them at most.
    fn prune_audit(&self, seat: Seat, age: Duration, limit: u32) -> Pending<'_, u64>;
}

/// Something that people do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// [`Jobs::insert`](super::Jobs::insert).
    Insert(Vec<ValidJob>),
    /// [`Operations::manage`](super::Operations::manage).
    Manage(Batch),
    /// [`Operations::update`](super::Operations::update).
    Update(JobId, ValidChange),
    /// [`Operations::update_seen`](super::Operations::update_seen).
    UpdateSeen(Box<Job>, ValidChange),
    /// [`Queues::order`](super::Queues::order).
    Order(Order),
    /// [`Crons::pause_cron`](super::Crons::pause_cron).
    PauseCron(String, bool),
    /// [`Crons::add_cron`](super::Crons::add_cron).
    AddCron(Box<CronEntry>),
    /// [`Crons::edit_cron`](super::Crons::edit_cron).
    EditCron(Box<CronEntry>),
    /// [`Crons::remove_cron`](super::Crons::remove_cron).
    RemoveCron(String),
    /// [`Crons::fire_cron`](super::Crons::fire_cron).
    FireCron(CronFiring),
}

/// What a [`Command`] gives back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// What the insertion did.
    Inserted(Vec<Inserted>),
    /// The jobs to which something was done.
    Managed(Vec<Managed>),
    /// What became of a change; `None` if the job was another than the one that was seen.
    Updated(Option<Updated>),
    /// The order is written.
    Ordered,
    /// Whether there is such an entry.
    Cron(bool),
    /// What was fired; `None` if there is no such entry.
    Fired(Option<Vec<FiredSlot>>),
}

impl Answer {
    /// The entry about it, with what was changed; `None` if nothing was.
    pub fn told(&self, entry: AuditEntry) -> Option<AuditEntry> {
        let changed = |inserted: &&Inserted| !matches!(inserted, Inserted::Existing(_));
        let (jobs, count): (Vec<JobId>, usize) = match self {
            Answer::Inserted(inserted) => {
                let jobs = inserted.iter().filter(changed).map(|inserted| inserted.job().id);
                let jobs: Vec<JobId> = jobs.collect();
                let count = jobs.len();
                (jobs, count)
            }
            Answer::Managed(managed) => (managed.iter().map(|job| job.id).collect(), managed.len()),
            Answer::Updated(Some(Updated::Changed(job))) => (vec![job.id], 1),
            Answer::Updated(_) => (Vec::new(), 0),
            Answer::Ordered => (Vec::new(), 1),
            Answer::Cron(found) => (Vec::new(), usize::from(*found)),
            Answer::Fired(fired) => {
                let jobs = fired.iter().flatten().filter_map(|slot| slot.job.as_ref());
                let jobs: Vec<JobId> = jobs.filter(changed).map(|job| job.job().id).collect();
                let count = fired.as_ref().map_or(0, Vec::len);
                (jobs, count)
            }
        };
        (count > 0).then(|| entry.jobs(jobs).count(count as u64).sanitised())
    }

    /// The error of a storage that answers something else than it was asked.
    pub fn unexpected(self) -> Error {
        let message = format!("the storage answered another question than it was asked: {self:?}");
        Error::new(Kind::Database, message)
    }
}

/// What stands in a column of the log, as the JSON that was written there; `null` if it is none.
pub fn read_value(text: Option<&str>) -> Option<Value> {
    text.map(|text| serde_json::from_str(text).unwrap_or_default())
}

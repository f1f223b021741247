//! Looking for jobs, and managing them.

use std::collections::BTreeSet;

use kerrera_core::audit::AuditEntry;
use kerrera_core::error::Kind;
use kerrera_core::job_query::Condition;
use kerrera_core::storage::{Answer, Batch, Command, Managed, Operation, Updated};
use kerrera_core::{Error, Job, JobChange, JobId, JobOrder, JobQuery, Place, Result, State};

use crate::acting;
use crate::client::Client;
use crate::telemetry::SignalFailed;

/// How many jobs one statement reads or changes.
const BATCH: u32 = 1_000;

/// What the audit log is told of a call that had nothing to do.
const NOTHING_TO_DO: &str = "no job that is meant allows it";

/// How often a job is looked at anew because it has changed before it could be changed.
const TRIES: usize = 10;

/// Looking for jobs, and managing them: on this node's own and on those of every other.
impl Client {
    /// The jobs of a query, in its order: Oban's `all_jobs`.
    ///
    /// One statement for a thousand jobs, without a lock. Without a limit all of them come, however
    /// many; they are read in pages, so jobs that change meanwhile may be seen before or after.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// use kerrera::{JobOrder, JobQuery};
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let client = Client::connect("sqlite::memory:").await?;
    /// let failed = JobQuery::new().states([State::Retryable, State::Discarded]);
    /// let newest = client.jobs(failed.order(JobOrder::Newest).limit(20)).await?;
    /// assert!(newest.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the query makes no sense ([`Error::is_config`]) or the database fails.
    pub async fn jobs(&self, query: JobQuery) -> Result<Vec<Job>> {
        let (most, mut page) = (query.most(), query);
        let mut jobs = Vec::new();
        loop {
            let left = most.map_or(u32::MAX, |most| most.saturating_sub(length(&jobs)));
            let limit = left.min(BATCH);
            if limit == 0 && !jobs.is_empty() {
                return Ok(jobs);
            }
            let found = self.storage().jobs(page.clone().limit(limit).validate()?).await?;
            let is_last = length(&found) < limit;
            jobs.extend(found);
            let Some(last) = jobs.last().filter(|_| !is_last) else { return Ok(jobs) };
            page = page.clone().after(page.place_of(last));
        }
    }

    /// How many jobs a query has, counting no further than its limit.
    ///
    /// One statement, without a lock. It reads what it counts: give a limit where there may be
    /// millions.
    ///
    /// # Errors
    ///
    /// As for [`jobs`](Client::jobs).
    pub async fn count_jobs(&self, query: JobQuery) -> Result<u64> {
        self.storage().count(query.validate()?).await
    }

    /// Cancels a job, wherever it is; gives back the state that it was in, and `None` if there is no
    /// such job or it had ended.
    ///
    /// When it returns, the job is cancelled. If it ran, its run is told to stop: here at once, on
    /// other nodes by a signal, and by their next sign of life where that is lost. The run's
    /// [`cancellation`](crate::Context::cancellation) fires, and it is dropped at its next await; then
    /// its error is added to the job, which stays cancelled.
    ///
    /// One statement, which locks the row.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn cancel_job(&self, id: JobId) -> Result<Option<State>> {
        self.operate_on(Operation::Cancel, id).await
    }

    /// Cancels all jobs of a query that have not ended, running ones as well; see
    /// [`cancel_job`](Client::cancel_job).
    ///
    /// A statement for each thousand jobs, in the order of their numbers, each a transaction of its
    /// own: an error leaves what came before it done. Conditions are asked again with each row locked;
    /// rows that somebody holds are waited for, up to the storage's limit.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// use kerrera::JobQuery;
    /// use serde_json::json;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let client = Client::connect("sqlite::memory:").await?;
    /// client.insert(NewJob::of("Mailer", json!({"user": {"id": 7}}))).await?;
    /// let theirs = JobQuery::new().workers(["Mailer"]).args(json!({"user": {"id": 7}}));
    /// let cancelled = client.cancel_jobs(theirs).await?;
    /// assert_eq!((cancelled.count(), cancelled.count_of(State::Available)), (1, 1));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the query makes no sense, has an order other than that of the numbers, or the database
    /// fails.
    pub async fn cancel_jobs(&self, query: JobQuery) -> Result<Affected> {
        self.operate(Operation::Cancel, query).await
    }

    /// Makes a job available at once, from any state but `available` and `executing`; gives back the
    /// state that it was in, and `None` if there was nothing to do.
    ///
    /// Its attempts and errors stay; if its attempts are used up it gets one more. Nodes that work its
    /// queue are told. One statement, which locks the row.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn retry_job(&self, id: JobId) -> Result<Option<State>> {
        self.operate_on(Operation::Retry, id).await
    }

    /// Makes all jobs of a query available that are neither that nor running; see
    /// [`retry_job`](Client::retry_job), and [`cancel_jobs`](Client::cancel_jobs) for what it costs.
    ///
    /// # Errors
    ///
    /// As for [`cancel_jobs`](Client::cancel_jobs).
    pub async fn retry_jobs(&self, query: JobQuery) -> Result<Affected> {
        self.operate(Operation::Retry, query).await
    }

    /// Gives up a job for good that waits, as those are that have failed too often; gives back the state
    /// that it was in, and `None` if there is no such job, it runs, or it has ended.
    ///
    /// Unlike a cancelled job it counts as a failure. A retry makes it available again. One statement,
    /// which locks the row.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// use serde_json::json;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let client = Client::connect("sqlite::memory:").await?;
    /// let id = client.insert(NewJob::of("Mailer", json!({}))).await?.job().id;
    /// assert_eq!(client.discard_job(id).await?, Some(State::Available));
    /// assert_eq!(client.discard_job(id).await?, None);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn discard_job(&self, id: JobId) -> Result<Option<State>> {
        self.operate_on(Operation::Discard, id).await
    }

    /// Gives up all jobs of a query that wait; see [`discard_job`](Client::discard_job), and
    /// [`cancel_jobs`](Client::cancel_jobs) for what it costs.
    ///
    /// # Errors
    ///
    /// As for [`cancel_jobs`](Client::cancel_jobs).
    pub async fn discard_jobs(&self, query: JobQuery) -> Result<Affected> {
        self.operate(Operation::Discard, query).await
    }

    /// Removes a job that does not run; gives back the state that it was in, and `None` if there is no
    /// such job or it runs.
    ///
    /// One statement, which locks the row.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn delete_job(&self, id: JobId) -> Result<Option<State>> {
        self.operate_on(Operation::Delete, id).await
    }

    /// Removes all jobs of a query that do not run; see [`cancel_jobs`](Client::cancel_jobs) for what
    /// it costs.
    ///
    /// # Errors
    ///
    /// As for [`cancel_jobs`](Client::cancel_jobs).
    pub async fn delete_jobs(&self, query: JobQuery) -> Result<Affected> {
        self.operate(Operation::Delete, query).await
    }

    /// Changes a job, and says whether it is there and was free to be changed.
    ///
    /// A running attempt keeps what it was given, and its end is written as ever; the change reaches
    /// the next attempt. A short transaction, which locks the row and waits for nobody.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// use kerrera::{JobChange, Updated};
    /// use serde_json::json;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let client = Client::connect("sqlite::memory:").await?;
    /// let id = client.insert(NewJob::of("Mailer", json!({}))).await?.job().id;
    /// let Updated::Changed(job) = client.update_job(id, JobChange::new().priority(3)).await? else {
    ///     panic!("it is gone, or somebody holds it");
    /// };
    /// assert_eq!(job.priority, 3);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the change breaks a rule ([`Error::is_invalid_job`]), of insertion or of the state that the
    /// job is in: see [`JobChange::schedule_at`] and [`JobChange::max_attempts`]. Nothing is changed
    /// then. And when the database fails.
    pub async fn update_job(&self, id: JobId, change: JobChange) -> Result<Updated> {
        let change = change.validate(self.limits())?;
        let Some(entry) = self.entry("job.update", "job", "") else {
            let updated = self.storage().update(id, change).await?;
            return Ok(self.updated(updated));
        };
        let entry = entry.jobs([id]);
        let updated = self.act_on_job(Command::Update(id, change), entry).await?;
        Ok(self.updated(updated.unwrap_or(Updated::NotFound)))
    }

    /// Changes a job by what it is: the function sees it, and says what is to be changed.
    ///
    /// No lock is held while it does. If the job has changed in between, in whatever part, nothing is
    /// written, and the function is called again with what is there now. Each time costs a look, and a
    /// short transaction which locks the row and waits for nobody.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// use kerrera::{JobChange, Updated};
    /// use serde_json::json;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let client = Client::connect("sqlite::memory:").await?;
    /// let id = client.insert(NewJob::of("Mailer", json!({})).tags(["a"])).await?.job().id;
    /// let tagged = |job: &Job| {
    ///     JobChange::new().tags(job.tags.iter().cloned().chain(["b".to_owned()]))
    /// };
    /// let Updated::Changed(job) = client.update_job_with(id, tagged).await? else {
    ///     panic!("it is gone, or somebody holds it");
    /// };
    /// assert_eq!(job.tags, ["a", "b"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`update_job`](Client::update_job), and when the job was another one each of ten times.
    pub async fn update_job_with(
        &self,
        id: JobId,
        mut change: impl FnMut(&Job) -> JobChange,
    ) -> Result<Updated> {
        for _ in 0..TRIES {
            let Some(job) = self.storage().job(id).await? else { return Ok(Updated::NotFound) };
            let change = change(&job);
            if let Some(updated) = self.update_job_seen(job, change).await? {
                return Ok(updated);
            }
        }
        let message = format!(
            "job {id} was not changed: {TRIES} times it was another one before the change could be \
             written; try again"
        );
        Err(Error::new(Kind::Conflict, message))
    }

    /// Changes a job as it was seen: `None`, and nothing is written, if it has changed since, in whatever
    /// part.
    ///
    /// A short transaction, which locks the row and waits for nobody.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// use kerrera::JobChange;
    /// use serde_json::json;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let client = Client::connect("sqlite::memory:").await?;
    /// let seen = client.insert(NewJob::of("Mailer", json!({}))).await?.job().clone();
    /// let urgent = JobChange::new().priority(0).tags(["urgent"]);
    /// assert!(client.update_job_seen(seen.clone(), urgent.clone()).await?.is_some());
    /// assert!(client.update_job_seen(seen, urgent).await?.is_none(), "it has other tags now");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`update_job`](Client::update_job).
    pub async fn update_job_seen(&self, seen: Job, change: JobChange) -> Result<Option<Updated>> {
        let change = change.validate(self.limits())?;
        let id = seen.id;
        let updated = match self.entry("job.update", "job", "") {
            None => self.storage().update_seen(Box::new(seen), change).await?,
            Some(entry) => {
                let command = Command::UpdateSeen(Box::new(seen), change);
                self.act_on_job(command, entry.jobs([id])).await?
            }
        };
        Ok(updated.map(|updated| self.updated(updated)))
    }

    async fn act_on_job(&self, command: Command, entry: AuditEntry) -> Result<Option<Updated>> {
        let updated = match self.act(command, entry.clone()).await? {
            Answer::Updated(updated) => updated,
            other => return Err(other.unexpected()),
        };
        match &updated {
            Some(Updated::NotFound) => self.refused(Some(entry), "there is no such job").await?,
            Some(Updated::Locked) => self.refused(Some(entry), "somebody else holds it").await?,
            _ => {}
        }
        Ok(updated)
    }

    /// Wakes those who can run it now.
    fn updated(&self, updated: Updated) -> Updated {
        if let Updated::Changed(job) = &updated
            && job.state == State::Available
        {
            self.wake(&job.queue);
        }
        updated
    }

    async fn operate_on(&self, operation: Operation, id: JobId) -> Result<Option<State>> {
        let entry = self.entry(action(operation), "job", "").map(|entry| entry.jobs([id]));
        let (conditions, limit) = (vec![Condition::Ids(vec![id])], 1);
        let batch = Batch { operation, conditions, after: None, limit };
        let managed = self.manage(batch, entry.clone()).await?;
        if managed.is_empty() {
            self.refused(entry, NOTHING_TO_DO).await?;
        }
        Ok(managed.first().map(|job| job.was))
    }

    async fn operate(&self, operation: Operation, query: JobQuery) -> Result<Affected> {
        let entry =
            self.entry(action(operation), "job", "").map(|entry| match entry.target.is_empty() {
                true => entry.target("job", acting::words(&query)),
                false => entry,
            });
        let mut query = query.validate()?;
        if query.order != JobOrder::Oldest {
            let message = "jobs are cancelled, retried and deleted in the order of their numbers: \
                           leave the order out of the query";
            return Err(Error::new(Kind::Config, message));
        }
        let mut affected = Affected::default();
        let mut left = query.limit.unwrap_or(u32::MAX);
        let mut after = query.after.map(Place::id);
        let mut chunks = long_list(&mut query.conditions);
        loop {
            let mut conditions = query.conditions.clone();
            let (limit, is_listed) = match chunks.as_mut().map(Iterator::next) {
                None => (left.min(BATCH), false),
                Some(None) => break,
                Some(Some(ids)) => {
                    conditions.push(Condition::Ids(ids));
                    (left.min(BATCH), true)
                }
            };
            let batch = Batch { operation, conditions, after, limit };
            let managed = self.manage(batch, entry.clone()).await?;
            let count = managed.len() as u32;
            after = managed.last().map(|job| job.id).or(after);
            left -= count.min(left);
            affected.jobs.extend(managed.into_iter().map(|job| (job.id, job.was)));
            if left == 0 || (!is_listed && count < limit) {
                break;
            }
        }
        if affected.jobs.is_empty() {
            self.refused(entry, NOTHING_TO_DO).await?;
        }
        Ok(affected)
    }

    /// Manages a batch, and tells those whom it concerns.
    async fn manage(&self, batch: Batch, entry: Option<AuditEntry>) -> Result<Vec<Managed>> {
        let operation = batch.operation;
        let managed = match entry {
            None => self.storage().manage(batch).await?,
            Some(entry) => match self.act(Command::Manage(batch), entry).await? {
                Answer::Managed(managed) => managed,
                other => return Err(other.unexpected()),
            },
        };
        self.managed(operation, &managed).await;
        Ok(managed)
    }

    /// Tells those whom it concerns that something was done to jobs.
    pub(crate) async fn managed(&self, operation: Operation, managed: &[Managed]) {
        match operation {
            Operation::Cancel => self.stop_runs(managed).await,
            Operation::Retry => self.wake_all(managed.iter().map(|job| job.queue.as_str())),
            Operation::Discard | Operation::Delete => {}
        }
    }

    async fn stop_runs(&self, cancelled: &[Managed]) {
        let running = || cancelled.iter().filter(|job| job.was == State::Executing);
        for job in running() {
            self.stop_local(job.id, job.token);
        }
        let ids: Vec<JobId> = running().map(|job| job.id).collect();
        if ids.is_empty() {
            return;
        }
        // Awaited, for the program may end next. Those who miss it see it at their next beat.
        if let Err(error) = self.storage().stop_jobs(ids).await {
            self.telemetry().emit(SignalFailed { error: error.to_string() });
        }
    }
}

/// What became of a call that was about many jobs: each that was changed, and the state that it was in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    jobs: Vec<(JobId, State)>,
}

impl Affected {
    /// How many jobs.
    pub fn count(&self) -> usize {
        self.jobs.len()
    }

    /// How many of them were in this state.
    pub fn count_of(&self, state: State) -> usize {
        self.jobs.iter().filter(|(_, was)| *was == state).count()
    }

    /// The numbers of the jobs and the states that they were in, in the order of the numbers.
    pub fn jobs(&self) -> &[(JobId, State)] {
        &self.jobs
    }

    /// The numbers of the jobs, in order.
    pub fn ids(&self) -> impl Iterator<Item = JobId> {
        self.jobs.iter().map(|(id, _)| *id)
    }
}

/// What the audit log calls it.
pub(crate) fn action(operation: Operation) -> &'static str {
    match operation {
        Operation::Cancel => "job.cancel",
        Operation::Retry => "job.retry",
        Operation::Discard => "job.discard",
        Operation::Delete => "job.delete",
    }
}

/// Takes a list of numbers that is longer than a batch out of the conditions, and gives it back in
/// parts: sent whole with each of a thousand statements it would be most of what is sent.
fn long_list(conditions: &mut Vec<Condition>) -> Option<std::vec::IntoIter<Vec<JobId>>> {
    let is_long = |condition: &Condition| matches!(condition, Condition::Ids(ids) if ids.len() > BATCH as usize);
    let at = conditions.iter().position(is_long)?;
    let Condition::Ids(ids) = conditions.swap_remove(at) else { return None };
    let sorted: BTreeSet<JobId> = ids.into_iter().collect();
    let sorted: Vec<JobId> = sorted.into_iter().collect();
    let chunks: Vec<Vec<JobId>> = sorted.chunks(BATCH as usize).map(<[JobId]>::to_vec).collect();
    Some(chunks.into_iter())
}

fn length<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

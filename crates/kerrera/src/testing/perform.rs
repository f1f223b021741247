//! Running a worker's code without a queue.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::{
    ClaimToken, Error, Job, JobId, Json, Limits, NewJob, Result, Schedule, State, Timestamp, Uuid,
    ValidJob,
};
use serde_json::Value;

use super::faults::Fault;
use super::runner::{NODE, Runner};
use crate::runtime::executor::VALUE;

/// What a run without a queue ended with; made by
/// [`TestKit::perform_job`](super::TestKit::perform_job).
///
/// It is what an engine would write, and nothing of it has been written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Performed {
    /// What would become of the job: `completed`, `retryable`, `scheduled` after a snooze,
    /// `discarded` or `cancelled`.
    pub state: State,
    /// What would be appended to its errors: the error, the panic, the timeout or the reason.
    pub error: Option<String>,
    /// How long it would wait for its next run.
    pub wait: Option<Duration>,
    /// What it gives back.
    pub value: Option<Value>,
    /// The jobs that would be inserted with its completion.
    pub then: Vec<ValidJob>,
}

/// Makes a job as a worker would be given it, from a worker's value or a [`NewJob`]; nothing is
/// inserted. Its args and meta have been through JSON, its number is new, and it is on its first
/// attempt.
///
/// ```
/// use kerrera::prelude::*;
/// use kerrera::testing::build_job;
///
/// #[derive(Serialize, Deserialize, Worker)]
/// #[worker(queue = "mailers")]
/// struct SendWelcomeEmail { user_id: i64 }
///
/// # fn main() -> kerrera::Result<()> {
/// let job = build_job(SendWelcomeEmail { user_id: 7 })?;
/// assert_eq!((job.queue.as_str(), job.attempt), ("mailers", 1));
/// assert_eq!(job.args.as_str(), r#"{"user_id":7}"#);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// When the job breaks a rule, as for an insertion.
pub fn build_job(job: impl Into<NewJob>) -> Result<Job> {
    build(job.into(), &Limits::default(), Timestamp::now())
}

fn build(job: NewJob, limits: &Limits, now: Timestamp) -> Result<Job> {
    /// Beyond 32 bits, so that a worker that has no room for a number is found out.
    static LAST: AtomicI64 = AtomicI64::new(1 << 31);

    let new = job.validate(limits)?;
    let mut job = Job::blank(LAST.fetch_add(1, Ordering::Relaxed));
    job.state = State::Executing;
    job.queue = new.queue;
    job.worker = new.worker;
    job.args = new.args;
    job.meta = new.meta;
    job.tags = new.tags;
    job.attempt = 1;
    job.max_attempts = new.max_attempts;
    job.priority = new.priority;
    let token = ClaimToken::random();
    job.attempted_by =
        [NODE.to_owned(), Uuid::new_v4().to_string(), token.as_str().to_owned()].into();
    job.inserted_at = now;
    job.scheduled_at = match new.schedule {
        Schedule::Now => now,
        Schedule::In(wait) => now + wait,
        Schedule::At(time) => time,
    };
    job.attempted_at = Some(now);
    Ok(job)
}

/// A job about to be performed; made by [`TestKit::perform_job`](super::TestKit::perform_job), and
/// begun by `.await`.
#[must_use = "nothing runs until it is awaited"]
pub struct PerformJob<'k, S> {
    runner: &'k Runner<S>,
    job: Result<Job>,
}

impl<'k, S: Send + Sync + 'static> PerformJob<'k, S> {
    pub(super) fn new(runner: &'k Runner<S>, job: NewJob) -> PerformJob<'k, S> {
        let job = build(job, runner.client.limits(), runner.now());
        PerformJob { runner, job }
    }

    /// Which attempt it is; the first by default.
    pub fn attempt(self, attempt: i32) -> Self {
        self.with(|job| job.attempt = attempt)
    }

    /// Its number; a new one by default.
    pub fn id(self, id: JobId) -> Self {
        self.with(|job| job.id = id)
    }

    /// What else is kept with it, such as `{"snoozed": 2}`.
    pub fn meta(self, meta: Value) -> Self {
        self.with(|job| job.meta = Json::from(meta))
    }

    /// Changes anything of the job, which is as [`build_job`] makes it.
    pub fn with(mut self, change: impl FnOnce(&mut Job)) -> Self {
        if let Ok(job) = &mut self.job {
            change(job);
        }
        self
    }

    async fn run(self) -> Result<Performed> {
        let job = self.job?;
        let token = job.claim_token().unwrap_or_else(ClaimToken::random);
        let ended = self.runner.execute(job, token, Fault::None).await?;
        let ack = ended.ok_or_else(|| Error::new(Kind::Closed, "the run was cut off"))?.ack;
        Ok(Performed {
            state: ack.outcome.to,
            error: ack.failure.map(|failure| failure.error),
            wait: ack.outcome.wait,
            value: ack.meta.and_then(|mut meta| meta.remove(VALUE)),
            then: ack.then,
        })
    }
}

impl<'k, S: Send + Sync + 'static> IntoFuture for PerformJob<'k, S> {
    type Output = Result<Performed>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Performed>> + Send + 'k>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<S> fmt::Debug for PerformJob<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerformJob").field("job", &self.job).finish_non_exhaustive()
    }
}

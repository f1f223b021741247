//! What a run of a job ends with.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::error::Cause;
use crate::failure;
use crate::new_job::NewJob;

/// What `perform` returns: an [`Outcome`], or an error, after which the job is tried again.
pub type JobResult = Result<Outcome, JobError>;

/// The end of a run that did not fail.
///
/// Made by [`done`], [`snooze`], [`cancel`] and [`discard`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The work is done.
    Done(Done),
    /// The job is to run again after this long; it costs no attempt.
    Snooze(Duration),
    /// The job is to end as cancelled, for this reason.
    Cancel(String),
    /// The job is to end as discarded, for this reason.
    Discard(String),
}

/// The end of a job that succeeded.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Done {
    /// What it gives back, if anything: kept in `meta` under `k_value`.
    pub value: Option<serde_json::Value>,
    /// The jobs to be inserted in the statement that completes this one.
    pub then: Vec<NewJob>,
}

/// The work is done.
///
/// ```
/// use kerrera_core::outcome::{done, JobResult};
///
/// fn run() -> JobResult { done() }
/// # assert!(run().is_ok());
/// ```
pub fn done() -> JobResult {
    Ok(Outcome::Done(Done::default()))
}

/// The job runs again after `wait`; it costs no attempt.
///
/// `meta.snoozed` counts how often.
pub fn snooze(wait: Duration) -> JobResult {
    Ok(Outcome::Snooze(wait))
}

/// The job ends as cancelled: it will not be needed, for this reason.
pub fn cancel(reason: impl fmt::Display) -> JobResult {
    Ok(Outcome::Cancel(reason.to_string()))
}

/// The job ends as discarded, attempts left or not, for this reason.
pub fn discard(reason: impl fmt::Display) -> JobResult {
    Ok(Outcome::Discard(reason.to_string()))
}

/// What can be said after [`done`].
pub trait AndThen {
    /// Inserts `next` in the same statement that completes this job: either both happen or neither.
    ///
    /// If `next` breaks the rules of insertion, the job fails with that error and is tried again.
    ///
    /// ```
    /// use kerrera_core::outcome::{done, AndThen, JobResult};
    /// # use kerrera_core::Worker;
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Resize { image: i64 }
    /// # impl Worker for Resize { const NAME: &'static str = "Resize"; }
    ///
    /// fn run() -> JobResult { done().then(Resize { image: 3 }) }
    /// # assert!(run().is_ok());
    /// ```
    fn then(self, next: impl Into<NewJob>) -> JobResult;

    /// Keeps a value with the completed job, in `meta` under `k_value`; at most 16 KiB of JSON.
    ///
    /// A value that cannot be written as JSON makes the run an error.
    fn value(self, value: impl Serialize) -> JobResult;
}

impl AndThen for JobResult {
    fn then(mut self, next: impl Into<NewJob>) -> JobResult {
        if let Ok(Outcome::Done(done)) = &mut self {
            done.then.push(next.into());
        }
        self
    }

    fn value(mut self, value: impl Serialize) -> JobResult {
        if let Ok(Outcome::Done(done)) = &mut self {
            done.value = Some(serde_json::to_value(value)?);
        }
        self
    }
}

/// A failure of a run, made from any error by `?`, or from text.
///
/// By itself it means: try again after the worker's back-off, while attempts are left. It may carry
/// another policy.
///
/// It does not implement [`std::error::Error`], so that every type that does can become one.
///
/// ```
/// use kerrera_core::outcome::{done, JobError, JobResult};
/// use kerrera_core::Units;
///
/// fn fetch(status: u16) -> JobResult {
///     match status {
///         200 => done(),
///         410 => Err(JobError::from("it is gone").cancel()),
///         429 => Err(JobError::from("too many requests").retry_in(30.seconds())),
///         _ => Err(format!("the service said {status}").into()),
///     }
/// }
/// # assert!(fetch(200).is_ok());
/// ```
pub struct JobError {
    cause: Cause,
    policy: Policy,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// The worker's back-off.
    Retry,
    /// A wait of its own.
    RetryIn(Duration),
    /// The job ends as cancelled.
    Cancel,
    /// The job ends as discarded.
    Discard,
}

impl JobError {
    /// Try again after this long, instead of the worker's back-off.
    #[must_use]
    pub fn retry_in(mut self, wait: Duration) -> JobError {
        self.policy = Policy::RetryIn(wait);
        self
    }

    /// End the job as cancelled: no attempt will mend it.
    #[must_use]
    pub fn cancel(mut self) -> JobError {
        self.policy = Policy::Cancel;
        self
    }

    /// End the job as discarded: no attempt will mend it.
    #[must_use]
    pub fn discard(mut self) -> JobError {
        self.policy = Policy::Discard;
        self
    }

    /// What follows.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The error that it was made from.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }
}

impl<E: Into<Cause>> From<E> for JobError {
    fn from(error: E) -> JobError {
        JobError { cause: error.into(), policy: Policy::Retry }
    }
}

impl fmt::Display for JobError {
    /// The error and its causes, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&failure::describe(self.cause.as_ref()))
    }
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobError({:?}, {:?})", self.policy, self.cause)
    }
}

/// Puts a policy on an error on its way through `?`.
///
/// ```
/// use kerrera_core::outcome::{done, JobResult, OrElse};
///
/// fn run(text: &str) -> JobResult {
///     let _number: i64 = text.parse().or_cancel()?;   // no attempt will mend it
///     done()
/// }
/// # assert!(run("7").is_ok());
/// ```
pub trait OrElse<T> {
    /// An error ends the job as cancelled.
    ///
    /// # Errors
    ///
    /// The same error, with the policy.
    fn or_cancel(self) -> Result<T, JobError>;

    /// An error ends the job as discarded.
    ///
    /// # Errors
    ///
    /// The same error, with the policy.
    fn or_discard(self) -> Result<T, JobError>;

    /// An error is tried again after `wait`.
    ///
    /// # Errors
    ///
    /// The same error, with the policy.
    fn or_retry_in(self, wait: Duration) -> Result<T, JobError>;
}

impl<T, E: Into<JobError>> OrElse<T> for Result<T, E> {
    fn or_cancel(self) -> Result<T, JobError> {
        self.map_err(|error| error.into().cancel())
    }

    fn or_discard(self) -> Result<T, JobError> {
        self.map_err(|error| error.into().discard())
    }

    fn or_retry_in(self, wait: Duration) -> Result<T, JobError> {
        self.map_err(|error| error.into().retry_in(wait))
    }
}

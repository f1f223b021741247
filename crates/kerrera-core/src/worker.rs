//! What a worker declares about its jobs.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backoff;
use crate::job::Job;
use crate::new_job::NewJob;
use crate::time::Timestamp;
use crate::unique::Unique;

/// A kind of job: its fields are the job's args, its constants the job's defaults.
///
/// The crate `kerrera` derives it; by hand it is this:
///
/// ```
/// use kerrera_core::{Units, Worker};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct SendWelcomeEmail { user_id: i64 }
///
/// impl Worker for SendWelcomeEmail {
///     const NAME: &'static str = "SendWelcomeEmail";
///     const QUEUE: &'static str = "mailers";
///     const MAX_ATTEMPTS: u32 = 3;
/// }
///
/// let job = SendWelcomeEmail { user_id: 7 }.schedule_in(1.hour());
/// # let _ = job;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a worker",
    label = "this is no worker's type",
    note = "add `#[derive(Serialize, Deserialize, Worker)]` to `{Self}`, or implement `kerrera::Worker` by hand"
)]
pub trait Worker: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name under which jobs are stored, up to 127 characters.
    ///
    /// It outlives the program: after a rename, the rows under the old name wait for a worker that
    /// has it.
    const NAME: &'static str;
    /// The queue of a job that names none.
    const QUEUE: &'static str = "default";
    /// How many attempts a job has unless it says otherwise.
    const MAX_ATTEMPTS: u32 = 20;
    /// The priority of a job that names none: 0 is claimed first, 9 last.
    const PRIORITY: u8 = 0;
    /// The tags of every job, to which a job adds its own.
    const TAGS: &'static [&'static str] = &[];
    /// What it does, for people who look at its jobs; the derive takes the type's documentation.
    const DESCRIPTION: &'static str = "";
    /// Who looks after it.
    const OWNER: Option<&'static str> = None;
    /// The address where more is written about it.
    const DOCS: Option<&'static str> = None;
    /// The paths in its args that are private, such as `card.number`: who looks at jobs sees nothing of
    /// what is there, unless they may.
    const SENSITIVE: &'static [&'static str] = &[];

    /// How long a run may take; `None`, the default, sets no limit.
    ///
    /// At the timeout the run's cancellation token fires; a run that goes on is aborted at its next
    /// await after [the engine's grace]. The attempt has then failed. A run that never awaits cannot
    /// be aborted: it keeps its slot, and its claim, until it ends.
    ///
    /// [the engine's grace]: https://docs.rs/kerrera/latest/kerrera/struct.Tuning.html
    fn timeout(job: &Job) -> Option<Duration> {
        let _ = job;
        None
    }

    /// How long a failed job waits before its next attempt.
    ///
    /// The default is [`backoff::exponential_with_jitter`].
    fn backoff(job: &Job) -> Duration {
        backoff::exponential_with_jitter(job.attempt, job.max_attempts)
    }

    /// How long after its timeout a run that does not end is given up; `None`, the default, never.
    ///
    /// A run that is given up goes on: its slot and its claim are taken away, and the next attempt
    /// can begin while it still runs. **Two runs of one job may overlap.** Set it only where that is
    /// harmless.
    fn abandon_after() -> Option<Duration> {
        None
    }

    /// Which of its jobs count as the same, so that only one of them is inserted; `None`, the
    /// default, inserts all.
    ///
    /// ```
    /// use kerrera_core::unique::{Unique, until_finished};
    /// use kerrera_core::Worker;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct SyncAccount { user_id: i64, reason: String }
    ///
    /// impl Worker for SyncAccount {
    ///     const NAME: &'static str = "SyncAccount";
    ///
    ///     fn uniqueness() -> Option<Unique> {
    ///         Some(until_finished().by_keys(["user_id"]))
    ///     }
    /// }
    /// ```
    fn uniqueness() -> Option<Unique> {
        None
    }

    /// The job, to be changed before it is inserted.
    fn job(self) -> NewJob
    where
        Self: Sized,
    {
        NewJob::from(self)
    }

    /// The job, to be run once this long from its insertion has passed.
    fn schedule_in(self, wait: Duration) -> NewJob
    where
        Self: Sized,
    {
        self.job().schedule_in(wait)
    }

    /// The job, to be run at that time.
    fn schedule_at(self, time: impl Into<Timestamp>) -> NewJob
    where
        Self: Sized,
    {
        self.job().schedule_at(time)
    }

    /// The job, in another queue than its worker's.
    fn queue(self, queue: impl Into<String>) -> NewJob
    where
        Self: Sized,
    {
        self.job().queue(queue)
    }

    /// The job, with another priority than its worker's: 0 is claimed first, 9 last.
    fn priority(self, priority: u8) -> NewJob
    where
        Self: Sized,
    {
        self.job().priority(priority)
    }

    /// The job, with another number of attempts than its worker's.
    fn max_attempts(self, attempts: u32) -> NewJob
    where
        Self: Sized,
    {
        self.job().max_attempts(attempts)
    }

    /// The job, to be inserted only if no job counts as the same by this rule, which stands in the
    /// place of its worker's own.
    fn unique(self, rule: impl Into<Option<Unique>>) -> NewJob
    where
        Self: Sized,
    {
        self.job().unique(rule)
    }
}

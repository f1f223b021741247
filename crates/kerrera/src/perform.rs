//! What a worker does, and what it is given for it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use kerrera_core::{ClaimToken, Job, JobResult, Progress, Worker};

use crate::cancellation::Cancellation;
use crate::client::Client;
use crate::runtime::Node;

/// What a worker does with its jobs; `S` is the application's state.
///
/// ```
/// use kerrera::prelude::*;
///
/// struct App { greeting: &'static str }
///
/// #[derive(Serialize, Deserialize, Worker)]
/// struct Greet { name: String }
///
/// impl Perform<App> for Greet {
///     async fn perform(&self, cx: &Context<App>) -> JobResult {
///         println!("{} {}", cx.state().greeting, self.name);
///         done()
///     }
/// }
/// ```
///
/// A library that brings workers asks for the part of the state that they need, and each
/// application says where it is:
///
/// ```
/// use kerrera::prelude::*;
///
/// # #[derive(Clone)]
/// pub struct Mailer { /* … */ }
///
/// #[derive(Serialize, Deserialize, Worker)]
/// pub struct Send { to: String }
///
/// impl<S: AsRef<Mailer> + std::marker::Send + Sync + 'static> Perform<S> for Send {
///     async fn perform(&self, cx: &Context<S>) -> JobResult {
///         let _mailer: &Mailer = cx.state().as_ref();
///         done()
///     }
/// }
///
/// struct App { mailer: Mailer }
///
/// impl AsRef<Mailer> for App {
///     fn as_ref(&self) -> &Mailer { &self.mailer }
/// }
/// # fn registered(builder: kerrera::Builder<App>) { let _ = builder.worker::<Send>(); }
/// ```
#[diagnostic::on_unimplemented(
    message = "the worker `{Self}` does not say what it does with the state `{S}`",
    label = "`Perform<{S}>` is missing for this worker",
    note = "write `impl Perform<{S}> for {Self}`; if it performs with another state, pass that one to `Builder::state` before the workers"
)]
pub trait Perform<S = ()>: Worker {
    /// Does the job's work; written as a plain `async fn`.
    ///
    /// Return [`done`](crate::done), [`snooze`](crate::snooze), [`cancel`](crate::cancel),
    /// [`discard`](crate::discard) or an error, after which the job is tried again while attempts are
    /// left. A panic is a failure like an error.
    ///
    /// The future is dropped at an await when the run is to stop (see
    /// [`Context::cancellation`]); work that must not be cut there belongs into a task of its own.
    /// Work that blocks belongs into [`tokio::task::spawn_blocking`]: a run that blocks its thread keeps up what
    /// that thread would have done next, such as fifteen other short runs.
    fn perform(&self, cx: &Context<S>) -> impl Future<Output = JobResult> + Send;
}

/// What a run is given: the job, the state, and the means to do more.
pub struct Context<S = ()> {
    pub(crate) job: Arc<Job>,
    pub(crate) token: ClaimToken,
    pub(crate) state: Arc<S>,
    pub(crate) cancellation: Cancellation,
    pub(crate) node: Arc<Node>,
}

impl<S> Context<S> {
    /// The job as it was claimed: its attempt, its queue, its meta.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The application's state.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// Says when the run is to stop: it timed out, it was cancelled, or the node shuts down.
    pub fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }

    /// Inserts more jobs.
    ///
    /// The next step of a flow belongs to [`then`](crate::AndThen::then) instead: this one inserts
    /// again when the job is tried again.
    pub fn client(&self) -> &Client {
        &self.node.client
    }

    /// Says how far the run is: `done` of `total`, and what that is about.
    ///
    /// It is kept in the job's meta, where [`Job::progress`] finds it. Call it as often as you like:
    /// it costs a lock of this process, and at most once a second the last word of every run on the
    /// node is written in one statement; the very last is written with the run's end. A run that has
    /// lost its claim writes nothing.
    ///
    /// ```
    /// # struct Row;
    /// # async fn import(cx: &kerrera::Context, rows: Vec<Row>) -> kerrera::JobResult {
    /// for (at, row) in rows.iter().enumerate() {
    ///     // …
    ///     cx.progress(at as u64 + 1, rows.len() as u64, "rows imported");
    /// }
    /// # kerrera::done()
    /// # }
    /// ```
    pub fn progress(&self, done: u64, total: u64, note: impl AsRef<str>) {
        let progress = Progress::new(done, total, note.as_ref());
        self.node.reports.hand_in(self.job.id, self.token, progress);
    }

    /// A key that is the same for every attempt of this job and for no other job.
    ///
    /// For services that do a thing once per key: a payment, a mail.
    pub fn idempotency_key(&self) -> String {
        format!("{}-{:x}", self.job.id, self.job.inserted_at.as_micros())
    }

    /// The token of this claim: another for every attempt, written to the row.
    ///
    /// A store of the application's own can keep it to refuse what a run does that has lost its
    /// claim.
    pub fn claim_token(&self) -> ClaimToken {
        self.token
    }
}

impl<S> fmt::Debug for Context<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("job", &self.job).finish_non_exhaustive()
    }
}

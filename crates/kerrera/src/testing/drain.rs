//! Running the jobs of one queue, to count how they end.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use kerrera_core::{Result, State, Timestamp};

use super::runner::{Runner, Shift};

/// How runs ended; made by [`TestKit::drain_queue`](super::TestKit::drain_queue) and its like.
///
/// ```
/// use kerrera::testing::Drained;
///
/// let drained = Drained { success: 2, ..Drained::default() };
/// assert_eq!(drained.total(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// How many were cancelled.
    pub cancelled: u32,
    /// How many were discarded, those that failed for the last time included.
    pub discard: u32,
    /// How many failed and may be tried again.
    pub failure: u32,
    /// How many were snoozed.
    pub snoozed: u32,
    /// How many completed.
    pub success: u32,
    /// How many were cut off by a crash: see
    /// [`TestKitBuilder::faults`](super::TestKitBuilder::faults).
    pub crashed: u32,
    /// The workers whose jobs were left alone, because the kit does not know them; by name.
    pub unknown: Vec<String>,
}

impl Drained {
    /// How many runs there were.
    pub fn total(&self) -> u32 {
        let ended = self.cancelled + self.discard + self.failure + self.snoozed + self.success;
        ended + self.crashed
    }

    pub(super) fn count(&mut self, state: State) {
        let counter = match state {
            State::Cancelled => &mut self.cancelled,
            State::Discarded => &mut self.discard,
            State::Retryable => &mut self.failure,
            State::Scheduled => &mut self.snoozed,
            State::Completed => &mut self.success,
            // Given back: it has not ended.
            State::Suspended | State::Available | State::Executing => return,
        };
        *counter += 1;
    }

    pub(super) fn leave(&mut self, worker: &str) {
        if let Err(at) = self.unknown.binary_search_by(|name| name.as_str().cmp(worker)) {
            self.unknown.insert(at, worker.to_owned());
        }
    }
}

/// Which jobs are run before their time; made from `true`, `false` or a [`Timestamp`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithScheduled {
    /// None.
    #[default]
    No,
    /// Every scheduled and retryable one.
    All,
    /// Those that are scheduled until then.
    Until(Timestamp),
}

impl From<bool> for WithScheduled {
    fn from(all: bool) -> WithScheduled {
        if all { WithScheduled::All } else { WithScheduled::No }
    }
}

impl From<Timestamp> for WithScheduled {
    fn from(until: Timestamp) -> WithScheduled {
        WithScheduled::Until(until)
    }
}

/// The jobs of a queue, about to be run; made by
/// [`TestKit::drain_queue`](super::TestKit::drain_queue), and begun by `.await`.
#[must_use = "nothing runs until it is awaited"]
pub struct Drain<'k, S> {
    runner: &'k Runner<S>,
    queue: String,
    limit: u32,
    recursion: bool,
    safety: bool,
    scheduled: WithScheduled,
}

impl<'k, S: Send + Sync + 'static> Drain<'k, S> {
    pub(super) fn new(runner: &'k Runner<S>, queue: String) -> Drain<'k, S> {
        let (limit, scheduled) = (u32::MAX, WithScheduled::No);
        Drain { runner, queue, limit, recursion: false, safety: true, scheduled }
    }

    /// Runs at most so many; with recursion, at most so many at a time. Without it, all of them.
    pub fn with_limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// Whether jobs that come into the queue meanwhile are run too, until none is left; no by default.
    pub fn with_recursion(mut self, recursion: bool) -> Self {
        self.recursion = recursion;
        self
    }

    /// Whether a run that fails is but counted; yes by default. If not, the first one that fails,
    /// panics or is discarded ends the draining with an error
    /// ([`Error::is_job_failed`](crate::Error::is_job_failed)), once that has been written.
    pub fn with_safety(mut self, safety: bool) -> Self {
        self.safety = safety;
        self
    }

    /// Whether scheduled and retryable jobs are run before their time: all (`true`), or those that
    /// are scheduled until a time. None by default.
    pub fn with_scheduled(mut self, scheduled: impl Into<WithScheduled>) -> Self {
        self.scheduled = scheduled.into();
        self
    }

    async fn run(self) -> Result<Drained> {
        let mut shift = Shift::default();
        let result = self.rounds(&mut shift).await;
        self.runner.end(shift, result).await
    }

    async fn rounds(&self, shift: &mut Shift) -> Result<()> {
        let runner = self.runner;
        loop {
            let before = shift.drained.total();
            let until = match self.scheduled {
                WithScheduled::No => None,
                WithScheduled::All => Some(None),
                WithScheduled::Until(time) => Some(Some(time)),
            };
            match until {
                Some(until) => {
                    runner.storage().bring_forward(self.queue.as_str().into(), until).await?;
                }
                None => runner.stage().await?,
            }
            runner.drain(shift, &self.queue, self.limit, self.safety).await?;
            if !self.recursion || shift.drained.total() == before {
                return Ok(());
            }
            runner.check_end(&shift.drained)?;
        }
    }
}

impl<'k, S: Send + Sync + 'static> IntoFuture for Drain<'k, S> {
    type Output = Result<Drained>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Drained>> + Send + 'k>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<S> fmt::Debug for Drain<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("queue", &self.queue).finish_non_exhaustive()
    }
}

//! From a run that has ended to what is told of it.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::storage::Ack;
use kerrera_core::{Job, State};

use super::{Ending, Event, FailureKind, JobException, JobStart, JobStop};

/// A run that has ended; told when that has been written.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) job: Arc<Job>,
    pub(crate) duration: Duration,
    pub(crate) ending: Ending,
    /// In which way it failed, if it did.
    pub(crate) failed: Option<FailureKind>,
}

impl Ran {
    /// How long its job waited.
    pub(crate) fn waited(&self) -> Duration {
        queue_time(&self.job)
    }

    /// What is told of a run whose job is now in the state `to`.
    pub(crate) fn told(&self, ack: &Ack, to: State) -> Event {
        let (job, duration, queue_time) = (self.job.clone(), self.duration, queue_time(&self.job));
        let words = ack.failure.as_ref().map(|failure| failure.error.clone());
        match self.failed {
            // Somebody cancelled the job while it ran; then it does not matter how the run ended.
            _ if to == State::Cancelled => {
                let state = Ending::Cancelled;
                JobStop { job, state, to, duration, queue_time, reason: words }.into()
            }
            None => {
                let state = self.ending;
                JobStop { job, state, to, duration, queue_time, reason: words }.into()
            }
            Some(kind) => {
                let (state, error) = (self.ending, words.unwrap_or_default());
                JobException { job, state, to, duration, queue_time, kind, error }.into()
            }
        }
    }
}

impl JobStart {
    pub(crate) fn of(job: &Arc<Job>) -> JobStart {
        JobStart { job: job.clone(), queue_time: queue_time(job) }
    }
}

/// How long a job waited between the time when it could have run and its claim, by the database's
/// clock.
fn queue_time(job: &Job) -> Duration {
    job.attempted_at.map_or(Duration::ZERO, |at| at.since(job.scheduled_at))
}

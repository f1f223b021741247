//! How an engine stops: first it waits, then it asks, then it stops waiting.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Shutdown {
    cancel_grace: Duration,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Claims have stopped; what runs may end until then.
    Draining(Instant),
    /// What runs has been told to stop, and is dropped at its next await then.
    Cancelling(Instant),
    /// What has not ended by now is left.
    Left,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Fire the jobs' cancellation tokens.
    Cancel,
    /// Drop the jobs that are still awaiting something, and give them back.
    Abort,
    /// Stop waiting. Whatever still runs keeps its claim until the process ends.
    Finish,
}

impl Shutdown {
    /// How long a dropped job may take to be cleared away.
    const LAST: Duration = Duration::from_millis(500);

    pub(crate) fn begin(now: Instant, grace: Duration, cancel_grace: Duration) -> Shutdown {
        Shutdown { cancel_grace, phase: Phase::Draining(now + grace) }
    }

    /// When it wants to be asked again, at the latest.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Draining(end) | Phase::Cancelling(end) => Some(end),
            Phase::Left => None,
        }
    }

    /// Asked when a job ended and when time is up.
    pub(crate) fn step(&mut self, now: Instant, running: usize) -> Option<Effect> {
        match self.phase {
            _ if running == 0 => Some(Effect::Finish),
            Phase::Draining(end) if now >= end => {
                self.phase = Phase::Cancelling(now + self.cancel_grace);
                Some(Effect::Cancel)
            }
            Phase::Cancelling(end) if now >= end => {
                self.phase = Phase::Left;
                Some(Effect::Abort)
            }
            Phase::Draining(_) | Phase::Cancelling(_) => None,
            Phase::Left => Some(Effect::Finish),
        }
    }

    /// How long to wait after an abort for what it frees.
    pub(crate) fn last_wait(&self) -> Duration {
        Shutdown::LAST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_then_asks_then_leaves() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut shutdown = Shutdown::begin(start, second * 15, second);
        assert_eq!(shutdown.step(start, 2), None);
        let end = shutdown.wakes_at().unwrap();
        assert_eq!(end, start + second * 15);
        assert_eq!(shutdown.step(end, 2), Some(Effect::Cancel));
        assert_eq!(shutdown.step(end, 1), None);
        assert_eq!(shutdown.step(end + second, 1), Some(Effect::Abort));
        assert_eq!(shutdown.step(end + second, 1), Some(Effect::Finish));
    }

    #[test]
    fn ends_as_soon_as_nothing_runs() {
        let now = Instant::now();
        let mut shutdown = Shutdown::begin(now, Duration::from_secs(15), Duration::ZERO);
        assert_eq!(shutdown.step(now, 0), Some(Effect::Finish));
    }
}

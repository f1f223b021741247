//! When old records are removed: those of the audit log, of failures, and of operations.

use std::time::{Duration, Instant};

use super::retry::Retry;

#[derive(Debug)]
pub(crate) struct Archivist {
    retry: Retry,
    next: Instant,
}

/// How a round went.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// What was looked at is removed.
    Removed {
        /// There may be more of it.
        more: bool,
    },
    /// The database did not answer.
    Failed {
        /// Between 0 and 1.
        jitter: f64,
    },
}

impl Archivist {
    /// How many records one statement looks at.
    pub(crate) const STRETCH: u32 = 1_000;
    const BETWEEN_STRETCHES: Duration = Duration::from_secs(1);
    const BETWEEN_ROUNDS: Duration = Duration::from_secs(3_600);

    pub(crate) fn new(now: Instant) -> Archivist {
        Archivist { retry: Retry::default(), next: now + Archivist::BETWEEN_STRETCHES }
    }

    /// When the next statement is.
    pub(crate) fn wakes_at(&self) -> Instant {
        self.next
    }

    pub(crate) fn step(&mut self, now: Instant, event: Event) {
        let wait = match event {
            Event::Removed { more } => {
                self.retry.succeeded();
                if more { Archivist::BETWEEN_STRETCHES } else { Archivist::BETWEEN_ROUNDS }
            }
            Event::Failed { jitter } => self.retry.failed(jitter),
        };
        self.next = now + wait;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_goes_on_until_nothing_is_old_and_the_next_is_an_hour_away() {
        let now = Instant::now();
        let mut archivist = Archivist::new(now);
        archivist.step(now, Event::Removed { more: true });
        assert_eq!(archivist.wakes_at(), now + Archivist::BETWEEN_STRETCHES);
        archivist.step(now, Event::Failed { jitter: 0.5 });
        assert!(archivist.wakes_at() < now + Archivist::BETWEEN_ROUNDS);
        archivist.step(now, Event::Removed { more: false });
        assert_eq!(archivist.wakes_at(), now + Archivist::BETWEEN_ROUNDS);
    }
}

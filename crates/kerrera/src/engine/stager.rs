//! When due jobs are made available, and the waiting ones looked for.

use std::time::{Duration, Instant};

use super::retry::Retry;

#[derive(Debug)]
pub(crate) struct Stager {
    interval: Duration,
    limit: u32,
    retry: Retry,
    next: Instant,
}

/// How a round went.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// This many jobs became available.
    Staged(u64),
    /// The database did not answer.
    Failed {
        /// Between 0 and 1.
        jitter: f64,
    },
}

impl Stager {
    pub(crate) fn new(now: Instant, interval: Duration, limit: u32) -> Stager {
        Stager { interval, limit, retry: Retry::default(), next: now }
    }

    /// When the next round is.
    pub(crate) fn wakes_at(&self) -> Instant {
        self.next
    }

    pub(crate) fn step(&mut self, now: Instant, event: Event) {
        self.next = match event {
            // More are due than one round moves.
            Event::Staged(count) if count >= u64::from(self.limit) => now,
            Event::Staged(_) => {
                self.retry.succeeded();
                now + self.interval
            }
            Event::Failed { jitter } => now + self.retry.failed(jitter),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_round_is_followed_at_once_by_another() {
        let now = Instant::now();
        let mut stager = Stager::new(now, Duration::from_secs(1), 100);
        assert_eq!(stager.wakes_at(), now);
        stager.step(now, Event::Staged(100));
        assert_eq!(stager.wakes_at(), now);
        stager.step(now, Event::Staged(99));
        assert_eq!(stager.wakes_at(), now + Duration::from_secs(1));
        stager.step(now, Event::Failed { jitter: 0.5 });
        assert_eq!(stager.wakes_at(), now + Duration::from_millis(100));
    }
}

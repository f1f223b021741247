//! When the claims of unique jobs are looked through for those whose jobs are gone.
//!
//! Such a claim hurts nobody, it only takes room; so a round is slow, and the next one is far away.

use std::time::{Duration, Instant};

use kerrera_core::storage::{ClaimMark, Swept};

use super::retry::Retry;

#[derive(Debug)]
pub(crate) struct Sweeper {
    after: Option<ClaimMark>,
    retry: Retry,
    next: Instant,
}

/// How a sweep went.
#[derive(Debug)]
pub(crate) enum Event {
    Swept(Swept),
    /// The database did not answer.
    Failed {
        /// Between 0 and 1.
        jitter: f64,
    },
}

impl Sweeper {
    /// How many claims are looked at in one statement.
    pub(crate) const STRETCH: u32 = 1_000;
    const BETWEEN_STRETCHES: Duration = Duration::from_secs(1);
    const BETWEEN_ROUNDS: Duration = Duration::from_secs(600);

    pub(crate) fn new(now: Instant) -> Sweeper {
        Sweeper { after: None, retry: Retry::default(), next: now + Sweeper::BETWEEN_STRETCHES }
    }

    /// When the next sweep is.
    pub(crate) fn wakes_at(&self) -> Instant {
        self.next
    }

    /// Where it begins.
    pub(crate) fn after(&self) -> Option<ClaimMark> {
        self.after.clone()
    }

    pub(crate) fn step(&mut self, now: Instant, event: Event) {
        let wait = match event {
            Event::Swept(swept) => {
                self.retry.succeeded();
                self.after = swept.next;
                match self.after {
                    Some(_) => Sweeper::BETWEEN_STRETCHES,
                    None => Sweeper::BETWEEN_ROUNDS,
                }
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
    fn a_round_goes_on_where_it_was_and_the_next_begins_anew() {
        let now = Instant::now();
        let mut sweeper = Sweeper::new(now);
        let mark = ClaimMark { key: "k".to_owned(), turn: 7 };
        let more = Swept { forgotten: 3, next: Some(mark.clone()) };
        sweeper.step(now, Event::Swept(more));
        assert_eq!(sweeper.after(), Some(mark.clone()));
        assert_eq!(sweeper.wakes_at(), now + Sweeper::BETWEEN_STRETCHES);
        sweeper.step(now, Event::Failed { jitter: 0.5 });
        assert_eq!(sweeper.after(), Some(mark));
        sweeper.step(now, Event::Swept(Swept::default()));
        assert_eq!(sweeper.after(), None);
        assert_eq!(sweeper.wakes_at(), now + Sweeper::BETWEEN_ROUNDS);
    }
}

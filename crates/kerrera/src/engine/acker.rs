//! When ended runs are written, and how many at a time.
//!
//! A write takes everything that has gathered while the writes before it were under way, and never
//! waits for company: an idle acker writes at once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::retry::Retry;

/// Gathers items of any kind into batches.
#[derive(Debug)]
pub(crate) struct Acker<T> {
    waiting: VecDeque<T>,
    writing: usize,
    writers: usize,
    batch: usize,
    retry: Retry,
    not_before: Option<Instant>,
}

/// Something that an acker hears of.
#[derive(Debug)]
pub(crate) enum Event<T> {
    /// Runs have ended: some at once, then some more.
    Ended(Vec<Vec<T>>),
    /// A batch was written.
    Written,
    /// A batch could not be written now; here it is back.
    Failed {
        /// The batch.
        batch: Vec<T>,
        /// Between 0 and 1.
        jitter: f64,
    },
    /// The wait is over.
    Tick,
}

impl<T> Acker<T> {
    /// One that has at most `writers` writes under way, of at most `batch` items each.
    pub(crate) fn new(writers: usize, batch: usize) -> Acker<T> {
        Acker {
            waiting: VecDeque::new(),
            writing: 0,
            writers,
            batch,
            retry: Retry::default(),
            not_before: None,
        }
    }

    /// Whether everything has been written.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.writing == 0
    }

    /// Whether a write could begin. While none can, runs that have ended need not be heard of, each by
    /// itself.
    pub(crate) fn has_room(&self) -> bool {
        self.writing < self.writers
    }

    /// When it wants a [`Event::Tick`].
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.not_before
    }

    /// The batch to write now, if any. Called until it gives none.
    pub(crate) fn step(&mut self, now: Instant, event: Event<T>) -> Option<Vec<T>> {
        match event {
            Event::Ended(ends) => ends.into_iter().for_each(|items| self.waiting.extend(items)),
            Event::Tick => {}
            Event::Written => {
                self.writing = self.writing.saturating_sub(1);
                self.retry.succeeded();
                self.not_before = None;
            }
            Event::Failed { batch, jitter } => {
                self.writing = self.writing.saturating_sub(1);
                for item in batch.into_iter().rev() {
                    self.waiting.push_front(item);
                }
                let wait: Duration = self.retry.failed(jitter);
                self.not_before = Some(now + wait);
            }
        }
        if self.waiting.is_empty() || !self.has_room() {
            return None;
        }
        if self.not_before.is_some_and(|time| now < time) {
            return None;
        }
        self.not_before = None;
        self.writing += 1;
        let count = self.waiting.len().min(self.batch);
        Some(self.waiting.drain(..count).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writes_at_once_when_idle_and_gathers_while_it_writes() {
        let (mut acker, now) = (Acker::new(1, 3), Instant::now());
        assert_eq!(acker.step(now, Event::Ended(vec![vec![1]])), Some(vec![1]));
        assert_eq!(acker.step(now, Event::Ended(vec![vec![2, 3]])), None);
        assert_eq!(acker.step(now, Event::Ended(vec![vec![4, 5]])), None);
        assert_eq!(acker.step(now, Event::Written), Some(vec![2, 3, 4]));
        assert_eq!(acker.step(now, Event::Written), Some(vec![5]));
        assert_eq!(acker.step(now, Event::Written), None);
        assert!(acker.is_idle());
    }

    #[test]
    fn a_batch_that_failed_is_written_again_after_a_wait() {
        let (mut acker, now) = (Acker::new(1, 3), Instant::now());
        let batch = acker.step(now, Event::Ended(vec![vec![1, 2]])).unwrap();
        assert_eq!(acker.step(now, Event::Failed { batch, jitter: 0.0 }), None);
        assert_eq!(acker.step(now, Event::Ended(vec![vec![3]])), None);
        let again = acker.wakes_at().unwrap();
        assert_eq!(acker.step(again, Event::Tick), Some(vec![1, 2, 3]));
    }

    proptest! {
        #[test]
        fn every_item_is_written_once_whatever_fails(
            script in proptest::collection::vec(0..4u8, 0..300),
        ) {
            let mut now = Instant::now();
            let mut acker = Acker::new(2, 5);
            let (mut next, mut written) = (0, Vec::new());
            let mut under_way: VecDeque<Vec<u32>> = VecDeque::new();
            let finish = std::iter::repeat_n(2, 400);
            for what in script.into_iter().chain(finish) {
                now += Duration::from_secs(11);
                let event = match (what, under_way.pop_front()) {
                    (2, Some(batch)) => { written.extend(batch); Event::Written }
                    (3, Some(batch)) => Event::Failed { batch, jitter: 1.0 },
                    (0, put_back) => {
                        under_way.extend(put_back);
                        next += 1;
                        Event::Ended(vec![vec![next]])
                    }
                    (_, put_back) => { under_way.extend(put_back); Event::Tick }
                };
                let mut step = acker.step(now, event);
                while let Some(batch) = step {
                    prop_assert!(!batch.is_empty() && batch.len() <= 5);
                    under_way.push_back(batch);
                    step = acker.step(now, Event::Tick);
                }
                prop_assert!(under_way.len() <= 2);
            }
            prop_assert!(acker.is_idle());
            written.sort_unstable();
            prop_assert_eq!(written, (1..=next).collect::<Vec<_>>());
        }
    }
}

//! Jobs that were claimed before there was a slot for them, so that a small queue of short jobs need
//! not wait for the database between any two of them.
//!
//! What is in stock is kept from the other nodes, so it is bounded by time: no more than what the
//! queue's slots begin within a span, going by how long such jobs took before, and nothing of workers
//! that have not been measured or take longer. What was not begun in time after all is given back, and
//! for a while nothing is claimed ahead. Neither is a job in stock on its last attempt: if this process
//! died now, that attempt would be lost without a run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kerrera_core::JobId;
use kerrera_core::storage::Floor;

/// Claimed jobs that wait for a slot, in the order of the queue.
#[derive(Debug)]
pub(crate) struct Stock<T> {
    span: Duration,
    waiting: BTreeMap<Floor, Waiting<T>>,
    /// What the waiting jobs take together.
    work: Duration,
    /// The earliest end of a job's time; at times of one that is gone already.
    ends: Option<Instant>,
    /// Nothing is claimed ahead before this.
    not_before: Option<Instant>,
    pause: Duration,
}

#[derive(Debug)]
struct Waiting<T> {
    item: T,
    takes: Duration,
    ends: Instant,
}

/// What is known of a claimed job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    /// Its place in the queue.
    pub(crate) place: Floor,
    /// How long jobs of its worker take, if that has been measured.
    pub(crate) takes: Option<Duration>,
    /// Whether there is no attempt after this one.
    pub(crate) is_last_attempt: bool,
}

impl<T> Stock<T> {
    /// A job is given back when it has waited for so many spans: the estimate was wrong.
    const PATIENCE: u32 = 5;
    /// How long nothing is claimed ahead after something had to be given back, and the longest.
    const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
    /// What a run is taken to need at least; it has to be started and written.
    const LEAST: Duration = Duration::from_micros(20);

    /// A stock of what can be begun within this span; none if that is zero.
    pub(crate) fn new(span: Duration) -> Stock<T> {
        Stock {
            span,
            waiting: BTreeMap::new(),
            work: Duration::ZERO,
            ends: None,
            not_before: None,
            pause: Stock::<T>::PAUSES.0,
        }
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }

    /// How many jobs to hold in stock, for so many slots whose runs take so long.
    pub(crate) fn size(&self, now: Instant, slots: u32, takes: Option<Duration>) -> u32 {
        let Some(takes) = takes else { return 0 };
        if takes > self.span || self.not_before.is_some_and(|time| now < time) {
            return 0;
        }
        let each = takes.max(Stock::<T>::LEAST).as_nanos();
        let size = self.span.as_nanos() * u128::from(slots) / each;
        u32::try_from(size).unwrap_or(u32::MAX)
    }

    /// Puts a job in stock for one of so many slots, or hands it back at once.
    pub(crate) fn put(&mut self, now: Instant, slots: u32, offer: Offer, item: T) -> Result<(), T> {
        let takes = match offer.takes {
            Some(takes) if takes <= self.span && !offer.is_last_attempt => takes,
            _ => return Err(self.hand_back(now, item)),
        };
        let takes = takes.max(Stock::<T>::LEAST);
        if self.work + takes > self.span * slots {
            return Err(self.hand_back(now, item));
        }
        let ends = now + self.span * Stock::<T>::PATIENCE;
        self.ends = Some(self.ends.map_or(ends, |first| first.min(ends)));
        self.work += takes;
        self.waiting.insert(offer.place, Waiting { item, takes, ends });
        Ok(())
    }

    /// The next job to begin.
    pub(crate) fn take(&mut self) -> Option<T> {
        let (_, waiting) = self.waiting.pop_first()?;
        self.work = self.work.saturating_sub(waiting.takes);
        if self.waiting.is_empty() {
            // All went as expected.
            self.pause = (self.pause / 2).max(Stock::<T>::PAUSES.0);
            self.ends = None;
        }
        Some(waiting.item)
    }

    /// A job that has waited too long. Asked until there is none.
    pub(crate) fn overdue(&mut self, now: Instant) -> Option<T> {
        if self.ends.is_none_or(|ends| now < ends) {
            return None;
        }
        let late = self.waiting.iter().find(|(_, waiting)| waiting.ends <= now);
        let Some(place) = late.map(|(place, _)| *place) else {
            self.ends = self.waiting.values().map(|waiting| waiting.ends).min();
            return None;
        };
        let waiting = self.waiting.remove(&place)?;
        self.work = self.work.saturating_sub(waiting.takes);
        Some(self.hand_back(now, waiting.item))
    }

    /// When a job will have waited too long.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.ends.filter(|_| !self.waiting.is_empty())
    }

    /// Everything; nothing is in stock afterwards.
    pub(crate) fn clear(&mut self) -> Vec<T> {
        (self.work, self.ends) = (Duration::ZERO, None);
        std::mem::take(&mut self.waiting).into_values().map(|waiting| waiting.item).collect()
    }

    /// Takes this job out, wherever it stands.
    pub(crate) fn remove(&mut self, id: JobId) -> Option<T> {
        let place = self.waiting.keys().find(|place| place.id == id).copied()?;
        let waiting = self.waiting.remove(&place)?;
        self.work = self.work.saturating_sub(waiting.takes);
        Some(waiting.item)
    }

    fn hand_back(&mut self, now: Instant, item: T) -> T {
        // What comes back in one breath counts once.
        if self.not_before.is_none_or(|time| time <= now) {
            self.not_before = Some(now + self.pause);
            self.pause = (self.pause * 2).min(Stock::<T>::PAUSES.1);
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerrera_core::Timestamp;
    use proptest::prelude::*;

    const SPAN: Duration = Duration::from_millis(50);
    const MS: Duration = Duration::from_millis(1);

    fn offer(priority: i32, id: i64, takes: Option<Duration>) -> Offer {
        let place = Floor { priority, scheduled_at: Timestamp::MIN, id };
        Offer { place, takes, is_last_attempt: false }
    }

    #[test]
    fn as_many_are_in_stock_as_are_begun_within_the_span() {
        let (stock, now) = (Stock::<i64>::new(SPAN), Instant::now());
        assert_eq!(stock.size(now, 10, None), 0, "nothing is known");
        assert_eq!(stock.size(now, 10, Some(MS)), 500);
        assert_eq!(stock.size(now, 10, Some(SPAN)), 10);
        assert_eq!(stock.size(now, 10, Some(SPAN + MS)), 0, "they take too long");
        assert_eq!(stock.size(now, 10, Some(Duration::ZERO)), 25_000, "a run is never for nothing");
        assert_eq!(Stock::<i64>::new(Duration::ZERO).size(now, 10, Some(MS)), 0);
    }

    #[test]
    fn the_order_is_the_queues_whenever_they_came() {
        let (mut stock, now) = (Stock::new(SPAN), Instant::now());
        for (priority, id) in [(1, 1), (1, 2), (0, 3)] {
            stock.put(now, 10, offer(priority, id, Some(MS)), id).unwrap();
        }
        assert_eq!([stock.take(), stock.take(), stock.take()], [Some(3), Some(1), Some(2)]);
        assert_eq!(stock.take(), None);
    }

    #[test]
    fn what_would_wait_too_long_or_is_not_known_or_has_no_other_attempt_is_handed_back() {
        let (mut stock, now) = (Stock::new(SPAN), Instant::now());
        assert_eq!(stock.put(now, 1, offer(0, 1, Some(30 * MS)), 1), Ok(()));
        assert_eq!(stock.put(now, 1, offer(0, 2, Some(30 * MS)), 2), Err(2), "the second waits 60");
        assert_eq!(stock.put(now, 1, offer(0, 3, None), 3), Err(3));
        let last = Offer { is_last_attempt: true, ..offer(0, 4, Some(MS)) };
        assert_eq!(stock.put(now, 1, last, 4), Err(4));
        assert_eq!(
            stock.size(now, 1, Some(MS)),
            0,
            "and nothing more is claimed ahead for a while"
        );
        assert_eq!(stock.size(now + 100 * MS, 1, Some(MS)), 50);
    }

    #[test]
    fn what_was_not_begun_in_time_is_given_back_and_the_pauses_grow() {
        let (mut stock, mut now) = (Stock::new(SPAN), Instant::now());
        for pause in [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000] {
            stock.put(now, 10, offer(0, 1, Some(MS)), 1).unwrap();
            stock.put(now + MS, 10, offer(0, 2, Some(MS)), 2).unwrap();
            assert_eq!(stock.overdue(now + MS), None);
            now = stock.wakes_at().unwrap();
            assert_eq!([stock.overdue(now), stock.overdue(now)], [Some(1), None]);
            assert_eq!(stock.wakes_at(), Some(now + MS), "the other has a little more time");
            assert_eq!(stock.clear(), [2]);
            assert_eq!(stock.wakes_at(), None);
            let pause = Duration::from_millis(pause);
            assert_eq!(stock.size(now + pause - MS, 1, Some(MS)), 0);
            now += pause;
            assert_eq!(stock.size(now, 1, Some(MS)), 50);
        }
        for _ in 0..10 {
            stock.put(now, 10, offer(0, 1, Some(MS)), 1).unwrap();
            stock.take();
        }
        assert_eq!(stock.pause, 100 * MS, "it went well ten times");
    }

    #[test]
    fn a_job_can_be_taken_out() {
        let (mut stock, now) = (Stock::new(SPAN), Instant::now());
        stock.put(now, 10, offer(0, 1, Some(MS)), 1).unwrap();
        assert_eq!(stock.remove(7), None);
        assert_eq!(stock.remove(1), Some(1));
        assert_eq!((stock.len(), stock.work, stock.take()), (0, Duration::ZERO, None));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_more_is_held_than_fits_into_the_span(
            script in proptest::collection::vec((0..5u8, 0..60u64), 1..200),
        ) {
            let (mut stock, mut now) = (Stock::new(SPAN), Instant::now());
            let (mut next, mut out) = (0, Vec::new());
            for (what, number) in script {
                match what {
                    0 | 1 => {
                        next += 1;
                        let takes = Some(Duration::from_millis(number));
                        out.extend(stock.put(now, 3, offer(0, next, takes), next).err());
                    }
                    2 => out.extend(stock.take()),
                    3 => {
                        now += Duration::from_millis(number);
                        while let Some(item) = stock.overdue(now) { out.push(item) }
                    }
                    _ if number == 0 => out.extend(stock.clear()),
                    _ => {}
                }
                let work: Duration = stock.waiting.values().map(|waiting| waiting.takes).sum();
                prop_assert_eq!(stock.work, work);
                prop_assert!(work <= SPAN * 3);
                prop_assert!(stock.wakes_at().is_some() == (stock.len() > 0));
            }
            out.extend(stock.clear());
            out.sort_unstable();
            prop_assert_eq!(out, (1..=next).collect::<Vec<_>>());
        }
    }
}

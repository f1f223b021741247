//! When a producer claims jobs, and how many.
//!
//! A producer works one queue. It has at most one claim under way, asks for as many jobs as it has
//! free slots, and claims again while there is reason to believe that there are more: the last claim
//! was full, or a hint came while it was under way.

use std::time::{Duration, Instant};

use kerrera_core::storage::Floor;

use super::retry::Retry;

#[derive(Debug)]
pub(crate) struct Producer {
    limit: u32,
    /// How many jobs one claim takes at most.
    batch: u32,
    paused: bool,
    stopping: bool,
    /// Jobs that hold a slot.
    running: u32,
    claiming: bool,
    /// There may be work that no claim has looked for yet.
    wanted: bool,
    retry: Retry,
    not_before: Option<Instant>,
    floor: FloorRule,
}

/// Something that a producer hears of.
#[derive(Debug)]
pub(crate) enum Event {
    /// There may be work: a hint, a poll, a start.
    Wake,
    /// A claim came back with `started` jobs that now hold slots.
    Claimed(Claimed),
    /// A claim failed.
    Failed {
        /// Between 0 and 1.
        jitter: f64,
    },
    /// This many jobs gave their slots back.
    Ended(u32),
    /// Begin or cease to claim.
    Pause(bool),
    /// Run this many jobs at once. More than that may run already: no more are claimed until enough
    /// have ended.
    Scale(u32),
    /// Claim no more.
    Stop,
    /// The wait is over.
    Tick,
}

/// What a claim brought.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) asked: u32,
    pub(crate) got: u32,
    /// Of those that were got, how many were started; the others were given back.
    pub(crate) started: u32,
    /// The last of those that were got.
    pub(crate) last: Option<Floor>,
    /// Whether some worker's jobs are excluded from the next claim.
    pub(crate) excluding: bool,
    pub(crate) took: Duration,
}

/// A claim to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) limit: u32,
    pub(crate) floor: Option<Floor>,
}

impl Producer {
    /// One with `limit` slots, of which `running` are taken.
    pub(crate) fn new(limit: u32, batch: u32, paused: bool, running: u32) -> Producer {
        Producer {
            limit,
            batch,
            paused,
            stopping: false,
            running,
            claiming: false,
            wanted: false,
            retry: Retry::default(),
            not_before: None,
            floor: FloorRule::default(),
        }
    }

    /// Whether a hint would make it claim at once.
    pub(crate) fn has_room(&self) -> bool {
        !self.paused && !self.stopping && self.running < self.limit
    }

    /// When it wants a [`Event::Tick`]. Not while nothing would come of it: once that time is past,
    /// whoever waits for it would be woken again and again.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.not_before.filter(|_| self.wanted && !self.claiming && self.has_room())
    }

    pub(crate) fn step(&mut self, now: Instant, event: Event) -> Option<Order> {
        match event {
            Event::Wake => self.wanted = true,
            Event::Tick => {}
            Event::Ended(count) => self.running = self.running.saturating_sub(count),
            Event::Pause(paused) => {
                self.wanted |= self.paused && !paused;
                self.paused = paused;
            }
            Event::Scale(limit) => {
                self.wanted |= limit > self.limit;
                self.limit = limit;
            }
            Event::Stop => self.stopping = true,
            Event::Failed { jitter } => {
                self.claiming = false;
                self.wanted = true;
                self.not_before = Some(now + self.retry.failed(jitter));
            }
            Event::Claimed(claimed) => {
                self.claiming = false;
                self.running += claimed.started;
                self.retry.succeeded();
                self.not_before = None;
                // A full claim, or one that had to give jobs back, says that there may be more.
                self.wanted |= claimed.got == claimed.asked || claimed.started < claimed.got;
                self.wanted |= self.floor.learn(now, &claimed);
            }
        }
        self.order(now)
    }

    fn order(&mut self, now: Instant) -> Option<Order> {
        if self.claiming || !self.wanted || !self.has_room() {
            return None;
        }
        if self.not_before.is_some_and(|time| now < time) {
            return None;
        }
        self.claiming = true;
        self.wanted = false;
        self.not_before = None;
        let limit = (self.limit - self.running).min(self.batch);
        Some(Order { limit, floor: self.floor.choose(now) })
    }
}

/// Where the next claim begins to look.
///
/// Jobs of unknown workers stay in the queue for the nodes that know them, in front of the others. A
/// claim that walks past ten thousand of them is slow, so it may begin behind the last job that the
/// claim before it took. What sorts before that place (a higher priority, a job given back) is found
/// by the next claim that looks from the front. At most a twentieth of the time goes into those.
///
/// Without unknown workers every claim looks from the front, and the order is exact.
#[derive(Debug, Default)]
struct FloorRule {
    floor: Option<Floor>,
    from_front: bool,
    front_again: Option<Instant>,
}

impl FloorRule {
    const SHARE: u32 = 20;
    const LONGEST: Duration = Duration::from_secs(1);

    fn choose(&mut self, now: Instant) -> Option<Floor> {
        let due = self.front_again.is_none_or(|time| time <= now);
        let floor = if due { None } else { self.floor };
        self.from_front = floor.is_none();
        floor
    }

    /// Learns from a claim; true if the next one is to look again from the front, since this one
    /// came back short from behind a floor.
    fn learn(&mut self, now: Instant, claimed: &Claimed) -> bool {
        if !claimed.excluding {
            *self = FloorRule::default();
            return false;
        }
        if self.from_front {
            let pause = claimed.took.saturating_mul(FloorRule::SHARE).min(FloorRule::LONGEST);
            self.front_again = Some(now + pause);
        }
        let short = claimed.got < claimed.asked;
        let again = short && !self.from_front;
        if again {
            self.front_again = None;
        }
        if claimed.last.is_some() {
            self.floor = claimed.last;
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerrera_core::Timestamp;
    use proptest::prelude::*;

    fn claimed(asked: u32, got: u32) -> Event {
        Event::Claimed(Claimed {
            asked,
            got,
            started: got,
            last: None,
            excluding: false,
            took: Duration::ZERO,
        })
    }

    fn floor(id: i64) -> Option<Floor> {
        Some(Floor { priority: 0, scheduled_at: Timestamp::MIN, id })
    }

    fn asks(limit: u32) -> Option<Order> {
        Some(Order { limit, floor: None })
    }

    #[test]
    fn asks_for_its_free_slots_and_once_at_a_time() {
        let (mut producer, now) = (Producer::new(10, 1_000, false, 0), Instant::now());
        assert_eq!(producer.step(now, Event::Wake), asks(10));
        assert_eq!(producer.step(now, Event::Wake), None, "one claim at a time");
        assert_eq!(producer.step(now, claimed(10, 4)), asks(6), "a hint came meanwhile");
        assert_eq!(producer.step(now, claimed(6, 0)), None, "the queue is empty");
        assert_eq!(producer.step(now, Event::Ended(4)), None, "and stays so until a hint");
        assert_eq!(producer.step(now, Event::Wake), asks(10));
    }

    #[test]
    fn a_full_claim_is_followed_by_another_when_slots_are_free() {
        let (mut producer, now) = (Producer::new(2, 1_000, false, 0), Instant::now());
        producer.step(now, Event::Wake);
        assert_eq!(producer.step(now, claimed(2, 2)), None, "no slot is free");
        assert_eq!(producer.step(now, Event::Ended(1)), asks(1));
    }

    #[test]
    fn a_large_queue_is_filled_by_several_claims() {
        let (mut producer, now) = (Producer::new(25, 10, false, 0), Instant::now());
        assert_eq!(producer.step(now, Event::Wake), asks(10));
        assert_eq!(producer.step(now, claimed(10, 10)), asks(10));
        assert_eq!(producer.step(now, claimed(10, 10)), asks(5));
    }

    #[test]
    fn a_paused_or_full_or_stopping_producer_claims_nothing() {
        let (mut producer, now) = (Producer::new(2, 1_000, true, 0), Instant::now());
        assert_eq!(producer.step(now, Event::Wake), None);
        assert_eq!(producer.step(now, Event::Pause(false)), asks(2));
        assert_eq!(producer.step(now, claimed(2, 2)), None);
        assert_eq!(producer.step(now, Event::Ended(2)), asks(2));
        assert_eq!(producer.step(now, claimed(2, 0)), None);
        assert_eq!(producer.step(now, Event::Pause(false)), None, "it was not paused");
        producer.step(now, Event::Stop);
        assert_eq!(producer.step(now, Event::Wake), None);
    }

    #[test]
    fn a_failed_claim_is_tried_again_after_a_wait() {
        let (mut producer, now) = (Producer::new(2, 1_000, false, 0), Instant::now());
        producer.step(now, Event::Wake);
        assert_eq!(producer.step(now, Event::Failed { jitter: 0.5 }), None);
        let again = producer.wakes_at().unwrap();
        assert_eq!(producer.step(now, Event::Wake), None, "hints do not hurry it");
        assert_eq!(producer.step(again, Event::Tick), asks(2));
    }

    #[test]
    fn a_paused_producer_does_not_wake_to_try_again() {
        let (mut producer, now) = (Producer::new(2, 1_000, false, 0), Instant::now());
        producer.step(now, Event::Wake);
        producer.step(now, Event::Failed { jitter: 0.5 });
        let again = producer.wakes_at().unwrap();
        assert_eq!(producer.step(now, Event::Pause(true)), None);
        assert_eq!(producer.wakes_at(), None, "the node doubts that it is alive to others");
        assert_eq!(producer.step(now, Event::Pause(false)), None);
        assert_eq!(producer.wakes_at(), Some(again));
        assert_eq!(producer.step(again, Event::Tick), asks(2));
    }

    #[test]
    fn jobs_of_unknown_workers_are_passed_over_from_a_floor() {
        let (mut producer, now) = (Producer::new(2, 1_000, false, 0), Instant::now());
        let brought = |got, started, last, took| {
            Event::Claimed(Claimed { asked: 2, got, started, last, excluding: true, took })
        };
        producer.step(now, Event::Wake);
        let slow = Duration::from_millis(10);
        let order = producer.step(now, brought(2, 0, floor(7), slow)).unwrap();
        assert_eq!(order, Order { limit: 2, floor: floor(7) });

        let order = producer.step(now, brought(1, 1, floor(9), Duration::ZERO)).unwrap();
        assert_eq!(order.floor, None, "came back short: look from the front");
        let order = producer.step(now, brought(0, 0, None, slow));
        assert_eq!(order, None, "nothing there either");

        producer.step(now, Event::Ended(1));
        let soon = now + Duration::from_millis(100);
        assert_eq!(producer.step(soon, Event::Wake).unwrap().floor, floor(9));
        producer.step(soon, brought(2, 2, floor(11), Duration::ZERO));
        producer.step(soon, Event::Ended(2));
        let late = now + slow * FloorRule::SHARE;
        producer.step(late, brought(2, 2, floor(13), Duration::ZERO));
        assert_eq!(producer.step(late, Event::Ended(2)).unwrap().floor, None, "the front is due");
    }

    #[test]
    fn a_larger_limit_is_filled_and_a_smaller_one_waits() {
        let (mut producer, now) = (Producer::new(2, 1_000, false, 0), Instant::now());
        producer.step(now, Event::Wake);
        assert_eq!(producer.step(now, claimed(2, 2)), None);
        assert_eq!(producer.step(now, Event::Scale(5)), asks(3));
        assert_eq!(producer.step(now, claimed(3, 3)), None);
        assert_eq!(producer.step(now, Event::Scale(1)), None);
        assert!(!producer.has_room());
        assert_eq!(producer.step(now, Event::Ended(4)), None, "one still runs");
        assert_eq!(producer.step(now, Event::Ended(1)), asks(1));
    }

    #[test]
    fn what_a_claim_brings_beyond_a_limit_that_has_shrunk_is_given_back_and_wanted() {
        let (mut producer, now) = (Producer::new(5, 1_000, false, 0), Instant::now());
        producer.step(now, Event::Wake);
        producer.step(now, Event::Scale(2));
        let brought = Claimed {
            asked: 5,
            got: 5,
            started: 2,
            last: None,
            excluding: false,
            took: Duration::ZERO,
        };
        assert_eq!(producer.step(now, Event::Claimed(brought)), None);
        assert_eq!(producer.step(now, Event::Ended(1)), asks(1));
    }

    proptest! {
        #[test]
        fn never_runs_more_than_its_limit(
            limit in 1..20u32,
            script in proptest::collection::vec((0..5u8, 0..20u32), 1..200),
        ) {
            let now = Instant::now();
            let mut producer = Producer::new(limit, 1_000, false, 0);
            let (mut running, mut under_way) = (0, None::<Order>);
            for (what, number) in script {
                let event = match (what, under_way) {
                    (0, _) => Event::Wake,
                    (1, Some(order)) => {
                        under_way = None;
                        let got = number.min(order.limit);
                        running += got;
                        claimed(order.limit, got)
                    }
                    (2, Some(_)) => { under_way = None; Event::Failed { jitter: 0.0 } }
                    (3, _) => { let ended = number.min(running); running -= ended; Event::Ended(ended) }
                    _ => Event::Tick,
                };
                let order = producer.step(now + Duration::from_secs(60), event);
                if let Some(order) = order {
                    prop_assert!(under_way.is_none());
                    prop_assert!(order.limit > 0 && running + order.limit <= limit);
                    under_way = Some(order);
                }
                prop_assert!(running <= limit);
            }
        }
    }
}

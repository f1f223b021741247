//! When a producer claims jobs, and how many.
//!
//! A producer works one queue. It asks for as many jobs as it has free slots and room in
//! [stock](super::stock), and claims again while there is reason to believe that there are more: the
//! last claim was full, or a hint came while it was under way. It has one claim under way; a second, so
//! that the database need not wait for us, while it works off a backlog of short jobs.

use std::time::{Duration, Instant};

use kerrera_core::Timestamp;
use kerrera_core::storage::Floor;

use super::retry::Retry;

#[derive(Debug)]
pub(crate) struct Producer {
    limit: u32,
    /// How many jobs one claim takes at most.
    batch: u32,
    paused: bool,
    stopping: bool,
    slots: Slots,
    /// How many claims are under way, and how many jobs they asked for.
    claims: u32,
    asked: u32,
    /// The last claim was full.
    backlog: bool,
    /// There may be work that no claim has looked for yet.
    wanted: bool,
    retry: Retry,
    not_before: Option<Instant>,
    floor: FloorRule,
}

/// What became of the jobs that a producer has claimed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slots {
    /// How many hold a slot.
    pub(crate) running: u32,
    /// How many are in stock.
    pub(crate) in_stock: u32,
    /// How many may be in stock at this moment.
    pub(crate) stock: u32,
}

/// Something that a producer hears of.
#[derive(Debug)]
pub(crate) enum Event {
    /// There may be work: a hint, a poll, a start.
    Wake,
    /// A claim came back.
    Claimed(Claimed),
    /// A claim failed.
    Failed {
        /// For how many jobs it had asked.
        asked: u32,
        /// Between 0 and 1.
        jitter: f64,
    },
    /// This is where the claimed jobs are now.
    Slots(Slots),
    /// Begin or cease to claim.
    Pause(bool),
    /// Run this many jobs at once. More than that may run already: no more are claimed until enough
    /// have ended.
    Scale(u32),
    /// Claim no more.
    Stop,
}

/// What a claim brought.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) asked: u32,
    pub(crate) got: u32,
    pub(crate) start: Start,
    /// Of those that were got, how many were started or put in stock; the others were given back.
    pub(crate) kept: u32,
    /// The last of those that were got.
    pub(crate) last: Option<Floor>,
    pub(crate) took: Duration,
}

/// A claim to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) limit: u32,
    pub(crate) start: Start,
    pub(crate) floor: Option<Floor>,
}

/// Where a claim begins to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Where the queue begins.
    Front,
    /// A little before the floor.
    Near,
    /// Where the last claim ended.
    Floor,
}

impl Producer {
    /// One with `limit` slots.
    pub(crate) fn new(limit: u32, batch: u32, paused: bool) -> Producer {
        Producer {
            limit,
            batch,
            paused,
            stopping: false,
            slots: Slots::default(),
            claims: 0,
            asked: 0,
            backlog: false,
            wanted: false,
            retry: Retry::default(),
            not_before: None,
            floor: FloorRule::default(),
        }
    }

    /// Whether a hint would make it claim at once.
    pub(crate) fn has_room(&self) -> bool {
        !self.paused && !self.stopping && self.room() > 0
    }

    /// When it wants to be asked again. Not while nothing would come of it: once that time is past,
    /// whoever waits for it would be woken again and again.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        if self.claims > 0 || !self.has_room() {
            return None;
        }
        if self.wanted { self.not_before } else { self.floor.wakes_at() }
    }

    /// Hears of something.
    pub(crate) fn hear(&mut self, now: Instant, event: Event) {
        match event {
            Event::Wake => self.look_anew(),
            Event::Slots(slots) => self.slots = slots,
            Event::Pause(paused) => {
                if self.paused && !paused {
                    self.look_anew();
                }
                self.paused = paused;
            }
            Event::Scale(limit) => {
                self.wanted |= limit > self.limit;
                self.limit = limit;
            }
            Event::Stop => self.stopping = true,
            Event::Failed { asked, jitter } => {
                self.answered(asked);
                self.look_anew();
                self.backlog = false;
                self.not_before = Some(now + self.retry.failed(jitter));
            }
            Event::Claimed(claimed) => {
                self.answered(claimed.asked);
                self.retry.succeeded();
                self.not_before = None;
                self.backlog = claimed.got == claimed.asked;
                // A full claim, or one that had to give jobs back, says that there may be more.
                self.wanted |= self.backlog || claimed.kept < claimed.got;
                self.floor.learn(now, &claimed);
            }
        }
    }

    /// The claim to make now, if any.
    pub(crate) fn order(&mut self, now: Instant) -> Option<Order> {
        let room = self.room();
        let asks = match self.claims {
            0 => self.wanted || self.floor.is_due(now),
            // Not for few: the first brings enough for now.
            1 => self.backlog && self.slots.stock > 0 && room >= self.batch / 2,
            _ => false,
        };
        if !asks || !self.has_room() || self.not_before.is_some_and(|time| now < time) {
            return None;
        }
        let limit = room.min(self.batch);
        self.claims += 1;
        self.asked += limit;
        self.wanted = false;
        self.not_before = None;
        let (start, floor) = self.floor.choose(now);
        Some(Order { limit, start, floor })
    }

    fn answered(&mut self, asked: u32) {
        self.claims = self.claims.saturating_sub(1);
        self.asked = self.asked.saturating_sub(asked);
    }

    fn look_anew(&mut self) {
        self.wanted = true;
        self.floor.look_back();
    }

    /// How many more jobs it can ask for. A stock is filled up when half of it is used up: a claim of
    /// few jobs costs nearly as much as one of many.
    fn room(&self) -> u32 {
        let Slots { running, in_stock, stock } = self.slots;
        let free = self.limit.saturating_sub(running);
        let stock = stock.min(self.batch.saturating_mul(2));
        let in_stock_room = if in_stock <= stock / 2 { stock - in_stock } else { 0 };
        (free.saturating_sub(in_stock) + in_stock_room).saturating_sub(self.asked)
    }
}

/// Where the next claim begins to look: where the one before it ended.
///
/// What lies before that place is mostly gone, but a walk from the front may still have to pass it:
/// index entries of claimed jobs stay for as long as some transaction might see them, and jobs of
/// unknown workers stay for nodes that know them. What newly comes to stand before that place (a higher
/// priority, a job given back, one whose transaction took longer than another's) is announced by a hint, or
/// found by the poll that stands in for lost ones. So a hint makes the next claim look from the front, and so
/// does a claim that comes back short: only a claim from the front can say that there is nothing.
///
/// Such looks have a twentieth of the time. By how much one took longer than a claim from a floor that
/// brings as many, twenty times that is waited before the next, a second at most: with a million dead index
/// entries to pass, and a hint every few milliseconds, claims would do nothing else. Meanwhile they look a
/// little before the floor, by the same rule: where jobs arrive all the time, that is where those stand that
/// were committed late, or became due.
#[derive(Debug, Default)]
struct FloorRule {
    floor: Option<Floor>,
    front: Look,
    near: Look,
    /// What claims from a floor take, and how many jobs they bring.
    usual: Option<(Duration, u32)>,
}

/// A look back: whether one is to be made, and not before when.
#[derive(Debug, Default)]
struct Look {
    wanted: bool,
    not_before: Option<Instant>,
}

impl Look {
    fn is_due(&self, now: Instant) -> bool {
        self.wanted && self.not_before.is_none_or(|time| time <= now)
    }

    fn wakes_at(&self) -> Option<Instant> {
        self.not_before.filter(|_| self.wanted)
    }
}

impl FloorRule {
    const PAUSE: Duration = Duration::from_secs(1);
    const SHARE: u32 = 20;
    /// How far before the floor is near: jobs are made available up to a second after they were due.
    const NEAR: Duration = Duration::from_secs(2);
    /// What a claim may take that has nothing to pass, and what each of its jobs adds, as long as nothing
    /// better is known.
    const QUICK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_micros(50));

    fn look_back(&mut self) {
        (self.front.wanted, self.near.wanted) = (true, true);
    }

    fn is_due(&self, now: Instant) -> bool {
        self.front.is_due(now) || self.near.is_due(now)
    }

    fn wakes_at(&self) -> Option<Instant> {
        [&self.front, &self.near].into_iter().filter_map(Look::wakes_at).min()
    }

    /// What a claim takes that brings so many and has nothing to pass.
    fn expected(&self, got: u32) -> Duration {
        let (quick, each) = FloorRule::QUICK;
        let Some((time, jobs)) = self.usual else { return quick + each * got };
        let share = f64::from(got) / f64::from(jobs.max(1));
        time.mul_f64(share.max(1.0)).max(quick)
    }

    fn choose(&mut self, now: Instant) -> (Start, Option<Floor>) {
        match self.floor {
            Some(floor) if !self.is_due(now) => (Start::Floor, Some(floor)),
            Some(floor) if !self.front.is_due(now) => {
                self.near.wanted = false;
                // A time before all others stays what it is.
                let earlier = (floor.scheduled_at - FloorRule::NEAR).max(Timestamp::MIN);
                let scheduled_at = floor.scheduled_at.min(earlier);
                (Start::Near, Some(Floor { scheduled_at, ..floor }))
            }
            _ => {
                (self.front.wanted, self.near.wanted) = (false, false);
                (Start::Front, None)
            }
        }
    }

    fn learn(&mut self, now: Instant, claimed: &Claimed) {
        let took = claimed.took;
        let is_short = claimed.got < claimed.asked;
        let longer = took.saturating_sub(self.expected(claimed.got));
        let pause = (longer * FloorRule::SHARE).min(FloorRule::PAUSE);
        let not_before = (!pause.is_zero()).then(|| now + pause);
        match claimed.start {
            Start::Front => self.front.not_before = not_before,
            Start::Near => {
                self.near.not_before = not_before;
                self.front.wanted |= is_short;
            }
            Start::Floor => {
                let (time, jobs) = self.usual.unwrap_or((took, claimed.got));
                self.usual = Some(((time * 7 + took) / 8, (jobs * 7 + claimed.got) / 8));
                if is_short {
                    self.look_back();
                }
            }
        }
        if claimed.last.is_some() {
            self.floor = claimed.last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    use kerrera_core::Timestamp;
    use proptest::prelude::*;

    /// A producer whose jobs are counted here.
    struct Scene {
        producer: Producer,
        now: Instant,
        slots: Slots,
        /// The claims under way.
        orders: VecDeque<Order>,
    }

    impl Scene {
        fn new(limit: u32) -> Scene {
            let producer = Producer::new(limit, 1_000, false);
            let (slots, orders) = (Slots::default(), VecDeque::new());
            Scene { producer, now: Instant::now(), slots, orders }
        }

        fn hear(&mut self, mut event: Event) -> Option<Order> {
            self.producer.hear(self.now, Event::Slots(self.slots));
            if let Event::Claimed(Claimed { start, asked, .. }) = &mut event {
                let order = self.orders.pop_front().unwrap();
                assert_eq!(*asked, order.limit);
                *start = order.start;
            }
            if let Event::Failed { asked, .. } = &mut event {
                *asked = self.orders.pop_front().unwrap().limit;
            }
            self.producer.hear(self.now, event);
            self.order()
        }

        fn order(&mut self) -> Option<Order> {
            let order = self.producer.order(self.now);
            self.orders.extend(order);
            order
        }

        fn claimed(&mut self, asked: u32, got: u32) -> Option<Order> {
            self.slots.running += got;
            self.hear(brought(asked, got, got, None, QUICK))
        }

        fn ended(&mut self, count: u32) -> Option<Order> {
            self.slots.running -= count;
            self.producer.hear(self.now, Event::Slots(self.slots));
            self.order()
        }
    }

    fn floor(id: i64) -> Option<Floor> {
        Some(Floor { priority: 0, scheduled_at: Timestamp::MAX, id })
    }

    /// A little before it.
    fn near(id: i64) -> Option<Floor> {
        floor(id).map(|floor| Floor { scheduled_at: Timestamp::MAX - FloorRule::NEAR, ..floor })
    }

    fn asks(limit: u32) -> Option<Order> {
        Some(Order { limit, start: Start::Front, floor: None })
    }

    fn brought(asked: u32, got: u32, kept: u32, last: Option<Floor>, took: Duration) -> Event {
        Event::Claimed(Claimed { asked, got, kept, last, took, start: Start::Floor })
    }

    const QUICK: Duration = Duration::ZERO;
    const SLOW: Duration = Duration::from_millis(12);

    #[test]
    fn asks_for_its_free_slots_and_once_at_a_time() {
        let mut scene = Scene::new(10);
        assert_eq!(scene.hear(Event::Wake), asks(10));
        assert_eq!(scene.hear(Event::Wake), None, "one claim at a time");
        assert_eq!(scene.claimed(10, 4), asks(6), "a hint came meanwhile");
        assert_eq!(scene.claimed(6, 0), None, "the queue is empty");
        assert_eq!(scene.ended(4), None, "and stays so until a hint");
        assert_eq!(scene.hear(Event::Wake), asks(10));
    }

    #[test]
    fn a_full_claim_is_followed_by_another_when_slots_are_free() {
        let mut scene = Scene::new(2);
        scene.hear(Event::Wake);
        assert_eq!(scene.claimed(2, 2), None, "no slot is free");
        assert_eq!(scene.ended(1), asks(1));
    }

    #[test]
    fn a_large_queue_is_filled_by_several_claims() {
        let mut scene = Scene::new(25);
        scene.producer.batch = 10;
        assert_eq!(scene.hear(Event::Wake), asks(10));
        assert_eq!(scene.claimed(10, 10), asks(10));
        assert_eq!(scene.claimed(10, 10), asks(5));
    }

    #[test]
    fn a_stock_is_filled_with_the_free_slots_and_again_when_half_of_it_is_used_up() {
        let mut scene = Scene::new(10);
        scene.slots.stock = 100;
        assert_eq!(scene.hear(Event::Wake), asks(110));
        (scene.slots.running, scene.slots.in_stock) = (10, 100);
        assert_eq!(scene.hear(brought(110, 110, 110, None, QUICK)), None);
        scene.slots.in_stock = 51;
        assert_eq!(scene.ended(0), None);
        scene.slots.in_stock = 50;
        assert_eq!(scene.ended(0), asks(50));
        (scene.slots.stock, scene.slots.in_stock) = (5_000, 0);
        assert_eq!(
            scene.hear(brought(50, 50, 50, None, QUICK)),
            asks(1_000),
            "no more than a batch"
        );
        assert_eq!(scene.hear(brought(1_000, 0, 0, None, QUICK)), None);
        scene.slots.stock = 0;
        assert_eq!(scene.hear(Event::Wake), None, "no room without a stock");
        assert!(!scene.producer.has_room());
    }

    #[test]
    fn a_backlog_of_short_jobs_has_two_claims_under_way() {
        let mut scene = Scene::new(10);
        scene.slots.stock = 5_000;
        assert_eq!(scene.hear(Event::Wake), asks(1_000));
        assert_eq!(scene.ended(0), None, "is there a backlog?");
        (scene.slots.running, scene.slots.in_stock) = (10, 990);
        assert_eq!(scene.hear(brought(1_000, 1_000, 1_000, None, QUICK)), asks(1_000));
        assert_eq!(scene.ended(0), None, "there is room for ten only");
        scene.slots.in_stock = 500;
        assert_eq!(scene.ended(0), asks(500));
        scene.slots.in_stock = 0;
        assert_eq!(scene.ended(0), None, "and never three");
        assert_eq!(scene.hear(brought(1_000, 10, 10, None, QUICK)), None, "that was all");
        assert_eq!(scene.hear(brought(500, 0, 0, None, QUICK)), None);
    }

    #[test]
    fn a_paused_or_full_or_stopping_producer_claims_nothing() {
        let mut scene = Scene::new(2);
        scene.producer.paused = true;
        assert_eq!(scene.hear(Event::Wake), None);
        assert_eq!(scene.hear(Event::Pause(false)), asks(2));
        assert_eq!(scene.claimed(2, 2), None);
        assert_eq!(scene.ended(2), asks(2));
        assert_eq!(scene.claimed(2, 0), None);
        assert_eq!(scene.hear(Event::Pause(false)), None, "it was not paused");
        scene.hear(Event::Stop);
        assert_eq!(scene.hear(Event::Wake), None);
    }

    #[test]
    fn a_failed_claim_is_tried_again_after_a_wait() {
        let mut scene = Scene::new(2);
        scene.hear(Event::Wake);
        assert_eq!(scene.hear(Event::Failed { asked: 0, jitter: 0.5 }), None);
        let again = scene.producer.wakes_at().unwrap();
        assert_eq!(scene.hear(Event::Wake), None, "hints do not hurry it");
        scene.now = again;
        assert_eq!(scene.ended(0), asks(2));
    }

    #[test]
    fn a_paused_producer_does_not_wake_to_try_again() {
        let mut scene = Scene::new(2);
        scene.hear(Event::Wake);
        scene.hear(Event::Failed { asked: 0, jitter: 0.5 });
        let again = scene.producer.wakes_at().unwrap();
        assert_eq!(scene.hear(Event::Pause(true)), None);
        assert_eq!(scene.producer.wakes_at(), None, "the node doubts that it is alive to others");
        assert_eq!(scene.hear(Event::Pause(false)), None);
        assert_eq!(scene.producer.wakes_at(), Some(again));
        scene.now = again;
        assert_eq!(scene.ended(0), asks(2));
    }

    #[test]
    fn a_backlog_is_walked_once_and_a_hint_looks_from_the_front() {
        let mut scene = Scene::new(2);
        assert_eq!(scene.hear(Event::Wake), asks(2));
        let order = scene.hear(brought(2, 2, 2, floor(2), QUICK)).unwrap();
        assert_eq!(order, Order { limit: 2, start: Start::Floor, floor: floor(2) });
        let order = scene.hear(brought(2, 2, 2, floor(4), QUICK)).unwrap();
        assert_eq!(order.floor, floor(4));
        scene.hear(Event::Wake);
        let order = scene.hear(brought(2, 2, 2, floor(6), QUICK)).unwrap();
        assert_eq!(order.floor, None, "there may be a job of a higher priority");
        let order = scene.hear(brought(2, 2, 2, floor(1), QUICK)).unwrap();
        assert_eq!(order.floor, floor(1), "and more of them");
        let order = scene.hear(brought(2, 1, 1, floor(7), QUICK)).unwrap();
        assert_eq!(order.floor, None, "short: was something given back?");
        assert_eq!(scene.hear(brought(2, 0, 0, None, QUICK)), None, "no, that was all");
        assert_eq!(scene.producer.wakes_at(), None);
    }

    #[test]
    fn slow_looks_from_the_front_have_a_twentieth_of_the_time() {
        let mut scene = Scene::new(2);
        assert_eq!(scene.hear(Event::Wake), asks(2));
        assert_eq!(scene.hear(brought(2, 1, 1, floor(3), SLOW)), None);
        // Of the twelve milliseconds a claim of one job would have had one, and 50 µs for the job.
        let again = scene.now + Duration::from_micros(20 * (12_000 - 1_050));
        assert_eq!(scene.hear(Event::Wake).unwrap().floor, near(3), "what is new comes at once");
        assert_eq!(scene.hear(brought(2, 1, 1, floor(4), QUICK)), None);
        assert_eq!(scene.producer.wakes_at(), Some(again));
        assert_eq!(scene.hear(Event::Wake).unwrap().floor, near(4));
        assert_eq!(scene.hear(brought(2, 0, 0, None, QUICK)), None);
        scene.now = again;
        assert_eq!(scene.ended(0), asks(2));
        assert_eq!(scene.hear(brought(2, 0, 0, None, QUICK)), None);
        assert_eq!(scene.producer.wakes_at(), None);
        assert_eq!(scene.hear(Event::Wake), asks(2), "it is quick again");
        let order = scene.hear(brought(2, 2, 2, floor(5), Duration::from_secs(2))).unwrap();
        assert_eq!(order.floor, floor(5));
        scene.now += Duration::from_secs(1);
        scene.hear(Event::Wake);
        let order = scene.hear(brought(2, 2, 2, floor(7), QUICK)).unwrap();
        assert_eq!(order.floor, None, "a second is the longest");
    }

    #[test]
    fn looks_a_little_back_have_a_twentieth_of_the_time_too() {
        let mut scene = Scene::new(2);
        scene.hear(Event::Wake);
        scene.hear(brought(2, 1, 1, floor(3), SLOW * 10));
        assert_eq!(scene.hear(Event::Wake).unwrap().floor, near(3));
        assert_eq!(scene.hear(brought(2, 1, 1, floor(4), SLOW)), None);
        let again = scene.now + Duration::from_micros(20 * (12_000 - 1_050));
        assert_eq!(scene.hear(Event::Wake).unwrap().floor, floor(4));
        assert_eq!(scene.hear(brought(2, 0, 0, None, QUICK)), None);
        assert_eq!(scene.producer.wakes_at(), Some(again), "short: was something given back?");
        scene.now = again;
        assert_eq!(scene.ended(0).unwrap().floor, near(4));
        assert_eq!(scene.hear(brought(2, 0, 0, None, QUICK)), None);
        scene.now += Duration::from_secs(1);
        assert_eq!(scene.ended(0), asks(2), "only the front can say that there is nothing");
    }

    #[test]
    fn a_time_before_all_others_has_nothing_a_little_before_it() {
        let mut scene = Scene::new(2);
        scene.hear(Event::Wake);
        let ages_ago = Floor { priority: 0, scheduled_at: Timestamp::from_micros(i64::MIN), id: 1 };
        scene.hear(brought(2, 1, 1, Some(ages_ago), SLOW));
        let order = Order { limit: 2, start: Start::Near, floor: Some(ages_ago) };
        assert_eq!(scene.hear(Event::Wake), Some(order));
    }

    #[test]
    fn what_a_failed_claim_was_to_look_for_is_looked_for_again() {
        let mut scene = Scene::new(2);
        assert_eq!(scene.hear(Event::Wake), asks(2));
        scene.hear(brought(2, 1, 1, floor(1), QUICK));
        assert_eq!(scene.hear(Event::Wake), asks(2));
        scene.hear(Event::Failed { asked: 0, jitter: 0.5 });
        scene.now = scene.producer.wakes_at().unwrap();
        assert_eq!(scene.ended(0), asks(2));
    }

    #[test]
    fn a_look_from_the_front_that_brings_more_may_take_more() {
        let mut scene = Scene::new(1_000);
        assert_eq!(scene.hear(Event::Wake), asks(1_000));
        let order = scene.hear(brought(1_000, 1_000, 1_000, floor(1), QUICK)).unwrap();
        assert_eq!(order.floor, floor(1));
        scene.hear(Event::Wake);
        // A hundred, from the floor.
        let order = scene.hear(brought(1_000, 100, 100, floor(2), SLOW)).unwrap();
        assert_eq!(order.floor, None);
        scene.hear(Event::Wake);
        let order = scene.hear(brought(1_000, 1_000, 1_000, floor(3), SLOW * 10)).unwrap();
        assert_eq!(order.floor, None, "ten times as long for ten times as many");
        scene.hear(Event::Wake);
        let order = scene.hear(brought(1_000, 100, 100, floor(4), SLOW * 10)).unwrap();
        assert_eq!(order.floor, near(4), "not for as many");
    }

    #[test]
    fn jobs_of_unknown_workers_are_passed_over_from_a_floor() {
        let mut scene = Scene::new(2);
        scene.hear(Event::Wake);
        let order = scene.hear(brought(2, 2, 0, floor(7), SLOW)).unwrap();
        assert_eq!(order, Order { limit: 2, start: Start::Floor, floor: floor(7) });
    }

    #[test]
    fn where_every_claim_is_slow_the_front_is_no_slower() {
        let mut scene = Scene::new(2);
        scene.hear(Event::Wake);
        scene.hear(brought(2, 2, 2, floor(2), SLOW));
        scene.now += Duration::from_secs(1);
        for id in 3..6 {
            scene.hear(Event::Wake);
            assert_eq!(scene.hear(brought(2, 2, 2, floor(id), SLOW)).unwrap().floor, None);
            scene.hear(brought(2, 2, 2, floor(id), SLOW));
        }
    }

    #[test]
    fn a_larger_limit_is_filled_and_a_smaller_one_waits() {
        let mut scene = Scene::new(2);
        scene.hear(Event::Wake);
        assert_eq!(scene.claimed(2, 2), None);
        assert_eq!(scene.hear(Event::Scale(5)), asks(3));
        assert_eq!(scene.claimed(3, 3), None);
        assert_eq!(scene.hear(Event::Scale(1)), None);
        assert!(!scene.producer.has_room());
        assert_eq!(scene.ended(4), None, "one still runs");
        assert_eq!(scene.ended(1), asks(1));
    }

    #[test]
    fn what_a_claim_brings_beyond_a_limit_that_has_shrunk_is_given_back_and_wanted() {
        let mut scene = Scene::new(5);
        scene.hear(Event::Wake);
        scene.hear(Event::Scale(2));
        scene.slots.running = 2;
        assert_eq!(scene.hear(brought(5, 5, 2, None, QUICK)), None);
        assert_eq!(scene.ended(1), asks(1));
    }

    proptest! {
        #[test]
        fn never_asks_for_more_than_fits(
            limit in 1..20u32,
            stock in 0..20u32,
            script in proptest::collection::vec((0..5u8, 0..20u32), 1..200),
        ) {
            let mut scene = Scene::new(limit);
            scene.slots.stock = stock;
            let mut under_way = None::<Order>;
            for (what, number) in script {
                scene.now += Duration::from_secs(60);
                let order = match (what, under_way) {
                    (0, _) => scene.hear(Event::Wake),
                    (1, Some(order)) => {
                        under_way = None;
                        let got = number.min(order.limit);
                        let begun = got.min(limit - scene.slots.running);
                        scene.slots.running += begun;
                        scene.slots.in_stock += got - begun;
                        scene.hear(brought(order.limit, got, got, floor(7), QUICK))
                    }
                    (2, Some(_)) => {
                        under_way = None;
                        scene.hear(Event::Failed { asked: 0, jitter: 0.0 })
                    }
                    (3, _) => {
                        let ended = number.min(scene.slots.running);
                        let begun = ended.min(scene.slots.in_stock);
                        scene.slots.in_stock -= begun;
                        scene.slots.running += begun;
                        scene.ended(ended)
                    }
                    _ => scene.ended(0),
                };
                if let Some(order) = order {
                    prop_assert!(under_way.is_none());
                    prop_assert!(order.limit > 0);
                    let held = scene.slots.running + scene.slots.in_stock;
                    prop_assert!(held + order.limit <= limit + stock);
                    under_way = Some(order);
                }
            }
        }
    }
}

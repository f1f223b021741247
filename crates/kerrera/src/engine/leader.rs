//! Whether this process leads, and when it asks about it.
//!
//! It leads while it holds a seat under a term, and believes so no longer than the lease says: whatever
//! else comes back, an error or nothing at all, means that it does not.

use std::time::{Duration, Instant};

use kerrera_core::storage::Lease;

use super::retry::Retry;

#[derive(Debug)]
pub(crate) struct Leader {
    interval: Duration,
    retry: Retry,
    held: Option<Held>,
    next: Instant,
    /// When it asked last.
    asked: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    term: i64,
    until: Instant,
}

/// Something that a candidate hears of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// The storage answered a question that was asked at that time.
    Answered {
        sent: Instant,
        lease: Lease,
        /// Between 0 and 1.
        jitter: f64,
    },
    /// It did not answer.
    Failed {
        /// Between 0 and 1.
        jitter: f64,
    },
    /// Another process says that it leads no more.
    Leaderless,
    /// Time passed.
    Tick,
}

/// What a candidate wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Ask for the seat, or to keep it under this term.
    Ask { held: Option<i64> },
    /// It leads from now on.
    Elected { term: i64 },
    /// It leads no more.
    Lost { term: i64 },
}

impl Leader {
    /// The longest time between two questions, of which there are at least three in a lease. What only
    /// a leader does can wait for as long; each question is a write.
    const INTERVAL: Duration = Duration::from_secs(20);
    /// The shortest time between two questions, whatever happens.
    const GAP: Duration = Duration::from_millis(500);

    /// A candidate for leases of this length.
    pub(crate) fn new(now: Instant, lease: Duration) -> Leader {
        let interval = Leader::INTERVAL.min(lease / 3);
        Leader { interval, retry: Retry::default(), held: None, next: now, asked: None }
    }

    /// When it wants a [`Event::Tick`].
    pub(crate) fn wakes_at(&self) -> Instant {
        let next = self.asked.map_or(self.next, |asked| self.next.max(asked + self.gap()));
        self.held.map_or(next, |held| next.min(held.until))
    }

    pub(crate) fn step(&mut self, now: Instant, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        let before = self.held.map(|held| held.term);
        match event {
            Event::Answered { sent, lease, jitter } => {
                self.retry.succeeded();
                self.held = lease.term.map(|term| Held { term, until: sent + lease.remains });
                self.next = match (before, lease.term) {
                    (_, Some(_)) => sent + self.interval.min(lease.remains / 3),
                    // Somebody else has it: until when?
                    (Some(_), None) => now,
                    // Not all at once when it becomes free.
                    (None, None) => {
                        now + self.interval.min(lease.remains) + self.gap().mul_f64(jitter)
                    }
                };
            }
            Event::Failed { jitter } => {
                self.held = None;
                self.next = now + self.retry.failed(jitter);
            }
            Event::Leaderless if self.held.is_none() => self.next = now,
            Event::Leaderless | Event::Tick => {}
        }
        if self.held.is_some_and(|held| now >= held.until) {
            self.held = None;
            self.next = now;
        }
        let after = self.held.map(|held| held.term);
        if before != after {
            effects.extend(before.map(|term| Effect::Lost { term }));
            effects.extend(after.map(|term| Effect::Elected { term }));
        }
        if matches!(event, Event::Tick | Event::Leaderless) && now >= self.wakes_at() {
            self.asked = Some(now);
            effects.push(Effect::Ask { held: after });
        }
        effects
    }

    fn gap(&self) -> Duration {
        Leader::GAP.min(self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(15);

    fn answer(sent: Instant, term: Option<i64>, remains: Duration) -> Event {
        Event::Answered { sent, lease: Lease { term, remains }, jitter: 0.0 }
    }

    fn elected() -> (Leader, Instant) {
        let now = Instant::now();
        let mut leader = Leader::new(now, TTL);
        assert_eq!(leader.step(now, Event::Tick), [Effect::Ask { held: None }]);
        assert_eq!(leader.step(now, answer(now, Some(4), TTL)), [Effect::Elected { term: 4 }]);
        (leader, now)
    }

    #[test]
    fn a_leader_renews_three_times_in_a_lease() {
        let (mut leader, mut now) = elected();
        for _ in 0..10 {
            now += TTL / 3;
            assert_eq!(leader.wakes_at(), now);
            assert_eq!(leader.step(now, Event::Tick), [Effect::Ask { held: Some(4) }]);
            assert_eq!(leader.step(now, answer(now, Some(4), TTL)), []);
        }
    }

    #[test]
    fn whatever_is_no_lease_ends_leadership() {
        for event in [
            Event::Failed { jitter: 0.0 },
            answer(Instant::now(), None, Duration::ZERO),
            // An answer that was under way for longer than it is good for.
            answer(Instant::now() - TTL, Some(4), TTL),
        ] {
            let (mut leader, now) = elected();
            assert_eq!(leader.step(now + TTL / 3, event), [Effect::Lost { term: 4 }], "{event:?}");
        }
        let (mut leader, now) = elected();
        let effects = leader.step(now + TTL, Event::Tick);
        assert_eq!(effects, [Effect::Lost { term: 4 }, Effect::Ask { held: None }]);
    }

    #[test]
    fn a_seat_under_another_term_is_another_seat() {
        let (mut leader, now) = elected();
        let effects = leader.step(now, answer(now, Some(6), TTL));
        assert_eq!(effects, [Effect::Lost { term: 4 }, Effect::Elected { term: 6 }]);
    }

    #[test]
    fn others_ask_when_the_lease_can_be_over_or_when_they_are_told() {
        let now = Instant::now();
        let mut leader = Leader::new(now, TTL);
        leader.step(now, Event::Tick);
        leader.step(now, answer(now, None, Duration::from_secs(2)));
        assert_eq!(leader.wakes_at(), now + Duration::from_secs(2));
        leader.step(now, answer(now, None, TTL));
        assert_eq!(leader.wakes_at(), now + TTL / 3);

        let told = now + Duration::from_secs(1);
        assert_eq!(leader.step(told, Event::Leaderless), [Effect::Ask { held: None }]);
        assert_eq!(leader.step(told, Event::Leaderless), [], "not twice in a moment");
        assert_eq!(leader.wakes_at(), told + Leader::GAP, "but soon");
    }

    #[test]
    fn a_leader_is_not_moved_by_what_others_say() {
        let (mut leader, now) = elected();
        assert_eq!(leader.step(now + TTL / 4, Event::Leaderless), []);
    }
}

//! When a process says that it is alive, and when it must doubt it itself.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Heart {
    interval: Duration,
    /// How long after the last good beat others may take it for dead; `None` if silence is not how
    /// they tell.
    ttl: Option<Duration>,
    next: Instant,
    /// When the last beat was sent.
    sent: Instant,
    /// When the last beat that was answered was sent.
    good: Instant,
    in_doubt: bool,
}

/// Something that a heart hears of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A beat that was sent at that time was answered.
    Answered { sent: Instant },
    /// A beat was not answered.
    Failed,
    /// There is something to tell with the next beat, which need not wait.
    Hurry,
    /// Running jobs may have been cancelled elsewhere: the answer to a beat would tell.
    Hinted,
    /// Time passed.
    Tick,
}

/// What a heart wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Send a beat.
    Beat,
    /// Start no job, and tell the running ones to stop: others may have taken them.
    Doubt,
    /// All is well again.
    Trust,
}

impl Heart {
    /// A lease that is nearly over is as good as over: this long before its end.
    const MARGIN: Duration = Duration::from_secs(2);
    /// The pause after a beat that was not answered.
    const HURRY: Duration = Duration::from_millis(500);

    /// The least time between two beats that hints ask for: another process may commit a thousand
    /// times a second, and each is a hint.
    const SPACING: Duration = Duration::from_millis(200);

    pub(crate) fn new(now: Instant, interval: Duration, ttl: Option<Duration>) -> Heart {
        Heart { interval, ttl, next: now + interval, sent: now, good: now, in_doubt: false }
    }

    /// When it wants a [`Event::Tick`].
    pub(crate) fn wakes_at(&self) -> Instant {
        match self.deadline() {
            Some(deadline) if !self.in_doubt => self.next.min(deadline),
            _ => self.next,
        }
    }

    pub(crate) fn step(&mut self, now: Instant, event: Event) -> Vec<Effect> {
        match event {
            Event::Answered { sent } => {
                self.good = self.good.max(sent);
                self.next = sent + self.interval;
            }
            Event::Failed => self.next = now + Heart::HURRY.min(self.interval),
            Event::Hurry => self.next = self.next.min(now),
            Event::Hinted => self.next = self.next.min(now.max(self.sent + Heart::SPACING)),
            Event::Tick => {}
        }
        let mut effects = Vec::new();
        let doubtful = self.deadline().is_some_and(|deadline| now >= deadline);
        if doubtful != self.in_doubt {
            self.in_doubt = doubtful;
            effects.push(if doubtful { Effect::Doubt } else { Effect::Trust });
        }
        if matches!(event, Event::Tick | Event::Hurry) && now >= self.next {
            self.sent = now;
            effects.push(Effect::Beat);
        }
        effects
    }

    fn deadline(&self) -> Option<Instant> {
        let ttl = self.ttl?;
        Some(self.good + ttl - Heart::MARGIN.min(ttl / 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEAT: Duration = Duration::from_secs(5);
    const TTL: Duration = Duration::from_secs(15);

    #[test]
    fn beats_on_time_and_hurries_after_a_failure() {
        let start = Instant::now();
        let mut heart = Heart::new(start, BEAT, Some(TTL));
        assert_eq!(heart.step(start, Event::Tick), []);
        let sent = heart.wakes_at();
        assert_eq!(sent, start + BEAT);
        assert_eq!(heart.step(sent, Event::Tick), [Effect::Beat]);
        assert_eq!(heart.step(sent + BEAT / 2, Event::Failed), []);
        assert_eq!(heart.wakes_at(), sent + BEAT / 2 + Heart::HURRY);
    }

    #[test]
    fn doubts_itself_before_others_may_take_its_jobs() {
        let start = Instant::now();
        let mut heart = Heart::new(start, BEAT, Some(TTL));
        heart.step(start + BEAT, Event::Failed);
        let end = start + TTL;
        assert_eq!(heart.step(end, Event::Tick), [Effect::Doubt, Effect::Beat]);
        assert_eq!(heart.step(end, Event::Failed), [], "said once");
        assert_eq!(heart.step(end, Event::Answered { sent: end }), [Effect::Trust]);
        assert!(heart.wakes_at() <= end + TTL - Heart::MARGIN);
    }

    #[test]
    fn counts_from_when_a_beat_was_sent_not_from_when_it_was_answered() {
        let start = Instant::now();
        let mut heart = Heart::new(start, BEAT, Some(TTL));
        let late = start + TTL - Heart::MARGIN;
        let effects = heart.step(late, Event::Answered { sent: start });
        assert_eq!(effects, [Effect::Doubt]);
    }

    #[test]
    fn a_beat_that_has_something_to_tell_does_not_wait() {
        let start = Instant::now();
        let mut heart = Heart::new(start, BEAT, Some(TTL));
        assert_eq!(heart.step(start, Event::Hurry), [Effect::Beat]);
        heart.step(start, Event::Answered { sent: start });
        assert_eq!(heart.wakes_at(), start + BEAT);
    }

    #[test]
    fn hints_hurry_a_beat_and_a_thousand_no_more_than_one() {
        let start = Instant::now();
        let mut heart = Heart::new(start, BEAT, Some(TTL));
        let now = start + Duration::from_secs(1);
        for _ in 0..1_000 {
            assert_eq!(heart.step(now, Event::Hinted), []);
        }
        assert_eq!(heart.wakes_at(), now, "at once, since the last was long ago");
        assert_eq!(heart.step(now, Event::Tick), [Effect::Beat]);
        heart.step(now, Event::Answered { sent: now });
        heart.step(now, Event::Hinted);
        assert_eq!(heart.wakes_at(), now + Heart::SPACING, "none is lost");
        assert_eq!(heart.step(now + Heart::SPACING, Event::Tick), [Effect::Beat]);

        let mut heart = Heart::new(start, BEAT, Some(TTL));
        heart.step(start + BEAT - Duration::from_millis(1), Event::Hinted);
        assert!(heart.wakes_at() <= start + BEAT, "a hint never puts one off");
    }

    #[test]
    fn never_doubts_where_silence_means_nothing() {
        let start = Instant::now();
        let mut heart = Heart::new(start, BEAT, None);
        assert_eq!(heart.step(start + TTL * 9, Event::Tick), [Effect::Beat]);
    }
}

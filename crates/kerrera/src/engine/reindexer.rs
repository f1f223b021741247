//! When the indexes are built anew: at the times of a schedule, by the clock of the storage.
//!
//! A time is for whoever leads then, or comes to lead shortly after: between two leaders none is lost.
//! That only one of them takes it, the storage sees to.

use std::time::Duration;

use kerrera_core::Timestamp;

use crate::reindexer::Plan;

/// What a node remembers of the schedule.
#[derive(Debug)]
pub(crate) struct Reindexer {
    plan: Plan,
    /// The last time that somebody has seen to.
    done: Option<Timestamp>,
}

impl Reindexer {
    /// For how long a time is not too late.
    pub(crate) const LATE: Duration = Duration::from_secs(300);
    /// The longest that the clock is not looked at: it can be put forward.
    const LONGEST: Duration = Duration::from_secs(60);

    pub(crate) fn new(plan: Plan) -> Reindexer {
        Reindexer { plan, done: None }
    }

    /// The time that is to be seen to, if there is one.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let Plan { schedule, timezone, .. } = &self.plan;
        let last = if schedule.matches(now, timezone) {
            Some(Timestamp::from_micros(now.as_micros() - now.as_micros().rem_euclid(60_000_000)))
        } else {
            schedule.last_before(now, timezone)
        };
        let due = last.filter(|last| now.since(*last) < Reindexer::LATE);
        due.filter(|_| last != self.done)
    }

    /// It has been seen to, by this node or another.
    pub(crate) fn done(&mut self, time: Timestamp) {
        self.done = Some(time);
    }

    /// How long until the clock is to be looked at again.
    pub(crate) fn rests(&self, now: Timestamp) -> Duration {
        let next = self.plan.schedule.next_after(now, &self.plan.timezone);
        next.map_or(Reindexer::LONGEST, |next| next.since(now).min(Reindexer::LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}Z").parse().unwrap()
    }

    fn reindexer(schedule: &str, timezone: &str) -> Reindexer {
        let settings = crate::Reindexer::default().schedule(schedule).timezone(timezone);
        Reindexer::new(settings.plan().unwrap())
    }

    #[test]
    fn a_time_is_due_from_its_minute_on_for_a_while_and_once() {
        let mut midnight = reindexer("@midnight", "Etc/UTC");
        assert_eq!(midnight.due(at("22T23:59:59.999")), None);
        let time = at("23T00:00:00");
        assert_eq!(midnight.due(time), Some(time));
        assert_eq!(midnight.due(at("23T00:00:30")), Some(time));
        assert_eq!(midnight.due(at("23T00:04:59")), Some(time), "a leader that came after it");
        assert_eq!(midnight.due(at("23T00:05:00")), None, "it is left out");
        midnight.done(time);
        assert_eq!(midnight.due(at("23T00:01:00")), None);
        assert_eq!(midnight.due(at("24T00:00:00")), Some(at("24T00:00:00")));
    }

    #[test]
    fn the_clock_hangs_where_it_is_said_to() {
        let seoul = reindexer("0 3 * * *", "Asia/Seoul");
        assert_eq!(seoul.due(at("22T18:00:01")), Some(at("22T18:00:00")));
    }

    #[test]
    fn it_rests_until_the_next_time_and_at_most_a_minute() {
        let midnight = reindexer("@midnight", "Etc/UTC");
        assert_eq!(midnight.rests(at("22T23:59:59.5")), Duration::from_millis(500));
        assert_eq!(midnight.rests(at("22T12:00:00")), Duration::from_secs(60));
    }
}

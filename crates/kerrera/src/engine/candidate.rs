//! When this node stands in the election of the neighbours' leader.

use std::time::{Duration, Instant};

/// Renews and tries again as Oban for Elixir does since its 2.23.1.
#[derive(Debug)]
pub(crate) struct Candidate {
    next: Instant,
    leads: bool,
}

impl Candidate {
    /// The pause of one who leads, and of one who does not; each up to a tenth shorter.
    const PAUSES: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(30));
    /// The pause after an election that failed.
    const HURRY: Duration = Duration::from_secs(5);

    pub(crate) fn new(now: Instant) -> Candidate {
        Candidate { next: now, leads: false }
    }

    pub(crate) fn wakes_at(&self) -> Instant {
        self.next
    }

    /// The election is over: did it go well, and does this node lead under any name?
    pub(crate) fn voted(&mut self, now: Instant, leads: Option<bool>, jitter: f64) {
        self.leads = leads.unwrap_or_default();
        let pause = match leads {
            Some(true) => Candidate::PAUSES.0,
            Some(false) => Candidate::PAUSES.1,
            None => Candidate::HURRY,
        };
        self.next = now + pause.mul_f64(1.0 - 0.1 * jitter.clamp(0.0, 1.0));
    }

    /// A leader went: there is an election now.
    pub(crate) fn leaderless(&mut self, now: Instant) {
        if !self.leads {
            self.next = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_renews_long_before_the_thirty_seconds_are_over() {
        let now = Instant::now();
        let mut candidate = Candidate::new(now);
        assert_eq!(candidate.wakes_at(), now);
        for jitter in [0.0, 0.5, 1.0] {
            candidate.voted(now, Some(true), jitter);
            let pause = candidate.wakes_at() - now;
            assert!(pause <= Duration::from_secs(15), "{pause:?}");
            assert!(pause >= Duration::from_millis(13_500), "{pause:?}");
            candidate.leaderless(now);
            assert_eq!(candidate.wakes_at() - now, pause, "it is not this one that went");
        }
    }

    #[test]
    fn others_try_again_or_at_once_when_the_leader_goes() {
        let now = Instant::now();
        let mut candidate = Candidate::new(now);
        for jitter in [0.0, 1.0] {
            candidate.voted(now, Some(false), jitter);
            let pause = candidate.wakes_at() - now;
            assert!((27..=30).contains(&pause.as_secs()), "{pause:?}");
        }
        candidate.leaderless(now);
        assert_eq!(candidate.wakes_at(), now);
    }
}

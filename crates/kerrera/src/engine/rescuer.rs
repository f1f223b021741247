//! Who is dead.
//!
//! There are three ways to tell. The operating system says so: then it is so. The process's lock is
//! free at two looks a while apart, and it gave no sign of life between them. Or it has been silent
//! for longer than any live process would be.
//!
//! The last two need a judge whose own eyes can be trusted. After the server restarts, every lock is
//! free and every clock has moved on; so a judge goes by locks only when its own session has been
//! unbroken for the whole time to live, and by silence only when it has been able to reach the
//! database for that long.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use kerrera_core::Uuid;
use kerrera_core::storage::{Look, Presence, Sighting};

#[derive(Debug)]
pub(crate) struct Rescuer {
    ttl: Duration,
    gap: Duration,
    /// Since when every look has succeeded.
    sees_since: Option<Instant>,
    away: HashMap<Uuid, Away>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Away {
    since: Instant,
    mark: i64,
}

impl Rescuer {
    /// A judge for whom silence of `ttl` is death, and absence at two looks `gap` apart.
    pub(crate) fn new(ttl: Duration, gap: Duration) -> Rescuer {
        Rescuer { ttl, gap, sees_since: None, away: HashMap::new(), swept: None }
    }

    /// The look failed: what was seen before counts no more.
    pub(crate) fn blinded(&mut self) {
        self.sees_since = None;
        self.away.clear();
    }

    /// Judges what a look showed. `Some` means: rescue, and these are dead.
    ///
    /// Now and then the list is empty: jobs whose producer was removed earlier may have been claimed
    /// just before, and are freed then.
    pub(crate) fn looked(&mut self, now: Instant, look: &Look) -> Option<Vec<Sighting>> {
        let sees_since = *self.sees_since.get_or_insert(now);
        let sees_long = now - sees_since > self.ttl;
        let session_is_old = look.session > self.ttl;

        let mut dead = Vec::new();
        let mut away = HashMap::new();
        for sighting in &look.doubtful {
            let silent = sees_long && sighting.silent > self.ttl;
            let gone = match sighting.presence {
                Presence::Ended => true,
                Presence::Away if session_is_old => {
                    let before = self.away.remove(&sighting.producer);
                    let before = before.filter(|away| away.mark == sighting.mark);
                    let first = before.unwrap_or(Away { since: now, mark: sighting.mark });
                    let gone = now - first.since >= self.gap;
                    away.insert(sighting.producer, first);
                    gone
                }
                Presence::Here | Presence::Away | Presence::Unknown => false,
            };
            if gone || silent {
                away.remove(&sighting.producer);
                dead.push(sighting.clone());
            }
        }
        self.away = away;

        let sweep = self.swept.is_none_or(|time| now - time >= self.ttl);
        if dead.is_empty() && !sweep {
            return None;
        }
        self.swept = Some(now);
        Some(dead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(15);
    const GAP: Duration = Duration::from_secs(2);

    struct Court {
        judge: Rescuer,
        now: Instant,
        session: Duration,
    }

    impl Court {
        /// A judge that has seen well for a long time.
        fn in_session() -> Court {
            let mut court =
                Court { judge: Rescuer::new(TTL, GAP), now: Instant::now(), session: TTL * 2 };
            court.judge.looked(court.now, &Look::default());
            court.now += TTL * 2;
            court.judge.looked(court.now, &Look::default());
            court
        }

        fn after(&mut self, passed: Duration, seen: &[Sighting]) -> Vec<Sighting> {
            self.now += passed;
            let look = Look { session: self.session, doubtful: seen.to_vec() };
            self.judge.looked(self.now, &look).unwrap_or_default()
        }
    }

    fn seen(presence: Presence, silent: u64, mark: i64) -> [Sighting; 1] {
        let silent = Duration::from_secs(silent);
        [Sighting { producer: Uuid::from_u128(1), presence, silent, mark }]
    }

    #[test]
    fn a_lock_that_is_free_at_two_looks_is_death() {
        let mut court = Court::in_session();
        let away = seen(Presence::Away, 3, 1);
        assert_eq!(court.after(GAP, &away), []);
        assert_eq!(court.after(GAP / 2, &away), [], "too soon");
        assert_eq!(court.after(GAP / 2, &away), away);
    }

    #[test]
    fn a_sign_of_life_between_the_looks_is_life() {
        let mut court = Court::in_session();
        assert_eq!(court.after(GAP, &seen(Presence::Away, 3, 1)), []);
        assert_eq!(court.after(GAP, &seen(Presence::Away, 0, 2)), []);
        assert_eq!(court.after(GAP, &[]), []);
        assert_eq!(court.after(GAP, &seen(Presence::Away, 3, 2)), []);
    }

    #[test]
    fn a_young_session_does_not_judge_by_locks() {
        let mut court = Court::in_session();
        court.session = TTL;
        let away = seen(Presence::Away, 3, 1);
        assert_eq!(court.after(GAP, &away), []);
        assert_eq!(court.after(GAP, &away), []);
        assert_eq!(court.after(GAP, &seen(Presence::Away, 16, 1)).len(), 1, "silence still tells");
    }

    #[test]
    fn long_silence_is_death_but_only_to_a_judge_who_has_seen_as_long() {
        let mut court = Court::in_session();
        let silent = seen(Presence::Unknown, 16, 1);
        assert_eq!(court.after(GAP, &seen(Presence::Here, 15, 1)), []);
        assert_eq!(court.after(GAP, &silent), silent);

        court.judge.blinded();
        assert_eq!(court.after(GAP, &silent), [], "the server may have been away");
        assert_eq!(court.after(TTL, &silent), []);
        assert_eq!(court.after(GAP, &silent), silent);
    }

    #[test]
    fn what_the_operating_system_says_is_certain() {
        let mut judge = Rescuer::new(TTL, GAP);
        let ended = seen(Presence::Ended, 0, 1);
        let look = Look { session: Duration::ZERO, doubtful: ended.to_vec() };
        assert_eq!(judge.looked(Instant::now(), &look), Some(ended.to_vec()));
    }

    #[test]
    fn jobs_without_an_owner_are_swept_now_and_then() {
        let mut court = Court::in_session();
        let look = Look::default();
        assert_eq!(court.judge.looked(court.now + GAP, &look), None);
        assert_eq!(court.judge.looked(court.now + TTL, &look), Some(vec![]));
    }
}

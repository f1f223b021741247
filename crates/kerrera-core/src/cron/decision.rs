//! Which slots of an entry are to be fired now.

use std::time::Duration;

use super::entry::CronEntry;
use super::policy::{Misfire, Overlap};
use crate::time::Timestamp;

/// Where an entry stands, as a storage has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Nothing is fired while this is true.
    pub paused: bool,
    /// Its slots are after this.
    pub begins_at: Option<Timestamp>,
    /// Slots up to here have been forgotten, and are never fired.
    pub forgotten_to: Option<Timestamp>,
    /// Its last slot that is not in the future, and the node that fired it.
    pub last: Option<(Timestamp, String)>,
    /// Whether its previous job has not ended.
    pub unfinished: bool,
}

/// Why an entry is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Occasion {
    /// A slot has come, or may have.
    Due,
    /// A node has started, and found no living node that started before it.
    Reboot {
        /// When it started: the slot.
        at: Timestamp,
        /// The nodes that live now; one that is there since has had its turn.
        living: Vec<String>,
    },
    /// A person wants its job now, whatever the slots; paused or not.
    ByHand,
}

/// What is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Its slots are to begin here: they began in a future that the clock has taken back.
    pub begins_at: Option<Timestamp>,
    /// The slots to fire, the oldest first. One that is already stored is left alone.
    pub slots: Vec<Slot>,
    /// Whether a job is to be inserted without a slot.
    pub by_hand: bool,
}

impl Decision {
    /// Whether nothing is to be written.
    pub fn is_nothing(&self) -> bool {
        *self == Decision::default()
    }
}

/// A slot to fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its time.
    pub at: Timestamp,
    /// Whether its job is inserted; else the slot is only stored, since the previous job has not
    /// ended.
    pub inserts: bool,
}

/// After how long a slot counts as missed.
const ON_TIME: Duration = Duration::from_secs(60);

/// Decides what is to be written for an entry at a time of the storage's clock.
///
/// A slot is fired if it is after all that the entry is known to have fired up to `now`. So a clock
/// that is put forward fires what it skipped as missed; and one that is put back fires nothing again,
/// since those slots are stored, and goes on where it is.
pub fn decide(
    entry: &CronEntry,
    position: &Position,
    occasion: &Occasion,
    now: Timestamp,
) -> Decision {
    match occasion {
        Occasion::ByHand => Decision { by_hand: true, ..Decision::default() },
        _ if position.paused => Decision::default(),
        Occasion::Reboot { at, living } => {
            let had_its_turn =
                position.last.as_ref().is_some_and(|(_, node)| living.contains(node));
            let slots = if had_its_turn { Vec::new() } else { vec![*at] };
            Decision { slots: with_overlap(entry, position, slots), ..Decision::default() }
        }
        Occasion::Due if entry.expression.is_reboot() => Decision::default(),
        Occasion::Due => {
            let begins_at = position.begins_at.filter(|begins_at| *begins_at > now).map(|_| now);
            if begins_at.is_some() {
                return Decision { begins_at, ..Decision::default() };
            }
            let slots = with_overlap(entry, position, due(entry, position, now));
            Decision { slots, ..Decision::default() }
        }
    }
}

/// The slots that have come, the oldest first, as many as the entry makes up for.
fn due(entry: &CronEntry, position: &Position, now: Timestamp) -> Vec<Timestamp> {
    let last = position.last.as_ref().map(|(at, _)| *at);
    let after = position.begins_at.max(position.forgotten_to).max(last);
    let is_wanted = |slot: &Timestamp| match entry.misfire {
        Misfire::Skip => now.since(*slot) < ON_TIME,
        Misfire::Once | Misfire::All { .. } => true,
    };
    let most = match entry.misfire {
        Misfire::Skip | Misfire::Once => 1,
        Misfire::All { most } => most.min(Misfire::MOST),
    };
    let before = |time: Timestamp| entry.expression.last_before(time, &entry.timezone);
    // Backwards, so that a year of slots costs no more than those that are wanted.
    let slots = std::iter::successors(before(now + ON_TIME), |slot| before(*slot))
        .take_while(|slot| Some(*slot) > after && is_wanted(slot));
    let mut slots: Vec<Timestamp> = slots.take(most as usize).collect();
    slots.reverse();
    slots
}

fn with_overlap(entry: &CronEntry, position: &Position, slots: Vec<Timestamp>) -> Vec<Slot> {
    let allowed = |place: usize| match entry.overlap {
        Overlap::Allow => true,
        // The job of the first has not ended when that of the second is to be inserted.
        Overlap::Skip => place == 0 && !position.unfinished,
    };
    slots.into_iter().enumerate().map(|(place, at)| Slot { at, inserts: allowed(place) }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cron::{Cron, Timezone};
    use crate::new_job::{Limits, NewJob};

    fn entry(expression: &str, change: impl Fn(Cron) -> Cron) -> CronEntry {
        let cron = Cron::new(expression, NewJob::of("W", json!({})));
        change(cron).validate(&Limits::default(), &Timezone::utc()).unwrap()
    }

    fn time(text: &str) -> Timestamp {
        format!("2026-11-22T{text}Z").parse().unwrap()
    }

    fn fired(entry: &CronEntry, last: &str, now: &str) -> Vec<String> {
        let last = Some((time(last), "node".to_owned()));
        let position = Position { begins_at: Some(time("00:00:30")), last, ..Position::default() };
        let decision = decide(entry, &position, &Occasion::Due, time(now));
        let text = |slot: &Slot| slot.at.to_string()[11..16].to_owned();
        decision.slots.iter().map(text).collect()
    }

    #[test]
    fn a_slot_is_due_from_its_first_moment_on() {
        let every = entry("* * * * *", |cron| cron);
        assert!(fired(&every, "12:00:00", "12:00:59.999999").is_empty());
        assert_eq!(fired(&every, "12:00:00", "12:01:00"), ["12:01"]);
        assert_eq!(fired(&every, "12:00:00", "12:01:59.999999"), ["12:01"]);
    }

    #[test]
    fn missed_slots_are_made_up_for_as_the_entry_says() {
        let policy = |misfire| entry("*/10 * * * *", |cron| cron.misfire(misfire));
        let missed = |misfire| fired(&policy(misfire), "12:00:00", "12:44:00");
        assert!(missed(Misfire::Skip).is_empty());
        assert_eq!(missed(Misfire::Once), ["12:40"]);
        assert_eq!(missed(Misfire::All { most: 3 }), ["12:20", "12:30", "12:40"]);
        assert_eq!(missed(Misfire::All { most: 99 }).len(), 4);
        assert_eq!(fired(&policy(Misfire::Skip), "12:00:00", "12:40:59"), ["12:40"]);
        assert!(fired(&policy(Misfire::Skip), "12:00:00", "12:41:00").is_empty());
    }

    #[test]
    fn slots_begin_when_the_entry_does() {
        let every = entry("0 0 * * *", |cron| cron);
        let position = Position { begins_at: Some(time("00:00:00")), ..Position::default() };
        assert!(decide(&every, &position, &Occasion::Due, time("12:00:00")).is_nothing());
    }

    #[test]
    fn a_beginning_in_the_future_is_brought_back() {
        let every = entry("* * * * *", |cron| cron);
        let position = Position { begins_at: Some(time("13:00:00")), ..Position::default() };
        let decision = decide(&every, &position, &Occasion::Due, time("12:00:00"));
        assert_eq!(decision.begins_at, Some(time("12:00:00")));
        assert!(decision.slots.is_empty());
    }

    #[test]
    fn forgotten_slots_are_not_fired_again() {
        let every = entry("* * * * *", |cron| cron);
        let forgotten_to = Some(time("12:00:00"));
        let position = Position { forgotten_to, ..Position::default() };
        assert!(decide(&every, &position, &Occasion::Due, time("11:00:00")).is_nothing());
    }

    #[test]
    fn an_entry_that_must_not_overlap_inserts_one_job_at_a_time() {
        let all = |cron: Cron| cron.misfire(Misfire::All { most: 9 }).overlap(Overlap::Skip);
        let entry = entry("*/10 * * * *", all);
        let mut position = Position { begins_at: Some(time("12:15:00")), ..Position::default() };
        let inserts = |position: &Position| -> Vec<bool> {
            let decision = decide(&entry, position, &Occasion::Due, time("12:44:00"));
            decision.slots.iter().map(|slot| slot.inserts).collect()
        };
        assert_eq!(inserts(&position), [true, false, false]);
        position.unfinished = true;
        assert_eq!(inserts(&position), [false, false, false]);
    }

    #[test]
    fn a_paused_entry_fires_only_by_hand() {
        let entry = entry("* * * * *", |cron| cron);
        let position = Position { paused: true, ..Position::default() };
        assert!(decide(&entry, &position, &Occasion::Due, time("12:00:00")).is_nothing());
        assert!(decide(&entry, &position, &Occasion::ByHand, time("12:00:00")).by_hand);
    }

    #[test]
    fn a_reboot_is_fired_by_one_of_the_nodes_that_live() {
        let entry = entry("@reboot", |cron| cron);
        let mut position = Position::default();
        let at = time("12:00:00.5");
        let living = vec!["b".to_owned()];
        let occasion = Occasion::Reboot { at, living };
        assert!(decide(&entry, &position, &Occasion::Due, at).is_nothing());
        assert_eq!(decide(&entry, &position, &occasion, at).slots, [Slot { at, inserts: true }]);
        position.last = Some((time("12:00:00"), "b".to_owned()));
        assert!(decide(&entry, &position, &occasion, at).is_nothing(), "b fired and lives");
        position.last = Some((time("12:00:00"), "a".to_owned()));
        assert_eq!(decide(&entry, &position, &occasion, at).slots.len(), 1, "a is gone");
    }
}

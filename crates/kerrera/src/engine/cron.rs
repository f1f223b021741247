//! When the crontab is looked at, and which of its entries are fired.

use std::time::{Duration, Instant};

use kerrera_core::Timestamp;
use kerrera_core::cron::{Occasion, decide};
use kerrera_core::storage::{Crontab, OtherNodes};

use super::retry::Retry;

/// The crontab as one node sees to it. It outlives the loop, should that panic: a start is one start.
#[derive(Debug)]
pub(crate) struct Crons {
    retry: Retry,
    looked_at: Option<Instant>,
    /// How long changes wait to be looked at.
    rest: Duration,
    wakes_at: Instant,
    reboot: Reboot,
}

/// How far the entries for `@reboot` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reboot {
    /// The crontab has not been read.
    New,
    /// It is not known yet whether others live; the node started then.
    Asking(Timestamp),
    /// This node has had its turn.
    Done,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The crontab may have changed.
    Changed,
    /// The entries that this node fires were read.
    Read(&'a Crontab),
    /// The other nodes were looked at.
    Looked(&'a OtherNodes, &'a Crontab),
    /// All that was to be done has been done, or failed in a way that a second try does not help.
    Done,
    /// Something failed, and is to be tried again.
    Failed {
        /// Between 0 and 1.
        jitter: f64,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Fire this entry.
    Fire(String, Occasion),
    /// Look at the other nodes, and what has been heard of them since then.
    Look(Timestamp),
}

impl Crons {
    /// The longest that a change of the crontab goes unnoticed, if nothing is heard of it.
    const LONGEST: Duration = Duration::from_secs(60);
    /// How often to look, at most, because of changes: on SQLite they can be changes of anything.
    const PAUSE: Duration = Duration::from_millis(100);
    /// The same, for a node that has nothing to fire.
    const LONG_PAUSE: Duration = Duration::from_secs(1);
    /// How soon is asked again whether other nodes live.
    const AGAIN: Duration = Duration::from_secs(1);

    pub(crate) fn new(now: Instant) -> Crons {
        Crons {
            retry: Retry::default(),
            looked_at: None,
            rest: Crons::PAUSE,
            wakes_at: now,
            reboot: Reboot::New,
        }
    }

    /// When the crontab is to be read.
    pub(crate) fn wakes_at(&self) -> Instant {
        self.wakes_at
    }

    pub(crate) fn step(&mut self, now: Instant, event: Event<'_>) -> Vec<Effect> {
        match event {
            Event::Changed => {
                let rested = self.looked_at.map_or(now, |looked| now.max(looked + self.rest));
                self.wakes_at = self.wakes_at.min(rested);
                Vec::new()
            }
            Event::Read(crontab) => {
                self.looked_at = Some(now);
                let has_some = !crontab.crons.is_empty();
                self.rest = if has_some { Crons::PAUSE } else { Crons::LONG_PAUSE };
                self.wakes_at = now + until_next(crontab);
                let mut effects = due(crontab);
                effects.extend(self.reboot(crontab));
                effects
            }
            Event::Looked(nodes, crontab) => self.looked(now, nodes, crontab),
            Event::Done => {
                self.retry.succeeded();
                Vec::new()
            }
            Event::Failed { jitter } => {
                self.looked_at = Some(now);
                let again = now + self.retry.failed(jitter);
                let waits = self.wakes_at > now;
                self.wakes_at = if waits { self.wakes_at.min(again) } else { again };
                Vec::new()
            }
        }
    }

    fn reboot(&mut self, crontab: &Crontab) -> Option<Effect> {
        if self.reboot == Reboot::New {
            self.reboot = Reboot::Asking(crontab.now);
        }
        if reboots(crontab).next().is_none() {
            // One that is resumed later waits for the next start.
            self.reboot = Reboot::Done;
        }
        match self.reboot {
            Reboot::Asking(since) => Some(Effect::Look(since)),
            Reboot::New | Reboot::Done => None,
        }
    }

    fn looked(&mut self, now: Instant, nodes: &OtherNodes, crontab: &Crontab) -> Vec<Effect> {
        let Reboot::Asking(since) = self.reboot else { return Vec::new() };
        let started_at = nodes.ours.unwrap_or(since);
        // Of nodes that start together, the first has its turn.
        let elders = || nodes.others.iter().filter(|other| other.started_at < started_at);
        if elders().any(|other| other.lives == Some(true)) {
            self.reboot = Reboot::Done;
            return Vec::new();
        }
        if elders().any(|other| other.lives.is_none()) {
            // It speaks soon, or a rescuer removes it.
            self.wakes_at = self.wakes_at.min(now + Crons::AGAIN);
            return Vec::new();
        }
        self.reboot = Reboot::Done;
        let living = nodes.others.iter().filter(|other| other.lives != Some(false));
        let living: Vec<String> = living.map(|other| other.node.clone()).collect();
        let fire =
            |name| Effect::Fire(name, Occasion::Reboot { at: since, living: living.clone() });
        reboots(crontab).map(fire).collect()
    }
}

/// The entries for which a slot has come. Whoever fires them decides again, under a lock.
fn due(crontab: &Crontab) -> Vec<Effect> {
    let due = crontab.crons.iter().filter(|cron| {
        !decide(&cron.entry, &cron.position, &Occasion::Due, crontab.now).is_nothing()
    });
    due.map(|cron| Effect::Fire(cron.entry.name.clone(), Occasion::Due)).collect()
}

/// How long it is until the next slot, by the clock of the storage.
fn until_next(crontab: &Crontab) -> Duration {
    let waiting = crontab.crons.iter().filter(|cron| !cron.position.paused);
    let next = waiting.filter_map(|cron| cron.entry.next_times(crontab.now, 1).pop()).min();
    next.map_or(Crons::LONGEST, |next| next.since(crontab.now).min(Crons::LONGEST))
}

fn reboots(crontab: &Crontab) -> impl Iterator<Item = String> {
    let reboots = crontab
        .crons
        .iter()
        .filter(|cron| cron.entry.expression.is_reboot() && !cron.position.paused);
    reboots.map(|cron| cron.entry.name.clone())
}

#[cfg(test)]
mod tests {
    use kerrera_core::cron::{Cron, Position, Timezone};
    use kerrera_core::storage::{OtherNode, StoredCron};
    use kerrera_core::{Limits, NewJob};
    use serde_json::json;

    use super::*;

    fn time(text: &str) -> Timestamp {
        format!("2026-11-22T{text}Z").parse().unwrap()
    }

    /// Entries of these expressions, named after them, that fired everything until `last`.
    fn crontab(expressions: &[&str], last: &str, now: &str) -> Crontab {
        let stored = |expression: &&str| {
            let cron = Cron::new(*expression, NewJob::of("W", json!({}))).name(*expression);
            let entry = cron.validate(&Limits::default(), &Timezone::utc()).unwrap();
            let position = Position { begins_at: Some(time(last)), ..Position::default() };
            StoredCron::new(entry, position, None, time(last))
        };
        let crons = expressions.iter().map(stored).collect();
        Crontab { now: time(now), crons, unreadable: Vec::new() }
    }

    fn node(started: &str, lives: Option<bool>) -> OtherNode {
        OtherNode { node: started.to_owned(), started_at: time(started), lives }
    }

    #[test]
    fn wakes_for_the_next_slot_and_at_least_once_a_minute() {
        let start = Instant::now();
        let mut crons = Crons::new(start);
        assert_eq!(crons.wakes_at(), start);
        let wait = |crons: &mut Crons, expressions: &[&str], now: &str| {
            crons.step(start, Event::Read(&crontab(expressions, now, now)));
            crons.wakes_at() - start
        };
        let seconds = Duration::from_secs;
        assert_eq!(wait(&mut crons, &["* * * * *"], "12:00:00"), seconds(60));
        assert_eq!(wait(&mut crons, &["* * * * *"], "12:00:59"), seconds(1));
        assert_eq!(wait(&mut crons, &["* * * * *"], "12:00:59.9999"), Duration::from_micros(100));
        assert_eq!(wait(&mut crons, &["@daily", "1 12 * * *"], "12:00:20"), seconds(40));
        assert_eq!(wait(&mut crons, &["@daily"], "12:00:00"), seconds(60));
        assert_eq!(wait(&mut crons, &["@reboot"], "12:00:00"), seconds(60));
        assert_eq!(wait(&mut crons, &[], "12:00:00"), seconds(60));
    }

    #[test]
    fn looks_at_once_when_the_crontab_may_have_changed() {
        let start = Instant::now();
        let mut crons = Crons::new(start);
        crons.step(start, Event::Read(&crontab(&["@daily"], "12:00:00", "12:00:00")));
        crons.step(start, Event::Changed);
        assert_eq!(crons.wakes_at(), start + Crons::PAUSE, "not with every change");
        let later = start + Duration::from_secs(10);
        crons.step(later, Event::Changed);
        assert_eq!(crons.wakes_at(), start + Crons::PAUSE, "what was promised is not put off");
        crons.step(later, Event::Read(&crontab(&["@daily"], "12:00:00", "12:00:00")));
        let later = later + Duration::from_secs(10);
        crons.step(later, Event::Changed);
        assert_eq!(crons.wakes_at(), later);
    }

    #[test]
    fn fires_what_is_due() {
        let mut crons = Crons::new(Instant::now());
        let crontab = crontab(&["*/5 * * * *", "*/7 * * * *", "@hourly"], "12:01:00", "12:08:00");
        let effects = crons.step(Instant::now(), Event::Read(&crontab));
        let fire = |name: &str| Effect::Fire(name.to_owned(), Occasion::Due);
        assert_eq!(effects, [fire("*/5 * * * *"), fire("*/7 * * * *")]);
    }

    #[test]
    fn tries_again_soon_after_a_failure() {
        let start = Instant::now();
        let mut crons = Crons::new(start);
        crons.step(start, Event::Read(&crontab(&["@daily"], "12:00:00", "12:00:00")));
        crons.step(start, Event::Failed { jitter: 0.5 });
        assert_eq!(crons.wakes_at() - start, Duration::from_millis(100));
        let later = start + Duration::from_secs(1);
        crons.step(later, Event::Failed { jitter: 0.5 });
        assert_eq!(crons.wakes_at() - later, Duration::from_millis(200), "never at once");
        crons.step(later, Event::Done);
        crons.step(later, Event::Failed { jitter: 0.5 });
        assert_eq!(crons.wakes_at() - later, Duration::from_millis(100));
    }

    #[test]
    fn a_reboot_is_fired_by_the_first_of_the_living() {
        let start = Instant::now();
        let crontab = crontab(&["@reboot", "@daily"], "12:00:00", "12:00:00");
        let looked = |others: Vec<OtherNode>| {
            let mut crons = Crons::new(start);
            let asked = crons.step(start, Event::Read(&crontab));
            assert_eq!(asked, [Effect::Look(time("12:00:00"))]);
            let nodes = OtherNodes { ours: Some(time("11:59:59")), others };
            let effects = crons.step(start, Event::Looked(&nodes, &crontab));
            let again = crons.step(start, Event::Read(&crontab));
            (effects, !again.is_empty())
        };
        let fire = |living: &[&str]| {
            let living = living.iter().map(ToString::to_string).collect();
            let occasion = Occasion::Reboot { at: time("12:00:00"), living };
            vec![Effect::Fire("@reboot".to_owned(), occasion)]
        };
        assert_eq!(looked(Vec::new()), (fire(&[]), false));
        assert_eq!(looked(vec![node("11:00:00", Some(true))]), (Vec::new(), false));
        assert_eq!(looked(vec![node("11:00:00", Some(false))]), (fire(&[]), false));
        assert_eq!(looked(vec![node("11:00:00", None)]), (Vec::new(), true), "not known yet");
        assert_eq!(looked(vec![node("12:00:01", Some(true))]), (fire(&["12:00:01"]), false));
        assert_eq!(looked(vec![node("12:00:01", None)]), (fire(&["12:00:01"]), false));
    }

    #[test]
    fn a_paused_reboot_waits_for_another_start() {
        let start = Instant::now();
        let mut crons = Crons::new(start);
        let mut crontab = crontab(&["@reboot"], "12:00:00", "12:00:00");
        crontab.crons[0].position.paused = true;
        assert!(crons.step(start, Event::Read(&crontab)).is_empty());
        crontab.crons[0].position.paused = false;
        assert!(crons.step(start, Event::Read(&crontab)).is_empty());
    }
}

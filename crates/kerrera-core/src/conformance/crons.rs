//! Jobs at times of the clock.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Fixture;
use super::fixture::{ack, meta};
use crate::cron::{Cron, CronEntry, Misfire, Occasion, Overlap, Timezone};
use crate::job::{Job, JobId};
use crate::new_job::{Limits, NewJob};
use crate::state::Event;
use crate::storage::{CronFiring, CronSlot, FiredSlot, SLOTS_KEPT, Storage, StoredCron};
use crate::time::{Timestamp, Units};

pub async fn a_slot_is_fired_once_and_its_job_is_marked(fixture: Fixture) {
    let job = NewJob::of("Report", json!({"kind": "daily"})).queue("reports").priority(3);
    let cron = Cron::new("*/5 * * * *", job.meta(json!({"by": "us", "cron_name": "theirs"})));
    declare(&fixture, cron.timezone("Asia/Seoul").name("reports")).await;
    set(&fixture, "12:05:00.5");

    let fired = fire(&fixture, "reports").await;
    assert_eq!(times(&fired), ["12:05"]);
    let job = job_of(&fixture, &fired[0]).await;
    assert_eq!((job.worker.as_str(), job.queue.as_str(), job.priority), ("Report", "reports", 3));
    assert_eq!(job.args.get("kind"), Some(json!("daily")));
    let marks = json!({
        "by": "us", "cron": true, "cron_expr": "*/5 * * * *", "cron_tz": "Asia/Seoul",
        "cron_name": "reports", "cron_at": "2026-11-22T12:05:00.000000Z",
    });
    assert_eq!(meta(&job), marks);
    assert_eq!(job.inserted_at, fixture.now());

    assert!(fire(&fixture, "reports").await.is_empty());
    let cron = stored(&fixture, "reports").await;
    assert_eq!(cron.last_job, Some(job.id));
    assert_eq!(cron.position.last, Some((at("12:05:00"), "node-1".to_owned())));
    assert_eq!(jobs(&fixture).await, 1);
}

pub async fn nothing_is_fired_before_its_time(fixture: Fixture) {
    declare(&fixture, every("*/5 * * * *")).await;
    set(&fixture, "12:04:59.999999");
    assert!(fire(&fixture, "it").await.is_empty());
    set(&fixture, "12:05:00");
    assert_eq!(times(&fire(&fixture, "it").await), ["12:05"]);
    let other = fixture.storage.fire_cron(firing("other", "n", Occasion::Due)).await.unwrap();
    assert!(other.is_none(), "there is no such entry");
}

pub async fn slots_begin_when_their_entry_is_first_written(fixture: Fixture) {
    declare(&fixture, every("0 12 * * *")).await;
    assert!(fire(&fixture, "it").await.is_empty(), "noon was before it");
    let cron = stored(&fixture, "it").await;
    assert_eq!(cron.position.begins_at, Some(fixture.now()));
    assert_eq!(cron.position.last, None);
    fixture.clock.advance(24.hours());
    assert_eq!(times(&fire(&fixture, "it").await), ["12:00"]);
}

pub async fn firings_at_once_insert_one_job(fixture: Fixture) {
    declare(&fixture, every("* * * * *").misfire(Misfire::All { most: 5 })).await;
    for _ in 0..5 {
        fixture.clock.advance(3.minutes());
        let fired = fire_at_once(&[&fixture.storage; 6]).await;
        assert_eq!(fired.iter().map(Vec::len).sum::<usize>(), 3);
    }
    assert_eq!(jobs(&fixture).await, 15);
}

pub async fn a_restart_fires_nothing_again(fixture: Fixture) {
    declare(&fixture, every("* * * * *")).await;
    set(&fixture, "12:01:00");
    assert_eq!(fire(&fixture, "it").await.len(), 1);
    declare(&fixture, every("* * * * *")).await;
    assert!(fire(&fixture, "it").await.is_empty());
    set(&fixture, "12:02:30");
    declare(&fixture, every("* * * * *")).await;
    assert_eq!(times(&fire(&fixture, "it").await), ["12:02"], "it does not begin anew");
}

pub async fn missed_slots_are_made_up_for_as_their_entry_says(fixture: Fixture) {
    let policies = [
        (Misfire::Skip, &[][..]),
        (Misfire::Once, &["12:40"]),
        (Misfire::All { most: 3 }, &["12:20", "12:30", "12:40"]),
        (Misfire::All { most: 1_000 }, &["12:10", "12:20", "12:30", "12:40"]),
    ];
    for (misfire, _) in policies {
        declare(&fixture, every("*/10 * * * *").misfire(misfire).name(misfire.to_string())).await;
    }
    set(&fixture, "12:44:00");
    for (misfire, slots) in policies {
        let name = misfire.to_string();
        assert_eq!(times(&fire(&fixture, &name).await), slots, "{name}");
        assert!(fire(&fixture, &name).await.is_empty(), "{name}, a second time");
    }
    set(&fixture, "12:50:00");
    for (misfire, _) in policies {
        assert_eq!(times(&fire(&fixture, &misfire.to_string()).await), ["12:50"], "on time");
    }
}

pub async fn a_clock_that_is_put_back_fires_nothing_again(fixture: Fixture) {
    set(&fixture, "09:30:30");
    declare(&fixture, every("*/10 * * * *").misfire(Misfire::All { most: 1_000 })).await;
    set(&fixture, "12:30:30");
    assert_eq!(fire(&fixture, "it").await.len(), 18);
    for back in ["12:30:00", "12:29:30", "10:30:30", "10:40:00", "12:20:00", "12:39:59"] {
        set(&fixture, back);
        assert!(fire(&fixture, "it").await.is_empty(), "{back}");
    }
    set(&fixture, "12:40:00");
    assert_eq!(times(&fire(&fixture, "it").await), ["12:40"]);
}

pub async fn a_clock_that_is_put_forward_fires_what_it_skipped_as_missed(fixture: Fixture) {
    declare(&fixture, every("*/10 * * * *")).await;
    set(&fixture, "14:05:00");
    assert_eq!(times(&fire(&fixture, "it").await), ["14:00"], "the newest, once");
    // It was a mistake: the slots in between come after all, and that one is not fired again.
    set(&fixture, "12:10:00");
    assert_eq!(times(&fire(&fixture, "it").await), ["12:10"]);
    set(&fixture, "13:50:00");
    assert_eq!(times(&fire(&fixture, "it").await), ["13:50"]);
    set(&fixture, "14:00:30");
    assert!(fire(&fixture, "it").await.is_empty());
    set(&fixture, "14:10:00");
    assert_eq!(times(&fire(&fixture, "it").await), ["14:10"]);
}

pub async fn a_beginning_in_the_future_is_brought_back(fixture: Fixture) {
    set(&fixture, "18:00:00");
    declare(&fixture, every("* * * * *")).await;
    set(&fixture, "12:00:30");
    assert!(fire(&fixture, "it").await.is_empty());
    assert_eq!(stored(&fixture, "it").await.position.begins_at, Some(fixture.now()));
    set(&fixture, "12:01:00");
    assert_eq!(times(&fire(&fixture, "it").await), ["12:01"]);
}

pub async fn a_slot_that_would_overlap_is_left_out(fixture: Fixture) {
    declare(&fixture, every("* * * * *").overlap(Overlap::Skip)).await;
    let hand = fixture.enroll("default").await;
    set(&fixture, "12:01:00");
    let first = fire(&fixture, "it").await;
    assert!(first[0].job.is_some());

    // It waits, then it runs, then it is to be tried again.
    set(&fixture, "12:02:00");
    assert!(fire(&fixture, "it").await[0].job.is_none());
    let running = hand.claim(1).await.remove(0);
    set(&fixture, "12:03:00");
    let skipped = fire(&fixture, "it").await;
    assert!(times(&skipped) == ["12:03"] && skipped[0].job.is_none());
    assert!(fire(&fixture, "it").await.is_empty(), "a slot that is left out is taken");
    let cron = stored(&fixture, "it").await;
    assert!(cron.position.unfinished && cron.last_job == Some(running.id));

    fixture.ack(ack(&running, Event::Completed)).await;
    set(&fixture, "12:04:00");
    assert!(fire(&fixture, "it").await[0].job.is_some());
    // A job that somebody removed has ended.
    fixture.raw("DELETE FROM oban_jobs").await;
    set(&fixture, "12:05:00");
    assert!(fire(&fixture, "it").await[0].job.is_some());
}

pub async fn the_newest_definition_fires(fixture: Fixture) {
    let old = || Cron::new("*/10 * * * *", NewJob::of("Old", json!({}))).name("it");
    let new = || Cron::new("*/10 * * * *", NewJob::of("New", json!({}))).name("it");
    declare(&fixture, old()).await;
    let began = fixture.now();
    set(&fixture, "12:05:00");
    declare(&fixture, new()).await;
    set(&fixture, "12:10:00");
    // Whichever node fires it.
    let fired = fire(&fixture, "it").await;
    assert_eq!(job_of(&fixture, &fired[0]).await.worker, "New");
    let begins_at = stored(&fixture, "it").await.position.begins_at;
    assert_eq!(begins_at, Some(began), "the times are the same: no slot is lost to a deploy");

    declare(&fixture, every("*/15 * * * *")).await;
    assert_eq!(stored(&fixture, "it").await.position.begins_at, Some(fixture.now()));
    set(&fixture, "12:14:00");
    assert!(fire(&fixture, "it").await.is_empty());
    set(&fixture, "12:15:00");
    assert_eq!(fire(&fixture, "it").await.len(), 1);
}

pub async fn an_edited_entry_begins_anew_and_stays_edited(fixture: Fixture) {
    declare(&fixture, every("*/10 * * * *")).await;
    set(&fixture, "13:00:30");
    let edited = valid(every("*/30 * * * *").timezone("Asia/Seoul"));
    assert!(fixture.storage.edit_cron(edited).await.unwrap());
    assert!(fire(&fixture, "it").await.is_empty(), "what it missed is not made up for");
    declare(&fixture, every("*/10 * * * *")).await;
    let cron = stored(&fixture, "it").await;
    assert_eq!(cron.entry.expression.as_str(), "*/30 * * * *");
    assert_eq!(cron.entry.timezone.name(), "Asia/Seoul");
    set(&fixture, "13:30:00");
    assert_eq!(times(&fire(&fixture, "it").await), ["13:30"]);

    declare(&fixture, every("*/20 * * * *")).await;
    let cron = stored(&fixture, "it").await;
    assert_eq!(cron.entry.expression.as_str(), "*/20 * * * *", "the program's is another now");
    let stranger = valid(every("* * * * *").name("stranger"));
    assert!(!fixture.storage.edit_cron(stranger).await.unwrap());
}

pub async fn a_paused_entry_waits_and_then_begins_anew(fixture: Fixture) {
    let pause = |paused| fixture.storage.pause_cron("it".to_owned(), paused);
    declare(&fixture, every("* * * * *").misfire(Misfire::All { most: 99 })).await;
    set(&fixture, "12:01:30");
    assert!(pause(false).await.unwrap());
    assert_eq!(fire(&fixture, "it").await.len(), 1, "it was not paused: nothing begins anew");
    assert!(pause(true).await.unwrap());
    assert!(stored(&fixture, "it").await.position.paused);
    set(&fixture, "12:05:30");
    assert!(fire(&fixture, "it").await.is_empty());
    declare(&fixture, every("*/2 * * * *").misfire(Misfire::All { most: 99 })).await;
    assert!(stored(&fixture, "it").await.position.paused, "a deploy does not let it go on");
    set(&fixture, "12:20:30");
    assert!(pause(false).await.unwrap());
    assert!(fire(&fixture, "it").await.is_empty());
    set(&fixture, "12:22:00");
    assert_eq!(times(&fire(&fixture, "it").await), ["12:22"]);
    assert!(!fixture.storage.pause_cron("other".to_owned(), true).await.unwrap());
}

pub async fn a_job_by_hand_takes_no_slot(fixture: Fixture) {
    declare(&fixture, every("*/10 * * * *").overlap(Overlap::Skip)).await;
    fixture.storage.pause_cron("it".to_owned(), true).await.unwrap();
    set(&fixture, "12:10:00");
    for count in 1..=2 {
        let fired = fixture.storage.fire_cron(firing("it", "n", Occasion::ByHand)).await.unwrap();
        let fired = fired.unwrap();
        let job = job_of(&fixture, &fired[0]).await;
        assert!(fired.len() == 1 && fired[0].at.is_none());
        let expected = json!({
            "cron": true, "cron_expr": "*/10 * * * *", "cron_tz": "Etc/UTC", "cron_name": "it",
        });
        assert_eq!(meta(&job), expected);
        assert_eq!(jobs(&fixture).await, count);
    }
    fixture.storage.pause_cron("it".to_owned(), false).await.unwrap();
    set(&fixture, "12:20:00");
    let fired = fire(&fixture, "it").await;
    assert!(times(&fired) == ["12:20"] && fired[0].job.is_none(), "the one by hand still waits");
}

pub async fn a_removed_entry_is_gone(fixture: Fixture) {
    declare(&fixture, every("* * * * *")).await;
    set(&fixture, "12:01:00");
    fire(&fixture, "it").await;
    assert!(fixture.storage.remove_cron("it".to_owned()).await.unwrap());
    assert!(!fixture.storage.remove_cron("it".to_owned()).await.unwrap());
    assert!(fixture.storage.crontab(None).await.unwrap().crons.is_empty());
    let fired = fixture.storage.fire_cron(firing("it", "n", Occasion::Due)).await.unwrap();
    assert!(fired.is_none());
    declare(&fixture, every("* * * * *")).await;
    assert!(fire(&fixture, "it").await.is_empty(), "it begins after the slot that it had fired");
    assert_eq!(jobs(&fixture).await, 1);
}

pub async fn an_entry_that_cannot_be_read_is_set_aside(fixture: Fixture) {
    for name in ["a", "b", "c", "d"] {
        declare(&fixture, every("* * * * *").name(name)).await;
    }
    fixture.raw("UPDATE kerrera_crons SET expression = 'often' WHERE name = 'a'").await;
    fixture.raw("UPDATE kerrera_crons SET job = '{}' WHERE name = 'b'").await;
    fixture.raw("UPDATE kerrera_crons SET misfire = 'never' WHERE name = 'd'").await;
    let crontab = fixture.storage.crontab(None).await.unwrap();
    let readable: Vec<_> = crontab.crons.iter().map(|cron| cron.entry.name.as_str()).collect();
    assert_eq!(readable, ["c"]);
    let unreadable: Vec<_> = crontab.unreadable.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(unreadable, ["a", "b", "d"]);
    let names = Some(vec!["c".to_owned(), "a".to_owned()]);
    let some = fixture.storage.crontab(names).await.unwrap();
    assert_eq!((some.crons.len(), some.unreadable.len()), (1, 1));
    assert_eq!(some.now, fixture.now());
    let error = fixture.storage.fire_cron(firing("a", "n", Occasion::Due)).await.unwrap_err();
    assert!(error.to_string().contains("\"often\""), "{error}");
    assert!(fixture.storage.edit_cron(valid(every("* * * * *").name("a"))).await.unwrap());
    assert_eq!(fixture.storage.crontab(None).await.unwrap().crons.len(), 2);
}

pub async fn an_added_entry_is_there_until_it_is_removed(fixture: Fixture) {
    set(&fixture, "12:00:30");
    let storage = &fixture.storage;
    assert!(storage.add_cron(valid(every("* * * * *"))).await.unwrap());
    assert!(!storage.add_cron(valid(every("@daily"))).await.unwrap(), "there is one of that name");
    let cron = stored(&fixture, "it").await;
    assert!(cron.is_added && cron.entry.expression.as_str() == "* * * * *");
    assert_eq!(cron.position.begins_at, Some(fixture.now()));

    declare(&fixture, every("@hourly").name("other")).await;
    assert!(!stored(&fixture, "other").await.is_added);
    assert!(storage.edit_cron(valid(every("*/2 * * * *"))).await.unwrap());
    assert!(stored(&fixture, "it").await.is_added, "it is still nobody's after it was edited");
    set(&fixture, "12:02:00");
    assert_eq!(times(&fire(&fixture, "it").await), ["12:02"]);
    assert!(storage.remove_cron("it".to_owned()).await.unwrap());
    assert!(storage.add_cron(valid(every("* * * * *"))).await.unwrap());

    declare(&fixture, every("* * * * *")).await;
    assert!(!stored(&fixture, "it").await.is_added, "a program has made it its own");
    assert!(!storage.add_cron(valid(every("* * * * *"))).await.unwrap());
}

pub async fn slots_are_read_from_the_newest_on(fixture: Fixture) {
    declare(&fixture, every("* * * * *").overlap(Overlap::Skip)).await;
    declare(&fixture, every("* * * * *").name("other")).await;
    for minute in 1..=5 {
        set(&fixture, &format!("12:0{minute}:07"));
        fire(&fixture, "it").await;
    }
    let slots = async |before, limit| {
        fixture.storage.cron_slots("it".to_owned(), before, limit).await.unwrap()
    };
    let shown = |slots: &[CronSlot]| -> Vec<String> {
        slots.iter().map(|slot| slot.at.to_string()[11..16].to_owned()).collect()
    };
    let first = slots(None, 3).await;
    assert_eq!(shown(&first), ["12:05", "12:04", "12:03"]);
    assert_eq!(
        (first[0].job, first[0].node.as_str()),
        (None, "node-1"),
        "it would have overlapped"
    );
    assert_eq!(first[0].fired_at, at("12:05:07"));
    let rest = slots(Some(first[2].at), 3).await;
    assert_eq!(shown(&rest), ["12:02", "12:01"]);
    assert_eq!(rest[1].job, stored(&fixture, "it").await.last_job);
    assert!(slots(Some(rest[1].at), 3).await.is_empty());
    assert!(fixture.storage.cron_slots("nobody's".to_owned(), None, 3).await.unwrap().is_empty());
}

pub async fn a_slot_whose_job_is_refused_is_not_taken(fixture: Fixture) {
    declare(&fixture, every("* * * * *")).await;
    let entry = stored(&fixture, "it").await.entry;
    let broken = entry.job_json().unwrap().replace("\"default\"", "\"\"");
    fixture.raw(format!("UPDATE kerrera_crons SET job = '{broken}'")).await;
    set(&fixture, "12:01:00");
    assert!(fixture.storage.fire_cron(firing("it", "n", Occasion::Due)).await.is_err());
    assert_eq!(stored(&fixture, "it").await.position.last, None);
    assert!(fixture.storage.edit_cron(entry).await.unwrap());
    assert_eq!(fire(&fixture, "it").await.len(), 1);
}

pub async fn old_slots_are_forgotten_and_never_fired_again(fixture: Fixture) {
    declare(&fixture, every("*/10 * * * *").misfire(Misfire::All { most: 1_000 })).await;
    fixture.clock.advance(36.hours());
    assert_eq!(fire(&fixture, "it").await.len(), 216);
    let forgotten_to = stored(&fixture, "it").await.position.forgotten_to;
    assert_eq!(forgotten_to, Some("2026-11-23T00:00:00Z".parse().unwrap()), "a day is kept");
    fixture.clock.advance(1_000.hours());
    fire(&fixture, "it").await;
    fixture.clock.advance(1_000.hours());
    fire(&fixture, "it").await;
    let now = fixture.now();
    let kept = stored(&fixture, "it").await.position.forgotten_to.unwrap();
    assert!(now.since(kept) >= 10.minutes() * (SLOTS_KEPT - 1), "the last ones are kept");

    fixture.clock.set(at("18:00:00"));
    assert!(fire(&fixture, "it").await.is_empty(), "they were fired, and are forgotten");
    fixture.clock.set(now);
    assert!(fire(&fixture, "it").await.is_empty());
}

pub async fn a_reboot_is_fired_once_among_living_nodes(fixture: Fixture) {
    declare(&fixture, every("@reboot")).await;
    let start = async |node: &str, living: &[&str]| {
        let living = living.iter().map(ToString::to_string).collect();
        let occasion = Occasion::Reboot { at: fixture.now(), living };
        let fired = fixture.storage.fire_cron(firing("it", node, occasion)).await.unwrap();
        fixture.clock.advance(1.second());
        fired.unwrap()
    };
    assert!(fire(&fixture, "it").await.is_empty(), "it has no times");
    let fired = start("a", &[]).await;
    let slot = fired[0].at.unwrap();
    let job = job_of(&fixture, &fired[0]).await;
    assert_eq!(meta(&job)["cron_expr"], "@reboot");
    assert_eq!(meta(&job)["cron_at"], Value::String(slot.to_string()));
    assert!(start("b", &["a"]).await.is_empty(), "a has fired, and lives");
    assert_eq!(start("b", &[]).await.len(), 1);
    assert_eq!(start("c", &["a"]).await.len(), 1, "b is gone");
}

pub async fn slots_follow_the_time_zone_of_their_entry(fixture: Fixture) {
    fixture.clock.set("2026-10-24T12:00:00Z".parse().unwrap());
    let all = Misfire::All { most: 10 };
    let cron = every("30 2 * * *").timezone("Europe/Copenhagen").misfire(all);
    declare(&fixture, cron.name("night")).await;
    let cron = every("0 1 * * *").timezone("Asia/Seoul").misfire(all);
    declare(&fixture, cron.name("seoul")).await;
    fixture.clock.advance(36.hours());
    let night = fire(&fixture, "night").await;
    assert_eq!(times(&night), ["00:30", "01:30"], "the clock shows it twice");
    assert_eq!(times(&fire(&fixture, "seoul").await), ["16:00", "16:00"]);
}

pub async fn other_nodes_are_told_apart(fixture: Fixture) {
    let since = fixture.now();
    let none = fixture.storage.other_nodes(Vec::new(), since).await.unwrap();
    assert!(none.ours.is_none() && none.others.is_empty());
    let hand = fixture.enroll("default").await;
    let started_at = fixture.now();
    fixture.clock.advance(1.second());
    let second = fixture.enroll("other").await;
    let uuids = vec![hand.producer.uuid, second.producer.uuid];
    let nodes = fixture.storage.other_nodes(uuids, since).await.unwrap();
    assert_eq!((nodes.ours, nodes.others.len()), (Some(started_at), 0));
    let nodes = fixture.storage.other_nodes(vec![second.producer.uuid], since).await.unwrap();
    assert_eq!(nodes.others.len(), 1);
    let other = &nodes.others[0];
    assert_eq!(
        (other.node.as_str(), other.started_at, other.lives),
        ("node-1", started_at, Some(true))
    );
    fixture.storage.retire(vec![hand.producer.uuid]).await.unwrap();
    let nodes = fixture.storage.other_nodes(vec![second.producer.uuid], since).await.unwrap();
    assert!(nodes.others.is_empty());
}

pub(super) fn every(expression: &str) -> Cron {
    Cron::new(expression, NewJob::of("W", json!({}))).name("it")
}

pub(super) async fn declare(fixture: &Fixture, cron: Cron) {
    fixture.storage.declare_crons(vec![valid(cron)]).await.unwrap();
}

/// Fires an entry on several storages at once.
pub(super) async fn fire_at_once(storages: &[&Arc<dyn Storage>]) -> Vec<Vec<FiredSlot>> {
    let fire = |(node, storage): (usize, &&Arc<dyn Storage>)| {
        let storage = Arc::clone(storage);
        let firing = firing("it", &format!("node-{node}"), Occasion::Due);
        tokio::spawn(async move { storage.fire_cron(firing).await.unwrap().unwrap() })
    };
    let firings: Vec<_> = storages.iter().enumerate().map(fire).collect();
    let mut fired = Vec::new();
    for firing in firings {
        fired.push(firing.await.unwrap());
    }
    fired
}

pub(super) async fn jobs(fixture: &Fixture) -> u64 {
    fixture.storage.counts().await.unwrap().iter().map(|count| count.jobs).sum()
}

fn valid(cron: Cron) -> CronEntry {
    cron.validate(&Limits::default(), &Timezone::utc()).unwrap()
}

fn firing(name: &str, node: &str, occasion: Occasion) -> CronFiring {
    CronFiring { name: name.to_owned(), node: node.into(), occasion, meta: Map::new() }
}

async fn fire(fixture: &Fixture, name: &str) -> Vec<FiredSlot> {
    let firing = firing(name, "node-1", Occasion::Due);
    fixture.storage.fire_cron(firing).await.unwrap().expect("the entry is there")
}

async fn stored(fixture: &Fixture, name: &str) -> StoredCron {
    let mut crontab = fixture.storage.crontab(Some(vec![name.to_owned()])).await.unwrap();
    assert_eq!(crontab.crons.len(), 1, "{:?}", crontab.unreadable);
    crontab.crons.remove(0)
}

async fn job_of(fixture: &Fixture, fired: &FiredSlot) -> Job {
    let id: JobId = fired.job.as_ref().expect("a job was inserted").job().id;
    fixture.job(id).await
}

/// A time of the day on which every clock begins.
fn at(time: &str) -> Timestamp {
    format!("2026-11-22T{time}Z").parse().unwrap()
}

fn set(fixture: &Fixture, time: &str) {
    fixture.clock.set(at(time));
}

fn times(fired: &[FiredSlot]) -> Vec<String> {
    let slots = fired.iter().filter_map(|slot| slot.at);
    slots.map(|slot| slot.to_string()[11..16].to_owned()).collect()
}

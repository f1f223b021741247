//! Who did what: what is done and what is told of it are one.

use std::time::Duration;

use serde_json::json;

use super::Fixture;
use super::fixture::{job, valid};
use crate::audit::{Actor, AuditEntry, AuditOutcome, AuditQuery, AuditRecord, Via};
use crate::cron::{Cron, CronEntry, Timezone};
use crate::job::JobId;
use crate::job_change::JobChange;
use crate::job_query::Condition;
use crate::new_job::{Limits, NewJob};
use crate::state::State;
use crate::storage::{
    Action, Answer, Batch, Candidate, Command, CronFiring, Inserted, Operation, Order, Seat,
    Updated,
};
use crate::time::Units;
use crate::unique::until_finished;

pub async fn what_is_done_and_what_is_told_are_written_together(fixture: Fixture) {
    let storage = &fixture.storage;
    let job = fixture.insert_one(job()).await;
    declare(&fixture).await;
    let seen = || Box::new(job.clone());
    let change = || JobChange::new().priority(3).validate(&Limits::default()).unwrap();
    let cases: Vec<(&str, Command, u64, bool)> = vec![
        (
            "insert",
            Command::Insert(valid([NewJob::of("A", json!({})), super::fixture::job()])),
            2,
            true,
        ),
        ("update_seen", Command::UpdateSeen(seen(), change()), 1, true),
        ("update", Command::Update(job.id, change()), 1, true),
        ("cancel", Command::Manage(batch(Operation::Cancel, [job.id])), 1, true),
        ("retry", Command::Manage(batch(Operation::Retry, [job.id])), 1, true),
        ("delete", Command::Manage(batch(Operation::Delete, [job.id])), 1, true),
        ("order", Command::Order(order(Action::Pause)), 1, false),
        ("reset", Command::Order(order(Action::Reset)), 1, false),
        ("pause", Command::PauseCron("daily".into(), true), 1, false),
        ("edit", Command::EditCron(Box::new(entry_of_cron("@weekly"))), 1, false),
        ("run", Command::FireCron(by_hand()), 1, true),
        ("remove", Command::RemoveCron("daily".into()), 1, false),
        ("add", Command::AddCron(Box::new(entry_of_cron("@weekly"))), 1, false),
    ];
    for (name, command, count, has_jobs) in cases {
        storage.act(command, told(name).target("thing", "x")).await.unwrap();
        let newest = log(&fixture).await.remove(0);
        assert_eq!((newest.entry.action.as_str(), newest.entry.count), (name, count));
        assert_eq!(newest.entry.jobs.len() as u64, if has_jobs { count } else { 0 }, "{name}");
        assert_eq!(newest.entry.outcome, AuditOutcome::Done);
        assert_eq!(newest.at, fixture.now());
    }
    assert_eq!(log(&fixture).await.len(), 13, "one of each");
    assert_eq!(storage.job(job.id).await.unwrap(), None, "and all of it was done");
    let crontab = storage.crontab(None).await.unwrap();
    assert_eq!(crontab.crons.len(), 1, "it was added again after it was removed");
}

pub async fn what_cannot_be_told_is_not_done(fixture: Fixture) {
    let storage = &fixture.storage;
    let job = fixture.insert_one(job()).await;
    declare(&fixture).await;
    fixture.raw("DROP TABLE kerrera_audit").await;
    let change = || JobChange::new().priority(3).validate(&Limits::default()).unwrap();
    for command in [
        Command::Insert(valid([super::fixture::job()])),
        Command::Insert(valid([NewJob::of("Other", json!({})).unique(until_finished())])),
        Command::Update(job.id, change()),
        Command::UpdateSeen(Box::new(job.clone()), change()),
        Command::Manage(batch(Operation::Cancel, [job.id])),
        Command::Manage(Batch { conditions: vec![], ..batch(Operation::Delete, []) }),
        Command::Order(order(Action::Stop)),
        Command::PauseCron("daily".into(), true),
        Command::AddCron(Box::new(CronEntry { name: "other".into(), ..entry_of_cron("@weekly") })),
        Command::EditCron(Box::new(entry_of_cron("@weekly"))),
        Command::FireCron(by_hand()),
        Command::RemoveCron("daily".into()),
    ] {
        storage.act(command, told("x")).await.unwrap_err();
    }
    assert_eq!(fixture.job(job.id).await, job);
    assert_eq!(storage.counts().await.unwrap().len(), 1);
    assert_eq!(storage.counts().await.unwrap()[0].jobs, 1);
    assert!(storage.orders().await.unwrap().standing.is_empty());
    let crontab = storage.crontab(None).await.unwrap();
    assert_eq!(crontab.crons[0].entry.expression.as_str(), "@daily");
    assert!(!crontab.crons[0].position.paused);
}

pub async fn what_is_not_done_is_not_told(fixture: Fixture) {
    let storage = &fixture.storage;
    let (_, running) = fixture.running(job()).await;
    let job = fixture.insert_one(job()).await;
    let like = fixture.insert_one(super::fixture::job().unique(until_finished())).await;

    let no_room = JobChange::new().max_attempts(1).validate(&Limits::default()).unwrap();
    storage.act(Command::Update(running.id, no_room), told("x")).await.unwrap_err();

    let answer = storage.act(Command::Manage(batch(Operation::Retry, [like.id])), told("x")).await;
    assert!(matches!(answer, Ok(Answer::Managed(managed)) if managed.is_empty()));
    let executing = vec![Condition::States(vec![State::Executing])];
    let deleting = Batch { conditions: executing, ..batch(Operation::Delete, []) };
    let answer = storage.act(Command::Manage(deleting), told("x")).await.unwrap();
    assert!(matches!(answer, Answer::Managed(managed) if managed.is_empty()));

    let again = valid([super::fixture::job().unique(until_finished())]);
    let answer = storage.act(Command::Insert(again), told("x")).await.unwrap();
    let Answer::Inserted(inserted) = answer else { panic!("{answer:?}") };
    assert!(matches!(&inserted[0], Inserted::Existing(existing) if existing.id == like.id));

    let change = || JobChange::new().priority(3).validate(&Limits::default()).unwrap();
    let answer = storage.act(Command::Update(-1, change()), told("x")).await.unwrap();
    assert!(matches!(answer, Answer::Updated(Some(Updated::NotFound))));
    let mut other = job.clone();
    other.priority = 9;
    let command = Command::UpdateSeen(Box::new(other), change());
    assert!(matches!(storage.act(command, told("x")).await, Ok(Answer::Updated(None))));

    let none = |answer| matches!(answer, Ok(Answer::Cron(false)));
    assert!(none(storage.act(Command::PauseCron("none".into(), true), told("x")).await));
    assert!(none(storage.act(Command::RemoveCron("none".into()), told("x")).await));
    let command = Command::FireCron(CronFiring { name: "none".into(), ..by_hand() });
    assert!(matches!(storage.act(command, told("x")).await, Ok(Answer::Fired(None))));
    let nameless = Order { queue: None, ..order(Action::Start { limit: 1, paused: false }) };
    assert!(storage.act(Command::Order(nameless), told("x")).await.unwrap_err().is_config());

    assert!(log(&fixture).await.is_empty());
}

pub async fn many_jobs_are_told_by_their_count(fixture: Fixture) {
    let jobs = valid((0..1_500).map(|_| job()));
    fixture.storage.act(Command::Insert(jobs), told("x")).await.unwrap();
    let entry = log(&fixture).await.remove(0).entry;
    assert_eq!((entry.count, entry.jobs.len()), (1_500, AuditEntry::MOST_JOBS));
}

pub async fn entries_are_kept_with_their_particulars(fixture: Fixture) {
    let hostile = "'; DROP TABLE oban_jobs; -- \0 \u{1b}[31m \u{202e} 감사 \"\\";
    let actor = Actor::new(hostile).label("ada").via(Via::Api).request_id("r-1").remote_ip("::1");
    let mut entry = AuditEntry::by(actor)
        .action("job.reveal")
        .target("job", hostile)
        .jobs([i64::MAX, 1])
        .count(2)
        .before(json!({"a\0": ["\0", 9_007_199_254_740_993_i64, null]}))
        .after(json!(null))
        .reason(hostile)
        .outcome(AuditOutcome::Refused);
    entry.instance = "Oban".to_owned();
    entry.error = Some("not allowed".to_owned());
    fixture.storage.record_audit(entry.clone()).await.unwrap();
    let plain = AuditEntry::by(Actor::new("")).sanitised();
    fixture.storage.record_audit(plain.clone()).await.unwrap();

    let kept = log(&fixture).await;
    assert_eq!(kept[0].entry, plain);
    assert_eq!(kept[1].entry, entry.sanitised());
    assert!(kept[0].id > kept[1].id);
}

pub async fn entries_are_found_by_what_they_are_about(fixture: Fixture) {
    let storage = &fixture.storage;
    let by = |name: &str| AuditEntry::by(Actor::new(name));
    let long = "x".repeat(3_000);
    for entry in [
        by("ada").action("job.cancel").target("job", "").jobs([1, 2]),
        by("bob").action("job.cancel").target("job", &long).jobs([2]),
        by("bob").action("queue.pause").target("queue", "mail").outcome(AuditOutcome::Failed),
        by("eve").action("cron.run").target("cron", "mail").outcome(AuditOutcome::Refused),
    ] {
        storage.record_audit(entry).await.unwrap();
        fixture.clock.advance(1.minute());
    }
    let begun = fixture.now() - 4.minutes();
    let all = log(&fixture).await;
    let query = AuditQuery::new;
    for (query, found) in [
        (query(), vec![3, 2, 1, 0]),
        (query().actor("bob"), vec![2, 1]),
        (query().actor("nobody"), vec![]),
        (query().action("job.cancel"), vec![1, 0]),
        (query().target_type("job"), vec![1, 0]),
        (query().target("queue", "mail"), vec![2]),
        (query().target("cron", "mail"), vec![3]),
        (query().job(2), vec![1, 0]),
        (query().job(1).actor("ada"), vec![0]),
        (query().outcome(AuditOutcome::Refused), vec![3]),
        (query().since(begun + 1.minute()), vec![3, 2, 1]),
        (query().before(begun + 1.minute()), vec![0]),
        (query().limit(2), vec![3, 2]),
        (query().limit(2).after(all[1].id), vec![1, 0]),
    ] {
        let entries = storage.audit(query.clone()).await.unwrap();
        let places: Vec<usize> = entries
            .iter()
            .map(|entry| 3 - all.iter().position(|one| one == entry).unwrap())
            .collect();
        assert_eq!(places, found, "{query:?}");
    }
    for wrong in [query().limit(0), query().actor("\0")] {
        assert!(storage.audit(wrong).await.unwrap_err().is_config());
    }
}

pub async fn old_entries_are_removed_by_the_leader(fixture: Fixture) {
    let storage = &fixture.storage;
    let candidate = Candidate {
        seat: "kerrera".into(),
        holder: crate::Uuid::new_v4(),
        node: "node-1".into(),
        ttl: 1.hour(),
    };
    let term = storage.lead(candidate.clone(), None).await.unwrap().term.unwrap();
    for _ in 0..5 {
        storage.record_audit(told("x")).await.unwrap();
        fixture.clock.advance(1.minute());
    }
    let seat = candidate.seat(term);
    let deposed = Seat { term: term + 1, ..seat.clone() };
    let age: Duration = 150.seconds();
    assert_eq!(storage.prune_audit(deposed, age, 10).await.unwrap(), 0);
    assert_eq!(storage.prune_audit(seat.clone(), age, 2).await.unwrap(), 2);
    assert_eq!(storage.prune_audit(seat.clone(), age, 2).await.unwrap(), 1);
    assert_eq!(storage.prune_audit(seat, age, 2).await.unwrap(), 0);
    assert_eq!(log(&fixture).await.len(), 2);
}

async fn log(fixture: &Fixture) -> Vec<AuditRecord> {
    fixture.storage.audit(AuditQuery::new()).await.unwrap()
}

fn told(action: &str) -> AuditEntry {
    AuditEntry::by(Actor::new("ada")).action(action)
}

fn batch<const N: usize>(operation: Operation, ids: [JobId; N]) -> Batch {
    let conditions = vec![Condition::Ids(ids.to_vec())];
    Batch { operation, conditions, after: None, limit: 100 }
}

fn order(action: Action) -> Order {
    Order {
        queue: Some("default".into()),
        node: None,
        action,
        until: None,
        reason: None,
        by: None,
        instance: "Oban".into(),
    }
}

fn entry_of_cron(expression: &str) -> CronEntry {
    let cron = Cron::new(expression, job()).name("daily");
    cron.validate(&Limits::default(), &Timezone::utc()).unwrap()
}

async fn declare(fixture: &Fixture) {
    fixture.storage.declare_crons(vec![entry_of_cron("@daily")]).await.unwrap();
}

fn by_hand() -> CronFiring {
    CronFiring {
        name: "daily".into(),
        node: "client".into(),
        occasion: crate::cron::Occasion::ByHand,
        meta: serde_json::Map::new(),
    }
}

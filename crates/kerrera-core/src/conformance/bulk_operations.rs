//! Doing something to many jobs, over hours if need be.

use std::time::Duration;

use uuid::Uuid;

use super::Fixture;
use super::fixture::{ids, job};
use crate::audit::{Actor, AuditEntry, AuditQuery, Via};
use crate::bulk_operation::{BulkAction, BulkFailure, BulkOperation, BulkState};
use crate::job::JobId;
use crate::job_query::JobQuery;
use crate::state::State;
use crate::storage::{Candidate, NewOperation, OperationEnd, OperationLease, OperationStep, Seat};
use crate::tally::Tally;
use crate::time::Units;

pub async fn an_operation_is_kept_with_its_particulars(fixture: Fixture) {
    let storage = &fixture.storage;
    let jobs = fixture.insert((0..3).map(|_| job())).await;
    let query = JobQuery::new().workers(["'; --"]).states([State::Available]);
    let by = Actor::new("17").label("ada").via(Via::Api);
    let new = NewOperation {
        action: BulkAction::RunNow,
        query: query.clone(),
        by: Some(by.clone()),
        reason: Some("why not".to_owned()),
        total: Some(Tally::capped(10_000)),
    };
    let entry = AuditEntry::by(by.clone()).action("operation.start");
    let created = storage.create_operation(new, Some(entry)).await.unwrap();
    assert_eq!((created.action, &created.query), (BulkAction::RunNow, &query));
    assert_eq!((created.state, created.max_id), (BulkState::Waiting, jobs[2].id));
    assert_eq!((created.by.as_ref(), created.reason.as_deref()), (Some(&by), Some("why not")));
    assert_eq!((created.total, created.created_at), (Some(Tally::capped(10_000)), fixture.now()));
    assert_eq!((created.done, created.reached, created.ended_at), (0, 0, None));
    let told = storage.audit(AuditQuery::new()).await.unwrap();
    assert_eq!(told[0].entry.target, created.id.to_string());

    let plain = create(&fixture, BulkAction::Cancel, JobQuery::new()).await;
    assert_eq!((plain.by.as_ref(), plain.total), (None, None));
    assert_eq!(storage.operation(created.id).await.unwrap().as_ref(), Some(&created));
    assert_eq!(storage.operation(-1).await.unwrap(), None);
    let all = storage.operations(None, 10).await.unwrap();
    assert_eq!(all, [plain.clone(), created.clone()]);
    assert_eq!(storage.operations(Some(plain.id), 10).await.unwrap(), [created]);
    assert_eq!(storage.operations(None, 1).await.unwrap(), [plain]);
    assert_eq!(storage.audit(AuditQuery::new()).await.unwrap().len(), 1, "nobody wanted it");
}

pub async fn an_operation_is_held_by_one_until_its_time_is_over(fixture: Fixture) {
    let storage = &fixture.storage;
    assert_eq!(storage.lease_operation(lease(Uuid::new_v4())).await.unwrap(), None);
    let first = create(&fixture, BulkAction::Cancel, JobQuery::new()).await;
    let second = create(&fixture, BulkAction::Delete, JobQuery::new()).await;
    let [one, two, three] = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    let held = storage.lease_operation(lease(one)).await.unwrap().unwrap();
    assert_eq!((held.id, held.state), (first.id, BulkState::Running));
    assert_eq!((held.node.as_deref(), held.started_at), (Some("node-1"), Some(fixture.now())));
    assert_eq!(storage.lease_operation(lease(two)).await.unwrap().unwrap().id, second.id);
    assert_eq!(storage.lease_operation(lease(three)).await.unwrap(), None);
    let begun = fixture.now();
    fixture.clock.advance(31.seconds());
    let listed = OperationLease { id: Some(second.id), ..lease(three) };
    let held = storage.lease_operation(listed).await.unwrap().unwrap();
    assert_eq!((held.id, held.started_at), (second.id, Some(begun)));
    assert_eq!(storage.lease_operation(lease(one)).await.unwrap().unwrap().id, first.id);
}

pub async fn a_beat_says_whether_an_operation_waits(fixture: Fixture) {
    let (storage, hand) = (&fixture.storage, fixture.enroll("default").await);
    let tells = storage.silence_is_death();
    let waits = async || storage.beat(vec![hand.beat(&[])]).await.unwrap().has_operation;
    assert!(!waits().await);
    create(&fixture, BulkAction::Cancel, JobQuery::new()).await;
    assert_eq!(waits().await, tells);
    let held = lease(Uuid::new_v4());
    storage.lease_operation(held.clone()).await.unwrap().unwrap();
    assert!(!waits().await, "somebody is at it");
    fixture.clock.advance(held.ttl + 1.milliseconds());
    assert_eq!(waits().await, tells, "nobody is at it any more");
}

pub async fn a_step_is_done_by_its_holder_once(fixture: Fixture) {
    let storage = &fixture.storage;
    let jobs = ids(&fixture.insert((0..4).map(|_| job())).await);
    let created = create(&fixture, BulkAction::Delete, JobQuery::new().workers(["Worker"])).await;
    let holder = Uuid::new_v4();
    storage.lease_operation(lease(holder)).await.unwrap().unwrap();
    let first = step(&created, holder, 0, &jobs[..2]);
    let stranger = OperationStep { holder: Uuid::new_v4(), ..first.clone() };
    assert!(storage.step_operation(stranger).await.unwrap().is_none());
    let managed = storage.step_operation(first.clone()).await.unwrap().unwrap();
    assert_eq!(managed.iter().map(|job| job.id).collect::<Vec<_>>(), jobs[..2]);
    assert!(storage.step_operation(first).await.unwrap().is_none(), "it is further by now");

    let mut last = step(&created, holder, jobs[1], &jobs[2..]);
    last.jobs.push(-7);
    last.failures = vec![BulkFailure::new(jobs[3], "no\0")];
    let entry = AuditEntry::by(Actor::new("17")).action("operation.end");
    last.end = Some(OperationEnd { error: None, entry: Some(entry) });
    let managed = storage.step_operation(last).await.unwrap().unwrap();
    assert_eq!(managed.len(), 1);
    let ended = storage.operation(created.id).await.unwrap().unwrap();
    assert_eq!((ended.done, ended.skipped, ended.failed), (3, 1, 1));
    assert_eq!((ended.state, ended.ended_at), (BulkState::Done, Some(fixture.now())));
    assert_eq!(ended.failures, [BulkFailure::new(jobs[3], "no\u{fffd}")]);
    assert_eq!(fixture.job(jobs[3]).await.state, State::Available);
    let told = storage.audit(AuditQuery::new()).await.unwrap();
    assert_eq!((told.len(), told[0].entry.count), (1, 3));
    assert_eq!(storage.lease_operation(lease(holder)).await.unwrap(), None, "it has ended");
}

pub async fn each_action_does_what_it_says(fixture: Fixture) {
    let storage = &fixture.storage;
    let states = [
        (BulkAction::Cancel, Some(State::Cancelled)),
        (BulkAction::Retry, Some(State::Available)),
        (BulkAction::Discard, Some(State::Discarded)),
        (BulkAction::Delete, None),
        (BulkAction::RunNow, Some(State::Available)),
    ];
    assert_eq!(states.map(|(action, _)| action), BulkAction::ALL);
    for (action, state) in states {
        let id = fixture.insert([job().schedule_in(1.hour())]).await[0].id;
        let created = create(&fixture, action, JobQuery::new().ids([id])).await;
        let holder = Uuid::new_v4();
        storage.lease_operation(lease(holder)).await.unwrap().unwrap();
        let end = Some(OperationEnd { error: None, entry: None });
        let last = OperationStep { end, ..step(&created, holder, 0, &[id]) };
        assert_eq!(storage.step_operation(last).await.unwrap().unwrap().len(), 1, "{action}");
        let now = storage.job(id).await.unwrap().map(|job| job.state);
        assert_eq!(now, state, "{action}");
        let ended = storage.operation(created.id).await.unwrap().unwrap();
        assert_eq!((ended.action, ended.done), (action, 1));
    }
}

pub async fn an_operation_that_was_stopped_does_nothing_more(fixture: Fixture) {
    let storage = &fixture.storage;
    let jobs = ids(&fixture.insert((0..2).map(|_| job())).await);
    let created = create(&fixture, BulkAction::Cancel, JobQuery::new()).await;
    let holder = Uuid::new_v4();
    storage.lease_operation(lease(holder)).await.unwrap().unwrap();
    storage.step_operation(step(&created, holder, 0, &jobs[..1])).await.unwrap().unwrap();
    let entry = || Some(AuditEntry::by(Actor::new("17")).action("operation.cancel"));
    assert!(storage.cancel_operation(created.id, entry()).await.unwrap());
    assert!(!storage.cancel_operation(created.id, entry()).await.unwrap());
    assert!(!storage.cancel_operation(-1, entry()).await.unwrap());
    assert_eq!(storage.audit(AuditQuery::new()).await.unwrap().len(), 1);
    let next = step(&created, holder, jobs[0], &jobs[1..]);
    assert!(storage.step_operation(next).await.unwrap().is_none());
    assert_eq!(fixture.job(jobs[1]).await.state, State::Available);
    let stopped = storage.operation(created.id).await.unwrap().unwrap();
    assert_eq!((stopped.state, stopped.done), (BulkState::Cancelled, 1));
}

pub async fn an_operation_that_cannot_be_told_is_neither_begun_nor_ended(fixture: Fixture) {
    let storage = &fixture.storage;
    let jobs = ids(&fixture.insert((0..2).map(|_| job())).await);
    let created = create(&fixture, BulkAction::Cancel, JobQuery::new()).await;
    let holder = Uuid::new_v4();
    storage.lease_operation(lease(holder)).await.unwrap().unwrap();
    fixture.raw("DROP TABLE kerrera_audit").await;
    let entry = || Some(AuditEntry::by(Actor::new("17")).action("x"));
    let end = Some(OperationEnd { error: None, entry: entry() });
    let last = OperationStep { end, ..step(&created, holder, 0, &jobs) };
    storage.step_operation(last).await.unwrap_err();
    storage.cancel_operation(created.id, entry()).await.unwrap_err();
    let new = new(BulkAction::Delete, JobQuery::new());
    storage.create_operation(new, entry()).await.unwrap_err();
    assert_eq!(fixture.job(jobs[0]).await.state, State::Available);
    let same = storage.operation(created.id).await.unwrap().unwrap();
    assert_eq!((same.state, same.done, same.reached), (BulkState::Running, 0, 0));
    assert_eq!(storage.operations(None, 10).await.unwrap().len(), 1);
}

pub async fn an_operation_of_a_newer_version_is_not_half_understood(fixture: Fixture) {
    let storage = &fixture.storage;
    let newer = create(&fixture, BulkAction::Cancel, JobQuery::new()).await;
    let query = r#"{"v":1,"where":[{"colour":"red"}]}"#;
    fixture.raw(format!("UPDATE kerrera_operations SET query = '{query}'")).await;
    let next = create(&fixture, BulkAction::Cancel, JobQuery::new()).await;
    let held = storage.lease_operation(lease(Uuid::new_v4())).await.unwrap().unwrap();
    assert_eq!(held.id, next.id, "it holds up no other");
    assert_eq!(storage.operations(None, 10).await.unwrap().len(), 1);
    assert!(storage.operation(newer.id).await.unwrap_err().is_foreign_schema());
    fixture.raw("UPDATE kerrera_operations SET query = '{\"v\":1,\"where\":[]}'").await;
    let newer = storage.operation(newer.id).await.unwrap().unwrap();
    assert_eq!(newer.state, BulkState::Failed);
    assert!(newer.error.unwrap().contains("colour"));
}

pub async fn old_operations_are_removed_by_the_leader(fixture: Fixture) {
    let storage = &fixture.storage;
    let candidate = Candidate {
        seat: "kerrera".into(),
        holder: Uuid::new_v4(),
        node: "node-1".into(),
        ttl: 30.days(),
    };
    let term = storage.lead(candidate.clone(), None).await.unwrap().term.unwrap();
    let seat = candidate.seat(term);
    for _ in 0..3 {
        let created = create(&fixture, BulkAction::Cancel, JobQuery::new()).await;
        storage.cancel_operation(created.id, None).await.unwrap();
        fixture.clock.advance(1.hour());
    }
    let open = create(&fixture, BulkAction::Cancel, JobQuery::new()).await;
    fixture.clock.advance(1.hour());
    let deposed = Seat { term: term + 1, ..seat.clone() };
    let age: Duration = 150.minutes();
    assert_eq!(storage.prune_operations(deposed, age, 10).await.unwrap(), 0);
    assert_eq!(storage.prune_operations(seat.clone(), age, 1).await.unwrap(), 1);
    assert_eq!(storage.prune_operations(seat.clone(), age, 10).await.unwrap(), 1);
    assert_eq!(storage.prune_operations(seat, 1.minute(), 10).await.unwrap(), 1);
    assert_eq!(storage.operations(None, 10).await.unwrap(), [open], "it has not ended");
}

fn new(action: BulkAction, query: JobQuery) -> NewOperation {
    NewOperation { action, query, by: None, reason: None, total: None }
}

async fn create(fixture: &Fixture, action: BulkAction, query: JobQuery) -> BulkOperation {
    fixture.storage.create_operation(new(action, query), None).await.unwrap()
}

fn lease(holder: Uuid) -> OperationLease {
    OperationLease { id: None, holder, node: "node-1".into(), ttl: 30.seconds() }
}

fn step(operation: &BulkOperation, holder: Uuid, from: JobId, jobs: &[JobId]) -> OperationStep {
    OperationStep {
        id: operation.id,
        action: operation.action,
        conditions: operation.query.clone().validate().unwrap().conditions,
        holder,
        ttl: 30.seconds(),
        from,
        to: jobs.last().copied().unwrap_or(from),
        jobs: jobs.to_vec(),
        failures: Vec::new(),
        end: None,
    }
}

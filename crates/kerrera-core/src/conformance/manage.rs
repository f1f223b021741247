//! Cancelling, retrying, deleting and changing jobs; and what runs say of themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::Fixture;
use super::fixture::{Hand, ack, failure, job, meta};
use super::insert::assert_same;
use super::query::found;
use crate::error::Kind;
use crate::job::{Job, JobId, Progress};
use crate::job_change::JobChange;
use crate::job_query::{Condition, JobQuery};
use crate::new_job::{Limits, NewJob};
use crate::state::{Attempt, Event, Stamp, State, decide};
use crate::storage::{Acked, Batch, Managed, Operation, Report, Updated};
use crate::time::Units;
use crate::token::ClaimToken;

const OPERATIONS: [Operation; 4] =
    [Operation::Cancel, Operation::Retry, Operation::Discard, Operation::Delete];

pub async fn every_state_is_left_as_it_is_decided(fixture: Fixture) {
    for operation in OPERATIONS {
        for (state, attempt) in State::ALL.into_iter().flat_map(|state| [(state, 2), (state, 3)]) {
            let before = in_state(&fixture, state, attempt, 3).await;
            fixture.clock.advance(1.second());
            let managed = manage(&fixture, operation, JobQuery::new().ids([before.id])).await;
            let what = format!("{operation:?} of {state} {attempt}");

            let after = fixture.storage.job(before.id).await.unwrap();
            if !operation.applies_to(state) {
                assert_eq!((managed.len(), after), (0, Some(before)), "{what}");
                continue;
            }
            assert_eq!(managed[0].was, state, "{what}");
            assert_eq!((managed[0].id, managed[0].queue.as_str()), (before.id, "default"));
            let Some(event) = operation.event() else {
                assert_eq!(after, None, "{what}");
                continue;
            };
            let decided = decide(before.position(), event).unwrap();
            let mut expected = before.clone();
            expected.state = decided.to;
            assert_eq!(decided.attempt, Attempt::Keep);
            if decided.allow_one_more {
                expected.max_attempts = expected.max_attempts.max(expected.attempt + 1);
            }
            if let Some(wait) = decided.wait {
                expected.scheduled_at = fixture.now() + wait;
            }
            match decided.stamp {
                Stamp::End if decided.to == State::Discarded => {
                    expected.discarded_at = Some(fixture.now());
                }
                Stamp::End => expected.cancelled_at = Some(fixture.now()),
                Stamp::Clear => {
                    expected.completed_at = None;
                    expected.discarded_at = None;
                    expected.cancelled_at = None;
                }
                Stamp::Keep => {}
            }
            assert_eq!(after, Some(expected), "{what}");
        }
    }
}

pub async fn what_ended_before_is_emptied_by_a_retry(fixture: Fixture) {
    for event in [Event::Completed, Event::Discarded, Event::Cancelled] {
        let (hand, running) = fixture.running(job().max_attempts(1)).await;
        let ended =
            crate::storage::Ack { failure: failure(&running, "no"), ..ack(&running, event) };
        assert_eq!(fixture.ack(ended).await, Acked::Written);
        fixture.clock.advance(1.minute());
        manage(&fixture, Operation::Retry, JobQuery::new().ids([running.id])).await;

        let job = fixture.job(running.id).await;
        assert_eq!((job.state, job.attempt, job.max_attempts), (State::Available, 1, 2));
        assert_eq!((job.completed_at, job.discarded_at, job.cancelled_at), (None, None, None));
        assert_eq!((job.scheduled_at, job.errors.len()), (fixture.now(), 1));
        let again = hand.claim(1).await.remove(0);
        assert_eq!((again.id, again.attempt), (running.id, 2));
        fixture.ack(ack(&again, Event::Completed)).await;
        hand.storage.retire(vec![hand.producer.uuid]).await.unwrap();
    }
}

pub async fn only_what_a_query_has_is_touched(fixture: Fixture) {
    for operation in OPERATIONS {
        let mut jobs = BTreeMap::new();
        for state in State::ALL {
            jobs.insert(state, in_state(&fixture, state, 1, 20).await.id);
            let other = in_state(&fixture, state, 1, 20).await.id;
            fixture.raw(format!("UPDATE oban_jobs SET queue = 'other' WHERE id = {other}")).await;
        }
        let others = found(&fixture, JobQuery::new().queues(["other"])).await;
        let managed = manage(&fixture, operation, JobQuery::new().queues(["default"])).await;
        let touched: Vec<State> = managed.iter().map(|managed| managed.was).collect();
        let expected: Vec<State> =
            State::ALL.into_iter().filter(|state| operation.applies_to(*state)).collect();
        assert_eq!(touched, expected, "{operation:?}");
        assert_eq!(managed.iter().map(|managed| managed.id).collect::<Vec<_>>(), {
            expected.iter().map(|state| jobs[state]).collect::<Vec<_>>()
        });
        assert_eq!(found(&fixture, JobQuery::new().queues(["other"])).await, others);
        for id in others {
            let job = fixture.job(id).await;
            assert!(job.scheduled_at < fixture.now() + 1.second() && job.cancelled_at.is_none());
        }
        fixture.raw("DELETE FROM oban_jobs").await;
    }
}

pub async fn states_that_do_not_allow_it_are_no_work_at_all(fixture: Fixture) {
    let (_, running) = fixture.running(job()).await;
    let query = JobQuery::new().states([State::Executing]);
    for operation in [Operation::Retry, Operation::Delete] {
        assert_eq!(manage(&fixture, operation, query.clone()).await, []);
    }
    let twice = query.states([State::Available]);
    assert_eq!(manage(&fixture, Operation::Cancel, twice).await, []);
    assert_eq!(fixture.job(running.id).await, running);
}

pub async fn batches_go_on_where_the_last_one_ended(fixture: Fixture) {
    for operation in OPERATIONS {
        let state = if operation == Operation::Retry { State::Discarded } else { State::Available };
        let mut expected = Vec::new();
        for _ in 0..7 {
            expected.push(in_state(&fixture, state, 1, 20).await.id);
        }
        let (mut touched, mut after) = (Vec::new(), None);
        loop {
            let batch = Batch {
                operation,
                conditions: vec![Condition::Queues(vec!["default".to_owned()])],
                after,
                limit: 3,
            };
            let managed = fixture.storage.manage(batch).await.unwrap();
            touched.extend(managed.iter().map(|managed| managed.id));
            after = touched.last().copied();
            if managed.len() < 3 {
                break;
            }
        }
        assert_eq!(touched, expected, "{operation:?}");
        fixture.raw("DELETE FROM oban_jobs").await;
    }
}

pub async fn a_running_job_that_is_cancelled_names_its_claim(fixture: Fixture) {
    let (hand, running) = fixture.running(job()).await;
    let managed = manage(&fixture, Operation::Cancel, JobQuery::new().ids([running.id])).await;
    assert_eq!((managed[0].was, managed[0].token), (State::Executing, running.claim_token()));

    let pulse = fixture.storage.beat(vec![hand.beat(&[&running])]).await.unwrap();
    assert_eq!(pulse.gone, [(running.id, running.claim_token().unwrap())]);
    let failed = crate::storage::Ack {
        failure: failure(&running, "stopped"),
        ..ack(&running, Event::Failed { retry_in: 1.second() })
    };
    assert_eq!(fixture.ack(failed).await, Acked::Cancelled);
    let job = fixture.job(running.id).await;
    assert_eq!((job.state, job.errors.len()), (State::Cancelled, 1));
    assert_eq!(job.cancelled_at, Some(fixture.now()));
}

pub async fn a_late_end_of_a_cancelled_run_that_was_retried_is_lost(fixture: Fixture) {
    let (hand, running) = fixture.running(job()).await;
    manage(&fixture, Operation::Cancel, JobQuery::new().ids([running.id])).await;
    manage(&fixture, Operation::Retry, JobQuery::new().ids([running.id])).await;
    assert_eq!(fixture.ack(ack(&running, Event::Completed)).await, Acked::Lost);
    let again = hand.claim(1).await.remove(0);
    assert_eq!((again.id, again.attempt), (running.id, 2));
    assert_eq!(fixture.ack(ack(&running, Event::Completed)).await, Acked::Lost);
    assert_eq!(fixture.ack(ack(&again, Event::Completed)).await, Acked::Written);
}

pub async fn cancels_and_ends_of_runs_agree_on_one_end(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    for round in 0..20 {
        fixture.insert((0..20).map(|_| job())).await;
        let claimed = hand.claim(20).await;
        let fail = |job: &Job| crate::storage::Ack {
            failure: failure(job, "failed"),
            ..ack(job, Event::Failed { retry_in: 1.hour() })
        };
        let acks: Vec<_> = claimed
            .iter()
            .map(|job| if round % 2 == 0 { ack(job, Event::Completed) } else { fail(job) })
            .collect();
        let batch = Batch {
            operation: Operation::Cancel,
            conditions: vec![Condition::Ids(claimed.iter().map(|job| job.id).collect())],
            after: None,
            limit: 1_000,
        };
        let acking = {
            let storage = Arc::clone(&fixture.storage);
            tokio::spawn(async move { storage.ack(acks).await.unwrap() })
        };
        let cancelling = {
            let storage = Arc::clone(&fixture.storage);
            tokio::spawn(async move { storage.manage(batch).await.unwrap() })
        };
        let (acked, cancelled) = (acking.await.unwrap(), cancelling.await.unwrap());
        for (job, acked) in claimed.iter().zip(acked) {
            let after = fixture.job(job.id).await;
            let cancel = cancelled.iter().find(|managed| managed.id == job.id);
            let ended = if round % 2 == 0 { State::Completed } else { State::Retryable };
            // A failed job that waits for its next attempt can still be cancelled.
            let expected = match (acked, cancel.map(|cancel| cancel.was)) {
                (Acked::Written, None) => ended,
                (Acked::Written, Some(State::Retryable)) => State::Cancelled,
                (Acked::Cancelled, Some(State::Executing)) => State::Cancelled,
                other => panic!("{other:?}"),
            };
            assert_eq!(after.state, expected);
            assert_eq!(after.errors.len(), round % 2, "its error stands there once");
        }
        fixture.raw("DELETE FROM oban_jobs").await;
    }
}

pub async fn a_change_writes_what_it_names_and_nothing_else(fixture: Fixture) {
    let before = fixture.insert_one(job().tag("a").meta(json!({"keep": 1}))).await;
    let changes = [
        JobChange::new().args(json!({"n": 1.5, "text": "it's \"é\""})),
        JobChange::new().meta(json!({"m": [1]})),
        JobChange::new().tags([" B ", "b", "c"]),
        JobChange::new().queue("it's \"odd\""),
        JobChange::new().worker("Another"),
        JobChange::new().priority(9),
        JobChange::new().max_attempts(7),
        JobChange::new().schedule_in(1.hour()),
    ];
    let mut expected = before.clone();
    for (at, one) in changes.into_iter().enumerate() {
        match at {
            0 => expected.args = json!({"n": 1.5, "text": "it's \"é\""}).into(),
            1 => expected.meta = json!({"m": [1]}).into(),
            2 => expected.tags = vec!["b".to_owned(), "c".to_owned()],
            3 => expected.queue = "it's \"odd\"".to_owned(),
            4 => expected.worker = "Another".to_owned(),
            5 => expected.priority = 9,
            6 => expected.max_attempts = 7,
            _ => {
                expected.state = State::Scheduled;
                expected.scheduled_at = fixture.now() + 1.hour();
            }
        }
        let changed = change(&fixture, before.id, one).await;
        assert_same(&changed, &expected);
        assert_same(&fixture.job(before.id).await, &expected);
    }
    let time = fixture.now() + 2.hours();
    let changed = change(&fixture, before.id, JobChange::new().schedule_at(time)).await;
    assert_eq!((changed.state, changed.scheduled_at), (State::Scheduled, time));
}

pub async fn a_change_of_no_row_finds_none(fixture: Fixture) {
    let change = JobChange::new().priority(1).validate(&Limits::default()).unwrap();
    let updated = fixture.storage.update(i64::MAX, change).await.unwrap();
    assert_eq!(updated, Updated::NotFound);
}

pub async fn a_change_that_the_job_does_not_allow_changes_nothing(fixture: Fixture) {
    for state in State::ALL {
        let before = in_state(&fixture, state, 2, 20).await;
        let both = JobChange::new().priority(5).schedule_in(1.hour());
        let both = both.validate(&Limits::default()).unwrap();
        let allowed = both.decide(before.position());
        match (fixture.storage.update(before.id, both).await, allowed) {
            (Ok(Updated::Changed(after)), Ok(to)) => {
                assert_eq!((after.state, after.priority), (to, 5), "{state}");
                assert_eq!(after.scheduled_at, fixture.now() + 1.hour());
            }
            (Err(error), Err(_)) => {
                assert_eq!(error.kind(), Kind::InvalidJob, "{error}");
                assert_eq!(fixture.job(before.id).await, before, "{state}");
            }
            other => panic!("{state}: {other:?}"),
        }
        let few = JobChange::new().max_attempts(1).validate(&Limits::default()).unwrap();
        assert!(fixture.storage.update(before.id, few).await.is_err(), "{state}");
    }
}

pub async fn a_change_of_what_was_seen_is_made_if_it_is_still_so(fixture: Fixture) {
    let job = job().meta(json!({"n": 1, "a": [1.5, null]})).tags(["t"]);
    let seen = fixture.insert([job]).await.remove(0);
    let update = async |seen: &Job, change: JobChange| {
        let change = change.validate(&Limits::default()).unwrap();
        fixture.storage.update_seen(Box::new(seen.clone()), change).await
    };
    let updated = update(&seen, JobChange::new().priority(3)).await.unwrap();
    let Some(Updated::Changed(now)) = updated else { panic!("{updated:?}") };
    assert_eq!((now.priority, fixture.job(seen.id).await), (3, (*now).clone()));

    let again = update(&seen, JobChange::new().priority(5)).await.unwrap();
    assert_eq!(again, None, "it is another one by now");
    assert_eq!(fixture.job(seen.id).await, *now);
    change(&fixture, seen.id, JobChange::new().meta(json!({"n": 2}))).await;
    assert_eq!(update(&now, JobChange::new().priority(5)).await.unwrap(), None, "of any part");

    let mut gone = seen.clone();
    gone.id = i64::MAX;
    let found = update(&gone, JobChange::new().priority(1)).await.unwrap();
    assert_eq!(found, Some(Updated::NotFound));
}

pub async fn a_change_of_a_running_job_leaves_its_run_alone(fixture: Fixture) {
    let (hand, running) = fixture.running(job()).await;
    let all = JobChange::new().queue("other").worker("Another").args(json!({"x": 1})).priority(3);
    let changed = change(&fixture, running.id, all.max_attempts(2).meta(json!({"m": 1}))).await;
    assert_eq!((changed.state, changed.attempt), (State::Executing, 1));
    assert_eq!(changed.claim_token(), running.claim_token());
    let pulse = fixture.storage.beat(vec![hand.beat(&[&running])]).await.unwrap();
    assert!(pulse.gone.is_empty());

    let failed = crate::storage::Ack {
        failure: failure(&running, "once"),
        ..ack(&running, Event::Failed { retry_in: 0.seconds() })
    };
    assert_eq!(fixture.ack(failed).await, Acked::Written);
    fixture.storage.stage(10, Vec::new()).await.unwrap();
    let other = Hand::enrolled(&fixture.storage, "other").await;
    let again = other.claim(1).await.remove(0);
    assert_eq!((again.id, again.worker.as_str(), again.attempt), (running.id, "Another", 2));
    assert_eq!((meta(&again), again.max_attempts), (json!({"m": 1}), 2));
}

pub async fn reports_are_written_while_the_claim_holds(fixture: Fixture) {
    let (_, running) = fixture.running(job().meta(json!({"keep": 1}))).await;
    let token = running.claim_token().unwrap();
    let report = |id: JobId, token: ClaimToken, done| Report {
        id,
        token,
        progress: Progress::new(done, 10, "it's \"é\""),
    };
    let send = async |report: Report| fixture.storage.report(vec![report]).await.unwrap();

    assert!(fixture.storage.report(Vec::new()).await.unwrap().is_empty());
    assert_eq!(send(report(running.id, token, 3)).await, [running.id]);
    assert_eq!(send(report(running.id, token, 4)).await, [running.id]);
    assert!(send(report(running.id, ClaimToken::random(), 9)).await.is_empty(), "another claim");
    assert!(send(report(i64::MAX, token, 9)).await.is_empty(), "no row");
    let job = fixture.job(running.id).await;
    assert_eq!(job.progress(), Some(Progress::new(4, 10, "it's \"é\"")));
    assert_eq!(job.meta.get("keep"), Some(json!(1)));

    fixture.ack(ack(&running, Event::Completed)).await;
    assert!(send(report(running.id, token, 9)).await.is_empty(), "it has ended");
    assert_eq!(fixture.job(running.id).await.progress().map(|progress| progress.done), Some(4));
}

pub async fn reports_survive_a_meta_of_an_unusual_form(fixture: Fixture) {
    let (_, running) = fixture.running(job()).await;
    let token = running.claim_token().unwrap();
    fixture.raw(format!("UPDATE oban_jobs SET meta = '[1]' WHERE id = {}", running.id)).await;
    let report = Report { id: running.id, token, progress: Progress::new(1, 2, "") };
    assert_eq!(fixture.storage.report(vec![report]).await.unwrap(), [running.id]);
    assert_eq!(
        meta(&fixture.job(running.id).await),
        json!({"k_progress": {"done": 1, "total": 2}})
    );
}

/// A job in a state, as another program may have left it.
async fn in_state(fixture: &Fixture, state: State, attempt: i32, max_attempts: i32) -> Job {
    let id = fixture.insert_one(NewJob::of("Worker", json!({}))).await.id;
    let sql = format!(
        "UPDATE oban_jobs SET state = '{state}', attempt = {attempt},
         max_attempts = {max_attempts} WHERE id = {id}"
    );
    fixture.raw(sql).await;
    fixture.job(id).await
}

async fn manage(fixture: &Fixture, operation: Operation, query: JobQuery) -> Vec<Managed> {
    let conditions = query.validate().unwrap().conditions;
    let batch = Batch { operation, conditions, after: None, limit: 1_000 };
    fixture.storage.manage(batch).await.unwrap()
}

async fn change(fixture: &Fixture, id: JobId, change: JobChange) -> Job {
    let change = change.validate(&Limits::default()).unwrap();
    match fixture.storage.update(id, change).await.unwrap() {
        Updated::Changed(job) => *job,
        other => panic!("{other:?}"),
    }
}

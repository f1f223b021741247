//! Unique jobs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Fixture;
use super::fixture::{Hand, ack, failure, valid};
use super::insert::assert_same;
use crate::job::{Job, JobId};
use crate::new_job::NewJob;
use crate::state::{Event, State};
use crate::storage::{Acked, Inserted, Storage};
use crate::time::{Timestamp, Units};
use crate::unique::{
    ReplaceField, Unique, UniqueField, UniqueTimestamp, once_per, until_finished, until_started,
};

fn sync(args: Value) -> NewJob {
    NewJob::of("Sync", args)
}

async fn insert(fixture: &Fixture, job: NewJob) -> Inserted {
    fixture.storage.insert(valid([job])).await.unwrap().remove(0)
}

/// What was inserted is new.
async fn new(fixture: &Fixture, job: NewJob) -> Job {
    match insert(fixture, job).await {
        Inserted::New(job) => job,
        other => panic!("not new: {other:?}"),
    }
}

/// What was inserted is the same as this one, of which nothing was changed.
#[track_caller]
fn assert_existing(inserted: &Inserted, id: JobId) {
    assert!(
        matches!(inserted, Inserted::Existing(job) if job.id == id),
        "{inserted:?} is not {id}"
    );
    assert!(inserted.is_conflict() && !inserted.is_new());
}

async fn set(fixture: &Fixture, id: JobId, assignment: &str) {
    fixture.raw(format!("UPDATE oban_jobs SET {assignment} WHERE id = {id}")).await;
}

async fn count(fixture: &Fixture) -> u64 {
    fixture.storage.counts().await.unwrap().iter().map(|count| count.jobs).sum()
}

pub async fn the_same_job_is_inserted_once(fixture: Fixture) {
    let job = || sync(json!({"id": 1, "deep": {"b": [1, 2.5], "a": "é"}})).unique(Unique::new());
    let first = new(&fixture, job()).await;
    fixture.clock.advance(400.days());
    let second = insert(&fixture, job()).await;

    assert_existing(&second, first.id);
    assert_same(second.job(), &fixture.job(first.id).await);
    assert_same(second.job(), &first);
    assert_eq!(count(&fixture).await, 1);
}

pub async fn only_the_compared_fields_make_a_difference(fixture: Fixture) {
    let by = |worker: &str, queue: &str, args: Value, meta: Value, field| {
        let rule = until_finished().by_fields([field]);
        NewJob::of(worker, args).queue(queue).meta(meta).unique(rule)
    };
    let first = by("A", "a", json!({"a": 1}), json!({"m": 1}), UniqueField::Worker);
    let first = new(&fixture, first).await;
    let same = by("A", "b", json!({"b": 1}), json!({"m": 2}), UniqueField::Worker);
    assert_existing(&insert(&fixture, same).await, first.id);
    let other = by("B", "a", json!({"a": 1}), json!({"m": 1}), UniqueField::Worker);
    new(&fixture, other).await;

    let queue = by("C", "c", json!({}), json!({}), UniqueField::Queue);
    let queue = new(&fixture, queue).await;
    let same = by("D", "c", json!({"x": 1}), json!({}), UniqueField::Queue);
    assert_existing(&insert(&fixture, same).await, queue.id);
    new(&fixture, by("C", "d", json!({}), json!({}), UniqueField::Queue)).await;

    let meta = new(&fixture, by("E", "e", json!({}), json!({"m": [3]}), UniqueField::Meta)).await;
    let same = by("F", "f", json!({"x": 1}), json!({"m": [3]}), UniqueField::Meta);
    assert_existing(&insert(&fixture, same).await, meta.id);
    new(&fixture, by("E", "e", json!({}), json!({"m": [4]}), UniqueField::Meta)).await;
}

pub async fn only_the_compared_keys_make_a_difference(fixture: Fixture) {
    let by_args = |args: Value| sync(args).unique(until_finished().by_keys(["id", "kind"]));
    let first = new(&fixture, by_args(json!({"id": 1, "url": "a"}))).await;
    let same = insert(&fixture, by_args(json!({"url": "b", "id": 1}))).await;
    assert_existing(&same, first.id);
    new(&fixture, by_args(json!({"id": 2, "url": "a"}))).await;

    let by_meta = |args: Value, meta: Value| {
        let rule = until_finished().by_fields([UniqueField::Meta]).by_keys(["slug"]);
        sync(args).meta(meta).unique(rule)
    };
    let first = new(&fixture, by_meta(json!({"id": 7}), json!({"slug": "a", "x": 1}))).await;
    let same = insert(&fixture, by_meta(json!({"id": 8}), json!({"slug": "a", "x": 2}))).await;
    assert_existing(&same, first.id);
    new(&fixture, by_meta(json!({"id": 7}), json!({"slug": "b", "x": 1}))).await;
}

pub async fn jobs_that_lack_the_compared_keys_are_told_apart_by_the_rest(fixture: Fixture) {
    let job = |args: Value| sync(args).unique(until_finished().by_keys(["id"]));
    let first = new(&fixture, job(json!({"url": "a"}))).await;
    new(&fixture, job(json!({"url": "b"}))).await;
    assert_existing(&insert(&fixture, job(json!({"url": "a"}))).await, first.id);
    let empty = new(&fixture, job(json!({}))).await;
    assert_existing(&insert(&fixture, job(json!({}))).await, empty.id);
}

pub async fn more_or_fewer_args_make_another_job(fixture: Fixture) {
    let job = |args: Value| sync(args).unique(until_finished());
    let empty = new(&fixture, job(json!({}))).await;
    let one = new(&fixture, job(json!({"id": 1}))).await;
    let two = new(&fixture, job(json!({"id": 1, "url": "a"}))).await;
    new(&fixture, job(json!({"id": 3, "url": "a"}))).await;
    new(&fixture, job(json!({"id": 3}))).await;

    assert_existing(&insert(&fixture, job(json!({}))).await, empty.id);
    assert_existing(&insert(&fixture, job(json!({"id": 1}))).await, one.id);
    assert_existing(&insert(&fixture, job(json!({"url": "a", "id": 1}))).await, two.id);
}

pub async fn a_job_counts_in_the_states_of_the_rule(fixture: Fixture) {
    let rules = [
        Unique::new(),
        until_started(),
        until_finished(),
        Unique::new().states(State::ALL),
        Unique::new().states([State::Available, State::Completed]),
        Unique::new().states([State::Executing, State::Discarded, State::Suspended]),
        Unique::new().states([State::Retryable, State::Cancelled, State::Scheduled]),
    ];
    let covered = |rule: &Unique, state| match rule {
        rule if *rule == rules[0] => State::SUCCESSFUL.contains(&state),
        rule if *rule == rules[1] => {
            State::INCOMPLETE.contains(&state) && state != State::Executing
        }
        rule if *rule == rules[2] => State::INCOMPLETE.contains(&state),
        rule if *rule == rules[3] => true,
        rule if *rule == rules[4] => matches!(state, State::Available | State::Completed),
        rule if *rule == rules[5] => {
            matches!(state, State::Executing | State::Discarded | State::Suspended)
        }
        _ => matches!(state, State::Retryable | State::Cancelled | State::Scheduled),
    };
    for (number, rule) in rules.iter().enumerate() {
        for state in State::ALL {
            let job =
                || sync(json!({"rule": number, "state": state.as_str()})).unique(rule.clone());
            let first = new(&fixture, job()).await;
            set(&fixture, first.id, &format!("state = '{state}'")).await;
            let second = insert(&fixture, job()).await;
            assert_eq!(second.is_conflict(), covered(rule, state), "{rule:?} {state}");
            assert_eq!(second.job().id == first.id, covered(rule, state));
            assert_eq!(fixture.job(first.id).await.state, state, "it is never changed");
        }
    }
}

pub async fn a_job_counts_for_its_period(fixture: Fixture) {
    let job = |rule: Unique| sync(json!({"id": 1})).unique(rule);
    let first = new(&fixture, job(once_per(1.hour()))).await;
    fixture.clock.advance(1.hour());
    assert_existing(&insert(&fixture, job(once_per(1.hour()))).await, first.id);
    fixture.clock.advance(Duration::from_micros(1));
    assert_existing(&insert(&fixture, job(once_per(2.hours()))).await, first.id);
    assert_existing(&insert(&fixture, job(once_per(Duration::MAX))).await, first.id);
    assert_existing(&insert(&fixture, job(Unique::new())).await, first.id);
    let second = new(&fixture, job(once_per(1.hour()))).await;
    assert_existing(&insert(&fixture, job(once_per(1.hour()))).await, second.id);
}

pub async fn a_period_can_count_from_the_time_of_the_job(fixture: Fixture) {
    let rule = || once_per(1.minute()).timestamp(UniqueTimestamp::ScheduledAt);
    let job = || sync(json!({"id": 1})).schedule_in(1.hour()).unique(rule());
    let first = new(&fixture, job()).await;
    fixture.clock.advance(61.minutes());
    assert_existing(&insert(&fixture, job()).await, first.id);
    fixture.clock.advance(1.second());
    assert!(insert(&fixture, sync(json!({"id": 1})).unique(rule())).await.is_new());
}

pub async fn a_claim_of_a_job_that_is_gone_is_free(fixture: Fixture) {
    let job = || sync(json!({"id": 1})).unique(Unique::new());
    let first = new(&fixture, job()).await;
    fixture.raw(format!("DELETE FROM oban_jobs WHERE id = {}", first.id)).await;
    let second = new(&fixture, job()).await;
    assert_existing(&insert(&fixture, job()).await, second.id);
}

pub async fn a_job_that_was_given_the_number_of_another_has_not_its_claim(fixture: Fixture) {
    let job = || NewJob::of("Sync", json!({"id": 1})).unique(Unique::new());
    let first = new(&fixture, job()).await;
    fixture.clock.advance(1.second());
    let other = fixture.insert_one(NewJob::of("Other", json!({}))).await;
    fixture.raw(format!("DELETE FROM oban_jobs WHERE id = {}", first.id)).await;
    let (held, given) = (first.id, other.id);
    let take = format!("UPDATE kerrera_unique SET job_id = {given} WHERE job_id = {held}");
    fixture.raw(take).await;
    new(&fixture, job()).await;
}

pub async fn the_job_that_waits_again_still_counts(fixture: Fixture) {
    let job = || sync(json!({"id": 1})).unique(until_started());
    let (hand, first) = fixture.running(job()).await;
    let second = new(&fixture, job()).await;
    let retry = ack(&first, Event::Failed { retry_in: 1.hour() });
    assert_eq!(fixture.ack(retry).await, Acked::Written);
    assert_eq!(hand.claim(1).await[0].id, second.id);
    // The later one runs, and the earlier one waits.
    assert_existing(&insert(&fixture, job()).await, first.id);
}

pub async fn equal_jobs_of_one_batch_are_inserted_once(fixture: Fixture) {
    let job = |id: i32| sync(json!({"id": id})).unique(until_finished());
    let stored = new(&fixture, job(9)).await;
    let plain = || sync(json!({"plain": true}));
    let batch = [job(1), plain(), job(2), job(1), job(9), plain(), job(2), job(1)];
    let ends = fixture.storage.insert(valid(batch)).await.unwrap();

    let new: Vec<bool> = ends.iter().map(Inserted::is_new).collect();
    assert_eq!(new, [true, true, true, false, false, true, false, false]);
    assert_existing(&ends[3], ends[0].job().id);
    assert_existing(&ends[4], stored.id);
    assert_existing(&ends[6], ends[2].job().id);
    assert_existing(&ends[7], ends[0].job().id);
    assert!(ends[0].job().id < ends[1].job().id && ends[1].job().id < ends[2].job().id);
    assert_eq!(count(&fixture).await, 5);
}

pub async fn a_batch_goes_by_the_rule_of_each_job(fixture: Fixture) {
    let job = |rule: Unique| sync(json!({})).unique(rule);
    let completed = Unique::new().states([State::Completed]);
    let scheduled = once_per(1.hour()).timestamp(UniqueTimestamp::ScheduledAt);
    let past = fixture.now().as_micros() - 7_200_000_000;
    let batch = [
        job(completed.clone()).schedule_at(Timestamp::from_micros(past)),
        // The first is scheduled, not completed.
        job(completed.clone()),
        job(until_finished().states([State::Available])),
        job(scheduled.clone().states([State::Scheduled])),
        job(completed),
    ];
    let ends = fixture.storage.insert(valid(batch)).await.unwrap();
    let new: Vec<bool> = ends.iter().map(Inserted::is_new).collect();
    assert_eq!(new, [true, true, false, true, true]);
    assert_existing(&ends[2], ends[1].job().id);
    // Several hold the claim; the oldest that counts is found.
    let found = insert(&fixture, job(until_finished())).await;
    assert_existing(&found, ends[0].job().id);
}

pub async fn two_thousand_unique_jobs_are_inserted_at_once(fixture: Fixture) {
    let jobs = || (0..2_000).map(|n| sync(json!({"n": n})).unique(until_finished()));
    let first = fixture.storage.insert(valid(jobs())).await.unwrap();
    assert!(first.iter().all(Inserted::is_new));
    let second = fixture.storage.insert(valid(jobs().rev())).await.unwrap();
    for (end, first) in second.iter().zip(first.iter().rev()) {
        assert_existing(end, first.job().id);
    }
}

pub async fn a_conflict_replaces_what_the_rule_says(fixture: Fixture) {
    use ReplaceField::{Args, MaxAttempts, Meta, Priority, Queue, ScheduledAt, Tags, Worker};
    let all = [Args, MaxAttempts, Meta, Priority, Queue, ScheduledAt, Tags, Worker];
    let rule = |replaced: &[ReplaceField]| {
        let rule = until_finished().by_fields([UniqueField::Args]).by_keys(["id"]);
        rule.replace(replaced.iter().copied())
    };
    let stored = |n: i32| sync(json!({"id": n})).schedule_in(1.hour());
    let changed = |n: i32| {
        NewJob::of("Other", json!({"id": n, "more": "é"}))
            .queue("others")
            .meta(json!({"m": [1.5]}))
            .tags(["b", "\"q\""])
            .priority(7)
            .max_attempts(3)
            .schedule_in(30.minutes())
    };
    for (n, field) in all.iter().enumerate() {
        let n = n as i32;
        let before = new(&fixture, stored(n).unique(rule(&[]))).await;
        assert_existing(&insert(&fixture, changed(n).unique(rule(&[]))).await, before.id);
        let end = insert(&fixture, changed(n).unique(rule(&[*field]))).await;
        assert!(matches!(end, Inserted::Replaced(_)), "{end:?}");
        let mut expected = before.clone();
        let now = fixture.now();
        match field {
            Args => expected.args = json!({"id": n, "more": "é"}).into(),
            MaxAttempts => expected.max_attempts = 3,
            Meta => expected.meta = json!({"m": [1.5]}).into(),
            Priority => expected.priority = 7,
            Queue => expected.queue = "others".into(),
            ScheduledAt => expected.scheduled_at = now + 30.minutes(),
            Tags => expected.tags = vec!["b".into(), "\"q\"".into()],
            Worker => expected.worker = "Other".into(),
        }
        assert_same(end.job(), &expected);
        assert_same(&fixture.job(before.id).await, &expected);
    }
    let at = fixture.now() + 2.days();
    let job = changed(0).schedule_at(at).unique(rule(&all));
    assert_eq!(insert(&fixture, job).await.job().scheduled_at, at);
    assert_eq!(count(&fixture).await, all.len() as u64);
}

pub async fn a_default_is_replaced_like_any_value(fixture: Fixture) {
    use ReplaceField::{MaxAttempts, Meta, Priority, ScheduledAt, Tags};
    let rule = until_finished().replace([MaxAttempts, Meta, Priority, ScheduledAt, Tags]);
    let first = sync(json!({})).priority(3).max_attempts(5).tag("a").meta(json!({"a": 1}));
    let first = new(&fixture, first.schedule_in(1.hour()).unique(rule.clone())).await;
    let end = insert(&fixture, sync(json!({})).unique(rule)).await;
    assert_eq!(end.job().id, first.id);
    let stored = fixture.job(first.id).await;
    assert_eq!((stored.priority, stored.max_attempts), (0, 20));
    assert!(stored.tags.is_empty() && stored.meta.as_str() == "{}");
    assert_eq!((stored.state, stored.scheduled_at), (State::Scheduled, fixture.now()));
}

pub async fn a_conflict_replaces_by_the_state_of_the_stored_job(fixture: Fixture) {
    let job = |priority| {
        let rule = Unique::new()
            .states(State::ALL)
            .replace_in(State::Scheduled, [ReplaceField::Priority])
            .replace_in(State::Retryable, [ReplaceField::Tags]);
        sync(json!({})).priority(priority).tag(format!("t{priority}")).unique(rule)
    };
    let first = new(&fixture, job(1)).await;
    for (number, state) in (2..).zip(State::ALL) {
        set(&fixture, first.id, &format!("state = '{state}'")).await;
        let before = fixture.job(first.id).await;
        let end = insert(&fixture, job(number)).await;
        let replaces = matches!(state, State::Scheduled | State::Retryable);
        assert_eq!(matches!(end, Inserted::Replaced(_)), replaces, "{state} {end:?}");
        let after = fixture.job(first.id).await;
        assert_eq!(after.state, state);
        assert_eq!(after.priority != before.priority, state == State::Scheduled);
        assert_eq!(after.tags != before.tags, state == State::Retryable);
    }
}

pub async fn a_replacement_leaves_room_for_the_attempts_that_were_made(fixture: Fixture) {
    let job = |attempts| {
        let rule = until_finished().replace([ReplaceField::MaxAttempts, ReplaceField::Args]);
        sync(json!({})).max_attempts(attempts).unique(rule)
    };
    let (_hand, running) = fixture.running(job(20)).await;
    set(&fixture, running.id, "attempt = 3").await;
    assert_eq!(insert(&fixture, job(1)).await.job().max_attempts, 3);
    set(&fixture, running.id, "state = 'retryable'").await;
    assert_eq!(insert(&fixture, job(1)).await.job().max_attempts, 4);
    assert_eq!(insert(&fixture, job(9)).await.job().max_attempts, 9);
}

pub async fn equal_jobs_of_one_batch_replace_one_after_the_other(fixture: Fixture) {
    use ReplaceField::{Priority, Tags};
    let job = |priority: u8, replaced: &[ReplaceField]| {
        let rule = until_finished().replace(replaced.iter().copied());
        sync(json!({})).priority(priority).tag(format!("t{priority}")).unique(rule)
    };
    let batch = [job(1, &[]), job(2, &[Priority]), job(3, &[Priority, Tags]), job(4, &[Priority])];
    let ends = fixture.storage.insert(valid(batch)).await.unwrap();
    assert!(ends[0].is_new());
    assert!(ends[1..].iter().all(|end| matches!(end, Inserted::Replaced(_))), "{ends:?}");
    let stored = fixture.job(ends[0].job().id).await;
    assert_eq!((stored.priority, stored.tags.as_slice()), (4, ["t3".to_owned()].as_slice()));
    assert!(ends.iter().all(|end| end.job() == ends[0].job()));
    assert_eq!(count(&fixture).await, 1);
}

pub async fn what_follows_from_a_run_is_unique_too(fixture: Fixture) {
    let next = |n: i32| NewJob::of("Next", json!({"n": n})).queue("next").unique(until_finished());
    let plain = || NewJob::of("Plain", json!({})).queue("next");
    let stored = new(&fixture, next(1)).await;
    let hand = fixture.enroll("default").await;
    fixture.insert((0..3).map(|n| sync(json!({"parent": n})))).await;
    let parents = hand.claim(3).await;
    let mut acks: Vec<_> = parents.iter().map(|job| ack(job, Event::Completed)).collect();
    acks[0].then = valid([next(1), plain(), next(2)]);
    acks[1].then = valid([next(2), next(3), next(3)]);
    acks[2].failure = failure(&parents[2], "no");

    assert_eq!(fixture.storage.ack(acks.clone()).await.unwrap(), [const { Acked::Written }; 3]);
    assert_eq!(fixture.storage.ack(acks).await.unwrap(), [const { Acked::AlreadyWritten }; 3]);
    let mut followed = fixture.enroll("next").await.claim(10).await;
    followed.sort_by_key(|job| job.id);
    let n = |job: &Job| job.args.get("n").and_then(|n| n.as_i64());
    assert_eq!(followed.iter().map(n).collect::<Vec<_>>(), [Some(1), None, Some(2), Some(3)]);
    assert_eq!(followed[0].id, stored.id);
}

pub async fn a_run_can_be_followed_by_its_like(fixture: Fixture) {
    let job = || sync(json!({})).unique(until_finished());
    let (hand, running) = fixture.running(job()).await;
    assert_existing(&insert(&fixture, job()).await, running.id);
    let mut done = ack(&running, Event::Completed);
    done.then = valid([job()]);
    assert_eq!(fixture.ack(done).await, Acked::Written);
    let next = hand.claim(5).await;
    assert_eq!(next.len(), 1);
    assert_ne!(next[0].id, running.id);
}

pub async fn a_lost_run_claims_nothing(fixture: Fixture) {
    let next = || sync(json!({"next": true})).queue("next").unique(until_finished());
    let (_hand, running) = fixture.running(sync(json!({}))).await;
    set(&fixture, running.id, "state = 'available'").await;
    let mut done = ack(&running, Event::Completed);
    done.then = valid([next()]);
    assert_eq!(fixture.ack(done).await, Acked::Lost);
    new(&fixture, next()).await;
}

pub async fn staging_and_retrying_look_at_no_claim(fixture: Fixture) {
    let rule = Unique::new().states([State::Available]);
    let job = || sync(json!({})).unique(rule.clone());
    let scheduled = new(&fixture, job().schedule_in(1.second())).await;
    let available = new(&fixture, job()).await;
    fixture.clock.advance(1.second());
    assert_eq!(fixture.storage.stage(10, Vec::new()).await.unwrap().count, 1);
    let claimed = fixture.enroll("default").await.claim(5).await;
    assert_eq!(claimed.len(), 2, "{scheduled:?} {available:?}");
}

pub async fn a_transaction_finds_what_was_claimed(fixture: Fixture) {
    let job = |id: i32| sync(json!({"id": id})).unique(until_finished());
    let stored = new(&fixture, job(1)).await;
    let batch = vec![job(1), job(2), job(2), sync(json!({}))];
    let ends = fixture.run_within(batch, true).await.unwrap();
    assert_existing(&ends[0], stored.id);
    assert!(ends[1].is_new() && ends[3].is_new());
    assert_existing(&ends[2], ends[1].job().id);
    assert_same(ends[1].job(), &fixture.job(ends[1].job().id).await);
    assert_existing(&insert(&fixture, job(2)).await, ends[1].job().id);
    assert_eq!(count(&fixture).await, 3);
}

pub async fn a_transaction_replaces_too(fixture: Fixture) {
    let job = |priority| {
        let rule = until_finished().replace([ReplaceField::Priority, ReplaceField::ScheduledAt]);
        sync(json!({})).priority(priority).schedule_in(1.hour()).unique(rule)
    };
    let stored = new(&fixture, job(1)).await;
    fixture.clock.advance(1.minute());
    let ends = fixture.run_within(vec![job(5)], true).await.unwrap();
    assert!(matches!(ends[0], Inserted::Replaced(_)), "{ends:?}");
    let stored = fixture.job(stored.id).await;
    assert_same(ends[0].job(), &stored);
    assert_eq!((stored.priority, stored.scheduled_at), (5, fixture.now() + 1.hour()));
}

pub async fn a_transaction_that_is_rolled_back_claims_nothing(fixture: Fixture) {
    let job = || sync(json!({})).unique(Unique::new());
    assert!(fixture.run_within(vec![job()], false).await.unwrap()[0].is_new());
    let stored = new(&fixture, job()).await;
    assert_existing(&fixture.run_within(vec![job()], false).await.unwrap()[0], stored.id);
    assert_eq!(count(&fixture).await, 1);
}

pub async fn a_sweep_forgets_the_claims_of_jobs_that_are_gone(fixture: Fixture) {
    let job = |n: i32| sync(json!({"n": n})).unique(until_finished());
    let jobs = fixture.storage.insert(valid((0..10).map(job))).await.unwrap();
    for job in &jobs[..6] {
        fixture.raw(format!("DELETE FROM oban_jobs WHERE id = {}", job.job().id)).await;
    }
    fixture.clock.advance(2.hours());
    let (mut after, mut forgotten, mut rounds) = (None, 0, 0);
    loop {
        let swept = fixture.storage.sweep_claims(after, 3).await.unwrap();
        forgotten += swept.forgotten;
        rounds += 1;
        after = swept.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((forgotten, rounds), (6, 4));
    for n in 0..10 {
        assert_eq!(insert(&fixture, job(n)).await.is_new(), n < 6);
    }
    assert_eq!(fixture.storage.sweep_claims(None, 100).await.unwrap().forgotten, 0);
}

pub async fn of_64_concurrent_insertions_one_is_new(fixture: Fixture) {
    let storages = vec![fixture.storage.clone()];
    one_is_new(&fixture, storages).await;
}

pub(super) async fn one_is_new(fixture: &Fixture, storages: Vec<Arc<dyn Storage>>) {
    let job = || valid([sync(json!({"one": true})).unique(until_finished())]);
    let mut insertions = tokio::task::JoinSet::new();
    for number in 0..64 {
        let storage = storages[number % storages.len()].clone();
        insertions.spawn(async move { storage.insert(job()).await.unwrap().remove(0) });
    }
    let ends = insertions.join_all().await;
    let new: Vec<JobId> = ends.iter().filter(|end| end.is_new()).map(|end| end.job().id).collect();
    assert_eq!(new.len(), 1);
    assert!(ends.iter().all(|end| end.job().id == new[0]));
    assert_eq!(count(fixture).await, 1);
}

pub async fn concurrent_transactions_of_which_many_are_rolled_back_leave_one(fixture: Fixture) {
    let job = || sync(json!({"one": true})).unique(until_finished());
    let mut insertions = tokio::task::JoinSet::new();
    for number in 0..32 {
        let commit = number % 4 == 0;
        let insertion = fixture.run_within(vec![job()], commit);
        insertions
            .spawn(async move { usize::from(commit && insertion.await.unwrap()[0].is_new()) });
    }
    let kept: usize = insertions.join_all().await.into_iter().sum();
    assert_eq!(kept, 1);
    assert_eq!(count(&fixture).await, 1);
}

pub async fn insertions_and_runs_that_end_never_leave_two(fixture: Fixture) {
    let job = || sync(json!({})).unique(until_finished());
    let storage = fixture.storage.clone();
    let hand = Hand::enrolled(&storage, "default").await;
    for _ in 0..10 {
        let inserting = async {
            let mut new = 0;
            for _ in 0..10 {
                new += usize::from(storage.insert(valid([job()])).await.unwrap()[0].is_new());
            }
            new
        };
        let working = async {
            let mut done = 0;
            for _ in 0..10 {
                let claimed = hand.claim(5).await;
                assert!(claimed.len() <= 1, "{claimed:?}");
                for job in &claimed {
                    let ack = ack(job, Event::Completed);
                    assert_eq!(storage.ack(vec![ack]).await.unwrap(), [Acked::Written]);
                    done += 1;
                }
            }
            done
        };
        let (_, _): (usize, usize) = tokio::join!(inserting, working);
    }
}

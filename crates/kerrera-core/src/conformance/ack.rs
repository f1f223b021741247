//! Writing how runs ended.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Fixture;
use super::fixture::{ack, failure, job, meta, valid};
use super::insert::{HOSTILE, assert_same};
use crate::failure::{ERRORS_KEPT, LONGEST_TEXT};
use crate::job::Job;
use crate::state::{Attempt, Event, LONGEST_WAIT, Move, Stamp, State};
use crate::storage::{Ack, Acked};
use crate::time::{Timestamp, Units};
use crate::token::ClaimToken;

const RETRY: Event = Event::Failed { retry_in: Duration::from_micros(17_000_001) };
const SNOOZE: Event = Event::Snoozed { wait: Duration::from_secs(300) };
const ENDS: [Event; 6] =
    [Event::Completed, RETRY, SNOOZE, Event::Cancelled, Event::Discarded, Event::Released];

pub async fn writes_what_is_decided_for_every_outcome(fixture: Fixture) {
    for event in ENDS {
        for attempts_before in [0, 2] {
            let hand = fixture.enroll("default").await;
            let new = fixture.insert_one(job().max_attempts(3).meta(json!({"kept": [1]}))).await;
            let set =
                format!("UPDATE oban_jobs SET attempt = {attempts_before} WHERE id = {}", new.id);
            fixture.raw(set).await;
            let before = hand.claim(1).await.remove(0);
            fixture.clock.advance(7.seconds());

            let ack = ack(&before, event);
            assert_eq!(fixture.ack(ack.clone()).await, Acked::Written, "{event:?}");
            let expected = follow(&before, &ack.outcome, fixture.now());
            assert_same(&fixture.job(before.id).await, &expected);
            // Out of the way of the next.
            fixture.raw("DELETE FROM oban_jobs").await;
        }
    }
}

pub async fn the_last_attempt_that_fails_is_discarded(fixture: Fixture) {
    let (_, running) = fixture.running(job().max_attempts(1)).await;
    let ack = Ack { failure: failure(&running, "no"), ..ack(&running, RETRY) };
    assert_eq!(fixture.ack(ack).await, Acked::Written);

    let row = fixture.job(running.id).await;
    assert_eq!((row.state, row.discarded_at), (State::Discarded, Some(fixture.now())));
    assert_eq!((row.attempt, row.errors.len()), (1, 1));
}

pub async fn a_snooze_gives_the_attempt_back_and_is_counted(fixture: Fixture) {
    let (hand, mut running) = fixture.running(job().meta(json!({"kept": {"n": 1}}))).await;
    for times in 1..=3 {
        assert_eq!(fixture.ack(ack(&running, SNOOZE)).await, Acked::Written);
        let row = fixture.job(running.id).await;
        assert_eq!((row.state, row.attempt, row.max_attempts), (State::Scheduled, 0, 20));
        assert_eq!(row.scheduled_at, fixture.now() + 300.seconds());
        assert_eq!(meta(&row), json!({"kept": {"n": 1}, "snoozed": times}));

        fixture.clock.advance(300.seconds());
        fixture.storage.stage(1, Vec::new()).await.unwrap();
        running = hand.claim(1).await.remove(0);
    }
}

pub async fn a_failure_is_appended_with_its_particulars(fixture: Fixture) {
    let (hand, mut running) = fixture.running(job()).await;
    let long = "é".repeat(LONGEST_TEXT / 2);
    let texts = HOSTILE.iter().copied().chain([long.as_str()]);
    for (index, text) in texts.enumerate() {
        fixture.clock.advance(1.second());
        let written = fixture.now();
        let retry_now = Event::Failed { retry_in: Duration::ZERO };
        let ack = Ack { failure: failure(&running, text), ..ack(&running, retry_now) };
        assert_eq!(fixture.ack(ack).await, Acked::Written);

        let row = fixture.job(running.id).await;
        assert_eq!(row.errors.len(), index + 1, "older errors are kept");
        let last = &row.errors[index];
        assert_eq!((last.error.as_str(), last.attempt), (text, running.attempt));
        assert_eq!((last.at, last.milliseconds), (Some(written), Some(1_234)));
        assert_eq!(last.node.as_deref(), Some("node-1"));

        fixture.storage.stage(1, Vec::new()).await.unwrap();
        running = hand.claim(1).await.remove(0);
    }
}

pub async fn only_the_newest_errors_are_kept(fixture: Fixture) {
    let (hand, mut running) = fixture.running(job().max_attempts(100)).await;
    let failures = ERRORS_KEPT as i32 + 3;
    for attempt in 1..=failures {
        let retry_now = Event::Failed { retry_in: Duration::ZERO };
        let failure = failure(&running, &format!("failure {attempt}"));
        fixture.ack(Ack { failure, ..ack(&running, retry_now) }).await;
        fixture.storage.stage(1, Vec::new()).await.unwrap();
        running = hand.claim(1).await.remove(0);
    }
    let attempts: Vec<i32> = running.errors.iter().map(|error| error.attempt).collect();
    assert_eq!(attempts, (4..=failures).collect::<Vec<_>>());
}

pub async fn meta_keys_are_set_and_the_others_kept(fixture: Fixture) {
    let old = json!({"kept": 9_007_199_254_740_993_i64, "a": {"x": 1, "y": 2}, "gone": 1});
    let (_, running) = fixture.running(job().meta(old)).await;
    let mut keys = Map::new();
    keys.insert("a".to_owned(), json!({"z": 3}));
    keys.insert("gone".to_owned(), Value::Null);
    keys.insert("it's \"new\" $.x".to_owned(), json!([1, "two"]));
    fixture.ack(Ack { meta: Some(keys), ..ack(&running, Event::Completed) }).await;

    let expected = json!({
        "kept": 9_007_199_254_740_993_i64,
        "a": {"z": 3},
        "gone": null,
        "it's \"new\" $.x": [1, "two"],
    });
    assert_eq!(meta(&fixture.job(running.id).await), expected);
}

pub async fn the_longest_wait_fits_the_calendar(fixture: Fixture) {
    for event in [Event::Snoozed { wait: Duration::MAX }, Event::Failed { retry_in: Duration::MAX }]
    {
        let (_, running) = fixture.running(job()).await;
        assert_eq!(fixture.ack(ack(&running, event)).await, Acked::Written);
        let row = fixture.job(running.id).await;
        assert_eq!(row.scheduled_at, fixture.now() + LONGEST_WAIT);
    }
}

pub async fn a_second_ack_was_already_written(fixture: Fixture) {
    for event in ENDS {
        let (_, running) = fixture.running(job().max_attempts(3)).await;
        let ack = Ack { failure: failure(&running, "once"), ..ack(&running, event) };
        assert_eq!(fixture.ack(ack.clone()).await, Acked::Written, "{event:?}");
        let written = fixture.job(running.id).await;

        fixture.clock.advance(1.minute());
        assert_eq!(fixture.ack(ack).await, Acked::AlreadyWritten, "{event:?}");
        assert_same(&fixture.job(running.id).await, &written);
        fixture.raw("DELETE FROM oban_jobs").await;
    }
}

pub async fn an_ack_under_another_token_is_lost(fixture: Fixture) {
    let (_, running) = fixture.running(job()).await;
    for event in ENDS {
        let mut foreign = ack(&running, event);
        foreign.token = ClaimToken::random();
        foreign.failure = failure(&running, "not mine");
        assert_eq!(fixture.ack(foreign).await, Acked::Lost);
    }
    assert_same(&fixture.job(running.id).await, &running);
}

pub async fn an_ack_of_no_row_is_lost(fixture: Fixture) {
    let (_, running) = fixture.running(job()).await;
    let late = ack(&running, Event::Completed);
    fixture.raw(format!("DELETE FROM oban_jobs WHERE id = {}", running.id)).await;

    assert_eq!(fixture.ack(late).await, Acked::Lost);
    assert_eq!(fixture.storage.job(running.id).await.unwrap(), None);
}

pub async fn a_row_that_is_claimed_again_is_lost_to_the_first_claim(fixture: Fixture) {
    let (hand, first) = fixture.running(job()).await;
    fixture.ack(ack(&first, Event::Released)).await;
    let second = hand.claim(1).await.remove(0);
    assert_eq!((second.id, second.attempt), (first.id, first.attempt));

    let late = Ack {
        failure: failure(&first, "too late"),
        then: valid([job().queue("next")]),
        ..ack(&first, Event::Completed)
    };
    assert_eq!(fixture.ack(late).await, Acked::Lost);
    assert_same(&fixture.job(first.id).await, &second);
    assert_eq!(fixture.ack(ack(&second, Event::Completed)).await, Acked::Written);
}

pub async fn one_bad_ack_does_not_stop_the_others(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    fixture.insert((0..5).map(|_| job())).await;
    let running = hand.claim(5).await;
    fixture.raw(format!("DELETE FROM oban_jobs WHERE id = {}", running[1].id)).await;
    let cancel = "UPDATE oban_jobs SET state = 'cancelled' WHERE id =";
    fixture.raw(format!("{cancel} {}", running[2].id)).await;

    let mut acks: Vec<Ack> = running.iter().map(|job| ack(job, Event::Completed)).collect();
    acks[3].token = ClaimToken::random();
    let answers = fixture.storage.ack(acks).await.unwrap();
    use Acked::{Cancelled, Lost, Written};
    assert_eq!(answers, [Written, Lost, Cancelled, Lost, Written]);
    assert_eq!(fixture.job(running[4].id).await.state, State::Completed);
}

pub async fn answers_come_in_order(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    fixture.insert((0..30).map(|_| job())).await;
    let running = hand.claim(30).await;

    let mut expected = Vec::new();
    let mut acks = Vec::new();
    for (index, job) in running.iter().enumerate().rev() {
        let mut ack = ack(job, ENDS[index % ENDS.len()]);
        let lost = index % 7 == 0;
        if lost {
            ack.token = ClaimToken::random();
        }
        expected.push(if lost { Acked::Lost } else { Acked::Written });
        acks.push(ack);
    }
    let outcomes: Vec<State> = acks.iter().map(|ack| ack.outcome.to).collect();
    assert_eq!(fixture.storage.ack(acks).await.unwrap(), expected);
    for ((job, to), answer) in running.iter().rev().zip(outcomes).zip(expected) {
        let state = if answer == Acked::Lost { State::Executing } else { to };
        assert_eq!(fixture.job(job.id).await.state, state);
    }
}

/// Whatever a batch does with the plain ones to be fast.
pub async fn the_first_of_two_acks_of_a_run_in_one_batch_is_written(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    for first_is_plain in [false, true] {
        fixture.insert([job(), job()]).await;
        let running = hand.claim(2).await;
        let plain = |job: &Job| ack(job, Event::Completed);
        let failed = |job: &Job| Ack { failure: failure(job, "it failed"), ..ack(job, RETRY) };
        let (mut acks, mut expected) = (Vec::new(), Vec::new());
        for job in &running {
            let mut both = [plain(job), failed(job)];
            if !first_is_plain {
                both.reverse();
            }
            acks.extend(both);
            expected.extend([Acked::Written, Acked::Lost]);
        }
        assert_eq!(fixture.storage.ack(acks).await.unwrap(), expected, "{first_is_plain}");
        let state = if first_is_plain { State::Completed } else { State::Retryable };
        for job in running {
            assert_eq!(fixture.job(job.id).await.state, state);
        }
        fixture.raw("DELETE FROM oban_jobs").await;
    }
}

/// Also when the token that a row does not carry belongs to another ack of the batch.
pub async fn each_ack_of_a_batch_is_fenced_by_its_own_token(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    // Three claims, of which each takes every third number.
    fixture.insert((0..12).map(|n| job().priority(n % 3))).await;
    let mut running = Vec::new();
    for _ in 0..3 {
        running.extend(hand.claim(4).await);
    }
    running.sort_by_key(|job| job.id);
    let right: Vec<Ack> = running.iter().map(|job| ack(job, Event::Completed)).collect();
    assert!(right.windows(2).all(|pair| pair[0].token != pair[1].token));
    let next = right.iter().cycle().skip(1);
    let wrong = right.iter().zip(next).map(|(ack, next)| Ack { token: next.token, ..ack.clone() });
    let wrong: Vec<Ack> = wrong.collect();
    let answers = fixture.storage.ack(wrong.clone()).await.unwrap();
    assert_eq!(answers, [const { Acked::Lost }; 12]);

    let some_wrong = |(place, (right, wrong)): (usize, (&Ack, &Ack))| match place % 4 {
        2 => wrong.clone(),
        _ => right.clone(),
    };
    let mixed: Vec<Ack> = right.iter().zip(&wrong).enumerate().map(some_wrong).collect();
    let answers = fixture.storage.ack(mixed).await.unwrap();
    for (place, job) in running.iter().enumerate() {
        let (answer, state) = match place % 4 {
            2 => (Acked::Lost, State::Executing),
            _ => (Acked::Written, State::Completed),
        };
        assert_eq!((&answers[place], fixture.job(job.id).await.state), (&answer, state), "{place}");
    }
    let answers = fixture.storage.ack(right).await.unwrap();
    let left = answers.iter().filter(|answer| **answer == Acked::Written).count();
    assert_eq!(left, 3, "{answers:?}");
}

pub async fn follow_ups_are_inserted_exactly_once(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    fixture.insert([job(), job()]).await;
    let running = hand.claim(2).await;
    let next = || job().queue("next");
    let one = Ack { then: valid([next()]), ..ack(&running[0], Event::Completed) };
    let then = valid([next(), next().schedule_in(1.hour())]);
    let two = Ack { then, ..ack(&running[1], Event::Completed) };

    let acks = vec![one, two];
    assert_eq!(fixture.storage.ack(acks.clone()).await.unwrap(), [Acked::Written, Acked::Written]);
    let answers = fixture.storage.ack(acks).await.unwrap();
    assert_eq!(answers, [Acked::AlreadyWritten, Acked::AlreadyWritten]);

    let counts = fixture.storage.counts().await.unwrap();
    let next = counts.into_iter().filter(|count| count.queue == "next");
    let next: Vec<(State, u64)> = next.map(|count| (count.state, count.jobs)).collect();
    assert_eq!(next.len(), 2, "{next:?}");
    assert!(next.contains(&(State::Available, 2)) && next.contains(&(State::Scheduled, 1)));
    let next = fixture.enroll("next").await.claim(10).await;
    assert_eq!(next[0].inserted_at, fixture.now());
}

pub async fn an_ack_that_cannot_be_stored_is_refused_alone(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    fixture.insert([job(), job(), job()]).await;
    let running = hand.claim(3).await;
    let mut acks: Vec<Ack> = running.iter().map(|job| ack(job, Event::Completed)).collect();
    // No table has such a priority.
    acks[1].then = valid([job().queue("next")]);
    acks[1].then[0].priority = -1;

    let answers = fixture.storage.ack(acks).await.unwrap();
    assert_eq!((&answers[0], &answers[2]), (&Acked::Written, &Acked::Written));
    assert!(matches!(&answers[1], Acked::Refused(why) if !why.is_empty()), "{answers:?}");
    assert_eq!(fixture.job(running[1].id).await, running[1], "nothing of it was written");
    let counts = fixture.storage.counts().await.unwrap();
    assert!(counts.iter().all(|count| count.queue != "next"), "{counts:?}");

    let failed = Ack { failure: failure(&running[1], "refused"), ..ack(&running[1], RETRY) };
    assert_eq!(fixture.ack(failed).await, Acked::Written, "the claim still holds");
}

pub async fn a_lost_ack_inserts_no_follow_up(fixture: Fixture) {
    let (_, running) = fixture.running(job()).await;
    let mut ack = Ack { then: valid([job().queue("next")]), ..ack(&running, Event::Completed) };
    let token = std::mem::replace(&mut ack.token, ClaimToken::random());
    assert_eq!(fixture.ack(ack.clone()).await, Acked::Lost);

    fixture
        .raw(format!("UPDATE oban_jobs SET state = 'cancelled' WHERE id = {}", running.id))
        .await;
    ack.token = token;
    assert_eq!(fixture.ack(ack).await, Acked::Cancelled);
    let counts = fixture.storage.counts().await.unwrap();
    assert!(counts.iter().all(|count| count.queue != "next"), "{counts:?}");
}

pub async fn an_ack_of_a_cancelled_row_appends_its_error_once(fixture: Fixture) {
    let (_, running) = fixture.running(job()).await;
    fixture
        .raw(format!("UPDATE oban_jobs SET state = 'cancelled' WHERE id = {}", running.id))
        .await;
    let cancelled = fixture.job(running.id).await;

    assert_eq!(fixture.ack(ack(&running, Event::Completed)).await, Acked::Cancelled);
    assert_same(&fixture.job(running.id).await, &cancelled);

    let failed = Ack { failure: failure(&running, "stopped"), ..ack(&running, RETRY) };
    for _ in 0..2 {
        assert_eq!(fixture.ack(failed.clone()).await, Acked::Cancelled);
        let mut row = fixture.job(running.id).await;
        assert_eq!(row.errors.len(), 1);
        assert_eq!((row.errors[0].error.as_str(), row.errors[0].attempt), ("stopped", 1));
        row.errors.clear();
        assert_same(&row, &cancelled);
    }
}

pub async fn a_run_that_gives_up_after_it_was_cancelled_keeps_its_reason(fixture: Fixture) {
    let (_, running) = fixture.running(job()).await;
    fixture
        .raw(format!("UPDATE oban_jobs SET state = 'cancelled' WHERE id = {}", running.id))
        .await;

    let gives_up = Ack { failure: failure(&running, "why"), ..ack(&running, Event::Cancelled) };
    assert_eq!(fixture.ack(gives_up.clone()).await, Acked::Cancelled);
    assert_eq!(fixture.ack(gives_up).await, Acked::AlreadyWritten);
    let row = fixture.job(running.id).await;
    let errors: Vec<&str> = row.errors.iter().map(|error| error.error.as_str()).collect();
    assert_eq!(errors, ["why"]);
}

pub async fn a_released_job_can_be_claimed_again(fixture: Fixture) {
    let (hand, first) = fixture.running(job().max_attempts(1)).await;
    fixture.ack(ack(&first, Event::Released)).await;
    let again = hand.claim(1).await.remove(0);
    assert_eq!((again.id, again.attempt), (first.id, 1));
    assert_ne!(again.claim_token(), first.claim_token());
}

/// The row that a move leaves behind.
fn follow(before: &Job, decided: &Move, now: Timestamp) -> Job {
    let mut row = before.clone();
    row.state = decided.to;
    match decided.attempt {
        Attempt::Keep => {}
        Attempt::Begin => row.attempt += 1,
        Attempt::GiveBack => row.attempt -= 1,
    }
    if decided.allow_one_more {
        row.max_attempts = row.max_attempts.max(row.attempt + 1);
    }
    if let Some(wait) = decided.wait {
        row.scheduled_at = now + wait;
    }
    if decided.stamp == Stamp::End {
        match decided.to {
            State::Completed => row.completed_at = Some(now),
            State::Discarded => row.discarded_at = Some(now),
            State::Cancelled => row.cancelled_at = Some(now),
            other => panic!("{other} is no end"),
        }
    }
    if let Some(key) = decided.count {
        let mut keys: Map<String, Value> = row.meta.decode().unwrap();
        let count = keys.get(key).and_then(Value::as_i64).unwrap_or_default();
        keys.insert(key.to_owned(), json!(count + 1));
        row.meta = Value::Object(keys).into();
    }
    row
}

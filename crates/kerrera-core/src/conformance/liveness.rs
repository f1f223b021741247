//! Who is alive, and what becomes of the jobs of the dead; as one process sees it.

use uuid::Uuid;

use super::Fixture;
use super::fixture::{Hand, ack, failure, ids, job, meta};
use super::insert::assert_same;
use crate::state::{Event, RESCUED, State};
use crate::storage::{Ack, Acked, Beat};
use crate::time::Units;

pub async fn a_beat_of_a_living_producer_finds_nothing_amiss(fixture: Fixture) {
    let (hand, running) = fixture.running(job()).await;
    let other = fixture.enroll("other").await;
    let pulse = fixture.storage.beat(vec![hand.beat(&[&running]), other.beat(&[])]).await.unwrap();
    assert!(pulse.dead.is_empty() && pulse.gone.is_empty(), "{pulse:?}");
}

pub async fn a_beat_names_the_jobs_that_are_gone(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    fixture.insert((0..5).map(|_| job())).await;
    let running = hand.claim(5).await;
    let set = |state: &str, at: usize| {
        format!("UPDATE oban_jobs SET state = '{state}' WHERE id = {}", running[at].id)
    };
    fixture.raw(set("cancelled", 0)).await;
    fixture.raw(set("available", 1)).await;
    let again = hand.claim(1).await.remove(0);
    assert_eq!(again.id, running[1].id, "claimed again, under another token");
    fixture.raw(format!("DELETE FROM oban_jobs WHERE id = {}", running[2].id)).await;

    let all: Vec<_> = running.iter().chain([&again]).collect();
    let pulse = fixture.storage.beat(vec![hand.beat(&all)]).await.unwrap();
    let mut gone = pulse.gone;
    gone.sort_by_key(|(id, _)| *id);
    let lost = &running[..3];
    let expected: Vec<_> = lost.iter().map(|job| (job.id, job.claim_token().unwrap())).collect();
    assert_eq!(gone, expected);
    assert!(pulse.dead.is_empty());
}

pub async fn a_beat_of_an_unknown_producer_says_that_it_is_dead(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    let stranger = Uuid::new_v4();
    let beat = Beat { producer: stranger, paused: true, limit: 1, running: Vec::new() };
    let pulse = fixture.storage.beat(vec![hand.beat(&[]), beat]).await.unwrap();
    assert_eq!(pulse.dead, [stranger]);
}

pub async fn a_retired_producer_is_known_no_more(fixture: Fixture) {
    let (hand, other) = (fixture.enroll("default").await, fixture.enroll("default").await);
    fixture.storage.retire(vec![hand.producer.uuid, Uuid::new_v4()]).await.unwrap();
    fixture.insert_one(job()).await;

    assert!(hand.claim(1).await.is_empty());
    let pulse = fixture.storage.beat(vec![hand.beat(&[]), other.beat(&[])]).await.unwrap();
    assert_eq!(pulse.dead, [hand.producer.uuid]);
    assert_eq!(other.claim(1).await.len(), 1);
}

pub async fn a_producer_that_retires_in_mid_job_keeps_its_claim(fixture: Fixture) {
    let (hand, running) = fixture.running(job()).await;
    fixture.storage.retire(vec![hand.producer.uuid]).await.unwrap();

    let rescue = fixture.storage.rescue(Vec::new(), 100).await.unwrap();
    assert!(rescue.jobs.is_empty(), "{rescue:?}");
    assert_same(&fixture.job(running.id).await, &running);
    fixture.insert_one(job()).await;
    assert!(hand.claim(1).await.is_empty(), "it claims no more");
    assert_eq!(fixture.ack(ack(&running, Event::Completed)).await, Acked::Written);
}

pub async fn a_rescue_leaves_the_living_alone(fixture: Fixture) {
    let (_, running) = fixture.running(job()).await;
    fixture.clock.advance(1.days());
    let rescue = fixture.storage.rescue(Vec::new(), 100).await.unwrap();

    assert!(rescue.removed.is_empty() && rescue.jobs.is_empty(), "{rescue:?}");
    assert_same(&fixture.job(running.id).await, &running);
}

pub async fn a_rescue_frees_the_jobs_that_nobody_owns(fixture: Fixture) {
    let (hand, before) = fixture.running(job().queue("default")).await;
    disown(&fixture, &hand).await;
    fixture.clock.advance(1.minute());
    let rescue = fixture.storage.rescue(Vec::new(), 100).await.unwrap();

    assert_eq!(rescue.jobs, [(before.id, "default".to_owned(), State::Available)]);
    let row = fixture.job(before.id).await;
    assert_eq!((row.state, row.attempt), (State::Available, 1), "the attempt counts");
    assert_eq!(meta(&row)[RESCUED], 1);
    assert_eq!(row.scheduled_at, before.scheduled_at);
    assert!(row.errors.is_empty());

    let next = fixture.enroll("default").await;
    let again = next.claim(1).await.remove(0);
    assert_eq!((again.id, again.attempt), (before.id, 2));
}

pub async fn a_rescue_discards_what_has_no_attempt_left(fixture: Fixture) {
    let (hand, before) = fixture.running(job().max_attempts(1)).await;
    disown(&fixture, &hand).await;
    let rescue = fixture.storage.rescue(Vec::new(), 100).await.unwrap();

    assert_eq!(rescue.jobs, [(before.id, "default".to_owned(), State::Discarded)]);
    let row = fixture.job(before.id).await;
    assert_eq!((row.state, row.discarded_at), (State::Discarded, Some(fixture.now())));
    assert_eq!(meta(&row)[RESCUED], 1);
    assert_eq!(row.errors.len(), 1, "says why");
    assert_eq!((row.errors[0].attempt, row.errors[0].at), (1, Some(fixture.now())));
    assert!(row.errors[0].error.contains("node-1"), "{:?}", row.errors);
}

pub async fn a_rescue_leaves_the_rows_of_other_implementations_alone(fixture: Fixture) {
    let foreign = fixture.insert_one(job()).await;
    let run = "UPDATE oban_jobs SET state = 'executing', attempt = 1 WHERE id =";
    fixture.raw(format!("{run} {}", foreign.id)).await;

    let rescue = fixture.storage.rescue(Vec::new(), 100).await.unwrap();
    assert!(rescue.jobs.is_empty(), "{rescue:?}");
    assert_eq!(fixture.job(foreign.id).await.state, State::Executing);
}

pub async fn a_rescue_frees_at_most_its_limit(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    fixture.insert((0..10).map(|_| job())).await;
    let mut expected = ids(&hand.claim(10).await);
    disown(&fixture, &hand).await;

    let mut freed = Vec::new();
    for count in [4, 4, 2, 0] {
        let rescue = fixture.storage.rescue(Vec::new(), 4).await.unwrap();
        assert_eq!(rescue.jobs.len(), count);
        freed.extend(rescue.jobs.into_iter().map(|(id, ..)| id));
    }
    freed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(freed, expected);
}

pub async fn a_late_ack_after_a_rescue_is_lost(fixture: Fixture) {
    let ends = [
        Event::Completed,
        Event::Failed { retry_in: 1.second() },
        Event::Snoozed { wait: 1.second() },
        Event::Cancelled,
        Event::Discarded,
        Event::Released,
    ];
    let (hand, before) = fixture.running(job()).await;
    disown(&fixture, &hand).await;
    fixture.storage.rescue(Vec::new(), 100).await.unwrap();
    let rescued = fixture.job(before.id).await;

    for event in ends {
        let late = Ack { failure: failure(&before, "too late"), ..ack(&before, event) };
        assert_eq!(fixture.ack(late).await, Acked::Lost, "{event:?}");
        assert_same(&fixture.job(before.id).await, &rescued);
    }
}

pub async fn a_late_failure_of_a_discarded_orphan_is_lost(fixture: Fixture) {
    let (hand, before) = fixture.running(job().max_attempts(1)).await;
    disown(&fixture, &hand).await;
    fixture.storage.rescue(Vec::new(), 100).await.unwrap();
    let rescued = fixture.job(before.id).await;

    // It would have ended in the same state; but it was not this ack that was written.
    let failed = Event::Failed { retry_in: 1.second() };
    let late = Ack { failure: failure(&before, "too late"), ..ack(&before, failed) };
    assert_eq!(fixture.ack(late).await, Acked::Lost);
    assert_same(&fixture.job(before.id).await, &rescued);
}

/// Leaves a producer's jobs without an owner, as its death and a first look do.
pub(super) async fn disown(fixture: &Fixture, hand: &Hand) {
    let uuid = hand.producer.uuid;
    fixture.raw(format!("DELETE FROM kerrera_producers WHERE uuid = '{uuid}'")).await;
}

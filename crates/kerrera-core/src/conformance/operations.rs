//! Looking and managing.

use serde_json::json;

use super::Fixture;
use super::fixture::{ack, job};
use super::insert::assert_same;
use crate::new_job::NewJob;
use crate::state::{Event, State};
use crate::time::Units;

pub async fn opening_twice_changes_nothing(fixture: Fixture) {
    let job = fixture.insert_one(job()).await;
    fixture.storage.open(false).await.unwrap();
    fixture.storage.open(true).await.unwrap();
    assert_same(&fixture.job(job.id).await, &job);
}

pub async fn a_job_is_found_by_its_number(fixture: Fixture) {
    let jobs = fixture.insert((0..3).map(|n| NewJob::of("W", json!({"n": n})))).await;
    for job in &jobs {
        assert_same(&fixture.job(job.id).await, job);
    }
}

pub async fn a_number_without_a_job_finds_nothing(fixture: Fixture) {
    for id in [0, -1, 1, i64::MAX, i64::MIN] {
        assert_eq!(fixture.storage.job(id).await.unwrap(), None);
    }
}

pub async fn counts_are_by_queue_and_state(fixture: Fixture) {
    assert!(fixture.storage.counts().await.unwrap().is_empty());
    let (hand, running) = fixture.running(job()).await;
    fixture.ack(ack(&running, Event::Completed)).await;
    fixture.insert((0..3).map(|_| job())).await;
    hand.claim(1).await;
    fixture.insert([job().queue("b"), job().queue("b").schedule_in(1.hour())]).await;

    let counts = fixture.storage.counts().await.unwrap();
    let mut counts: Vec<_> = counts.into_iter().map(|c| (c.queue, c.state, c.jobs)).collect();
    counts.sort();
    let expected = [
        ("b", State::Scheduled, 1),
        ("b", State::Available, 1),
        ("default", State::Available, 2),
        ("default", State::Executing, 1),
        ("default", State::Completed, 1),
    ];
    assert_eq!(counts, expected.map(|(queue, state, jobs)| (queue.to_owned(), state, jobs)));
}

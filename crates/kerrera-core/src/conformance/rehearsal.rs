//! What only tests ask of a storage.

use std::time::Duration;

use super::Fixture;
use super::fixture::{ack, job};
use crate::state::{Event, State};
use crate::time::Units;

pub async fn the_clock_is_the_one_that_the_storage_goes_by(fixture: Fixture) {
    fixture.storage.clock().advance(1.hour());
    let inserted = fixture.insert_one(job()).await;
    assert_eq!(Some(inserted.inserted_at), fixture.clock.shows());
}

pub async fn jobs_are_brought_forward_in_one_queue_only(fixture: Fixture) {
    let later = || job().schedule_in(1.hour());
    let jobs = fixture.insert([later(), later().queue("b"), later()]).await;
    let count = fixture.storage.bring_forward("default".into(), None).await.unwrap();
    assert_eq!(count, 2);
    for (job, state) in jobs.iter().zip([State::Available, State::Scheduled, State::Available]) {
        assert_eq!(fixture.job(job.id).await.state, state);
    }
}

pub async fn jobs_are_brought_forward_until_a_time(fixture: Fixture) {
    let waits = [1.hour(), 2.hours(), 3.hours()];
    let jobs = fixture.insert(waits.map(|wait| job().schedule_in(wait))).await;
    let until = Some(fixture.now() + 2.hours());
    assert_eq!(fixture.storage.bring_forward("default".into(), until).await.unwrap(), 2);
    for (job, state) in jobs.iter().zip([State::Available, State::Available, State::Scheduled]) {
        assert_eq!(fixture.job(job.id).await.state, state);
    }
}

pub async fn a_job_that_is_brought_forward_keeps_its_time_and_its_attempts(fixture: Fixture) {
    let (_, running) = fixture.running(job()).await;
    fixture.ack(ack(&running, Event::Failed { retry_in: Duration::from_secs(60) })).await;
    let before = fixture.job(running.id).await;
    assert_eq!(before.state, State::Retryable);
    fixture.storage.bring_forward("default".into(), None).await.unwrap();
    let mut expected = before.clone();
    expected.state = State::Available;
    assert_eq!(fixture.job(running.id).await, expected);

    // What waits for something else than its time is left alone.
    let suspended = fixture.insert_one(job()).await;
    let sql = format!("UPDATE oban_jobs SET state = 'suspended' WHERE id = {}", suspended.id);
    fixture.raw(sql).await;
    assert_eq!(fixture.storage.bring_forward("default".into(), None).await.unwrap(), 0);
}

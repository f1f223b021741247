//! Making due jobs available.

use std::sync::Arc;
use std::time::Duration;

use super::Fixture;
use super::fixture::{ack, job};
use super::insert::assert_same;
use crate::state::{Event, State};
use crate::time::Units;

pub async fn due_jobs_become_available_and_no_others(fixture: Fixture) {
    let (hand, running) = fixture.running(job()).await;
    fixture.ack(ack(&running, Event::Failed { retry_in: 10.seconds() })).await;
    let soon = fixture.insert_one(job().schedule_in(10.seconds())).await;
    let later = fixture.insert_one(job().schedule_in(Duration::from_micros(10_000_001))).await;
    let stage = async || fixture.storage.stage(100, Vec::new()).await.unwrap().count;

    assert_eq!(stage().await, 0);
    fixture.clock.advance(10.seconds());
    assert_eq!(stage().await, 2);
    assert_eq!(fixture.job(running.id).await.state, State::Available);
    assert_eq!(fixture.job(soon.id).await.state, State::Available);
    assert_eq!(fixture.job(later.id).await.state, State::Scheduled);
    assert_eq!(stage().await, 0);

    fixture.clock.advance(Duration::from_micros(1));
    assert_eq!(stage().await, 1);
    assert_eq!(hand.claim(10).await.len(), 3);
}

pub async fn nothing_but_the_state_changes(fixture: Fixture) {
    let (_, running) = fixture.running(job()).await;
    fixture.ack(ack(&running, Event::Failed { retry_in: 1.second() })).await;
    let mut expected = fixture.job(running.id).await;
    fixture.clock.advance(1.hour());
    fixture.storage.stage(1, Vec::new()).await.unwrap();

    expected.state = State::Available;
    assert_same(&fixture.job(running.id).await, &expected);
}

pub async fn the_oldest_are_staged_first(fixture: Fixture) {
    let waits = [30, 10, 20, 10, 40];
    let jobs = fixture.insert(waits.map(|wait| job().schedule_in(wait.seconds()))).await;
    fixture.clock.advance(1.minute());

    for at in [1, 3, 2, 0, 4] {
        assert_eq!(fixture.job(jobs[at].id).await.state, State::Scheduled);
        assert_eq!(fixture.storage.stage(1, Vec::new()).await.unwrap().count, 1);
        assert_eq!(fixture.job(jobs[at].id).await.state, State::Available, "job {at}");
    }
}

pub async fn at_most_the_limit_is_staged(fixture: Fixture) {
    fixture.insert((0..10).map(|_| job().schedule_at(crate::Timestamp::MIN))).await;
    let mut counts = Vec::new();
    for _ in 0..4 {
        counts.push(fixture.storage.stage(4, Vec::new()).await.unwrap().count);
    }
    assert_eq!(counts, [4, 4, 2, 0]);
}

pub async fn a_queue_of_exhausted_rows_has_no_work(fixture: Fixture) {
    let jobs = [job().queue("a"), job().queue("b").schedule_in(1.second())];
    fixture.insert(jobs).await;
    fixture.raw("UPDATE oban_jobs SET attempt = max_attempts").await;
    fixture.clock.advance(1.second());

    let staged = fixture.storage.stage(100, vec!["a".into(), "b".into()]).await.unwrap();
    assert_eq!((staged.count, staged.ready), (1, Vec::new()));
}

pub async fn says_which_watched_queues_have_work(fixture: Fixture) {
    let jobs = [
        job().queue("has work"),
        job().queue("not watched"),
        job().queue("gets work").schedule_in(1.second()),
        job().queue("not watched but staged").schedule_in(1.second()),
        job().queue("waits").schedule_in(1.hour()),
    ];
    fixture.insert(jobs).await;
    fixture.clock.advance(1.second());
    let watched = ["has work", "gets work", "waits", "it's \"empty\""];
    let watched: Vec<Arc<str>> = watched.into_iter().map(Into::into).collect();

    let mut staged = fixture.storage.stage(100, watched.clone()).await.unwrap();
    staged.ready.sort();
    assert_eq!(staged.ready, ["gets work", "has work", "not watched but staged"]);

    let mut staged = fixture.storage.stage(100, watched).await.unwrap();
    staged.ready.sort();
    assert_eq!(staged.ready, ["gets work", "has work"], "also when nothing was staged");
}

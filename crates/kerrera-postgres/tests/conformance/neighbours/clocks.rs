//! Everybody has a clock: what a neighbour's decides when it is wrong, and what it cannot decide.

use std::sync::Arc;

use kerrera_core::state::Event;
use kerrera_core::storage::{KeepRule, Prune};
use kerrera_core::{JobId, NewJob, State, Units};
use serde_json::json;

use super::Town;

/// Five minutes.
const WRONG: i64 = 300;

/// It stages by its own clock and writes the state alone, so our job begins before its time. We never
/// stage before it, and what is due waits for nobody's clock but the database's.
#[tokio::test]
async fn a_neighbour_whose_clock_is_ahead_stages_early_and_one_behind_holds_nothing_up() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let early = town.insert(NewJob::of("W", json!({})).schedule_in(4.minutes())).await;
    let later = town.insert(NewJob::of("W", json!({})).schedule_in(6.minutes())).await;
    assert_eq!(town.stage().await, 0);
    assert_eq!(town.elixir("ahead").ahead(WRONG).stage(5_000), [early]);
    let (job, token) = hand.claim().await.unwrap();
    assert_eq!((job.id, job.attempt), (early, 1));
    assert!(job.scheduled_at > job.attempted_at.unwrap(), "before its time, and once");
    assert!(hand.claim().await.is_none());

    // A run that fails waits by the database's clock.
    hand.ends(&job, token, Event::Failed { retry_in: 4.minutes() }).await;
    let job = town.job(early).await;
    assert_eq!(job.scheduled_at, town.clock.shows().unwrap() + 4.minutes());

    let behind = town.elixir("behind").ahead(-WRONG);
    town.clock.advance(7.minutes());
    assert!(behind.stage(5_000).is_empty(), "by its clock both wait for minutes yet");
    assert_eq!(town.stage().await, 2);
    assert_eq!(town.job(later).await.state, State::Available);
}

/// Its batch takes the newest first; what it leaves, and what everybody leaves to it, we stage.
#[tokio::test]
async fn a_backlog_that_a_neighbour_stages_from_behind_is_staged_by_us_from_its_front() {
    let town = Town::ours().await;
    let mut jobs = Vec::new();
    for minutes in 1..=4 {
        jobs.push(town.insert(NewJob::of("W", json!({})).schedule_in(minutes.minutes())).await);
    }
    town.clock.advance(1.hour());
    assert_eq!(town.elixir("elixir").stage(1), [jobs[3]]);
    assert_eq!(town.kerrera.stage(2, Vec::new()).await.unwrap().count, 2);
    assert_eq!(town.job(jobs[0]).await.state, State::Available);
    assert_eq!(town.job(jobs[2]).await.state, State::Scheduled);
    assert_eq!(town.elixir("elixir").stage(5_000), [jobs[2]], "each is staged once");
}

/// A lease is written and read by clocks that differ: who is ahead takes the lead too early, who is
/// behind never keeps it. Two then believe that they lead for a while, and all that they do is
/// harmless when two do it.
#[tokio::test]
async fn a_neighbour_whose_clock_is_wrong_takes_the_lead_early_or_loses_it() {
    let town = Town::ours().await;
    let mut ahead = town.elixir("ahead").ahead(WRONG);
    assert!(town.stand("rust", "Oban").await);
    assert!(ahead.elect(), "our lease is over by its clock");
    assert!(!town.stand("rust", "Oban").await, "we know it with the next renewal");
    ahead.resign();

    let mut behind = town.elixir("behind").ahead(-WRONG);
    assert!(behind.elect());
    assert!(town.stand("rust", "Oban").await, "its lease was over when it was written");
    assert!(!behind.elect(), "and ours is not over for five minutes, by its clock");
    assert!(town.stand("rust", "Oban").await);
}

/// The age of a job is told by two clocks: ours wrote the start, its own tells the present.
#[tokio::test]
async fn a_neighbour_whose_clock_is_ahead_of_the_refresh_frees_and_is_taken_from() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    // As Python's age, and a clock that is as far ahead: a job is old when it begins.
    let ahead = town.elixir("ahead").ahead(WRONG);
    for _ in 0..3 {
        town.clock.advance(1.minute());
        assert_eq!(ahead.lifeline(300), [job.id]);
        let claim = [(job.id, token)];
        assert_eq!(hand.beat(&claim).await.freed, claim);
        assert_eq!(town.kerrera.reclaim(claim.to_vec()).await.unwrap(), claim);
    }
    hand.complete(&job, token).await;
    assert_eq!(town.job(job.id).await.state, State::Completed);
}

#[tokio::test]
async fn a_neighbour_prunes_by_when_jobs_were_due_and_we_by_when_they_ended() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    town.clock.advance(2.minutes());
    hand.complete(&job, token).await;

    let minute = Some(1.minute());
    let rule = KeepRule { completed: minute, ..KeepRule::default() };
    let prune = Prune {
        seat: town.seat().await,
        rules: Arc::from([rule]),
        after: 0,
        upto: JobId::MAX,
        limit: 100,
    };
    assert_eq!(town.kerrera.prune(prune).await.unwrap().count(), 0);
    assert_eq!(town.elixir("elixir").prune(60), [job.id], "it has only just ended");
}

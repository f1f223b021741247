//! Neighbours judge a job by its age, and we by whether its node lives: what they free of ours, what we
//! do so that they leave it alone, and what we take back.

use kerrera_core::state::Event;
use kerrera_core::storage::{Ack, Acked};
use kerrera_core::{ClaimToken, State, Units};

use super::{Town, end};
use crate::fixture::{ELIXIR, PYTHON};

#[tokio::test]
async fn a_job_that_runs_for_long_is_not_freed_by_a_neighbour() {
    for (tables, age) in [(ELIXIR, 3_600), (PYTHON, 300)] {
        let town = Town::theirs(tables).await;
        let (elixir, python) = (town.elixir("elixir").ahead(5), town.python("python"));
        let lifeline = || match tables {
            ELIXIR => elixir.lifeline(age),
            _ => python.lifeline(age),
        };
        let hand = town.hand().await;
        let (job, token) = hand.running().await;
        for _ in 0..=age / 60 {
            town.clock.advance(1.minute());
            town.kerrera.refresh(vec![(job.id, token)]).await.unwrap();
            assert!(lifeline().is_empty());
        }
        assert!(town.job(job.id).await.attempted_at > job.attempted_at);
        let ack = Ack { began: job.attempted_at, ..end(&job, token, Event::Completed) };
        assert_eq!(town.kerrera.ack(vec![ack]).await.unwrap(), [Acked::Written]);
        assert_eq!(town.job(job.id).await.attempted_at, job.attempted_at, "the true start is back");

        let (job, _) = hand.running().await;
        town.clock.advance(1.days());
        assert_eq!(lifeline(), [job.id], "as it would be without");
        assert_eq!(town.job(job.id).await.state, State::Available);
    }
}

#[tokio::test]
async fn without_a_neighbour_no_start_is_touched() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    town.clock.advance(1.hour());
    // Our own candidacy is no neighbour.
    assert!(town.stand("rust", "Oban").await);
    town.kerrera.refresh(vec![(job.id, token)]).await.unwrap();
    assert_eq!(town.job(job.id).await.attempted_at, job.attempted_at);

    assert!(town.elixir("elixir").instance("Other").elect());
    town.kerrera.refresh(vec![(job.id, token)]).await.unwrap();
    assert_eq!(town.job(job.id).await.attempted_at, town.clock.shows());
}

#[tokio::test]
async fn only_jobs_that_still_run_here_are_refreshed() {
    let town = Town::theirs(PYTHON).await;
    let hand = town.hand().await;
    let (done, token) = hand.running().await;
    hand.complete(&done, token).await;
    let (job, _) = hand.running().await;
    town.clock.advance(1.hour());
    let claims = vec![(done.id, token), (job.id, ClaimToken::random())];
    town.kerrera.refresh(claims).await.unwrap();
    assert_eq!(town.job(done.id).await.attempted_at, done.attempted_at);
    assert_eq!(town.job(job.id).await.attempted_at, job.attempted_at);
}

#[tokio::test]
async fn a_job_that_a_neighbour_freed_is_taken_back() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    town.clock.advance(2.hours());
    assert_eq!(town.elixir("elixir").lifeline(3_600), [job.id]);

    let pulse = hand.beat(&[(job.id, token)]).await;
    assert!(pulse.gone.is_empty(), "{pulse:?}");
    assert_eq!(pulse.freed, [(job.id, token)]);
    let ours = town.kerrera.reclaim(pulse.freed).await.unwrap();
    assert_eq!(ours, [(job.id, token)]);
    let row = town.job(job.id).await;
    assert_eq!((row.state, row.attempt), (State::Executing, 1));
    assert_eq!(row.attempted_at, town.clock.shows(), "it is not freed again at once");
    assert!(hand.beat(&[(job.id, token)]).await.freed.is_empty());
    assert_eq!(hand.complete(&job, token).await, Acked::Written);
}

#[tokio::test]
async fn a_job_that_a_neighbour_freed_and_took_is_gone() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    town.clock.advance(2.hours());
    let elixir = town.elixir("elixir");
    elixir.lifeline(3_600);
    let pulse = hand.beat(&[(job.id, token)]).await;
    assert_eq!(elixir.fetch("default", 1).len(), 1);

    assert!(town.kerrera.reclaim(pulse.freed).await.unwrap().is_empty());
    assert_eq!(hand.beat(&[(job.id, token)]).await.gone, [(job.id, token)]);
    assert_eq!(hand.complete(&job, token).await, Acked::Lost);
    assert_eq!(town.job(job.id).await.attempted_by[0], "elixir");
}

#[tokio::test]
async fn what_our_own_rescue_freed_is_not_taken_back() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    town.database.psql("DELETE FROM kerrera_producers");
    let rescue = town.kerrera.rescue(Vec::new(), 10).await.unwrap();
    assert_eq!(rescue.jobs.len(), 1);

    let pulse = hand.beat(&[(job.id, token)]).await;
    assert_eq!(pulse.dead, [hand.uuid]);
    assert!(town.kerrera.reclaim(vec![(job.id, token)]).await.unwrap().is_empty());
    assert_eq!(town.job(job.id).await.state, State::Available);
}

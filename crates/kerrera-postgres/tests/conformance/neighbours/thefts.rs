//! A neighbour frees or discards a job for its age while it runs here, and the run ends before anybody
//! has noticed.

use std::time::Duration;

use kerrera_core::state::Event;
use kerrera_core::storage::{Ack, Acked};
use kerrera_core::{ClaimToken, Job, Limits, NewJob, State, Units};
use serde_json::json;
use testkit::oban::{End, Taken};

use super::{Hand, Town, end};
use crate::fixture::{ELIXIR, PYTHON};

const RETRY_IN: Duration = Duration::from_secs(60);

/// Every way in which a run ends by itself, and the state and the attempt that it leaves.
const ENDS: [(Event, State, i32); 5] = [
    (Event::Completed, State::Completed, 1),
    (Event::Failed { retry_in: RETRY_IN }, State::Retryable, 1),
    (Event::Snoozed { wait: RETRY_IN }, State::Scheduled, 0),
    (Event::Cancelled, State::Cancelled, 1),
    (Event::Discarded, State::Discarded, 1),
];

#[tokio::test]
async fn a_run_that_ends_after_a_neighbour_freed_its_job_is_written_and_the_job_runs_once() {
    for tables in [None, Some(ELIXIR), Some(PYTHON)] {
        let town = match tables {
            None => Town::ours().await,
            Some(tables) => Town::theirs(tables).await,
        };
        let hand = town.hand().await;
        for (event, state, attempt) in ENDS {
            let (job, token) = freed(&hand).await;
            assert_eq!(hand.ends(&job, token, event).await, Acked::Written, "{event:?}");
            let row = town.job(job.id).await;
            assert_eq!((row.state, row.attempt), (state, attempt), "{event:?}");
            assert_eq!(row.attempted_at, job.attempted_at, "its true start: {event:?}");
            assert!(row.errors.len() <= 1);
            assert!(hand.claim().await.is_none(), "nobody else gets it: {event:?}");
        }
    }
}

#[tokio::test]
async fn what_follows_from_a_run_whose_job_was_freed_is_inserted_once() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let next = |queue: &str| {
        let job = NewJob::of("Next", json!({})).queue(queue);
        job.unique(kerrera_core::unique::until_finished()).validate(&Limits::default()).unwrap()
    };
    let (stolen, token) = hand.running().await;
    town.clock.advance(2.hours());
    let (job, other) = hand.running().await;
    assert_eq!(town.elixir("elixir").lifeline(3_600), [stolen.id]);
    let lost = end(&job, ClaimToken::random(), Event::Completed);
    let acks = vec![
        Ack { then: vec![next("lost")], ..lost },
        Ack { then: vec![next("one")], ..end(&job, other, Event::Completed) },
        Ack { then: vec![next("two")], ..end(&stolen, token, Event::Completed) },
    ];
    let answers = town.kerrera.ack(acks.clone()).await.unwrap();
    assert_eq!(answers, [Acked::Lost, Acked::Written, Acked::Written]);
    let queues =
        "SELECT string_agg(queue, ' ' ORDER BY queue) FROM oban_jobs WHERE worker = 'Next'";
    assert_eq!(town.database.psql(queues), "one two");

    // As if the answer had been lost.
    let answers = town.kerrera.ack(acks).await.unwrap();
    assert_eq!(answers, [Acked::Lost, Acked::AlreadyWritten, Acked::AlreadyWritten]);
    assert_eq!(town.database.psql(queues), "one two");
}

#[tokio::test]
async fn an_end_whose_answer_was_lost_is_no_theft() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let mut ends = ENDS.to_vec();
    // Due at once.
    ends.push((Event::Failed { retry_in: Duration::ZERO }, State::Retryable, 1));
    ends.push((Event::Snoozed { wait: Duration::ZERO }, State::Scheduled, 0));
    ends.push((Event::Released, State::Available, 0));
    for (event, state, attempt) in ends {
        let (job, token) = hand.running().await;
        town.clock.advance(1.second());
        assert_eq!(hand.ends(&job, token, event).await, Acked::Written);
        // And the job is available again, under the same token, before it is asked for once more.
        match state {
            State::Retryable | State::Scheduled => {
                town.clock.advance(RETRY_IN);
                assert_eq!(town.stage().await, 1);
            }
            State::Available => {}
            _ => town.elixir("elixir").retry(job.id),
        }
        let before = town.job(job.id).await;
        assert_eq!((before.state, before.attempt), (State::Available, attempt), "{event:?}");
        assert_ne!(hand.ends(&job, token, event).await, Acked::Written, "{event:?}");
        let after = town.job(job.id).await;
        assert_eq!((after.state, after.attempt), (State::Available, attempt), "{event:?}");
        assert_eq!((after.errors, after.meta), (before.errors, before.meta), "{event:?}");
        let (again, _) = hand.claim().await.unwrap();
        assert_eq!((again.id, again.attempt), (job.id, attempt + 1), "it runs as it should");
    }
}

#[tokio::test]
async fn a_run_that_gives_a_freed_job_back_gives_its_attempt_back_once() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = freed(&hand).await;
    for answer in [Acked::Written, Acked::AlreadyWritten] {
        assert_eq!(hand.ends(&job, token, Event::Released).await, answer);
        let row = town.job(job.id).await;
        assert_eq!((row.state, row.attempt), (State::Available, 0));
    }
}

#[tokio::test]
async fn a_job_that_our_own_rescue_freed_is_not_taken_back_by_the_late_end_of_its_run() {
    let town = Town::ours().await;
    for max_attempts in [1, 20] {
        let hand = town.hand().await;
        let (job, token) = hand.runs(NewJob::of("W", json!({})).max_attempts(max_attempts)).await;
        town.clock.advance(1.hour());
        town.database.psql("DELETE FROM kerrera_producers");
        let freed = town.kerrera.rescue(Vec::new(), 10).await.unwrap().jobs;
        assert_eq!(freed.len(), 1);
        assert_eq!(hand.complete(&job, token).await, Acked::Lost);
        assert_eq!(town.job(job.id).await.state, freed[0].2);
    }
}

/// Not that of a neighbour who frees by age: whoever wants a job run again gets it run again.
#[tokio::test]
async fn a_job_that_was_cancelled_and_retried_while_it_ran_runs_again() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    for beats in [false, true] {
        let (job, token) = hand.running().await;
        town.clock.advance(1.minute());
        let elixir = town.elixir("elixir");
        elixir.cancel(job.id);
        elixir.retry(job.id);
        if beats {
            let claim = [(job.id, token)];
            let pulse = hand.beat(&claim).await;
            assert_eq!((pulse.gone.as_slice(), pulse.freed.len()), (&claim[..], 0));
            assert!(town.kerrera.reclaim(claim.to_vec()).await.unwrap().is_empty());
        }
        assert_eq!(hand.ends(&job, token, Event::Cancelled).await, Acked::Lost);
        let (again, token) = hand.claim().await.unwrap();
        assert_eq!((again.id, again.attempt), (job.id, 2));
        hand.complete(&again, token).await;
    }
}

#[tokio::test]
async fn a_last_attempt_that_a_neighbour_discarded_is_taken_back_while_it_runs() {
    for tables in [ELIXIR, PYTHON] {
        let town = Town::theirs(tables).await;
        let hand = town.hand().await;
        let (job, token) = discarded(&town, &hand, tables).await;
        let claim = [(job.id, token)];
        let pulse = hand.beat(&claim).await;
        assert_eq!((pulse.freed.as_slice(), pulse.gone.len()), (&claim[..], 0));
        assert_eq!(town.kerrera.reclaim(pulse.freed).await.unwrap(), claim);
        let row = town.job(job.id).await;
        assert_eq!((row.state, row.attempt, row.discarded_at), (State::Executing, 1, None));
        assert_eq!(row.attempted_at, town.clock.shows(), "it is not discarded again at once");
        assert_eq!(hand.complete(&job, token).await, Acked::Written);
    }
}

#[tokio::test]
async fn a_last_attempt_that_ends_after_a_neighbour_discarded_it_is_written() {
    let ends = [
        (Event::Completed, State::Completed, 1),
        (Event::Failed { retry_in: RETRY_IN }, State::Discarded, 1),
        (Event::Snoozed { wait: RETRY_IN }, State::Scheduled, 0),
        (Event::Cancelled, State::Cancelled, 1),
        (Event::Discarded, State::Discarded, 1),
        // Given back at a shutdown, which is no reason to give it up.
        (Event::Released, State::Available, 0),
    ];
    for tables in [ELIXIR, PYTHON] {
        let town = Town::theirs(tables).await;
        let hand = town.hand().await;
        for (event, state, attempt) in ends {
            let (job, token) = discarded(&town, &hand, tables).await;
            assert_eq!(hand.ends(&job, token, event).await, Acked::Written, "{event:?}");
            let row = town.job(job.id).await;
            assert_eq!((row.state, row.attempt), (state, attempt), "{event:?}");
            assert_eq!(row.discarded_at.is_some(), state == State::Discarded, "{event:?}");
            let failed =
                matches!(event, Event::Failed { .. } | Event::Cancelled | Event::Discarded);
            assert_eq!(row.errors.len(), usize::from(failed), "{event:?}");
        }
    }
}

/// With attempts left nobody discards by age, and nobody says why who does: that was a worker's word.
#[tokio::test]
async fn a_job_that_a_worker_discarded_is_not_taken_back() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    for max_attempts in [1, 20] {
        let (job, token) = hand.runs(NewJob::of("W", json!({})).max_attempts(max_attempts)).await;
        let (id, attempt) = (job.id, job.attempt);
        let taken = Taken { id, attempt, max_attempts: job.max_attempts, meta: "{}".to_owned() };
        town.elixir("elixir").ends(&taken, End::Discard("no use"));
        let claim = [(job.id, token)];
        assert_eq!(hand.beat(&claim).await.gone, claim);
        assert!(town.kerrera.reclaim(claim.to_vec()).await.unwrap().is_empty());
        assert_eq!(hand.complete(&job, token).await, Acked::Lost);
        assert_eq!(town.job(job.id).await.state, State::Discarded);
    }
}

/// Whatever else a run says after its end was written.
#[tokio::test]
async fn what_a_run_says_after_its_end_was_written_changes_nothing() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let failed = Event::Failed { retry_in: Duration::ZERO };
    for first in
        [failed, Event::Snoozed { wait: Duration::ZERO }, Event::Released, Event::Discarded]
    {
        for then in [Event::Completed, Event::Snoozed { wait: RETRY_IN }, Event::Released] {
            let (job, token) = hand.runs(NewJob::of("W", json!({})).max_attempts(2)).await;
            assert_eq!(hand.ends(&job, token, first).await, Acked::Written);
            town.clock.advance(1.second());
            town.stage().await;
            // A person moves what waits to a time long ago.
            town.database.psql("UPDATE oban_jobs SET scheduled_at = '2020-01-01'");
            let before = town.job(job.id).await;
            assert_ne!(hand.ends(&job, token, then).await, Acked::Written, "{first:?} {then:?}");
            let after = town.job(job.id).await;
            assert_eq!((after.state, after.attempt), (before.state, before.attempt));
            town.database.psql("DELETE FROM oban_jobs");
        }
    }
}

/// A job that runs here and that a neighbour has freed for its age.
async fn freed(hand: &Hand<'_>) -> (Job, ClaimToken) {
    let running = hand.running().await;
    hand.town.clock.advance(2.hours());
    assert_eq!(hand.town.elixir("elixir").lifeline(3_600), [running.0.id]);
    running
}

/// A job that runs here on its last attempt and that a neighbour has discarded for its age.
async fn discarded(town: &Town, hand: &Hand<'_>, tables: &str) -> (Job, ClaimToken) {
    let running = hand.runs(NewJob::of("W", json!({})).max_attempts(1)).await;
    town.clock.advance(2.hours());
    let found = match tables {
        ELIXIR => town.elixir("elixir").lifeline(3_600),
        _ => town.python("python").lifeline(300),
    };
    assert_eq!(found, [running.0.id]);
    assert_eq!(town.job(running.0.id).await.state, State::Discarded);
    running
}

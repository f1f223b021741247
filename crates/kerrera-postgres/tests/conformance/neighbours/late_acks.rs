//! What an Elixir node writes when it ends a job that is not its own any more: it was freed for its age,
//! and somebody else ran it, or runs it, or has cancelled it. Such writes are fenced by nothing. None
//! of them can be kept out; what must hold is that no job is lost, that our runs learn of it, and that
//! what our runs write afterwards changes nothing that they have no right to.

use kerrera_core::state::Event;
use kerrera_core::storage::Acked;
use kerrera_core::{JobId, State, Units};
use testkit::oban::{End, Taken};

use super::{Hand, Town};
use crate::fixture::ELIXIR;

/// What it writes stands: that is how the row is from then on. The run here is told to stop with the
/// next beat, and what it writes is passed over, but for its error if the job is cancelled.
#[tokio::test]
async fn a_late_end_of_a_neighbours_ends_the_job_that_runs_here_and_the_run_is_told() {
    for town in [Town::ours().await, Town::theirs(ELIXIR).await] {
        let hand = town.hand().await;
        for late in End::EACH {
            let taken = freed(&town).await;
            let (job, token) = hand.claim().await.unwrap();
            assert_eq!((job.id, job.attempt), (taken.id, 2));
            town.elixir("elixir").ends(&taken, late);

            let claim = [(job.id, token)];
            assert_eq!(hand.beat(&claim).await.gone, claim, "{late:?}");
            assert!(town.kerrera.reclaim(claim.to_vec()).await.unwrap().is_empty());
            let before = row(&town, job.id);
            let answer = hand.complete(&job, token).await;
            let expected = match late {
                // There is no telling whose success it is.
                End::Complete => Acked::AlreadyWritten,
                End::Cancel(_) => Acked::Cancelled,
                _ => Acked::Lost,
            };
            assert_eq!(answer, expected, "{late:?}");
            assert_eq!(row(&town, job.id), before, "{late:?}");
            runs_again_or_has_ended(&town, &hand, &taken, late).await;
        }
    }
}

#[tokio::test]
async fn an_error_of_a_run_whose_job_a_neighbour_cancelled_late_is_kept() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let taken = freed(&town).await;
    let (job, token) = hand.claim().await.unwrap();
    town.elixir("elixir").ends(&taken, End::Cancel("** (Oban.PerformError) late"));
    let failed = Event::Failed { retry_in: 1.minute() };
    assert_eq!(hand.ends(&job, token, failed).await, Acked::Cancelled);
    let job = town.job(job.id).await;
    assert_eq!(job.state, State::Cancelled);
    let errors: Vec<(i32, &str)> =
        job.errors.iter().map(|error| (error.attempt, &*error.error)).collect();
    assert_eq!(errors, [(1, "** (Oban.PerformError) late"), (2, "** (Error) ours")]);
}

/// It waits for somebody to run it again: whether that is still needed is for the late write to say.
#[tokio::test]
async fn a_late_end_of_a_neighbours_ends_a_job_that_was_freed_and_waits() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    for late in End::EACH {
        let taken = freed(&town).await;
        town.elixir("elixir").ends(&taken, late);
        assert_eq!(town.job(taken.id).await.state.as_str(), late.state());
        assert!(hand.claim().await.is_none(), "{late:?}");
        let row = town.job(taken.id).await;
        let attempts = if matches!(late, End::Snooze(_)) { 0 } else { 1 };
        assert_eq!(row.attempt, attempts, "{late:?}");
        if !row.state.is_final() {
            town.clock.advance(1.minute());
            assert_eq!(town.stage().await, 1);
            let (again, token) = hand.claim().await.unwrap();
            assert_eq!((again.id, again.attempt), (taken.id, attempts + 1));
            hand.complete(&again, token).await;
        }
    }
}

/// At least once: a run that has ended well is overruled by an older one that says otherwise. Ours never
/// do that to theirs.
#[tokio::test]
async fn a_late_end_of_a_neighbours_overrules_what_was_finished_here() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    for late in End::EACH {
        let taken = freed(&town).await;
        let (job, token) = hand.claim().await.unwrap();
        assert_eq!(hand.complete(&job, token).await, Acked::Written);
        town.elixir("elixir").ends(&taken, late);
        assert_eq!(town.job(job.id).await.state.as_str(), late.state());

        // If the answer to our write was lost, it is asked for once more.
        let before = row(&town, job.id);
        assert_ne!(hand.complete(&job, token).await, Acked::Written, "{late:?}");
        assert_eq!(row(&town, job.id), before, "{late:?}");
        runs_again_or_has_ended(&town, &hand, &taken, late).await;
    }
}

#[tokio::test]
async fn a_late_end_of_a_neighbours_overrules_a_persons_cancel() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    for late in End::EACH {
        let taken = freed(&town).await;
        town.elixir("another").cancel(taken.id);
        assert_eq!(town.job(taken.id).await.state, State::Cancelled);
        town.elixir("elixir").ends(&taken, late);
        assert_eq!(town.job(taken.id).await.state.as_str(), late.state());
        runs_again_or_has_ended(&town, &hand, &taken, late).await;
    }
}

#[tokio::test]
async fn a_late_end_of_a_job_that_is_gone_does_nothing() {
    let town = Town::ours().await;
    for late in End::EACH {
        let taken = freed(&town).await;
        town.database.psql(&format!("DELETE FROM oban_jobs WHERE id = {}", taken.id));
        town.elixir("elixir").ends(&taken, late);
        assert_eq!(town.kerrera.job(taken.id).await.unwrap().map(|job| job.id), None);
    }
}

/// The other way round: whatever a run of ours says late changes no row that a neighbour holds.
#[tokio::test]
async fn a_late_end_of_ours_changes_nothing_of_a_neighbours() {
    let town = Town::ours().await;
    let hand = town.hand().await;
    let (job, token) = hand.running().await;
    town.clock.advance(2.hours());
    let elixir = town.elixir("elixir");
    elixir.lifeline(3_600);
    let taken = elixir.fetch("default", 1).remove(0);
    let ends = [
        Event::Completed,
        Event::Failed { retry_in: 1.minute() },
        Event::Snoozed { wait: 1.minute() },
        Event::Cancelled,
        Event::Discarded,
        Event::Released,
    ];
    let unchanged = async || {
        let before = row(&town, job.id);
        for event in ends {
            assert_eq!(hand.ends(&job, token, event).await, Acked::Lost, "{event:?}");
        }
        assert_eq!(row(&town, job.id), before);
    };
    unchanged().await;
    elixir.ends(&taken, End::Retry("** (RuntimeError) theirs", 30));
    unchanged().await;
    town.clock.advance(1.minute());
    assert_eq!(elixir.stage(5_000), [job.id]);
    unchanged().await;
    elixir.cancel(job.id);
    unchanged().await;
}

/// A job that an Elixir node has taken and that its leader has freed: the node knows nothing of that.
async fn freed(town: &Town) -> Taken {
    let elixir = town.elixir("elixir");
    let id = elixir.insert("W", "default", "{}");
    // By the server's clock, which is not the town's: due by then.
    town.database.psql(&format!(
        "UPDATE oban_jobs SET inserted_at = '2026-01-01', scheduled_at = '2026-01-01' WHERE id = {id}"
    ));
    let taken = elixir.fetch("default", 1).remove(0);
    assert_eq!((taken.id, taken.attempt), (id, 1));
    town.clock.advance(2.hours());
    assert_eq!(elixir.lifeline(3_600), [id]);
    taken
}

/// No job is lost: one that has not ended is run again when its time comes, here or there.
async fn runs_again_or_has_ended(town: &Town, hand: &Hand<'_>, taken: &Taken, late: End) {
    let job = town.job(taken.id).await;
    assert_eq!(job.state.as_str(), late.state());
    if job.state.is_final() {
        assert!(hand.claim().await.is_none(), "{late:?}");
        return;
    }
    town.clock.advance(1.minute());
    assert_eq!(town.stage().await, 1, "{late:?}");
    let (again, token) = hand.claim().await.unwrap();
    assert_eq!((again.id, again.attempt), (taken.id, job.attempt + 1), "{late:?}");
    assert_eq!(hand.complete(&again, token).await, Acked::Written);
}

fn row(town: &Town, id: JobId) -> String {
    town.database.psql(&format!("SELECT to_jsonb(j) FROM oban_jobs AS j WHERE id = {id}"))
}

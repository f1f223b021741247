//! A neighbour takes a job for its age while it runs here; on PostgreSQL alone.

use std::sync::atomic::Ordering;

use kerrera::Tuning;
use kerrera::prelude::*;
use testkit::oban::Elixir;

use crate::neighbours::{App, Hold, until};
use crate::scene::{Scene, insert};

/// Two hours: every job is old by this clock.
const AHEAD: i64 = 7_200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_ends_before_the_theft_of_its_job_is_noticed_is_written_and_runs_once() {
    let scene = Scene::on_postgres().await;
    let server = scene.server();
    let elixir = Elixir::on(&server, "app@host").ahead(AHEAD);
    let app = App::default();
    let builder = scene.builder().state(app.clone()).queue("default", 1).worker::<Hold>();
    // No beat comes in time to notice, and this is what counts as long.
    let unhurried = |t: &mut Tuning| {
        (t.beat, t.ttl, t.refresh) = (1.hour(), 3.hours(), 10.milliseconds());
    };
    let kerrera = builder.tune(unhurried).start().await.unwrap();
    let id = insert(&kerrera, Hold {}).await;
    until("it runs", async || app.begun.load(Ordering::SeqCst) == 1).await;
    let running = scene.reaches(id, State::Executing).await;
    // Whoever has room, us as well, would run what is freed; the only slot is taken.
    assert_eq!(elixir.lifeline(3_600), [id]);
    app.go.store(true, Ordering::SeqCst);
    let job = scene.reaches(id, State::Completed).await;
    assert_eq!((job.attempt, job.claim_token()), (1, running.claim_token()));
    assert_eq!(job.attempted_at, running.attempted_at, "with its true start");
    let next = insert(&kerrera, Hold {}).await;
    scene.reaches(next, State::Completed).await;
    assert_eq!(app.begun.load(Ordering::SeqCst), 2, "each once");
    kerrera.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_attempt_that_a_neighbour_discards_while_it_runs_is_taken_back_and_completed() {
    let scene = Scene::on_postgres().await;
    let server = scene.server();
    let elixir = Elixir::on(&server, "app@host").ahead(AHEAD);
    let app = App::default();
    let builder = scene.builder().state(app.clone()).queue("default", 1).worker::<Hold>();
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Hold {}.max_attempts(1)).await;
    until("it runs", async || app.begun.load(Ordering::SeqCst) == 1).await;
    scene.reaches(id, State::Executing).await;
    for _ in 0..3 {
        assert_eq!(elixir.lifeline(3_600), [id]);
        let job = scene.reaches(id, State::Executing).await;
        assert_eq!((job.attempt, job.discarded_at), (1, None));
    }
    app.go.store(true, Ordering::SeqCst);
    let job = scene.reaches(id, State::Completed).await;
    assert_eq!((job.discarded_at, job.errors.len()), (None, 0));
    assert_eq!(app.begun.load(Ordering::SeqCst), 1);
    kerrera.shutdown().await;
}

/// Whoever cancels a job and retries it wants another run, whatever becomes of the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_neighbour_cancels_and_retries_at_once_runs_again() {
    let scene = Scene::on_postgres().await;
    let server = scene.server();
    let elixir = Elixir::on(&server, "app@host");
    let app = App::default();
    let builder = scene.builder().state(app.clone()).queue("default", 1).worker::<Hold>();
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Hold {}).await;
    until("it runs", async || app.begun.load(Ordering::SeqCst) == 1).await;
    scene.reaches(id, State::Executing).await;
    elixir.cancel(id);
    elixir.retry(id);
    until("it runs again", async || app.begun.load(Ordering::SeqCst) == 2).await;
    app.go.store(true, Ordering::SeqCst);
    let job = scene.reaches(id, State::Completed).await;
    assert_eq!(job.attempt, 2);
    kerrera.shutdown().await;
}

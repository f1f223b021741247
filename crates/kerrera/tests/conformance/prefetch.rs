//! What is claimed ahead of a free slot, and given back.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kerrera::JobId;
use kerrera::prelude::*;

use crate::on_both;
use crate::scene::{Scene, insert};

#[derive(Clone)]
struct App(Arc<Inner>);

struct Inner {
    ran: Mutex<Vec<u32>>,
    running: AtomicUsize,
    most: AtomicUsize,
    gate: tokio::sync::Semaphore,
}

impl App {
    fn new() -> App {
        let (ran, gate) = (Mutex::default(), tokio::sync::Semaphore::new(0));
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        App(Arc::new(Inner { ran, running, most, gate }))
    }

    fn open(&self) {
        self.0.gate.add_permits(1);
    }

    fn ran(&self) -> Vec<u32> {
        self.0.ran.lock().unwrap().clone()
    }
}

#[derive(Serialize, Deserialize, Worker)]
struct Short {
    number: u32,
}

impl Perform<App> for Short {
    async fn perform(&self, cx: &Context<App>) -> JobResult {
        let app = &cx.state().0;
        app.most.fetch_max(app.running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        app.running.fetch_sub(1, Ordering::SeqCst);
        app.ran.lock().unwrap().push(self.number);
        done()
    }
}

/// Keeps its slot until the gate opens.
#[derive(Serialize, Deserialize, Worker)]
struct Hold {}

impl Perform<App> for Hold {
    async fn perform(&self, cx: &Context<App>) -> JobResult {
        cx.state().0.gate.acquire().await?.forget();
        done()
    }
}

/// An engine with one slot, which knows that its jobs are short.
async fn engine(scene: &Scene, app: &App, prefetch: Duration) -> Kerrera {
    let builder = scene.builder().tune(|tuning| tuning.prefetch = prefetch);
    let builder = builder.state(app.clone()).queue("default", 1);
    let kerrera = builder.worker::<Short>().worker::<Hold>().start().await.unwrap();
    let first = insert(&kerrera, Short { number: 0 }).await;
    scene.reaches(first, State::Completed).await;
    kerrera
}

/// A job that holds the slot, and three short ones behind it.
async fn hold(scene: &Scene, kerrera: &Kerrera, attempts: u32) -> (JobId, Vec<JobId>) {
    let hold = insert(kerrera, Hold {}).await;
    scene.reaches(hold, State::Executing).await;
    let short = |number| NewJob::from(Short { number }).max_attempts(attempts);
    let short = kerrera.insert_all((1..=3).map(short)).await.unwrap();
    (hold, short.iter().map(|inserted| inserted.job().id).collect())
}

async fn are_given_back(scene: &Scene, jobs: &[JobId]) {
    for id in jobs {
        let job = scene.reaches(*id, State::Available).await;
        assert_eq!(job.attempt, 0, "it was not begun, so it costs no attempt");
    }
}

const LONG: Duration = Duration::from_secs(100);

async fn short_jobs_are_claimed_ahead_and_begun_when_a_slot_is_free(scene: Scene) {
    let app = App::new();
    let kerrera = engine(&scene, &app, LONG).await;
    let (hold, short) = hold(&scene, &kerrera, 20).await;
    for id in &short {
        scene.reaches(*id, State::Executing).await;
    }
    assert_eq!(kerrera.running().len(), 1, "they are this node's, and do not run");
    assert_eq!(app.ran(), [0]);
    app.open();
    scene.reaches(hold, State::Completed).await;
    for id in &short {
        assert_eq!(scene.reaches(*id, State::Completed).await.attempt, 1);
    }
    assert_eq!(app.ran(), [0, 1, 2, 3]);
    kerrera.shutdown().await;
}

async fn what_cannot_be_begun_in_time_is_given_back(scene: Scene) {
    let app = App::new();
    let kerrera = engine(&scene, &app, Duration::from_millis(50)).await;
    let (hold, short) = hold(&scene, &kerrera, 20).await;
    are_given_back(&scene, &short).await;
    assert_eq!(scene.storage.job(hold).await.unwrap().unwrap().state, State::Executing);
    app.open();
    for id in &short {
        assert_eq!(scene.reaches(*id, State::Completed).await.attempt, 1);
    }
    let mut ran = app.ran();
    // What is given back a moment sooner may be claimed again sooner.
    ran.sort_unstable();
    assert_eq!(ran, [0, 1, 2, 3]);
    kerrera.shutdown().await;
}

async fn a_pause_gives_back_what_was_not_begun(scene: Scene) {
    let app = App::new();
    let kerrera = engine(&scene, &app, LONG).await;
    let (_, short) = hold(&scene, &kerrera, 20).await;
    scene.reaches(short[2], State::Executing).await;
    kerrera.queue("default").pause().await.unwrap();
    are_given_back(&scene, &short).await;
    app.open();
    kerrera.shutdown().await;
    assert_eq!(app.ran(), [0]);
}

async fn a_shutdown_gives_back_what_was_not_begun(scene: Scene) {
    let app = App::new();
    let kerrera = engine(&scene, &app, LONG).await;
    let (hold, short) = hold(&scene, &kerrera, 20).await;
    scene.reaches(short[2], State::Executing).await;
    let shutdown = tokio::spawn(kerrera.shutdown());
    are_given_back(&scene, &short).await;
    app.open();
    shutdown.await.unwrap();
    assert_eq!(scene.storage.job(hold).await.unwrap().unwrap().state, State::Completed);
    assert_eq!(app.ran(), [0]);
}

async fn a_last_attempt_is_never_claimed_ahead(scene: Scene) {
    let app = App::new();
    let kerrera = engine(&scene, &app, LONG).await;
    let (_, short) = hold(&scene, &kerrera, 1).await;
    are_given_back(&scene, &short).await;
    app.open();
    for id in &short {
        scene.reaches(*id, State::Completed).await;
    }
    kerrera.shutdown().await;
}

async fn a_job_that_is_cancelled_before_its_turn_never_runs(scene: Scene) {
    let app = App::new();
    let kerrera = engine(&scene, &app, LONG).await;
    let (_, short) = hold(&scene, &kerrera, 20).await;
    scene.reaches(short[1], State::Executing).await;
    kerrera.cancel_job(short[1]).await.unwrap();
    app.open();
    scene.reaches(short[0], State::Completed).await;
    scene.reaches(short[2], State::Completed).await;
    assert_eq!(scene.storage.job(short[1]).await.unwrap().unwrap().state, State::Cancelled);
    assert_eq!(app.ran(), [0, 1, 3]);
    kerrera.shutdown().await;
}

async fn a_small_queue_runs_many_short_jobs_once_and_no_more_than_its_limit(scene: Scene) {
    let app = App::new();
    let kerrera = scene.builder().state(app.clone()).queue("default", 3);
    let kerrera = kerrera.worker::<Short>().worker::<Hold>().start().await.unwrap();
    let jobs = kerrera.insert_all((0..2_000).map(|number| Short { number })).await.unwrap();
    for job in &jobs {
        scene.reaches(job.job().id, State::Completed).await;
    }
    kerrera.shutdown().await;
    assert!(app.0.most.load(Ordering::SeqCst) <= 3);
    let ran = app.ran();
    assert_eq!((ran.len(), ran.into_iter().collect::<HashSet<_>>().len()), (2_000, 2_000));
}

on_both! {
    short_jobs_are_claimed_ahead_and_begun_when_a_slot_is_free,
    what_cannot_be_begun_in_time_is_given_back,
    a_pause_gives_back_what_was_not_begun,
    a_shutdown_gives_back_what_was_not_begun,
    a_last_attempt_is_never_claimed_ahead,
    a_job_that_is_cancelled_before_its_turn_never_runs,
    a_small_queue_runs_many_short_jobs_once_and_no_more_than_its_limit,
}

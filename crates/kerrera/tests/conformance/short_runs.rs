//! Short runs share tasks; nobody is to notice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use kerrera::prelude::*;
use kerrera::{Inserted, JobQuery, Kerrera};

use crate::on_both;
use crate::scene::{Scene, insert};

#[derive(Clone, Default)]
struct App(Arc<Inner>);

#[derive(Default)]
struct Inner {
    ran: AtomicUsize,
    gate: tokio::sync::Notify,
    door: (Mutex<bool>, Condvar),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Then {
    End,
    /// At an await.
    Wait,
    /// With its thread.
    Block,
    Panic,
    Fail,
}

#[derive(Serialize, Deserialize, Worker)]
#[worker(max_attempts = 1)]
struct Short {
    then: Then,
}

impl Perform<App> for Short {
    async fn perform(&self, cx: &Context<App>) -> JobResult {
        let Inner { ran, gate, door: (open, opened) } = &*cx.state().0;
        ran.fetch_add(1, Ordering::SeqCst);
        match self.then {
            Then::End => done(),
            Then::Wait => {
                gate.notified().await;
                done()
            }
            Then::Block => {
                let _open = opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap();
                done()
            }
            Then::Panic => panic!("out of order"),
            Then::Fail => Err("no".into()),
        }
    }
}

/// Opens the door: no failed test may leave a thread behind it.
struct Opens(App);

impl Drop for Opens {
    fn drop(&mut self) {
        let (open, opened) = &self.0.0.door;
        *open.lock().unwrap() = true;
        opened.notify_all();
    }
}

/// An engine that knows that its jobs are short.
async fn engine(scene: &Scene, app: &App) -> Kerrera {
    let builder = scene.builder().state(app.clone()).queue("default", 300);
    let kerrera = builder.worker::<Short>().start().await.unwrap();
    for _ in 0..5 {
        let id = insert(&kerrera, Short { then: Then::End }).await;
        scene.reaches(id, State::Completed).await;
    }
    app.0.ran.store(0, Ordering::SeqCst);
    kerrera
}

/// Two hundred that end, and some among them that do not.
async fn some_among_many(kerrera: &Kerrera, then: Then, places: &[usize]) -> Vec<Inserted> {
    let job = |place| Short { then: if places.contains(&place) { then } else { Then::End } };
    kerrera.insert_all((0..200).map(job)).await.unwrap()
}

/// Which of these are in a state.
async fn places(kerrera: &Kerrera, jobs: &[Inserted], state: State) -> Vec<usize> {
    let found = kerrera.jobs(JobQuery::new().states([state]).limit(1_000)).await.unwrap();
    let is_found = |inserted: &Inserted| found.iter().any(|job| job.id == inserted.job().id);
    (0..jobs.len()).filter(|place| is_found(&jobs[*place])).collect()
}

/// Waits until all have begun and no more of them go on; says which do.
async fn until_only(kerrera: &Kerrera, jobs: &[Inserted], most: usize) -> Vec<usize> {
    for _ in 0..2_000 {
        let waiting = places(kerrera, jobs, State::Available).await;
        let running = places(kerrera, jobs, State::Executing).await;
        if waiting.is_empty() && running.len() <= most {
            return running;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let waiting = places(kerrera, jobs, State::Available).await;
    panic!("{waiting:?} wait, {:?} run", places(kerrera, jobs, State::Executing).await);
}

async fn those_that_wait_keep_nobody_up(scene: Scene) {
    let app = App::default();
    let kerrera = engine(&scene, &app).await;
    let waiting = [0, 1, 15, 16, 100, 199];
    let jobs = some_among_many(&kerrera, Then::Wait, &waiting).await;
    assert_eq!(until_only(&kerrera, &jobs, waiting.len()).await, waiting);
    assert_eq!(kerrera.running().len(), waiting.len());

    // They are told to stop as any others.
    kerrera.cancel_job(jobs[15].job().id).await.unwrap();
    scene.reaches(jobs[15].job().id, State::Cancelled).await;
    app.0.gate.notify_waiters();
    assert!(until_only(&kerrera, &jobs, 0).await.is_empty());
    assert_eq!(places(&kerrera, &jobs, State::Completed).await.len(), 199);
    assert_eq!(app.0.ran.load(Ordering::SeqCst), 200, "each once");
    kerrera.shutdown().await;
}

async fn one_that_blocks_its_thread_keeps_up_fifteen_at_most(scene: Scene) {
    let app = App::default();
    let kerrera = engine(&scene, &app).await;
    let opens = Opens(app.clone());
    let jobs = some_among_many(&kerrera, Then::Block, &[20]).await;
    let running = until_only(&kerrera, &jobs, 16).await;
    assert!(running.contains(&20), "{running:?}");
    drop(opens);
    assert!(until_only(&kerrera, &jobs, 0).await.is_empty());
    assert_eq!(app.0.ran.load(Ordering::SeqCst), 200, "each once");
    kerrera.shutdown().await;
}

/// Whoever holds the runtime's ear when it begins to block holds it until it ends: nobody else would hear of
/// answers from the database.
async fn one_that_blocks_its_thread_does_not_deafen_the_others(scene: Scene) {
    let app = App::default();
    let kerrera = engine(&scene, &app).await;
    for _ in 0..40 {
        *app.0.door.0.lock().unwrap() = false;
        let opens = Opens(app.clone());
        let blocks = insert(&kerrera, Short { then: Then::Block }).await;
        scene.reaches(blocks, State::Executing).await;
        let ends = insert(&kerrera, Short { then: Then::End }).await;
        scene.reaches(ends, State::Completed).await;
        drop(opens);
        scene.reaches(blocks, State::Completed).await;
    }
    kerrera.shutdown().await;
}

async fn those_that_fail_fail_alone(scene: Scene) {
    for then in [Then::Panic, Then::Fail] {
        let app = App::default();
        let kerrera = engine(&scene, &app).await;
        let failing = [3, 4, 90];
        let jobs = some_among_many(&kerrera, then, &failing).await;
        assert!(until_only(&kerrera, &jobs, 0).await.is_empty());
        assert_eq!(places(&kerrera, &jobs, State::Discarded).await, failing);
        assert_eq!(places(&kerrera, &jobs, State::Completed).await.len(), 197);
        assert_eq!(app.0.ran.load(Ordering::SeqCst), 200, "each once");
        kerrera.shutdown().await;
    }
}

on_both! {
    those_that_wait_keep_nobody_up,
    one_that_blocks_its_thread_keeps_up_fifteen_at_most,
    one_that_blocks_its_thread_does_not_deafen_the_others,
    those_that_fail_fail_alone,
}

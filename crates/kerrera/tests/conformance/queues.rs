//! What is claimed, when, by whom, and how many at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kerrera::prelude::*;
use serde_json::json;

use crate::on_both;
use crate::scene::{Scene, fast, insert};

#[derive(Clone)]
struct Diary(Arc<Entries>);

struct Entries {
    lines: Mutex<Vec<String>>,
    running: AtomicUsize,
    most: AtomicUsize,
    gate: tokio::sync::Semaphore,
}

impl Default for Diary {
    fn default() -> Diary {
        Diary(Arc::new(Entries {
            lines: Mutex::default(),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            gate: tokio::sync::Semaphore::new(0),
        }))
    }
}

impl Diary {
    fn lines(&self) -> Vec<String> {
        self.0.lines.lock().unwrap().clone()
    }
}

/// Writes a line, and waits for the gate if told to.
#[derive(Serialize, Deserialize, Worker)]
struct Note {
    line: String,
    #[serde(default)]
    waits: bool,
}

fn note(line: impl ToString) -> Note {
    Note { line: line.to_string(), waits: false }
}

impl Perform<Diary> for Note {
    async fn perform(&self, cx: &Context<Diary>) -> JobResult {
        let entries = &cx.state().0;
        let now = entries.running.fetch_add(1, Ordering::SeqCst) + 1;
        entries.most.fetch_max(now, Ordering::SeqCst);
        if self.waits {
            entries.gate.acquire().await?.forget();
        }
        tokio::task::yield_now().await;
        entries.running.fetch_sub(1, Ordering::SeqCst);
        entries.lines.lock().unwrap().push(self.line.clone());
        done()
    }
}

async fn jobs_start_by_priority_then_time(scene: Scene) {
    let client = scene.client().await;
    let mut jobs = Vec::new();
    for (at, priority) in [3, 1, 0, 2, 0].into_iter().enumerate() {
        jobs.push(note(format!("{priority}{at}")).priority(priority));
    }
    let last = client.insert_all(jobs).await.unwrap().last().unwrap().job().id;
    let diary = Diary::default();
    let kerrera =
        scene.builder().state(diary.clone()).queue("default", 1).worker::<Note>().start().await;
    let kerrera = kerrera.unwrap();
    for id in last - 4..=last {
        scene.reaches(id, State::Completed).await;
    }
    assert_eq!(diary.lines(), ["02", "04", "11", "23", "30"]);
    kerrera.shutdown().await;
}

async fn no_more_jobs_run_at_once_than_the_limit(scene: Scene) {
    let diary = Diary::default();
    let builder = scene.builder().state(diary.clone()).queue("default", 3).worker::<Note>();
    let kerrera = builder.start().await.unwrap();
    let jobs = (0..50).map(note);
    let inserted = kerrera.insert_all(jobs).await.unwrap();
    for inserted in &inserted {
        scene.reaches(inserted.job().id, State::Completed).await;
    }
    assert_eq!(diary.lines().iter().collect::<HashSet<_>>().len(), 50);
    assert!(diary.0.most.load(Ordering::SeqCst) <= 3);
    kerrera.shutdown().await;
}

async fn a_scheduled_job_waits_for_its_time(scene: Scene) {
    let diary = Diary::default();
    let builder = scene.builder().state(diary.clone()).queue("default", 3).worker::<Note>();
    let kerrera = builder.start().await.unwrap();
    let far = insert(&kerrera, note("far").schedule_in(1.hour())).await;
    let soon = insert(&kerrera, note("soon").schedule_in(200.milliseconds())).await;
    let job = scene.reaches(soon, State::Completed).await;
    assert!(job.attempted_at.unwrap() >= job.scheduled_at, "never early");
    assert_eq!(scene.storage.job(far).await.unwrap().unwrap().state, State::Scheduled);
    kerrera.shutdown().await;
}

async fn two_nodes_share_a_queue_and_no_job_runs_twice(scene: Scene) {
    let diary = Diary::default();
    let mut nodes = Vec::new();
    for name in ["one", "two"] {
        let builder = scene.builder().node(name).state(diary.clone());
        nodes.push(builder.queue("default", 10).worker::<Note>().start().await.unwrap());
    }
    let inserted = nodes[0].insert_all((0..300).map(note)).await.unwrap();
    for inserted in &inserted {
        scene.reaches(inserted.job().id, State::Completed).await;
    }
    assert_eq!(diary.lines().len(), 300);
    assert_eq!(diary.lines().into_iter().collect::<HashSet<_>>().len(), 300);
    for node in nodes {
        node.shutdown().await;
    }
}

async fn a_paused_queue_claims_nothing(scene: Scene) {
    let diary = Diary::default();
    let builder = scene.builder().state(diary.clone());
    let builder = builder.queue("default", 1).paused_queue("asleep", 1).worker::<Note>();
    let kerrera = builder.start().await.unwrap();
    let asleep = insert(&kerrera, note("asleep").queue("asleep")).await;
    let awake = insert(&kerrera, note("awake")).await;
    scene.reaches(awake, State::Completed).await;
    assert_eq!(scene.storage.job(asleep).await.unwrap().unwrap().state, State::Available);
    kerrera.shutdown().await;
}

async fn jobs_of_unknown_workers_are_left_alone(scene: Scene) {
    let diary = Diary::default();
    let client = scene.client().await;
    let strangers = (0..200).map(|n| NewJob::of("Stranger", json!({"n": n})).priority(0));
    let strangers = client.insert_all(strangers).await.unwrap();
    let known = insert(&client, note("known").priority(9)).await;

    let builder = scene.builder().state(diary.clone()).queue("default", 3).worker::<Note>();
    let kerrera = builder.start().await.unwrap();
    scene.reaches(known, State::Completed).await;
    for stranger in [&strangers[0], &strangers[199]] {
        let what = "available with its attempt back";
        let untouched = |job: &Job| job.state == State::Available && job.attempt == 0;
        scene.becomes(stranger.job().id, what, untouched).await;
    }
    let unknown = kerrera.health().unknown_workers;
    assert_eq!(unknown, [("default".to_owned(), "Stranger".to_owned())]);
    kerrera.shutdown().await;
}

async fn a_job_that_blocks_its_thread_does_not_make_the_node_look_dead(scene: Scene) {
    #[derive(Serialize, Deserialize, Worker)]
    struct Block;
    impl Perform for Block {
        async fn perform(&self, _: &Context) -> JobResult {
            std::thread::sleep(Duration::from_secs(4));
            done()
        }
    }
    let jobs: Vec<_> = scene.client().await.insert_all((0..4).map(|_| Block)).await.unwrap();
    // A runtime of its own, all of whose threads the jobs block.
    let builder = scene.builder().node("blocked").queue("default", 4).worker::<Block>();
    let blocked = std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let kerrera = builder.start().await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            kerrera.shutdown().await
        })
    });
    // Somebody who would rescue them if the heart stood still.
    let judge = scene.builder().node("judge").queue("other", 1).start().await.unwrap();
    for job in &jobs {
        let job = scene.reaches(job.job().id, State::Completed).await;
        assert_eq!((job.attempt, job.meta.get("rescued")), (1, None));
    }
    blocked.join().unwrap();
    judge.shutdown().await;
}

async fn an_overdue_run_keeps_its_slot_and_is_shown(scene: Scene) {
    #[derive(Serialize, Deserialize, Worker)]
    #[worker(timeout = "10ms", max_attempts = 1)]
    struct Block;
    impl Perform<std::sync::mpsc::Sender<()>> for Block {
        async fn perform(&self, cx: &Context<std::sync::mpsc::Sender<()>>) -> JobResult {
            std::thread::sleep(Duration::from_millis(1_500));
            cx.state().send(())?;
            Err("late".into())
        }
    }
    let (sender, ended) = std::sync::mpsc::channel();
    let builder = scene.builder().state(sender).queue("default", 1).worker::<Block>();
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Block).await;
    scene.reaches(id, State::Executing).await;
    while !kerrera.running().iter().any(|job| job.is_overdue) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(ended.try_recv().is_err(), "shown as overdue while it ran");
    let job = scene.storage.job(id).await.unwrap().unwrap();
    assert_eq!(job.state, State::Executing, "it keeps its claim");
    let job = scene.reaches(id, State::Discarded).await;
    ended.try_recv().unwrap();
    assert!(job.errors[0].error.contains("late"), "it ended by itself: {:?}", job.errors);
    kerrera.shutdown().await;
}

async fn a_run_that_may_be_abandoned_gives_its_slot_up(scene: Scene) {
    #[derive(Serialize, Deserialize, Worker)]
    #[worker(timeout = "10ms", abandon_after = "100ms", max_attempts = 1)]
    struct Block;
    impl Perform for Block {
        async fn perform(&self, _: &Context) -> JobResult {
            std::thread::sleep(Duration::from_secs(3));
            done()
        }
    }
    let kerrera = scene.builder().queue("default", 1).worker::<Block>().start().await.unwrap();
    let id = insert(&kerrera, Block).await;
    let job = scene.reaches(id, State::Discarded).await;
    assert!(job.errors[0].error.contains("may still run"), "{:?}", job.errors);
    kerrera.shutdown().await;
}

async fn a_running_job_that_was_cancelled_in_the_database_is_told_to_stop(scene: Scene) {
    let diary = Diary::default();
    let builder = scene.builder().state(diary.clone()).queue("default", 1).worker::<Note>();
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Note { line: "never".into(), waits: true }).await;
    scene.reaches(id, State::Executing).await;
    scene.raw(&format!("UPDATE oban_jobs SET state = 'cancelled' WHERE id = {id}")).await;

    let what = "cancelled with an error";
    let stopped = |job: &Job| job.state == State::Cancelled && job.errors.len() == 1;
    scene.becomes(id, what, stopped).await;
    assert!(diary.lines().is_empty());
    kerrera.shutdown().await;
}

async fn a_node_that_was_declared_dead_begins_again_under_a_new_name(scene: Scene) {
    let diary = Diary::default();
    let builder = scene.builder().state(diary.clone()).queue("default", 1).worker::<Note>();
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Note { line: "lost".into(), waits: true }).await;
    let first = scene.reaches(id, State::Executing).await;
    scene.raw("DELETE FROM kerrera_producers").await;
    // It is told to stop, is rescued, and runs again under the new name.
    let what = "claimed again by another producer";
    let again = |job: &Job| job.state == State::Executing && job.attempted_by != first.attempted_by;
    let second = scene.becomes(id, what, again).await;
    assert_ne!(second.attempted_by[1], first.attempted_by[1]);
    diary.0.gate.add_permits(2);
    scene.reaches(id, State::Completed).await;
    kerrera.shutdown().await;
}

async fn a_hint_from_another_client_wakes_an_idle_node(scene: Scene) {
    let diary = Diary::default();
    // A poll so slow that only a hint can be the cause.
    let builder = scene.builder().tune(|t| t.stage_interval = 1.hour());
    let kerrera =
        builder.state(diary.clone()).queue("default", 1).worker::<Note>().start().await.unwrap();
    let other = Client::connect(kerrera.client()).await.unwrap();
    for round in 0..5 {
        let id = insert(&other, note(round)).await;
        scene.reaches(id, State::Completed).await;
    }
    kerrera.shutdown().await;
}

async fn mistakes_in_the_settings_are_told_at_start(scene: Scene) {
    let start =
        |builder: kerrera::Builder<Diary>| async { builder.start().await.unwrap_err().to_string() };
    let builder = || scene.builder().tune(fast).state(Diary::default());
    let said = start(builder().queue("other", 1).worker::<Note>()).await;
    assert!(said.contains("Note") && said.contains(".queue(\"default\", 10)"), "{said}");
    let said = start(builder().queue("default", 1).worker::<Note>().worker::<Note>()).await;
    assert!(said.contains("two workers are named \"Note\""), "{said}");
    let said = start(builder().queue("default", 0).worker::<Note>()).await;
    assert!(said.contains("limit 0"), "{said}");
    let said = start(builder().queue("a", 1).queue("a", 2)).await;
    assert!(said.contains("twice"), "{said}");
    let said = start(builder().node("my node")).await;
    assert!(said.contains("my node"), "{said}");
    let said = start(builder().tune(|t| t.ttl = t.beat)).await;
    assert!(said.contains("three beats"), "{said}");
    let elsewhere = builder().queue("other", 1).queue_elsewhere("default").worker::<Note>();
    elsewhere.start().await.unwrap().shutdown().await;
}

on_both!(
    jobs_start_by_priority_then_time,
    no_more_jobs_run_at_once_than_the_limit,
    a_scheduled_job_waits_for_its_time,
    two_nodes_share_a_queue_and_no_job_runs_twice,
    a_paused_queue_claims_nothing,
    jobs_of_unknown_workers_are_left_alone,
    a_job_that_blocks_its_thread_does_not_make_the_node_look_dead,
    an_overdue_run_keeps_its_slot_and_is_shown,
    a_run_that_may_be_abandoned_gives_its_slot_up,
    a_running_job_that_was_cancelled_in_the_database_is_told_to_stop,
    a_node_that_was_declared_dead_begins_again_under_a_new_name,
    a_hint_from_another_client_wakes_an_idle_node,
    mistakes_in_the_settings_are_told_at_start,
);

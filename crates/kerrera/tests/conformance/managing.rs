//! Cancelling, retrying, deleting and changing jobs while engines run; and what runs say of themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kerrera::prelude::*;
use kerrera::{JobChange, JobId, JobOrder, JobQuery, JobTime, Progress, Reason, Updated};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::on_both;
use crate::scene::{Scene, insert};

/// Runs until it is told to stop, and then ends in one of several ways.
#[derive(Serialize, Deserialize, Worker)]
struct Told {
    then: Then,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Then {
    Stay,
    Fail,
    Snooze,
    Panic,
    Finish,
}

impl Perform for Told {
    async fn perform(&self, cx: &Context) -> JobResult {
        if let Then::Stay = self.then {
            return std::future::pending().await;
        }
        cx.cancellation().cancelled().await;
        assert_ne!(cx.cancellation().reason(), Some(Reason::Shutdown));
        match self.then {
            Then::Stay | Then::Finish => done(),
            Then::Fail => Err("tidied up".into()),
            Then::Snooze => snooze(1.hour()),
            Then::Panic => panic!("out of order"),
        }
    }
}

/// A node that beats so seldom that a test does not see it.
async fn node(scene: &Scene) -> Kerrera {
    let builder = scene.builder().queue("default", 10).worker::<Told>();
    let builder = builder.tune(|tuning| {
        tuning.beat = 100.seconds();
        tuning.ttl = 300.seconds();
    });
    builder.start().await.unwrap()
}

async fn running(kerrera: &Kerrera, then: Then) -> JobId {
    let id = insert(kerrera, Told { then }).await;
    while !kerrera.running().iter().any(|job| job.id == id) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    id
}

async fn none_runs(kerrera: &Kerrera) {
    for _ in 0..2_000 {
        if kerrera.running().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?} runs still", kerrera.running());
}

async fn a_job_that_is_cancelled_where_it_runs_stops_and_stays_cancelled(scene: Scene) {
    let kerrera = node(&scene).await;
    for (then, error) in [
        (Then::Stay, Some("** (Cancelled) it was cancelled while it ran")),
        (Then::Fail, Some("tidied up")),
        (Then::Snooze, Some("** (Cancelled) it was cancelled while it ran")),
        (Then::Panic, Some("out of order")),
        (Then::Finish, None),
    ] {
        let id = running(&kerrera, then).await;
        assert_eq!(kerrera.cancel_job(id).await.unwrap(), Some(State::Executing));
        let row = kerrera.job(id).await.unwrap().unwrap();
        assert_eq!(row.state, State::Cancelled, "at once, whatever the run does");
        assert!(row.cancelled_at.is_some());

        none_runs(&kerrera).await;
        let errors = error.map_or(0, |_| 1);
        let row = scene.becomes(id, "told", |job| job.errors.len() == errors).await;
        assert_eq!(row.state, State::Cancelled);
        if let Some(error) = error {
            assert!(row.errors[0].error.contains(error), "{:?}", row.errors);
        }
        assert_eq!(kerrera.cancel_job(id).await.unwrap(), None, "it has ended");
    }
    kerrera.shutdown().await;
}

async fn a_job_that_is_cancelled_elsewhere_stops_within_moments(scene: Scene) {
    let (kerrera, elsewhere) = (node(&scene).await, scene.elsewhere().await);
    let ids = [running(&kerrera, Then::Stay).await, running(&kerrera, Then::Fail).await];
    let other = running(&kerrera, Then::Stay).await;
    let query = JobQuery::new().ids(ids).states([State::Executing]);
    let cancelled = elsewhere.cancel_jobs(query).await.unwrap();
    assert_eq!(cancelled.jobs(), ids.map(|id| (id, State::Executing)));

    for id in ids {
        let row = scene.becomes(id, "told", |job| job.errors.len() == 1).await;
        assert_eq!(row.state, State::Cancelled);
    }
    assert_eq!(kerrera.running().iter().map(|job| job.id).collect::<Vec<_>>(), [other]);
    assert_eq!(elsewhere.cancel_job(other).await.unwrap(), Some(State::Executing));
    none_runs(&kerrera).await;
    kerrera.shutdown().await;
}

async fn a_node_notices_by_its_beat_what_no_signal_told(scene: Scene) {
    let kerrera = scene.builder().queue("default", 10).worker::<Told>().start().await.unwrap();
    let id = running(&kerrera, Then::Stay).await;
    scene.raw(&format!("UPDATE oban_jobs SET state = 'cancelled' WHERE id = {id}")).await;
    let row = scene.becomes(id, "told", |job| job.errors.len() == 1).await;
    assert_eq!(row.state, State::Cancelled);
    none_runs(&kerrera).await;
    kerrera.shutdown().await;
}

async fn a_cancelled_job_runs_again_after_a_retry(scene: Scene) {
    let kerrera = node(&scene).await;
    let id = running(&kerrera, Then::Fail).await;
    kerrera.cancel_job(id).await.unwrap();
    scene.becomes(id, "told", |job| job.errors.len() == 1).await;
    none_runs(&kerrera).await;
    assert_eq!(kerrera.retry_job(id).await.unwrap(), Some(State::Cancelled));
    let row = scene.reaches(id, State::Executing).await;
    assert_eq!((row.attempt, row.errors.len(), row.cancelled_at), (2, 1, None));
    while kerrera.running().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    kerrera.cancel_job(id).await.unwrap();
    scene.becomes(id, "told", |job| job.errors.len() == 2).await;
    kerrera.shutdown().await;
}

/// Fails until it may succeed.
#[derive(Serialize, Deserialize, Worker)]
struct Fails {}

impl Perform<Arc<AtomicU64>> for Fails {
    async fn perform(&self, cx: &Context<Arc<AtomicU64>>) -> JobResult {
        if cx.state().load(Ordering::SeqCst) == 0 { Err("not yet".into()) } else { done() }
    }
}

async fn a_job_without_an_attempt_left_runs_again_after_a_retry(scene: Scene) {
    let may = Arc::new(AtomicU64::new(0));
    let builder = scene.builder().state(may.clone()).queue("default", 5).worker::<Fails>();
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Fails {}.max_attempts(1)).await;
    scene.reaches(id, State::Discarded).await;
    let used = format!("UPDATE oban_jobs SET attempt = 20, max_attempts = 20 WHERE id = {id}");
    scene.raw(&used).await;
    may.store(1, Ordering::SeqCst);

    assert_eq!(kerrera.retry_job(id).await.unwrap(), Some(State::Discarded));
    let row = scene.reaches(id, State::Completed).await;
    assert_eq!((row.attempt, row.max_attempts, row.discarded_at), (21, 21, None));
    assert_eq!(kerrera.retry_job(id).await.unwrap(), Some(State::Completed));
    let row = scene.becomes(id, "completed again", |job| job.attempt == 22).await;
    assert_eq!(row.max_attempts, 22);
    kerrera.shutdown().await;
}

async fn thousands_of_jobs_are_managed_in_batches(scene: Scene) {
    let client = scene.client().await;
    let jobs = (0..2_500).map(|n| NewJob::of("W", json!({"n": n})).queue("far"));
    let ids: Vec<JobId> =
        client.insert_all(jobs).await.unwrap().iter().map(|inserted| inserted.job().id).collect();
    client.insert(NewJob::of("W", json!({})).queue("other")).await.unwrap();
    let far = || JobQuery::new().queues(["far"]);

    let seen: Vec<JobId> = client.jobs(far()).await.unwrap().iter().map(|job| job.id).collect();
    assert_eq!(seen, ids);
    assert_eq!(client.count_jobs(far()).await.unwrap(), 2_500);
    assert_eq!(client.jobs(far().limit(1_500)).await.unwrap().len(), 1_500);

    let some = client.cancel_jobs(far().limit(1_200)).await.unwrap();
    assert_eq!(some.ids().collect::<Vec<_>>(), ids[..1_200]);
    let rest = client.cancel_jobs(far()).await.unwrap();
    assert_eq!((rest.count(), rest.count_of(State::Available)), (1_300, 1_300));
    // A long list of numbers, out of order and with repetitions, in parts.
    let listed = ids.iter().rev().chain(&ids).copied();
    let retried = client.retry_jobs(JobQuery::new().ids(listed)).await.unwrap();
    assert_eq!(retried.ids().collect::<Vec<_>>(), ids);
    let query = JobQuery::new().ids(ids.clone()).limit(1_001);
    assert_eq!(client.delete_jobs(query).await.unwrap().count(), 1_001);
    assert_eq!(client.delete_jobs(far()).await.unwrap().count(), 1_499);
    assert_eq!(client.count_jobs(JobQuery::new()).await.unwrap(), 1, "the other queue's");

    let wrong = far().order(JobOrder::Latest(JobTime::Inserted));
    assert!(client.delete_jobs(wrong).await.unwrap_err().is_config());
    assert!(client.cancel_jobs(JobQuery::new().ids([])).await.unwrap_err().is_config());
}

async fn a_running_job_is_neither_retried_nor_deleted(scene: Scene) {
    let kerrera = node(&scene).await;
    let id = running(&kerrera, Then::Fail).await;
    assert_eq!(kerrera.retry_job(id).await.unwrap(), None);
    assert_eq!(kerrera.delete_job(id).await.unwrap(), None);
    assert_eq!(kerrera.delete_jobs(JobQuery::new()).await.unwrap().count(), 0);
    assert_eq!(kerrera.cancel_job(id + 1).await.unwrap(), None, "there is none");
    kerrera.cancel_job(id).await.unwrap();
    scene.becomes(id, "told", |job| job.errors.len() == 1).await;
    assert_eq!(kerrera.delete_job(id).await.unwrap(), Some(State::Cancelled));
    assert_eq!(kerrera.job(id).await.unwrap(), None);
    kerrera.shutdown().await;
}

async fn a_job_that_is_moved_to_a_queue_runs_there(scene: Scene) {
    let may = Arc::new(AtomicU64::new(1));
    let builder = scene.builder().state(may).queue("default", 5).worker::<Fails>();
    let builder = builder.tune(|tuning| tuning.stage_interval = 100.seconds());
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Fails {}.queue("nobody's")).await;
    let updated = kerrera.update_job(id, JobChange::new().queue("default")).await.unwrap();
    assert!(matches!(updated, Updated::Changed(job) if job.queue == "default"));
    scene.reaches(id, State::Completed).await;
    let late = kerrera.update_job(id, JobChange::new().schedule_in(1.hour())).await;
    assert!(late.unwrap_err().is_invalid_job(), "it has ended");
    assert_eq!(kerrera.job(id).await.unwrap().unwrap().state, State::Completed);
    kerrera.shutdown().await;
}

async fn functions_that_change_a_job_at_once_lose_nothing(scene: Scene) {
    let client = scene.client().await;
    let id = insert(&client, NewJob::of("W", json!({"n": 0})).queue("later")).await;
    let count = |job: &Job| {
        let n = job.args.get("n").and_then(|n| n.as_u64()).unwrap();
        JobChange::new().args(json!({"n": n + 1}))
    };
    let counters = (0..4).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            let mut changed = 0;
            while changed < 5 {
                match client.update_job_with(id, count).await {
                    Ok(Updated::Changed(_)) => changed += 1,
                    Ok(Updated::Locked) => tokio::task::yield_now().await,
                    Err(error) if error.is_transient() => {}
                    other => panic!("{other:?}"),
                }
            }
        })
    });
    for counter in counters.collect::<Vec<_>>() {
        counter.await.unwrap();
    }
    assert_eq!(client.job(id).await.unwrap().unwrap().args.get("n"), Some(json!(20)));

    let wrong = client.update_job_with(id, |_| JobChange::new().priority(10)).await;
    assert!(wrong.unwrap_err().is_invalid_job());
    let mut called = 0;
    let none = client.update_job_with(i64::MAX, |_| {
        called += 1;
        JobChange::new()
    });
    assert_eq!((none.await.unwrap(), called), (Updated::NotFound, 0));

    // The queue is told of what is available in it.
    let may = Arc::new(AtomicU64::new(1));
    let builder = scene.builder().state(may).queue("default", 5).worker::<Fails>();
    let builder = builder.tune(|tuning| tuning.stage_interval = 100.seconds());
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Fails {}.queue("nobody's")).await;
    kerrera.update_job_with(id, |_| JobChange::new().queue("default")).await.unwrap();
    scene.reaches(id, State::Completed).await;

    // What is another one each time is left alone in the end.
    let id = insert(&client, NewJob::of("W", json!({})).queue("later")).await;
    let runtime = tokio::runtime::Handle::current();
    let mut called = 0;
    let restless = client.update_job_with(id, |job| {
        called += 1;
        let other = JobChange::new().priority(if job.priority == 1 { 2 } else { 1 });
        let change = client.update_job(id, other);
        tokio::task::block_in_place(|| runtime.block_on(change)).unwrap();
        JobChange::new().tags(["mine"])
    });
    let error = restless.await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("10 times"), "{error}");
    assert_eq!(called, 10);
    assert!(client.job(id).await.unwrap().unwrap().tags.is_empty());
    kerrera.shutdown().await;
}

/// Says how far it is, waits at a gate, and says it once more.
#[derive(Serialize, Deserialize, Worker)]
struct Counts {}

impl Perform<Arc<Semaphore>> for Counts {
    async fn perform(&self, cx: &Context<Arc<Semaphore>>) -> JobResult {
        for n in 1..=100 {
            cx.progress(n, 1_000, "rows");
        }
        cx.state().acquire().await?.forget();
        cx.progress(999, 1_000, "nearly\0 there");
        Err("the last row is broken".into())
    }
}

async fn a_run_is_seen_to_progress_and_its_last_word_is_kept(scene: Scene) {
    let gate = Arc::new(Semaphore::new(0));
    let builder = scene.builder().state(gate.clone()).queue("default", 5).worker::<Counts>();
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Counts {}.max_attempts(1).meta(json!({"keep": [1]}))).await;
    let rows = Progress::new(100, 1_000, "rows");
    let row = scene.becomes(id, "that far", |job| job.progress().as_ref() == Some(&rows)).await;
    assert_eq!(row.state, State::Executing);
    gate.add_permits(1);
    let row = scene.reaches(id, State::Discarded).await;
    assert_eq!(row.progress(), Some(Progress::new(999, 1_000, "nearly\u{fffd} there")));
    assert_eq!((row.meta.get("keep"), row.errors.len()), (Some(json!([1])), 1));
    kerrera.shutdown().await;
}

on_both!(
    a_job_that_is_cancelled_where_it_runs_stops_and_stays_cancelled,
    a_job_that_is_cancelled_elsewhere_stops_within_moments,
    a_node_notices_by_its_beat_what_no_signal_told,
    a_cancelled_job_runs_again_after_a_retry,
    a_job_without_an_attempt_left_runs_again_after_a_retry,
    thousands_of_jobs_are_managed_in_batches,
    a_running_job_is_neither_retried_nor_deleted,
    a_job_that_is_moved_to_a_queue_runs_there,
    functions_that_change_a_job_at_once_lose_nothing,
    a_run_is_seen_to_progress_and_its_last_word_is_kept,
);

/// Cancelling as the neighbours do it.
mod neighbours {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_signal_of_elixirs_stops_a_job_whose_row_it_has_cancelled() {
        let scene = Scene::on_postgres().await;
        let kerrera = node(&scene).await;
        let id = running(&kerrera, Then::Stay).await;
        let cancel = format!(
            "UPDATE oban_jobs SET state = 'cancelled', cancelled_at = timezone('UTC', now())
             WHERE id = {id};
             SELECT pg_notify('public.oban_signal', '{{\"action\":\"pkill\",\"job_id\":{id}}}')"
        );
        scene.raw(&cancel).await;
        let row = scene.becomes(id, "told", |job| job.errors.len() == 1).await;
        assert_eq!(row.state, State::Cancelled);
        none_runs(&kerrera).await;
        kerrera.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_signal_of_pythons_cancels_a_job_whose_row_it_leaves_to_us() {
        let scene = Scene::on_postgres().await;
        let kerrera = node(&scene).await;
        for then in [Then::Stay, Then::Fail, Then::Snooze] {
            let id = running(&kerrera, then).await;
            let signal = format!("{{\"action\":\"pkill\",\"job_id\":{id},\"ident\":\"any\"}}");
            scene.raw(&format!("SELECT pg_notify('public.oban_signal', '{signal}')")).await;
            let row = scene.reaches(id, State::Cancelled).await;
            assert_eq!(row.errors.len(), 1);
            assert!(row.cancelled_at.is_some());
        }
        kerrera.shutdown().await;
    }
}

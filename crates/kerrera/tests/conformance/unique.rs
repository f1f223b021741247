//! Unique jobs, through the client and a running engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kerrera::prelude::*;
use kerrera::{Inserted, ReplaceField};
use serde_json::json;

use crate::on_both;
use crate::scene::Scene;

on_both!(
    a_worker_has_a_rule_and_a_job_its_own,
    what_follows_from_a_run_is_unique_too,
    a_replaced_queue_is_woken,
    a_worker_whose_rule_cannot_hold_does_not_start,
    many_clients_insert_one,
);

#[derive(Clone, Serialize, Deserialize, Worker)]
#[worker(unique = until_finished().by_keys(["user_id"]))]
struct Sync {
    user_id: i64,
    reason: String,
}

impl Perform<Arc<AtomicU32>> for Sync {
    async fn perform(&self, cx: &Context<Arc<AtomicU32>>) -> JobResult {
        cx.state().fetch_add(1, Ordering::SeqCst);
        let next = Next { user_id: self.user_id };
        match self.reason.as_str() {
            "again" => done().then(Sync { reason: "last".into(), ..self.clone() }),
            "twice" => done().then(next.clone()).then(next),
            _ => done(),
        }
    }
}

#[derive(Clone, Serialize, Deserialize, Worker)]
#[worker(queue = "elsewhere", unique = until_started())]
struct Next {
    user_id: i64,
}

fn sync(user_id: i64, reason: &str) -> Sync {
    Sync { user_id, reason: reason.to_owned() }
}

async fn a_worker_has_a_rule_and_a_job_its_own(scene: Scene) {
    let client = scene.client().await;
    let first = client.insert(sync(1, "a")).await.unwrap();
    let second = client.insert(sync(1, "b")).await.unwrap();
    assert!(first.is_new() && second.is_conflict());
    assert_eq!(second.job(), first.job());
    assert!(client.insert(sync(2, "a")).await.unwrap().is_new());

    let ordinary = client.insert(sync(1, "a").unique(None)).await.unwrap();
    assert!(ordinary.is_new());
    let all = client.insert_all([sync(3, "a"), sync(3, "b"), sync(1, "c")]).await.unwrap();
    let new: Vec<bool> = all.iter().map(Inserted::is_new).collect();
    assert_eq!(new, [true, false, false]);

    let error = client.insert(sync(1, "a").unique(once_per(0.seconds()))).await.unwrap_err();
    assert!(error.is_invalid_job() && error.to_string().contains("unique.period"), "{error}");
}

async fn what_follows_from_a_run_is_unique_too(scene: Scene) {
    let runs = Arc::new(AtomicU32::new(0));
    let kerrera = scene
        .builder()
        .state(runs.clone())
        .queue("default", 5)
        .worker::<Sync>()
        .start()
        .await
        .unwrap();
    let waiting = kerrera.insert(Next { user_id: 1 }).await.unwrap().into_job();
    let first = kerrera.insert(sync(1, "twice")).await.unwrap().into_job();
    let other = kerrera.insert(sync(2, "twice")).await.unwrap().into_job();
    // A job that is followed by its like: the like finds it ended.
    let again = kerrera.insert(sync(3, "again")).await.unwrap().into_job();
    for job in [first, other, again] {
        scene.reaches(job.id, State::Completed).await;
    }
    scene.becomes(waiting.id, "waiting", |job| job.state == State::Available).await;
    while runs.load(Ordering::SeqCst) < 4 {
        tokio::task::yield_now().await;
    }
    kerrera.shutdown().await;
    let counts = scene.storage.counts().await.unwrap();
    let of = |queue: &str, state| {
        let count = counts.iter().find(|count| count.queue == queue && count.state == state);
        count.map_or(0, |count| count.jobs)
    };
    assert_eq!(of("elsewhere", State::Available), 2, "one for each user");
    assert_eq!(of("default", State::Completed), 4);
}

async fn a_replaced_queue_is_woken(scene: Scene) {
    let kerrera = scene
        .builder()
        .tune(|tuning| tuning.stage_interval = 1.hour())
        .state(Arc::new(AtomicU32::new(0)))
        .queue("default", 5)
        .worker::<Sync>()
        .start()
        .await
        .unwrap();
    let rule = until_finished().by_keys(["user_id"]);
    let rule = rule.by_fields([kerrera::UniqueField::Args]).replace([ReplaceField::Queue]);
    let elsewhere = sync(1, "a").queue("elsewhere").unique(rule.clone());
    let waiting = kerrera.insert(elsewhere).await.unwrap().into_job();
    let moved = kerrera.insert(sync(1, "a").unique(rule)).await.unwrap();
    assert!(matches!(moved, Inserted::Replaced(_)), "{moved:?}");
    scene.reaches(waiting.id, State::Completed).await;
    kerrera.shutdown().await;
}

#[derive(Serialize, Deserialize, Worker)]
#[worker(unique = once_per(std::time::Duration::ZERO))]
struct Never {}

impl Perform for Never {
    async fn perform(&self, _: &Context) -> JobResult {
        done()
    }
}

async fn a_worker_whose_rule_cannot_hold_does_not_start(scene: Scene) {
    let started = scene.builder().queue("default", 1).worker::<Never>().start().await;
    let error = started.err().unwrap();
    assert!(error.is_config(), "{error:?}");
    assert!(
        error.to_string().contains("worker Never") && error.to_string().contains("unique.period")
    );
}

async fn many_clients_insert_one(scene: Scene) {
    let mut insertions = tokio::task::JoinSet::new();
    for number in 0..64 {
        let client = scene.client().await;
        let job = NewJob::of("W", json!({"id": 1})).unique(until_finished()).priority(number % 10);
        insertions.spawn(async move { client.insert(job).await.unwrap() });
    }
    let ends = insertions.join_all().await;
    assert_eq!(ends.iter().filter(|end| end.is_new()).count(), 1);
    assert!(ends.iter().all(|end| end.job().id == ends[0].job().id));
}

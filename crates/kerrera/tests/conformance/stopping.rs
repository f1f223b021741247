//! How an engine stops.

use std::time::Duration;

use kerrera::prelude::*;
use kerrera::telemetry::Event;
use kerrera::{Builder, Reason, Stopped};

use crate::on_both;
use crate::scene::{Scene, insert};

/// Runs for a while, in one of several ways.
#[derive(Serialize, Deserialize, Worker)]
struct Work {
    how: How,
}

#[derive(Serialize, Deserialize)]
enum How {
    Briefly,
    UntilTold,
    Forever,
    Blocking,
}

impl Perform for Work {
    async fn perform(&self, cx: &Context) -> JobResult {
        match self.how {
            How::Briefly => tokio::time::sleep(Duration::from_millis(200)).await,
            How::UntilTold => {
                cx.cancellation().cancelled().await;
                assert_eq!(cx.cancellation().reason(), Some(Reason::Shutdown));
                return Err("told to stop".into());
            }
            How::Forever => std::future::pending().await,
            How::Blocking => std::thread::sleep(Duration::from_secs(2)),
        }
        done()
    }
}

async fn running(scene: &Scene, how: How, grace: Duration) -> (Kerrera, kerrera::JobId) {
    running_in(scene.builder(), how, grace).await
}

async fn running_in(builder: Builder, how: How, grace: Duration) -> (Kerrera, kerrera::JobId) {
    let builder = builder.tune(|t| t.grace = grace);
    let kerrera = builder.queue("default", 2).worker::<Work>().start().await.unwrap();
    let id = insert(&kerrera, Work { how }).await;
    // Claimed is not yet begun, and what is claimed and not begun is given back at once.
    while kerrera.running().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (kerrera, id)
}

async fn jobs_that_end_within_the_grace_are_completed(scene: Scene) {
    let (kerrera, id) = running(&scene, How::Briefly, 10.seconds()).await;
    let client = kerrera.client().clone();
    assert_eq!(kerrera.shutdown().await, Stopped::default());
    let job = scene.storage.job(id).await.unwrap().unwrap();
    assert_eq!(job.state, State::Completed, "written before shutdown returned");

    let late = insert(&client, Work { how: How::Briefly }).await;
    let job = scene.storage.job(late).await.unwrap().unwrap();
    assert_eq!(job.state, State::Available, "nothing is claimed any more");
}

async fn jobs_that_outlive_the_grace_are_given_back_with_their_attempt(scene: Scene) {
    for how in [How::UntilTold, How::Forever] {
        let (kerrera, id) = running(&scene, how, 50.milliseconds()).await;
        let stopped = kerrera.shutdown().await;
        assert_eq!((stopped.released, stopped.left.len()), (1, 0));
        let job = scene.storage.job(id).await.unwrap().unwrap();
        assert_eq!((job.state, job.attempt, job.errors.len()), (State::Available, 0, 0));
        scene.raw(&format!("DELETE FROM oban_jobs WHERE id = {id}")).await;
    }
}

async fn a_job_that_blocks_keeps_its_claim_until_it_ends(scene: Scene) {
    let (sender, told) = std::sync::mpsc::channel();
    let builder = scene.builder().subscribe(move |event: &Event| {
        if let Event::QueueShutdown(shutdown) = event {
            let _ = sender.send(shutdown.orphaned.clone());
        }
    });
    let (kerrera, id) = running_in(builder, How::Blocking, 50.milliseconds()).await;
    let stopped = kerrera.shutdown().await;
    assert_eq!(stopped.left, [id]);
    assert_eq!(told.recv().unwrap(), [id], "the event names what is left");
    let job = scene.storage.job(id).await.unwrap().unwrap();
    assert_eq!(job.state, State::Executing);

    // Others see that it lives, and leave it alone; in the end it is written.
    let judge = scene.builder().queue("other", 1).start().await.unwrap();
    let job = scene.reaches(id, State::Completed).await;
    assert_eq!((job.attempt, job.meta.get("rescued")), (1, None));
    judge.shutdown().await;
}

async fn a_dropped_engine_claims_no_more_and_ends_what_runs(scene: Scene) {
    let (kerrera, id) = running(&scene, How::Briefly, 10.seconds()).await;
    let client = kerrera.client().clone();
    drop(kerrera);
    scene.reaches(id, State::Completed).await;
    let late = insert(&client, Work { how: How::Briefly }).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let job = scene.storage.job(late).await.unwrap().unwrap();
    assert_eq!(job.state, State::Available);
}

on_both!(
    jobs_that_end_within_the_grace_are_completed,
    jobs_that_outlive_the_grace_are_given_back_with_their_attempt,
    a_job_that_blocks_keeps_its_claim_until_it_ends,
    a_dropped_engine_claims_no_more_and_ends_what_runs,
);

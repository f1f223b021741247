//! Jobs of the one that run, or have ended, and what the other does to them.

use company::Both;
use kerrera::JobChange;
use kerrera::prelude::*;
use serde_json::json;
use testkit::wait;

use crate::on_all_tables;
use crate::scene::{PATIENCE, Scene, insert, reaches};

on_all_tables!(
    python_cancels_a_job_that_runs_in_kerrera,
    kerrera_cancels_a_job_that_runs_in_python,
    kerrera_cancels_retries_changes_and_deletes_jobs_of_python,
);

async fn python_cancels_a_job_that_runs_in_kerrera(scene: Scene) {
    let (kerrera, mut told) = scene.kerrera(|builder| builder.queue("both", 1)).await;
    let id = insert(&kerrera, Both::waits(300.0)).await;
    assert_eq!(told.next().await.id, id);
    assert_eq!(scene.by_python("cancel", json!([id])), 1);
    // Its row was left alone: that it is cancelled, and why, is our run's own word.
    let job = reaches(&kerrera, id, State::Cancelled).await;
    assert_eq!((job.attempt, job.errors.len()), (1, 1));
    assert!(job.cancelled_at.is_some() && job.completed_at.is_none());
    wait::until(PATIENCE, "the end of the run", || kerrera.running().is_empty());
    kerrera.shutdown().await;
}

async fn kerrera_cancels_a_job_that_runs_in_python(scene: Scene) {
    let mut python = scene.python("python", json!({"queues": {"both": 1}}));
    let client = scene.client().await;
    let id = insert(&client, Both::waits(300.0)).await;
    python.line(PATIENCE, &format!("start {id} 1"));
    assert_eq!(client.cancel_job(id).await.unwrap(), Some(State::Executing));
    let job = client.job(id).await.unwrap().unwrap();
    assert_eq!(job.state, State::Cancelled);
    // Once is enough: the run ends, and what it writes finds the row cancelled and leaves it.
    python.line(PATIENCE, &format!("stop {id} cancelled"));
    python.line(PATIENCE, "acked 0 both");
    let after = client.job(id).await.unwrap().unwrap();
    assert_eq!((after.state, after.cancelled_at), (State::Cancelled, job.cancelled_at));
}

async fn kerrera_cancels_retries_changes_and_deletes_jobs_of_python(scene: Scene) {
    let _python = scene.python("python", json!({"queues": {"python": 1}}));
    let client = scene.client().await;
    let job = NewJob::of("workers.Obey", json!({"act": "done"})).queue("python");
    let id = insert(&client, job.clone().schedule_in(1.hour())).await;
    assert_eq!(client.cancel_job(id).await.unwrap(), Some(State::Scheduled));
    assert_eq!(scene.read_by_python(id)["state"], "cancelled");
    assert_eq!(client.retry_job(id).await.unwrap(), Some(State::Cancelled));
    reaches(&client, id, State::Completed).await;

    let fails = NewJob::of("workers.Obey", json!({"act": "fail"})).queue("python");
    let spent = insert(&client, fails.max_attempts(1)).await;
    reaches(&client, spent, State::Discarded).await;
    client.update_job(spent, JobChange::new().args(json!({"act": "done"}))).await.unwrap();
    assert_eq!(client.retry_job(spent).await.unwrap(), Some(State::Discarded));
    let job = reaches(&client, spent, State::Completed).await;
    assert_eq!((job.attempt, job.max_attempts), (2, 2));

    assert_eq!(client.delete_job(id).await.unwrap(), Some(State::Completed));
    assert_eq!(scene.read_by_python(id), json!(null));
}

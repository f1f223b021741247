//! Unique jobs of Kerrera where Python works, and inserts.

use company::Both;
use kerrera::prelude::*;
use serde_json::json;

use crate::on_all_tables;
use crate::scene::{Scene, insert, reaches};

on_all_tables!(a_unique_job_of_kerrera_counts_until_python_has_finished_it);

async fn a_unique_job_of_kerrera_counts_until_python_has_finished_it(scene: Scene) {
    let client = scene.client().await;
    let job = || Both::new("done").unique(until_finished());
    let first = client.insert(job()).await.unwrap();
    assert!(first.is_new());
    let id = first.job().id;
    let second = client.insert(job()).await.unwrap();
    assert!(second.is_conflict() && second.job().id == id);

    let _python = scene.python("python", json!({"queues": {"both": 1}}));
    reaches(&client, id, State::Completed).await;
    let third = client.insert(job()).await.unwrap();
    assert!(third.is_new());
    reaches(&client, third.job().id, State::Completed).await;
    // One without a rule is as free as ever.
    insert(&client, Both::new("done")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_python_counts_on_tables_of_python() {
    a_job_of_python_counts(Scene::on_tables_of_python()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_python_counts_on_tables_of_elixir() {
    a_job_of_python_counts(Scene::on_tables_of_elixir()).await;
}

async fn a_job_of_python_counts(scene: Scene) {
    let client = scene.client().await;
    let args = json!({"act": "done", "seconds": 0.0});
    let id =
        scene.enqueued_by_python(json!({"worker": "workers.Both", "queue": "both", "args": args}));
    let inserted = client.insert(Both::new("done").unique(until_finished())).await.unwrap();
    assert!(inserted.is_conflict() && inserted.job().id == id);
    let other = client.insert(Both::new("tell").unique(until_finished())).await.unwrap();
    assert!(other.is_new());
}

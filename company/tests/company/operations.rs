//! What a person does to the jobs of the one by way of the other.

use company::Obey;
use kerrera::prelude::*;
use serde_json::json;

use crate::on_all_tables;
use crate::scene::{Scene, insert, reaches};

on_all_tables!(python_cancels_retries_changes_and_deletes_jobs_of_kerrera);

async fn python_cancels_retries_changes_and_deletes_jobs_of_kerrera(scene: Scene) {
    let (kerrera, mut told) = scene.kerrera(|builder| builder.queue("rust", 1)).await;
    let id = insert(&kerrera, Obey::new("done").schedule_in(1.hour())).await;
    assert_eq!(scene.by_python("cancel", json!([id])), 1);
    let job = reaches(&kerrera, id, State::Cancelled).await;
    assert!(job.cancelled_at.is_some() && job.errors.is_empty());

    assert_eq!(scene.by_python("retry", json!([id])), 1);
    assert_eq!(told.next().await.id, id);
    let job = reaches(&kerrera, id, State::Completed).await;
    assert_eq!((job.attempt, job.cancelled_at), (1, None));

    let spent = insert(&kerrera, Obey::new("fail").max_attempts(1)).await;
    reaches(&kerrera, spent, State::Discarded).await;
    let changes = json!({"id": spent, "changes": {"args": {"act": "done"}, "tags": ["again"]}});
    scene.by_python("update", changes);
    assert_eq!(scene.by_python("retry", json!([spent])), 1);
    let job = reaches(&kerrera, spent, State::Completed).await;
    assert_eq!((job.attempt, job.max_attempts, job.tags), (2, 2, vec!["again".to_owned()]));

    assert_eq!(scene.by_python("delete", json!([id, spent])), 2);
    assert!(kerrera.job(id).await.unwrap().is_none());
    kerrera.shutdown().await;
}

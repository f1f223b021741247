//! Inserting, alone and within the application's own transaction.

use kerrera::prelude::*;
use kerrera::{Job, JobQuery};
use serde_json::json;

use crate::on_both;
use crate::scene::Scene;

#[derive(Debug, Serialize, Deserialize, Worker)]
#[worker(queue = "mailers", tags = ["mail"], priority = 2, max_attempts = 4)]
struct Welcome {
    user_id: i64,
}

impl Perform for Welcome {
    async fn perform(&self, _: &Context) -> JobResult {
        done()
    }
}

async fn an_inserted_job_comes_back_as_it_is_stored(scene: Scene) {
    let client = scene.client().await;
    let job = Welcome { user_id: 7 }.job().meta(json!({"by": "test"})).tag("New");
    let job = client.insert(job).await.unwrap().into_job();
    assert_eq!(job.args.as_str().replace(' ', ""), r#"{"user_id":7}"#);
    assert_eq!((job.queue.as_str(), job.worker.as_str()), ("mailers", "Welcome"));
    assert_eq!((job.priority, job.max_attempts, job.attempt), (2, 4, 0));
    assert_eq!(
        (job.state, job.tags.as_slice()),
        (State::Available, &["mail".into(), "new".into()][..])
    );
    assert_eq!(job.meta.get("by"), Some(json!("test")));
    // PostgreSQL writes the same JSON with spaces of its own.
    let alike = |mut job: Job| {
        for json in [&mut job.args, &mut job.meta] {
            *json = json.decode::<serde_json::Value>().unwrap().into();
        }
        job
    };
    assert_eq!(client.job(job.id).await.unwrap().map(alike), Some(alike(job)));
}

async fn a_batch_is_inserted_whole_or_not_at_all(scene: Scene) {
    let client = scene.client().await;
    let jobs: Vec<_> = (0..1_000).map(|user_id| Welcome { user_id }).collect();
    let inserted = client.insert_all(jobs).await.unwrap();
    for (at, inserted) in inserted.iter().enumerate() {
        assert_eq!(inserted.job().args.get("user_id"), Some(json!(at)));
    }
    let broken = [Welcome { user_id: 1 }.job(), Welcome { user_id: 2 }.priority(11)];
    let error = client.insert_all(broken).await.unwrap_err();
    assert!(error.is_invalid_job() && error.to_string().contains("priority 11"), "{error}");
    assert_eq!(client.insert_all(Vec::<NewJob>::new()).await.unwrap().len(), 0);
    let counts = client.counts().await.unwrap();
    assert_eq!(counts.iter().map(|count| count.jobs).sum::<u64>(), 1_000);
}

async fn very_many_jobs_are_inserted_as_they_are_read(scene: Scene) {
    let client = scene.client().await;
    let jobs = (0..25_000).map(|user_id| Welcome { user_id });
    assert_eq!(client.insert_bulk(jobs).await.unwrap(), 25_000);
    assert_eq!(client.insert_bulk(Vec::<NewJob>::new()).await.unwrap(), 0);

    let broken = |user_id| if user_id == 12_000 { 11 } else { 2 };
    let jobs = (0..25_000).map(|user_id| Welcome { user_id }.priority(broken(user_id)));
    let error = client.insert_bulk(jobs).await.unwrap_err();
    assert!(error.is_invalid_job() && error.violations().len() == 1, "{error}");
    assert!(error.to_string().ends_with("; 10000 others were inserted"), "{error}");
    let counts = client.counts().await.unwrap();
    assert_eq!(counts.iter().map(|count| count.jobs).sum::<u64>(), 35_000);
}

async fn a_bulk_insertion_wakes_the_producers(scene: Scene) {
    let builder = scene.builder().tune(|t| t.stage_interval = 1.hour());
    let kerrera = builder.queue("mailers", 1).worker::<Welcome>().start().await.unwrap();
    kerrera.insert_bulk([Welcome { user_id: 1 }]).await.unwrap();
    let id = kerrera.jobs(JobQuery::new()).await.unwrap()[0].id;
    scene.reaches(id, State::Completed).await;
    kerrera.shutdown().await;
}

async fn a_job_is_there_when_the_applications_transaction_commits(scene: Scene) {
    let client = scene.client().await;
    let builder = scene.builder().tune(|t| t.stage_interval = 1.hour());
    let kerrera = builder.queue("mailers", 1).worker::<Welcome>().start().await.unwrap();
    scene.raw("CREATE TABLE users (id bigint)").await;

    let jobs = || [Welcome { user_id: 1 }, Welcome { user_id: 2 }];
    let last = if let Some(mut own) = scene.own_sqlite() {
        let work = move || {
            let mut tx = own.transaction().unwrap();
            tx.execute("INSERT INTO users VALUES (1)", []).unwrap();
            client.within(&mut tx).insert(Welcome { user_id: 0 }).unwrap();
            tx.rollback().unwrap();
            let mut tx = own.transaction().unwrap();
            let inserted = client.within(&mut tx).insert_all(jobs()).unwrap();
            tx.commit().unwrap();
            inserted
        };
        tokio::task::spawn_blocking(work).await.unwrap()
    } else {
        let url = scene.postgres_url().unwrap();
        let (mut own, connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let mut tx = own.transaction().await.unwrap();
        tx.execute("INSERT INTO users VALUES (1)", &[]).await.unwrap();
        client.within(&mut tx).insert(Welcome { user_id: 0 }).await.unwrap();
        tx.rollback().await.unwrap();
        let mut tx = own.transaction().await.unwrap();
        let inserted = client.within(&mut tx).insert_all(jobs()).await.unwrap();
        tx.commit().await.unwrap();
        inserted
    };
    // Only the commit's own hint can have woken the node.
    for inserted in &last {
        scene.reaches(inserted.job().id, State::Completed).await;
    }
    let counts = kerrera.counts().await.unwrap();
    assert_eq!(counts.iter().map(|count| count.jobs).sum::<u64>(), 2, "the other never was");
    kerrera.shutdown().await;
}

async fn a_job_that_breaks_a_rule_is_refused_in_a_transaction_too(scene: Scene) {
    let client = scene.client().await;
    let error = if let Some(mut own) = scene.own_sqlite() {
        let mut tx = own.transaction().unwrap();
        client.within(&mut tx).insert(NewJob::of("W", json!([]))).unwrap_err()
    } else {
        let url = scene.postgres_url().unwrap();
        let (mut own, connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let mut tx = own.transaction().await.unwrap();
        client.within(&mut tx).insert(NewJob::of("W", json!([]))).await.unwrap_err()
    };
    assert!(error.is_invalid_job(), "{error}");
}

on_both!(
    an_inserted_job_comes_back_as_it_is_stored,
    a_batch_is_inserted_whole_or_not_at_all,
    very_many_jobs_are_inserted_as_they_are_read,
    a_bulk_insertion_wakes_the_producers,
    a_job_is_there_when_the_applications_transaction_commits,
    a_job_that_breaks_a_rule_is_refused_in_a_transaction_too,
);

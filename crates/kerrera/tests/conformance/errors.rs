//! Failures that are alike, as nodes see them.

use kerrera::prelude::*;
use kerrera::{ErrorQuery, Fingerprint, JobQuery};

use crate::on_both;
use crate::scene::{Scene, insert};

#[derive(Serialize, Deserialize, Worker)]
struct Fails {
    user: i64,
    how: How,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum How {
    Error,
    Panic,
    Cancel,
}

impl Perform for Fails {
    async fn perform(&self, _: &Context) -> JobResult {
        match self.how {
            How::Error => Err(format!("no user {}", self.user).into()),
            How::Panic => panic!("out of order"),
            How::Cancel => cancel("not wanted"),
        }
    }
}

async fn what_fails_alike_is_in_one_group_once_a_node_has_stopped(scene: Scene) {
    let kerrera = scene.builder().queue("default", 10).worker::<Fails>().start().await.unwrap();
    let mut last = 0;
    for user in 0..25 {
        last = insert(&kerrera, Fails { user, how: How::Error }).await;
    }
    let panicked = insert(&kerrera, Fails { user: 1, how: How::Panic }).await;
    let cancelled = insert(&kerrera, Fails { user: 1, how: How::Cancel }).await;
    scene.reaches(cancelled, State::Cancelled).await;
    scene.reaches(panicked, State::Retryable).await;
    while kerrera.count_jobs(JobQuery::new().states([State::Retryable])).await.unwrap() < 26 {
        tokio::task::yield_now().await;
    }
    let client = kerrera.client().clone();
    let node = kerrera.node().to_owned();
    kerrera.shutdown().await;

    let groups = client.errors(ErrorQuery::new().worker("Fails")).await.unwrap();
    let totals: Vec<u64> = groups.iter().map(|group| group.total).collect();
    assert_eq!(totals.iter().sum::<u64>(), 26, "{groups:?}");
    let job = client.job(last).await.unwrap().unwrap();
    let fingerprint = job.errors[0].fingerprint.unwrap();
    assert_eq!(fingerprint, Fingerprint::of(&job.worker, &job.errors[0].error));
    let group = client.error_group(fingerprint).await.unwrap().unwrap();
    assert_eq!((group.total, group.hour, group.node), (25, 25, node));
    assert!(group.message.contains("no user"), "{}", group.message);
    let alike = JobQuery::new().failed_with([fingerprint]);
    assert_eq!(client.count_jobs(alike).await.unwrap(), 25);
    let counts = client.error_counts(fingerprint, 1.hour()).await.unwrap();
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 25);
}

on_both!(what_fails_alike_is_in_one_group_once_a_node_has_stopped);

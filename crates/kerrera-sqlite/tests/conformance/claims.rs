//! Claims and acks of many jobs by one statement, where something keeps it from all of them.

use std::sync::Arc;

use kerrera_core::state::{Event, decide};
use kerrera_core::storage::{
    Ack, Acked, Claim, Jobs as _, Liveness as _, Operations as _, Producer,
};
use kerrera_core::{ClaimToken, Job, Limits, NewJob, State};
use kerrera_sqlite::{Sqlite, SqliteOptions};
use serde_json::json;
use uuid::Uuid;

use super::{migrated, run};

async fn inserted(workers: [&str; 3]) -> (Sqlite, Claim) {
    let sqlite = migrated(&SqliteOptions::in_memory()).await;
    let producer = Producer {
        uuid: Uuid::new_v4(),
        node: "node-1".into(),
        queue: "default".into(),
        limit: 10,
    };
    sqlite.enroll(vec![producer.clone()]).await.unwrap();
    let job = |worker| NewJob::of(worker, json!({})).validate(&Limits::default()).unwrap();
    sqlite.insert(workers.map(job).to_vec()).await.unwrap();
    let claim = Claim {
        queue: producer.queue.clone(),
        producer: producer.uuid,
        node: producer.node.clone(),
        token: ClaimToken::random(),
        limit: 10,
        excluded: Arc::new([]),
        floor: None,
    };
    (sqlite, claim)
}

fn completed(job: &Job) -> Ack {
    let outcome = decide(job.position(), Event::Completed).unwrap();
    let (failure, meta, then, began) = (None, None, Vec::new(), None);
    let token = job.claim_token().unwrap();
    Ack { id: job.id, token, attempt: job.attempt, outcome, failure, meta, then, began }
}

#[tokio::test]
async fn a_claim_gives_no_job_that_a_trigger_kept() {
    let (sqlite, claim) = inserted(["Taken", "Kept", "Taken"]).await;
    let trigger = "CREATE TRIGGER keep BEFORE UPDATE OF state ON oban_jobs
        WHEN new.worker = 'Kept' BEGIN SELECT RAISE(IGNORE); END";
    run(&sqlite, trigger).await.unwrap();
    let claimed = sqlite.claim(claim).await.unwrap();
    assert_eq!(claimed.iter().map(|job| &*job.worker).collect::<Vec<_>>(), ["Taken"; 2]);
    let kept = sqlite.job(claimed[0].id + 1).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.attempt), (State::Available, 0));
}

#[tokio::test]
async fn a_job_that_cannot_complete_keeps_no_other_of_its_claim_from_it() {
    let (sqlite, claim) = inserted(["Good", "Bad", "Lost"]).await;
    let claimed = sqlite.claim(claim).await.unwrap();
    let trigger = "CREATE TRIGGER refuse BEFORE UPDATE OF state ON oban_jobs
        WHEN new.worker = 'Bad' BEGIN SELECT RAISE(ABORT, 'not this one'); END";
    run(&sqlite, trigger).await.unwrap();
    run(&sqlite, "UPDATE oban_jobs SET attempted_by = '[]' WHERE worker = 'Lost'").await.unwrap();
    let acked = sqlite.ack(claimed.iter().map(completed).collect()).await.unwrap();
    assert_eq!(acked[0], Acked::Written);
    assert!(matches!(&acked[1], Acked::Refused(why) if why.contains("not this one")), "{acked:?}");
    assert_eq!(acked[2], Acked::Lost);
    // The same again, as after an answer that was lost.
    let good = sqlite.ack(vec![completed(&claimed[0]), completed(&claimed[0])]).await.unwrap();
    assert_eq!(good, [Acked::AlreadyWritten, Acked::AlreadyWritten]);
}

//! Bulk operations, as engines carry them out.

use std::time::Duration;

use kerrera::audit::{Actor, AuditQuery, Via};
use kerrera::prelude::*;
use kerrera::{BulkAction, BulkOperation, BulkRequest, BulkState, JobQuery, Uuid};
use kerrera_core::storage::{OperationLease, OperationStep};
use serde_json::json;

use crate::on_both;
use crate::scene::{Scene, insert};

fn job() -> NewJob {
    NewJob::of("Mailer", json!({})).queue("elsewhere")
}

fn mails() -> JobQuery {
    JobQuery::new().workers(["Mailer"])
}

async fn ends(client: &Client, id: i64) -> BulkOperation {
    for _ in 0..4_000 {
        let operation = client.operation(id).await.unwrap().unwrap();
        if operation.state.is_final() {
            return operation;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?}", client.operation(id).await);
}

async fn an_operation_is_done_to_all_jobs_that_there_were(scene: Scene) {
    let kerrera = scene.builder().start().await.unwrap();
    let ada = kerrera.acting(Actor::new("17").label("ada").via(Via::Html));
    kerrera.insert_all((0..1_200).map(|_| job())).await.unwrap();
    let other = insert(&kerrera, NewJob::of("Other", json!({})).queue("elsewhere")).await;
    let ended = insert(&kerrera, job()).await;
    kerrera.cancel_job(ended).await.unwrap();

    let preview = ada.preview_operation(BulkAction::Cancel, mails()).await.unwrap();
    assert_eq!((preview.count().value, preview.skipped.len()), (1_200, 1));
    assert_eq!(preview.sample.len(), 10);
    let request = BulkRequest::new(BulkAction::Cancel, mails()).reason("no mail today");
    let started = ada.start_operation(request).await.unwrap();
    assert_eq!(started.total.map(|total| total.value), Some(1_200));
    let late = insert(&kerrera, job()).await;

    let operation = ends(&kerrera, started.id).await;
    assert_eq!((operation.state, operation.failed), (BulkState::Done, 0));
    assert_eq!((operation.done, operation.skipped), (1_200, 1));
    assert_eq!(operation.by.unwrap().label, "ada");
    for id in [other, late] {
        assert_eq!(kerrera.job(id).await.unwrap().unwrap().state, State::Available);
    }
    let told = kerrera.audit(AuditQuery::new().target("operation", started.id.to_string())).await;
    let told: Vec<_> = told.unwrap().into_iter().map(|told| told.entry).collect();
    let words: Vec<_> = told.iter().map(|entry| (entry.action.as_str(), entry.actor.via)).collect();
    assert_eq!(words, [("operation.end", Via::Operation), ("operation.start", Via::Html)]);
    assert_eq!((told[0].count, told[0].reason.as_deref()), (1_200, Some("no mail today")));
    kerrera.shutdown().await;
}

async fn an_operation_goes_on_where_the_dead_had_come_to(scene: Scene) {
    let client = scene.client().await;
    let inserted = client.insert_all((0..1_100).map(|_| job())).await.unwrap();
    let ids: Vec<_> = inserted.iter().map(|inserted| inserted.job().id).collect();
    client.cancel_jobs(mails()).await.unwrap();
    let request = BulkRequest::new(BulkAction::Retry, mails());
    let started = client.start_operation(request).await.unwrap();

    // A node that is killed between two chunks.
    let (holder, ttl) = (Uuid::new_v4(), Duration::from_secs(1));
    let lease = OperationLease { id: None, holder, node: "dead".into(), ttl };
    scene.storage.lease_operation(lease).await.unwrap().unwrap();
    let step = OperationStep {
        id: started.id,
        action: BulkAction::Retry,
        conditions: mails().validate().unwrap().conditions,
        holder,
        ttl,
        from: 0,
        to: ids[499],
        jobs: ids[..500].to_vec(),
        failures: Vec::new(),
        end: None,
    };
    scene.storage.step_operation(step.clone()).await.unwrap().unwrap();
    // One that was retried ends the same way again: it is not to be retried a second time.
    client.cancel_job(ids[3]).await.unwrap();

    let kerrera = scene.builder().start().await.unwrap();
    let operation = ends(&client, started.id).await;
    assert_eq!((operation.state, operation.done), (BulkState::Done, 1_100));
    assert_eq!(operation.node.as_deref(), Some(kerrera.node()));
    assert_eq!(client.job(ids[3]).await.unwrap().unwrap().state, State::Cancelled);
    let again = JobQuery::new().states([State::Available]);
    assert_eq!(client.count_jobs(again).await.unwrap(), 1_099);
    // Should the dead one come back, it is too late.
    let late = OperationStep { from: ids[499], to: ids[999], ..step };
    assert!(scene.storage.step_operation(late).await.unwrap().is_none());
    kerrera.shutdown().await;
}

async fn an_operation_waits_until_somebody_carries_it_out(scene: Scene) {
    let client = scene.client().await;
    for _ in 0..3 {
        insert(&client, job().schedule_in(1.hour())).await;
    }
    insert(&client, job()).await;
    let started = client.start_operation(BulkRequest::new(BulkAction::RunNow, mails())).await;
    let started = started.unwrap();
    assert_eq!(started.state, BulkState::Waiting);
    let done = client.carry_out_operation(started.id).await.unwrap().unwrap();
    assert_eq!((done.state, done.done, done.skipped), (BulkState::Done, 3, 1));
    let available = JobQuery::new().states([State::Available]);
    assert_eq!(client.count_jobs(available).await.unwrap(), 4);
    let again = client.carry_out_operation(started.id).await.unwrap().unwrap();
    assert_eq!(again, done);
    assert_eq!(client.carry_out_operation(-1).await.unwrap(), None);
    assert_eq!(client.operations(None, 10).await.unwrap(), [done]);

    let started = client.start_operation(BulkRequest::new(BulkAction::Delete, mails())).await;
    let id = started.unwrap().id;
    assert!(client.cancel_operation(id).await.unwrap());
    assert!(!client.cancel_operation(id).await.unwrap());
    let stopped = client.carry_out_operation(id).await.unwrap().unwrap();
    assert_eq!((stopped.state, stopped.done), (BulkState::Cancelled, 0));
}

async fn an_operation_that_makes_no_sense_is_not_begun(scene: Scene) {
    let client = scene.client().await;
    let all = || BulkRequest::new(BulkAction::Delete, JobQuery::new());
    for wrong in [
        all(),
        BulkRequest::new(BulkAction::Delete, mails().limit(3)),
        BulkRequest::new(BulkAction::Delete, mails().order(kerrera::JobOrder::Newest)),
        BulkRequest::new(BulkAction::Delete, JobQuery::new().ids([])),
    ] {
        assert!(client.start_operation(wrong).await.unwrap_err().is_config());
    }
    assert!(client.operations(None, 10).await.unwrap().is_empty());
    client.start_operation(all().everything()).await.unwrap();
}

async fn a_job_that_the_database_refuses_is_told_and_holds_up_no_other(scene: Scene) {
    let client = scene.client().await;
    let inserted = client.insert_all((0..7).map(|_| job())).await.unwrap();
    let refused = inserted[3].job().id;
    match scene.postgres_url() {
        None => {
            let trigger = "CREATE TRIGGER kept BEFORE UPDATE ON oban_jobs WHEN new.id = {} BEGIN \
                           SELECT raise(ABORT, 'this one stays'); END";
            scene.raw(&trigger.replace("{}", &refused.to_string())).await;
        }
        Some(_) => {
            let trigger = "CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                           RAISE EXCEPTION 'this one stays'; END $$; CREATE TRIGGER kept BEFORE \
                           UPDATE ON oban_jobs FOR EACH ROW WHEN (new.id = {}) EXECUTE FUNCTION \
                           stays()";
            scene.raw(&trigger.replace("{}", &refused.to_string())).await;
        }
    }
    let started = client.start_operation(BulkRequest::new(BulkAction::Cancel, mails())).await;
    let done = client.carry_out_operation(started.unwrap().id).await.unwrap().unwrap();
    assert_eq!((done.state, done.done, done.failed), (BulkState::Done, 6, 1));
    assert_eq!(done.failures[0].job, refused);
    assert!(done.failures[0].error.contains("this one stays"), "{:?}", done.failures);
}

on_both!(
    an_operation_is_done_to_all_jobs_that_there_were,
    an_operation_goes_on_where_the_dead_had_come_to,
    an_operation_waits_until_somebody_carries_it_out,
    an_operation_that_makes_no_sense_is_not_begun,
    a_job_that_the_database_refuses_is_told_and_holds_up_no_other,
);

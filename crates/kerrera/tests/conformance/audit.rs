//! Acting for somebody: what the client tells of each of its verbs.

use kerrera::audit::{Actor, AuditEntry, AuditOutcome, AuditQuery, Via};
use kerrera::cron::CronChange;
use kerrera::prelude::*;
use kerrera::{Clock, Cron, JobChange, JobQuery, Timestamp, Updated};
use serde_json::json;

use crate::on_both;
use crate::scene::{Scene, insert};

fn job() -> NewJob {
    NewJob::of("Mailer", json!({"to": "ada"}))
}

fn ada() -> Actor {
    Actor::new("17").label("ada").via(Via::Html).request_id("r-1").remote_ip("192.0.2.7")
}

async fn log(client: &Client) -> Vec<AuditEntry> {
    let told = client.audit(AuditQuery::new()).await.unwrap();
    told.into_iter().rev().map(|told| told.entry).collect()
}

async fn every_verb_of_a_client_that_acts_for_somebody_is_told(scene: Scene) {
    let kerrera =
        scene.builder().cron_entry(Cron::new("@daily", job()).name("daily")).start().await.unwrap();
    let client = kerrera.acting(ada());
    let id = insert(&client, job()).await;
    client.insert_all([job(), job()]).await.unwrap();
    client.insert_bulk((0..3).map(|_| job())).await.unwrap();
    client.update_job(id, JobChange::new().priority(2)).await.unwrap();
    client.update_job_with(id, |_| JobChange::new().priority(3)).await.unwrap();
    client.cancel_job(id).await.unwrap();
    client.retry_job(id).await.unwrap();
    client.delete_job(id).await.unwrap();
    let all = || JobQuery::new().workers(["Mailer"]);
    client.cancel_jobs(all()).await.unwrap();
    client.retry_jobs(all().limit(2)).await.unwrap();
    client.delete_jobs(all()).await.unwrap();
    client.queue("mailers").reason("no server").pause().await.unwrap();
    client.queue("mailers").node("web-1").scale(3).await.unwrap();
    client.queues().reset().await.unwrap();
    client.pause_cron("daily").await.unwrap();
    client.resume_cron("daily").await.unwrap();
    client.edit_cron("daily", CronChange::default().expression("@weekly")).await.unwrap();
    client.run_cron("daily").await.unwrap();
    client.remove_cron("daily").await.unwrap();

    let told = log(&client).await;
    let words: Vec<(&str, &str, u64)> = told
        .iter()
        .map(|entry| (entry.action.as_str(), entry.target_type.as_str(), entry.count))
        .collect();
    let expected = [
        ("job.insert", "job", 1),
        ("job.insert", "job", 2),
        ("job.insert", "job", 3),
        ("job.update", "job", 1),
        ("job.update", "job", 1),
        ("job.cancel", "job", 1),
        ("job.retry", "job", 1),
        ("job.delete", "job", 1),
        ("job.cancel", "job", 5),
        ("job.retry", "job", 2),
        ("job.delete", "job", 5),
        ("queue.pause", "queue", 1),
        ("queue.scale", "queue", 1),
        ("queue.reset", "queue", 1),
        ("cron.pause", "cron", 1),
        ("cron.resume", "cron", 1),
        ("cron.edit", "cron", 1),
        ("cron.run", "cron", 1),
        ("cron.remove", "cron", 1),
    ];
    assert_eq!(words, expected);
    for entry in &told {
        assert_eq!((&entry.actor, entry.outcome), (&ada(), AuditOutcome::Done));
        assert_eq!(entry.instance, "Oban");
    }
    assert_eq!(told[5].jobs, [id]);
    assert!(told[8].target.contains("Mailer"), "{}", told[8].target);
    assert_eq!(
        (told[11].target.as_str(), told[11].reason.as_deref()),
        ("mailers", Some("no server"))
    );
    assert_eq!(told[12].after, Some(json!({"node": "web-1", "limit": 3})));
    assert_eq!(told[13].target, "*");
    kerrera.shutdown().await;
}

async fn what_was_refused_is_told_as_such_and_nothing_as_done(scene: Scene) {
    let client = scene.client().await;
    let ada = client.audited(AuditEntry::by(ada()).reason("why not"));
    let id = insert(&client, job().unique(until_finished())).await;
    assert!(ada.insert(job().unique(until_finished())).await.unwrap().is_conflict());
    assert_eq!(ada.retry_job(id).await.unwrap(), None);
    assert_eq!(ada.cancel_jobs(JobQuery::new().queues(["none"])).await.unwrap().count(), 0);
    assert_eq!(ada.update_job(-1, JobChange::new().priority(1)).await.unwrap(), Updated::NotFound);
    client.cancel_job(id).await.unwrap();
    let later = JobChange::new().schedule_in(1.hour());
    assert!(ada.update_job(id, later).await.unwrap_err().is_invalid_job());

    let told = log(&client).await;
    let actions: Vec<&str> = told.iter().map(|entry| entry.action.as_str()).collect();
    let expected = ["job.insert", "job.retry", "job.cancel", "job.update", "job.update"];
    assert_eq!(actions, expected);
    for entry in &told {
        assert_eq!((entry.outcome, entry.count), (AuditOutcome::Refused, 0));
        assert_eq!(entry.reason.as_deref(), Some("why not"));
        assert!(entry.error.is_some());
    }
    assert!(told[4].error.as_deref().unwrap().contains("scheduled_at"));
    assert_eq!((&told[0].jobs, &told[1].jobs), (&vec![id], &vec![id]));
}

async fn who_acts_for_nobody_leaves_no_trace(scene: Scene) {
    let client = scene.client().await;
    let id = insert(&client, job()).await;
    client.cancel_job(id).await.unwrap();
    client.queue("mailers").pause().await.unwrap();
    assert!(log(&client).await.is_empty());
    let seen = AuditEntry::by(ada()).action("job.reveal").target("job", "").jobs([id]);
    client.record_audit(seen).await.unwrap();
    let told = client.audit(AuditQuery::new().job(id)).await.unwrap();
    assert_eq!(
        (told[0].entry.action.as_str(), told[0].entry.instance.as_str()),
        ("job.reveal", "Oban")
    );
}

async fn the_leader_removes_old_entries(scene: Scene) {
    let client = scene.client().await;
    let error = scene.builder().keep_audit(1.second()).start().await.unwrap_err();
    assert!(error.is_config(), "nobody means a second");
    let long_ago = Clock::manual(Timestamp::now() - 2.days());
    let then = Client::connect(scene.on_clock(&long_ago)).await.unwrap();
    then.record_audit(AuditEntry::by(ada()).action("old")).await.unwrap();
    client.record_audit(AuditEntry::by(ada()).action("young")).await.unwrap();
    let kerrera = scene.builder().keep_audit(1.day()).start().await.unwrap();
    for _ in 0..2_000 {
        if log(&client).await.len() == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let left = log(&client).await;
    assert_eq!((left.len(), left[0].action.as_str()), (1, "young"));
    kerrera.shutdown().await;
}

on_both!(
    every_verb_of_a_client_that_acts_for_somebody_is_told,
    what_was_refused_is_told_as_such_and_nothing_as_done,
    who_acts_for_nobody_leaves_no_trace,
    the_leader_removes_old_entries,
);

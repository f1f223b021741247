use axum::http::StatusCode;
use kerrera::audit::{Actor, AuditEntry, AuditOutcome, AuditQuery};
use kerrera::{Client, NewJob, Units as _};
use serde_json::json;

use crate::page::site::Site;

async fn site() -> (Client, Site) {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    for (worker, queue) in [("Mail", "mail"), ("Pay", "hidden"), ("Hidden", "mail")] {
        let job = NewJob::of(worker, json!({})).queue(queue).schedule_in(1.hours());
        client.insert(job).await.unwrap();
    }
    let ada = Actor::new("17").label("=ada <b>");
    let acting = client.acting(ada.clone());
    for job in [1, 2, 3] {
        acting.cancel_job(job).await.unwrap();
    }
    acting.queue("hidden").pause().await.unwrap();
    let entry = AuditEntry::by(ada).reason("the <server> is down");
    let entry = entry.before(json!({"paused": false, "token": "marker"}));
    client.audited(entry.after(json!({"paused": true}))).queue("mail").pause().await.unwrap();
    let site = Site::new(client.clone());
    (client, site)
}

#[tokio::test]
async fn who_did_what_is_told_and_leads_there() {
    let (_client, site) = site().await;
    let page = site.get_as("everything", "en", "/audit").await;
    page.shows("entry-5").shows("entry-1").shows("=ada &lt;b&gt;").shows("queue.pause");
    page.shows("/i/main/jobs/1").shows("/i/main/queues/hidden").shows("the &lt;server&gt; is down");
    let page = site.get("/audit/5").await;
    page.shows("Entry 5").shows("paused").shows("[hidden]").hides("marker");
    page.shows("/i/main/audit?actor=17").shows("sort=queue&amp;target=mail");
    let page = site.get_as("all", "ko", "/audit/5").await;
    page.shows("변경 전").shows("변경 후").shows("일시 정지");
    let page = site.get("/jobs/1").await;
    page.shows("/i/main/audit/1");
    assert_eq!(site.get("/audit/99").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_hidden_is_in_no_entry() {
    let (_client, site) = site().await;
    let page = site.get("/audit").await;
    page.shows("entry-5").shows("entry-1");
    for entry in [2, 3, 4] {
        page.hides(&format!("entry-{entry}\""));
        let one = site.get(&format!("/audit/{entry}")).await;
        assert_eq!(one.status, StatusCode::NOT_FOUND, "{entry}");
    }
    let file = site.get("/audit/export?format=ndjson").await;
    file.shows("\"target\":\"mail\"").hides("\"target\":\"hidden\"").hides("marker");
    let denied = site.get_as("jobs:view", "en", "/audit/export").await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn entries_are_asked_for_by_what_they_say() {
    let (client, site) = site().await;
    let ben = AuditEntry::by(Actor::new("18")).action("job.reveal").target("job", "1").jobs([1]);
    let refused = ben.count(1).outcome(AuditOutcome::Refused);
    client.record_audit(refused).await.unwrap();
    for (asked, found, other) in [
        ("actor=18", 6, 1),
        ("action=job.cancel", 1, 5),
        ("sort=queue&target=mail", 5, 1),
        ("job=1&outcome=refused", 6, 1),
        ("since=2001-01-01T00:00&actor=18", 6, 1),
        ("after=6&sort=queue", 5, 6),
    ] {
        let page = site.get(&format!("/audit?{asked}")).await;
        page.shows(&format!("entry-{found}\"")).hides(&format!("entry-{other}\""));
    }
    site.get("/audit?until=2001-01-01T00:00").await.shows("No entry fits");
    for asked in ["job=x", "since=soon", "outcome=maybe", "actor=%00"] {
        let page = site.get(&format!("/audit?{asked}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{asked}");
        assert!(page.body.contains("This cannot be asked"), "{asked}");
        let file = site.get(&format!("/audit/export?{asked}")).await;
        assert_eq!(file.status, StatusCode::UNPROCESSABLE_ENTITY, "{asked}");
    }
}

#[tokio::test]
async fn a_long_log_has_pages_and_comes_whole_as_a_file() {
    let (client, site) = site().await;
    for n in 0..1_100 {
        let entry = AuditEntry::by(Actor::new("7")).action("job.update").reason(format!("={n}"));
        client.record_audit(entry).await.unwrap();
    }
    let page = site.get("/audit").await;
    page.shows("entry-1105\"").shows("/i/main/audit?after=1056").hides("entry-1055\"");
    site.get("/audit?after=1056").await.shows("entry-1055\"");
    let file = site.get("/audit/export?format=csv&action=job.update").await;
    file.shows("\u{feff}id,at,").shows("\"'=1099\"").hides("\"=1099\"");
    assert_eq!(file.body.lines().count(), 1_101);
    let told = client.audit(AuditQuery::new().limit(1)).await.unwrap().remove(0).entry;
    assert_eq!((told.action.as_str(), told.actor.id.as_str()), ("audit.export", "7"));
    assert_eq!(told.after.unwrap()["action"], "job.update");
}

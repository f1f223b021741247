use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use axum::http::StatusCode;
use kerrera::prelude::*;
use kerrera::sqlite::Sqlite;
use kerrera::testing::TestKit;
use kerrera::{Client, Kerrera, NewJob, NodeCard, Uuid};
use kerrera_core::ClaimToken;
use kerrera_core::storage::{Claim, Directory as _, Jobs as _, Liveness as _, Producer};
use serde_json::json;

use crate::access::DangerouslyPublic;
use crate::dashboard::Dashboard;
use crate::page::site::Site;

/// Says its password wherever it can.
#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "mail", max_attempts = 3)]
struct Login {
    user: String,
    password: String,
    tries: u32,
}

impl Perform for Login {
    async fn perform(&self, cx: &Context) -> JobResult {
        if u32::try_from(cx.job().attempt).unwrap() <= self.tries {
            return Err(format!("no login with {}\n  at {}", self.password, self.user).into());
        }
        done().value(json!({"said": format!("welcome, {}", self.password)}))
    }
}

async fn kit() -> TestKit {
    TestKit::builder().worker::<Login>().build().await.unwrap()
}

fn login(tries: u32) -> NewJob {
    let worker = Login { user: "ada".into(), password: "canary-canary".into(), tries };
    let meta = json!({
        "api_token": "canary-token",
        "traceparent": "00-abc",
        "k_progress": {"done": 1, "total": 2, "note": "half of canary-canary"},
    });
    NewJob::from(worker).meta(meta).tags(["vip", "canary-canary"])
}

#[tokio::test]
async fn a_job_is_shown_with_its_life_its_attempts_and_what_it_was_given() {
    let kit = kit().await;
    let id = kit.insert(login(1)).await.unwrap().job().id;
    kit.run_until_idle().await.unwrap();
    let site = Site::new(kit.client().clone());
    let page = site.get(&format!("/jobs/{id}")).await;
    page.shows("Login").shows("completed").shows("Attempt 1 of 3").shows("Attempt 2 of 3");
    page.shows("no login with [hidden]").shows("at ada").shows("welcome, [hidden]");
    page.shows("half of [hidden]").shows("Some of it is private").shows("00-abc");
    page.shows("args.user%3A%22ada%22").hides("args.password%3A");
    let attempt = site.get(&format!("/jobs/{id}/attempts/1")).await;
    attempt.shows("no login with [hidden]");
    assert_eq!(site.get(&format!("/jobs/{id}/attempts/2")).await.status, StatusCode::NOT_FOUND);
    site.get_as("all", "ko", &format!("/jobs/{id}")).await.shows("시도 1/3").shows("완료");
}

#[tokio::test]
async fn links_lead_to_what_other_systems_know_of_a_job_if_it_has_what_they_name() {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let metas = [
        json!({"traceparent": format!("00-{trace}-00f067aa0ba902b7-01"), "tenant": "a b"}),
        json!({"traceparent": format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32))}),
        json!({"traceparent": "00-abc"}),
    ];
    let jobs = metas.map(|meta| NewJob::of("Mail", json!({})).meta(meta));
    client.insert_all(jobs).await.unwrap();
    let dashboard = Dashboard::new(DangerouslyPublic::everything())
        .instance("main", client)
        .job_link("Logs", "https://logs.example/?q={id}")
        .job_link("Trace", "https://traces.example/{trace_id}")
        .job_link("Tenant", "https://tenants.example/{meta.tenant}");
    let site = Site::of(dashboard);
    let page = site.get("/jobs/1").await;
    page.shows("https://logs.example/?q=1\"").shows(&format!("https://traces.example/{trace}\""));
    page.shows("https://tenants.example/a%20b\"");
    for id in 2..=3 {
        let page = site.get(&format!("/jobs/{id}")).await;
        page.shows("https://logs.example/").hides("traces.example").hides("tenants.example");
    }
}

#[tokio::test]
async fn what_is_large_is_shown_on_a_page_of_its_own_and_related_jobs_are_found() {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    let meta = json!({"batch_id": "b 1", "cron_name": "nightly", "snoozed": 2});
    let job = NewJob::of("Mail", json!({"to": "ada", "n": 7})).meta(meta);
    client.insert(job).await.unwrap();
    let large = json!({"text": "x".repeat(70_000), "password": "canary"});
    client.insert(NewJob::of("Mail", large)).await.unwrap();
    let site = Site::new(client);
    let page = site.get("/jobs/1").await;
    page.shows("q=cron%3Anightly").shows("q=meta.batch_id%3A%22b%201%22").shows("Snoozed 2 times");
    page.shows("q=worker%3AMail%20args.n%3A7%20args.to%3A%22ada%22");
    site.get("/jobs?q=worker%3AMail%20args.n%3A7%20args.to%3A%22ada%22").await.shows("job-1\"");
    site.get("/jobs?q=meta.batch_id%3A%22b%201%22").await.shows("job-1\"").hides("job-2\"");
    let page = site.get("/jobs/2").await;
    page.shows("not shown as a tree").shows("/jobs/2/whole/args").hides("xxxxxxxx");
    site.get("/jobs/2/whole/args").await.shows("xxxxxxxx").shows("[hidden]").hides("canary");
    assert_eq!(site.get("/jobs/2/whole/result").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.get("/jobs/2/whole/else").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_done_to_a_job_is_done_once_and_where_its_state_allows_it() {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    let later = NewJob::of("Mail", json!({})).schedule_in(1.hours());
    let id = client.insert(later).await.unwrap().job().id;
    let site = Site::new(client.clone());
    let path = |verb: &str| format!("/jobs/{id}/{verb}");
    site.get(&path("snooze")).await.shows("For how many minutes");
    let wrong = site.post(&path("snooze"), "minutes=many").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    site.post(&path("snooze"), "minutes=90").await.leads_to(&format!("/jobs/{id}?done=snoozed"));
    site.post(&path("run"), "").await.leads_to(&format!("/jobs/{id}?done=retried"));
    for verb in ["run", "retry"] {
        let again = site.post(&path(verb), "").await;
        assert_eq!(again.status, StatusCode::CONFLICT, "{verb}");
        assert!(again.body.contains("the job is available"), "{}", again.body);
    }
    site.post(&path("discard"), "").await.leads_to(&format!("/jobs/{id}?done=discarded"));
    assert_eq!(site.post(&path("discard"), "").await.status, StatusCode::CONFLICT);
    site.post(&path("retry"), "").await.leads_to(&format!("/jobs/{id}?done=retried"));
    site.post(&path("cancel"), "").await.leads_to(&format!("/jobs/{id}?done=cancelled"));
    for (verb, form) in [("cancel", ""), ("snooze", "minutes=5"), ("run", "")] {
        assert_eq!(site.post(&path(verb), form).await.status, StatusCode::CONFLICT, "{verb}");
    }
    site.get(&format!("/jobs/{id}?done=cancelled")).await.shows("The job is cancelled");
    let page = site.get(&format!("/jobs/{id}")).await;
    page.shows("What people did to it").shows("job.cancel").shows("refused");
    let others = site.get_as("jobs:view", "en", &format!("/jobs/{id}")).await;
    others.shows("Mail").hides("What people did to it");
    site.get(&path("delete")).await.shows("gone for good");
    site.post(&path("delete"), "").await.leads_to("/jobs?done=deleted");
    assert_eq!(site.get(&format!("/jobs/{id}")).await.status, StatusCode::NOT_FOUND);
    let told = client.audit(kerrera::audit::AuditQuery::new()).await.unwrap();
    let done = told.iter().filter(|told| told.entry.outcome.as_str() == "done");
    let done: Vec<&str> = done.map(|told| told.entry.action.as_str()).collect();
    assert_eq!(
        done,
        ["job.delete", "job.cancel", "job.retry", "job.discard", "job.retry", "job.update"]
    );
}

#[tokio::test]
async fn what_is_private_stands_on_no_page_but_the_one_that_says_who_looked() {
    let kit = kit().await;
    for tries in 0..4 {
        kit.insert(login(tries)).await.unwrap();
    }
    kit.run_until_idle().await.unwrap();
    let later = NewJob::of("Login", json!({"password": "canary-canary"})).schedule_in(1.hours());
    let last = kit.insert(later).await.unwrap().job().id;
    let site = Site::new(kit.client().clone());
    let (mut seen, mut next) = (BTreeSet::new(), VecDeque::from([String::new()]));
    while let Some(path) = next.pop_front() {
        if !seen.insert(path.clone()) || seen.len() > 400 {
            continue;
        }
        for page in [site.get(&path).await, site.get_as("all", "ko", &path).await] {
            assert!(!page.status.is_server_error(), "{path}: {}", page.body);
            assert!(!page.body.contains("canary"), "{path}: {}", page.body);
            let links = page.body.split("href=\"/i/main").skip(1);
            let links =
                links.map(|rest| rest.split(['"', '#']).next().unwrap().replace("&amp;", "&"));
            next.extend(links.filter(|link| !link.starts_with("/../")));
        }
    }
    for path in ["/jobs", "/jobs/new?from=1", "/jobs/1/edit", "/jobs/2/attempts/1", "/queues/mail"]
    {
        assert!(seen.contains(path), "{path} was not looked at: {seen:?}");
    }
    assert!(seen.len() > 20, "{seen:?}");
    // Neither does a form say it again, nor a filter tell of it.
    let form =
        format!("worker=Login&from={last}&do=try&args=%7B%22password%22%3A%22[hidden]%22%7D");
    site.post("/jobs/new", &form).await.shows("It can be inserted").hides("canary");

    let revealed = site.post(&format!("/jobs/{last}/reveal"), "").await;
    revealed.shows("canary-canary").shows("is written down");
    let told = kit.client().audit(kerrera::audit::AuditQuery::new()).await.unwrap();
    assert_eq!(
        (told[0].entry.action.as_str(), &told[0].entry.jobs[..]),
        ("job.reveal", &[last][..])
    );
    assert_eq!(told[0].entry.actor.label, "ada");
    let denied = site.post_as("jobs:view", &format!("/jobs/{last}/reveal"), "").await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_job_that_does_not_run_says_why() {
    let storage = Sqlite::in_memory().unwrap();
    let engine = Kerrera::builder(storage.clone()).node("web-1").worker::<Login>();
    let engine = engine.queue("mail", 1).queue("idle", 1).start().await.unwrap();
    let client = engine.client();
    client.queue("idle").reason("smtp is down").by("ada").pause().await.unwrap();
    let site = Site::new(client.clone());
    let insert = |worker: &'static str, queue: &'static str| {
        let job = NewJob::of(worker, json!({})).queue(queue).schedule_in(1.hours());
        async move { client.insert(job).await.unwrap().job().id }
    };
    let at = |id: i64| format!("/jobs/{id}");
    let unworked = insert("Login", "nobody's").await;
    site.get(&at(unworked)).await.shows("No node works its queue");
    site.get_as("jobs:view", "en", &at(unworked)).await.hides("No node works its queue");
    let fine = insert("Login", "mail").await;
    let stranger = insert("Stranger", "mail").await;
    let mut card = NodeCard::default();
    card.node = "web-1".to_owned();
    card.workers = vec!["Login".to_owned()];
    storage.announce(Uuid::new_v4(), card).await.unwrap();
    site.get(&at(fine)).await.shows("Login").hides("so it does not run");
    let page = site.get(&at(stranger)).await;
    page.shows("has its worker, so it does not run").shows("/i/main/workers/Stranger");
    let page = site.get_as("all", "ko", &at(stranger)).await;
    page.shows("이 워커가 등록되어 있지 않아 실행되지 않습니다.");

    // The node follows the order when it hears of it.
    let paused = insert("Login", "idle").await;
    while !client.producers().await.unwrap().iter().any(|one| one.queue == "idle" && one.paused) {
        tokio::task::yield_now().await;
    }
    // What others have just asked is not asked again: a new site has asked nothing.
    let page = Site::new(client.clone()).get(&at(paused)).await;
    page.shows("Its queue is paused, so it does not run.").shows("smtp is down").shows("ada");
    engine.shutdown().await;
}

#[tokio::test]
async fn a_job_whose_node_is_gone_says_so() {
    let storage = Sqlite::in_memory().unwrap();
    let client = Client::connect(storage.clone()).await.unwrap();
    let id = client.insert(NewJob::of("Mail", json!({})).queue("mail")).await.unwrap().job().id;
    let (uuid, node) = (Uuid::new_v4(), Arc::<str>::from("web-9"));
    let producer = Producer { uuid, node: node.clone(), queue: "mail".into(), limit: 1 };
    storage.enroll(vec![producer]).await.unwrap();
    let claim = Claim {
        queue: "mail".into(),
        producer: uuid,
        node,
        token: ClaimToken::random(),
        limit: 1,
        excluded: Vec::new().into(),
        floor: None,
    };
    assert_eq!(storage.claim(claim).await.unwrap().len(), 1);
    let path = format!("/jobs/{id}");
    Site::new(client.clone()).get(&path).await.hides("is not there any more");
    storage.retire(vec![uuid]).await.unwrap();
    let page = Site::new(client).get(&path).await;
    page.shows("The node that claimed it is not there any more.").shows("/i/main/nodes/web-9");
}

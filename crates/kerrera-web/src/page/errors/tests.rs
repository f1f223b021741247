use axum::http::StatusCode;
use kerrera::{Client, ErrorQuery};

use crate::access::{Actor, Permissions};
use crate::page::failing;
use crate::page::site::Site;
use crate::service::{FailuresAsked, Service, Viewer};

async fn failed() -> (Client, Site) {
    let client = failing::failed().await;
    let site = Site::new(client.clone());
    (client, site)
}

async fn fingerprint(client: &Client, said: &str) -> String {
    let groups = client.errors(ErrorQuery::new()).await.unwrap();
    let group = groups.iter().find(|group| group.message.contains(said)).unwrap();
    group.fingerprint.to_string()
}

#[tokio::test]
async fn failures_that_are_alike_are_one_line() {
    let (client, site) = failed().await;
    let page = site.get("/errors").await;
    page.shows("no funds of [hidden]").shows("&lt;b&gt;no answer&lt;/b&gt;").hides("<b>");
    page.hides("canary").hides("concern").shows("state-retryable");
    let print = fingerprint(&client, "no funds").await;
    page.shows(&format!("error-{print}")).shows("data-label=\"24 h\"><span class=\"num\">4</span>");
    site.get_as("everything", "en", "/errors").await.shows("of nobody's concern");
    site.get_as("all", "ko", "/errors").await.shows("최근 발생").shows("지난 7일");
    client.delete_jobs(kerrera::JobQuery::new()).await.unwrap();
    // What was private in the message is not known any more.
    site.get("/errors").await.shows("[hidden]").hides("canary").hides("no funds");
}

#[tokio::test]
async fn failures_are_looked_for_by_worker_queue_and_message() {
    let (_client, site) = failed().await;
    let rows = async |path: &str| site.get(path).await.body.matches("<tr id=\"error-").count();
    assert_eq!(rows("/errors").await, 2);
    assert_eq!(rows("/errors?search=NO+FUNDS").await, 1);
    assert_eq!(rows("/errors?worker=Charge&queue=mail&window=1h&order=count").await, 2);
    assert_eq!(rows("/errors?queue=other").await, 0);
    site.get("/errors?search=canary").await.shows("No failures fit").hides("id=\"error-");
    let page = site.get("/errors?worker=Secret").await;
    page.shows("No failures fit");
    for at in ["x", "1.2", "99999999999999999999.0000000000000000", "-1.0000000000000000"] {
        let page = site.get(&format!("/errors?at={at}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{at}");
    }
}

#[tokio::test]
async fn one_of_them_is_told_whole_with_the_jobs_that_it_keeps_back() {
    let (client, site) = failed().await;
    let print = fingerprint(&client, "no funds").await;
    let page = site.get(&format!("/errors/{print}")).await;
    page.shows("Error of Charge").shows("at the second line").shows("no funds of [hidden]");
    page.hides("canary").shows("Retry all that failed so").shows("How often").shows(&print);
    page.shows(&format!("operations/new?action=retry&amp;q=worker%3ACharge%20error.fp%3A{print}"));
    assert_eq!(page.body.matches("<tr id=\"job-").count(), 4);
    let forecast = format!("/operations/new?action=retry&q=worker:Charge+error.fp:{print}");
    site.get(&forecast).await.shows("Charge");
    let watcher = site.get_as("jobs:view", "en", &format!("/errors/{print}?window=7d")).await;
    watcher.shows("no funds of [hidden]").shows("disabled");
    site.get_as("all", "ko", &format!("/errors/{print}")).await.shows("발생 횟수");
    let hidden = fingerprint(&client, "concern").await;
    for print in [hidden.as_str(), "0000000000000000", "none"] {
        let page = site.get(&format!("/errors/{print}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{print}");
    }
}

#[tokio::test]
async fn pages_of_failures_meet_each_of_them_once() {
    let (client, site) = failed().await;
    let viewer = Viewer::new(Actor::new("7", "ada"), Permissions::all());
    let service = Service::new(client, "main", viewer);
    let mut asked = FailuresAsked { size: 1, ..FailuresAsked::default() };
    let mut seen = Vec::new();
    loop {
        let page = service.failures(&asked).await.unwrap();
        assert!(page.complete);
        seen.extend(page.groups.iter().map(|one| one.group.fingerprint));
        asked.cursor = page.next;
        if asked.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    seen.dedup();
    assert_eq!(seen.len(), 3);
    site.get("/errors").await.hides("rel=\"next\"");
}

#[tokio::test]
async fn what_fails_is_told_first_and_leads_to_its_worker() {
    let (_client, site) = failed().await;
    let page = site.get("").await;
    page.shows("5 of 5 runs of the last hour failed.").shows("/i/main/workers/Charge");
    page.hides("workers/Secret");
    let page = site.get("/workers/Charge").await;
    page.shows("100.0 % of those that came to an end of their own").shows("no funds of [hidden]");
    page.hides("canary").shows("on no node").shows("<code>account</code>");
    let page = site.get_as("workers:view", "en", "/workers/Charge").await;
    page.shows("No run ended in this time.").hides("no funds");
}

#[tokio::test]
async fn what_a_worker_declares_to_be_sensitive_is_hidden_everywhere() {
    let (client, site) = failed().await;
    let id = client.jobs(kerrera::JobQuery::new().workers(["Charge"])).await.unwrap()[0].id;
    let pages = [
        "/jobs".to_owned(),
        format!("/jobs/{id}"),
        format!("/jobs/{id}/attempts/1"),
        format!("/jobs/{id}/edit"),
        format!("/jobs/new?from={id}"),
        "/workers/Charge".to_owned(),
        "/jobs/suggest?q=args.account:".to_owned(),
        "/operations/new?action=retry&q=worker:Charge".to_owned(),
    ];
    for path in pages {
        let page = site.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        page.hides("canary");
    }
    for filter in ["args.account:c", "worker:Charge+args.account:c", "args.account.0:*"] {
        let page = site.get(&format!("/jobs?q={filter}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{filter}");
    }
    site.get("/jobs?q=worker:Mail+args.account:c").await.shows("No job");
}

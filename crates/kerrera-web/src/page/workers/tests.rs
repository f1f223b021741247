use axum::http::StatusCode;
use kerrera::prelude::*;
use kerrera::{Kerrera, NewJob};
use serde_json::json;

use crate::page::site::Site;

/// Charges a customer's card.
#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "mail", owner = "team-money", docs = "https://wiki.example/charge")]
#[worker(sensitive = ["card.number"])]
struct Charge {}

impl Perform for Charge {
    async fn perform(&self, _: &Context) -> JobResult {
        done()
    }
}

async fn site() -> (Kerrera, Site) {
    let node = Kerrera::builder("sqlite::memory:").node("web-1").queue("mail", 3);
    let node = node.worker::<Charge>().start().await.unwrap();
    let client = node.client();
    client.insert(NewJob::of("Stranger", json!({})).queue("elsewhere")).await.unwrap();
    client.insert(NewJob::of("Hidden", json!({})).queue("elsewhere")).await.unwrap();
    client.insert(NewJob::of("Veiled", json!({})).queue("hidden")).await.unwrap();
    let site = Site::new(client.clone());
    (node, site)
}

#[tokio::test]
async fn workers_are_listed_with_what_they_say_about_themselves() {
    let (node, site) = site().await;
    let page = site.get("/workers").await;
    page.shows("/i/main/workers/Charge").shows("Charges a customer's card.").shows("team-money");
    page.shows("1 worker has jobs that no node can run.").shows("never registered");
    page.shows("worker%3AStranger%20state%3Aavailable").hides("Hidden").hides("Veiled");
    site.get_as("everything", "en", "/workers").await.shows("Hidden").shows("Veiled");
    site.get_as("all", "ko", "/workers?window=1h").await.shows("등록된 적 없음").shows("워커");
    node.shutdown().await;
}

#[tokio::test]
async fn one_worker_is_shown_with_its_declaration_and_its_jobs() {
    let (node, site) = site().await;
    let page = site.get("/workers/Charge").await;
    page.shows("href=\"https://wiki.example/charge\"").shows("card.number").shows("team-money");
    page.shows("noreferrer").shows("Nothing failed in this time.");
    page.shows("/i/main/jobs?q=worker%3A%22Charge%22");
    let page = site.get("/workers/Stranger").await;
    page.shows("Jobs wait that no node can run: 1.").shows("never registered").shows("job-1\"");
    for hidden in ["Hidden", "Veiled", "Nobody", "%3Cb%3E"] {
        let page = site.get(&format!("/workers/{hidden}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{hidden}");
    }
    let page = site.get_as("workers:view", "en", "/workers/Charge").await;
    page.shows("team-money").hides("worker-jobs").hides("worker-errors");
    site.get_as("all", "ko", "/workers/Charge").await.shows("등록 내용");
    node.shutdown().await;
}

#[tokio::test]
async fn a_worker_of_which_there_are_only_ended_jobs_is_known() {
    let (node, site) = site().await;
    let client = node.client();
    let gone = client.insert(NewJob::of("Gone", json!({})).queue("mail")).await.unwrap();
    client.cancel_job(gone.job().id).await.unwrap();
    site.get("/workers/Gone").await.shows("never registered").hides("that no node can run");
    node.shutdown().await;
}

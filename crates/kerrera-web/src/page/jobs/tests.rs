use axum::http::StatusCode;
use kerrera::{Client, NewJob, Units as _};
use serde_json::json;

use crate::page::site::Site;

async fn site() -> (Client, Site) {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    let mail = |n: i64| {
        let args = json!({"n": n, "password": "marker-marker", "text": "it is marker-marker"});
        NewJob::of("SendMail", args).queue("mail").tags(["bulk"])
    };
    client.insert_all((0..60).map(mail)).await.unwrap();
    let later = NewJob::of("Report", json!({"user": {"id": 7}})).schedule_in(1.hours());
    client.insert(later).await.unwrap();
    client.insert(NewJob::of("SendMail", json!({"n": -1})).queue("hidden")).await.unwrap();
    client.insert(NewJob::of("Hidden", json!({"n": -2})).queue("mail")).await.unwrap();
    let site = Site::new(client.clone());
    (client, site)
}

/// The numbers of the jobs on a page, and the address of the next.
fn rows(body: &str) -> (Vec<i64>, Option<String>) {
    let ids = body.split("<tr id=\"job-").skip(1);
    let ids = ids.map(|row| row.split('"').next().unwrap().parse().unwrap()).collect();
    let next = body.split("rel=\"next\" href=\"").nth(1);
    let next = next.map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&"));
    (ids, next.map(|link| link.strip_prefix("/i/main").unwrap().to_owned()))
}

#[tokio::test]
async fn jobs_are_listed_page_by_page_and_each_of_them_once() {
    let (_client, site) = site().await;
    let mut seen = Vec::new();
    let mut next = Some("/jobs".to_owned());
    while let Some(path) = next {
        let page = site.get(&path).await;
        page.hides("marker").hides("job-62\"").hides("job-63\"");
        let (ids, following) = rows(&page.body);
        seen.extend(ids);
        next = following;
    }
    assert_eq!(seen, (1..=61).rev().collect::<Vec<_>>());
    let page = site.get("/jobs").await;
    page.shows("SendMail").shows("[hidden]").shows("it is [hidden]").shows("bulk");
    site.get_as("everything", "en", "/jobs").await.shows("job-63\"").shows("job-62\"");
}

#[tokio::test]
async fn whatever_can_be_done_to_many_jobs_is_offered_to_those_who_may() {
    let (_client, site) = site().await;
    let page = site.get("/jobs").await;
    for action in kerrera::BulkAction::ALL {
        page.shows(&format!(r#"name="action" value="{}">"#, action.as_str()));
    }
    let page = site.get_as("jobs:view,operations:manage,jobs:run", "ko", "/jobs").await;
    page.shows(r#"value="run_now">"#).shows("지금 실행").hides(r#"value="discard">"#);
    page.shows(r#"value="discard" disabled title="jobs:discard 권한이 필요합니다""#);
}

#[tokio::test]
async fn a_filter_is_said_in_words_and_can_be_taken_apart() {
    let (_client, site) = site().await;
    let page = site.get("/jobs?q=worker:Rep*+state:scheduled,available+-queue:mail").await;
    page.shows("Worker is what begins with “Rep”").shows("State is scheduled or available");
    page.shows("Queue is not “mail”");
    page.shows("/i/main/jobs?q=state%3Ascheduled%2Cavailable%20-queue%3Amail");
    assert_eq!(rows(&page.body).0, [61]);
    let page = site.get("/jobs?q=args.user.id:7").await;
    assert_eq!(rows(&page.body).0, [61]);
    let page = site.get_as("all", "ko", "/jobs?q=worker:None").await;
    page.shows("워커: “None”").shows("조건에 맞는 작업이 없습니다");
    // The strip leads to the same filter, with another state.
    let page = site.get("/jobs?q=queue:mail").await;
    page.shows("/i/main/jobs?q=state%3Aexecuting%20queue%3Amail");
}

#[tokio::test]
async fn what_is_wrong_with_a_filter_is_shown_where_it_is() {
    let (_client, site) = site().await;
    let page = site.get("/jobs?q=queue:mail+staet:retryable").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in ["<mark>staet", "Did you mean state?", "value=\"queue:mail staet:retryable\""] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    for (filter, language, part) in [
        ("args.password:marker*", "en", "args.password is private"),
        ("args.user.0.api_token:x", "ko", "비공개 값이므로"),
        ("state:\"", "en", "close it with"),
        ("<script>:x", "en", "&lt;script&gt;"),
    ] {
        let path = format!("/jobs?q={}", crate::links::escape(filter));
        let page = site.get_as("all", language, &path).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{filter}");
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    for at in ["nonsense", "nT.1.5", "nI.1.2.3", "nI.99999999999999999999"] {
        let page = site.get(&format!("/jobs?at={at}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{at}");
    }
}

#[tokio::test]
async fn a_filter_of_what_is_hidden_finds_and_counts_nothing() {
    let (_client, site) = site().await;
    for filter in ["queue:hidden", "worker:Hidden", "worker:Hid*", "id:62,63"] {
        let page = site.get(&format!("/jobs?q={filter}")).await;
        page.shows("No job fits the filter");
        assert!(rows(&page.body).0.is_empty(), "{filter}");
        assert!(!page.body.contains("<span class=\"num\">1</span>"), "{filter}: {}", page.body);
    }
    let said = site.get("/jobs/suggest?q=queue:").await;
    said.shows("mail").hides("hidden");
    site.get("/jobs/suggest?q=worker:").await.shows("SendMail").hides("Hidden");
}

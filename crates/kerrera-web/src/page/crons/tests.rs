use std::time::Duration;

use axum::http::StatusCode;
use kerrera::audit::AuditQuery;
use kerrera::sqlite::SqliteOptions;
use kerrera::{Clock, Cron, Kerrera, Misfire, NewJob};
use serde_json::json;

use crate::page::site::Site;

/// A node that brings entries, one of them into a hidden queue.
async fn site() -> (Kerrera, Site) {
    let job = |queue: &str| NewJob::of("Report", json!({"card": "marker"})).queue(queue);
    let cron = |name: &str, queue| Cron::new("30 2 * * *", job(queue)).name(name);
    let node = Kerrera::builder("sqlite::memory:")
        .node("web-1")
        .queue("mail", 1)
        .cron_entry(cron("nightly <b>", "reports").timezone("Europe/Copenhagen"))
        .cron_entry(cron("posts", "mail").misfire(Misfire::All { most: 7 }))
        .cron_entry(cron("hidden", "mail"))
        .cron_entry(cron("secret", "hidden"));
    let node = node.start().await.unwrap();
    let site = Site::new(node.client().clone());
    (node, site)
}

const NIGHTLY: &str = "/crons/nightly%20%3Cb%3E";

#[tokio::test]
async fn entries_are_listed_in_words() {
    let (node, site) = site().await;
    let page = site.get("/crons").await;
    page.shows("nightly &lt;b&gt;").shows("every day at 02:30").shows("Europe/Copenhagen");
    page.shows("no node works its queue").hides("crons/hidden").hides("secret").hides("marker");
    site.get_as("all", "ko", "/crons")
        .await
        .shows("매일 02:30")
        .shows("대상 큐를 처리하는 노드 없음");
    let page = site.get("/crons/posts").await;
    page.shows("Next runs").shows("make up for up to 7").shows("brought by a program");
    page.shows("It has not been fired yet").hides("marker");
    for hidden in ["/crons/hidden", "/crons/secret", "/crons/none"] {
        assert_eq!(site.get(hidden).await.status, StatusCode::NOT_FOUND, "{hidden}");
        let run = site.post(&format!("{hidden}/run"), "").await;
        assert_eq!(run.status, StatusCode::NOT_FOUND, "{hidden}");
    }
    let page = site.get("/crons/posts?before=yesterday").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    node.shutdown().await;
}

#[tokio::test]
async fn a_clock_that_is_put_forward_or_back_is_told() {
    let (node, site) = site().await;
    let page = site.get(NIGHTLY).await;
    page.shows("from 02:00 to 03:00").shows("from 03:00 back to 02:00");
    site.get("/crons/posts").await.hides("the clock there");
    node.shutdown().await;
}

#[tokio::test]
async fn entries_are_run_paused_and_resumed() {
    let (node, site) = site().await;
    site.post("/crons/posts/pause", "").await.leads_to("/crons/posts?done=paused");
    site.get("/crons").await.shows("is-paused").shows("off");
    site.get("/crons/posts?done=paused").await.shows("Its times pass without a job");
    site.post("/crons/posts/resume", "").await.leads_to("/crons/posts?done=resumed");
    site.get("/crons").await.hides("is-paused");

    site.post(&format!("{NIGHTLY}/run"), "").await.leads_to(&format!("{NIGHTLY}?done=ran"));
    site.get(NIGHTLY).await.shows("available").shows("/i/main/jobs/1");
    let runs = site.post_as("crons:view,crons:pause", &format!("{NIGHTLY}/run"), "").await;
    assert_eq!(runs.status, StatusCode::FORBIDDEN);
    node.shutdown().await;
}

#[tokio::test]
async fn entries_are_added_edited_and_removed() {
    let (node, site) = site().await;
    let form = "name=new&expression=0+9+*+*+MON&timezone=Asia/Seoul&worker=Reminder&queue=mail\
                &args=%7B%22to%22%3A%22ada%22%7D&misfire=all&misfire_most=3&overlap=skip";
    let page = site.post("/crons/new", &format!("{form}&do=preview")).await;
    page.shows("at 09:00, Monday").shows("zone, Asia/Seoul");
    page.shows("&quot;ada&quot;");
    assert_eq!(node.crons().await.unwrap().crons.len(), 4, "nothing is written yet");

    site.post("/crons/new", form).await.leads_to("/crons/%6Eew?done=added");
    let told = node.client().audit(AuditQuery::new()).await.unwrap().remove(0).entry;
    assert_eq!((told.actor.id.as_str(), told.action.as_str()), ("7", "cron.add"));
    let page = site.get("/crons/%6Eew").await;
    page.shows("added here").shows("make up for up to 3").shows("leave the time out");
    let again = site.post("/crons/new", form).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.body.contains("already") && again.body.contains("&quot;ada&quot;"), "it is kept");

    let edit = "expression=0+10+*+*+*&timezone=Etc/UTC&misfire=skip&overlap=allow";
    site.get("/crons/new/edit").await.shows("0 9 * * MON").shows("Asia/Seoul");
    site.post("/crons/new/edit", edit).await.leads_to("/crons/%6Eew?done=edited");
    site.get("/crons/%6Eew").await.shows("every day at 10:00").shows("leave them out");

    site.get("/crons/new/remove").await.shows("no node fires it any more");
    site.post("/crons/new/remove", "").await.leads_to("/crons?done=removed");
    assert_eq!(node.crons().await.unwrap().crons.len(), 4);
    node.shutdown().await;
}

#[tokio::test]
async fn mistakes_are_told_at_their_fields() {
    let (node, site) = site().await;
    let right = "name=n&expression=%40daily&worker=W";
    let cases = [
        ("name=n&expression=0+25+*+*+*&worker=W", "hour 25 is out of range"),
        ("name=n&expression=0-9999999999+*+*+*+*&worker=W", "is out of range"),
        ("name=n&expression=&worker=W", "needs five fields"),
        ("name=&expression=%40daily&worker=W", "1 to 127 characters"),
        ("name=n&expression=%40daily&worker=", "name the worker"),
        (&format!("{right}&timezone=Mars"), "&quot;Mars&quot;"),
        (&format!("{right}&args=%5B1%5D"), "a JSON object"),
        (&format!("{right}&args=%7B"), "at line 1"),
        (&format!("{right}&misfire=all&misfire_most=0"), "give 1 to 1000"),
        (&format!("{right}&max_attempts=0"), "at least 1"),
        (&format!("name={}&expression=%40daily&worker=W", "x".repeat(128)), "1 to 127"),
    ];
    for (form, told) in cases {
        let page = site.post("/crons/new", form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(
            page.body.contains(told) && page.body.contains("aria-invalid"),
            "{told}: {}",
            page.body
        );
    }
    for (expression, told) in [
        ("0+25+*+*+*", "시 항목의 범위를 벗어났습니다: 25. 0~23만 쓸 수 있습니다."),
        ("*%2F0+*+*+*+*", "분 항목의 간격을 쓸 수 없습니다"),
        ("0+0+30+2+*", "실행될 날이 없습니다"),
        ("%40often", "알 수 없는 별칭입니다"),
    ] {
        let form = format!("name=n&expression={expression}&worker=W");
        let page = site.post_in("ko", "all", "/crons/new", &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    let hidden = site.post("/crons/new", &format!("{right}&queue=hidden")).await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
    let edit = site.post("/crons/posts/edit", "expression=often").await;
    assert_eq!(edit.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(node.crons().await.unwrap().crons.len(), 4);
    node.shutdown().await;
}

#[tokio::test]
async fn what_was_fired_is_told_and_what_was_not() {
    let at = |time: &str| format!("2026-11-22T{time}Z").parse().unwrap();
    let clock = Clock::manual(at("12:00:59.9"));
    let storage = SqliteOptions::in_memory().clock(clock.clone()).open().unwrap();
    let job = NewJob::of("Report", json!({})).queue("reports");
    let node = Kerrera::builder(storage).node("web-1").queue("mail", 1);
    let node = node.cron_entry(Cron::new("* * * * *", job).name("it")).start().await.unwrap();
    let client = node.client().clone();
    clock.set(at("12:01:00"));
    while client.cron_slots("it", None, 1).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    node.shutdown().await;

    let site = Site::new(client);
    let page = site.get("/crons/it").await;
    page.shows("/i/main/nodes/web-1").shows("2026-11-22 12:01:00").shows("/i/main/jobs/1");
    page.shows("available").hides("not fired at");
    site.get("/crons/it?before=2026-11-22T12%3A01%3A00Z").await.shows("It has not been fired yet");
    clock.set(at("12:10:30"));
    let page = site.get("/crons").await;
    page.shows("not fired at 2026-11-22 12:07:00").shows("1 entry was not fired");
    page.shows("No node that works queues is alive");
    site.post("/crons/it/pause", "").await.leads_to("/crons/it?done=paused");
    site.get("/crons").await.hides("not fired at");
}

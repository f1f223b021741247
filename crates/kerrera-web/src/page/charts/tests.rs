use axum::http::StatusCode;

use crate::page::failing::failed;
use crate::page::site::Site;

#[tokio::test]
async fn charts_show_how_runs_ended_without_those_that_the_viewer_may_not_know_of() {
    let site = Site::new(failed().await);
    let page = site.get("").await;
    page.shows("id=\"chart-runs\"").shows("id=\"chart-wait-time\"").shows("id=\"chart-depth\"");
    page.shows("As a table").shows("failed <strong").hides("given up <strong");
    // The one that failed for good was of the hidden queue.
    site.get_as("everything", "en", "").await.shows("given up <strong");
    let page = site.get("/queues/mail").await;
    page.shows("failed <strong").hides("given up <strong").shows("id=\"chart-depth\"");
    let page = site.get_as("everything", "en", "/queues/hidden").await;
    page.shows("given up <strong").shows("completed <strong class=\"num\">0<");
    let page = site.get("/workers/Charge?window=1h").await;
    page.shows("failed <strong").hides("id=\"chart-depth\"");
}

#[tokio::test]
async fn charts_look_as_far_back_as_they_are_asked_to() {
    let site = Site::new(failed().await);
    for (window, name) in [("1h", "1h"), ("1d", "1d"), ("7d", "7d"), ("8d", "1h")] {
        let page = site.get(&format!("?window={window}")).await;
        page.shows(&format!("?window={name}\" aria-current=\"true\""));
    }
    let page = site.get_as("all", "ko", "/queues/mail?window=7d").await;
    page.shows("추이").shows("실행 시간").shows("표로 보기").hides("As a table");
}

#[tokio::test]
async fn those_who_may_not_see_numbers_over_time_see_the_pages_without_charts() {
    let site = Site::new(failed().await);
    let may = "queues:view,workers:view";
    for page in ["", "/queues", "/queues/mail", "/workers/Charge"] {
        let page = site.get_as(may, "en", page).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        page.hides("chart-runs").hides("Runs in an hour").hides("Over time");
    }
}

#[tokio::test]
async fn queues_show_what_they_did_in_an_hour() {
    let site = Site::new(failed().await);
    // Nobody works them any more: what waits keeps the queue in the list.
    let page = site.get("/queues").await;
    page.shows("Runs in an hour").shows("class=\"spark state-completed\"").hides("queues/hidden");
    let page = site.get_as("all", "ko", "/queues").await;
    page.shows("지난 1시간 실행");
}

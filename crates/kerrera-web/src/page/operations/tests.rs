use axum::http::StatusCode;
use kerrera::audit::AuditQuery;
use kerrera::{BulkAction, BulkRequest, BulkState, Client, JobQuery, NewJob, State, Units as _};
use serde_json::json;

use crate::page::site::Site;

async fn site() -> (Client, Site) {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    let mail = |n: i64| {
        let args = json!({"n": n, "password": "marker-marker"});
        NewJob::of("SendMail", args).queue("mail").schedule_in(1.hours())
    };
    client.insert_all((0..12).map(mail)).await.unwrap();
    client.insert(NewJob::of("SendMail", json!({})).queue("mail")).await.unwrap();
    client.insert(NewJob::of("SendMail", json!({})).queue("hidden")).await.unwrap();
    client.insert(NewJob::of("Hidden", json!({})).queue("mail")).await.unwrap();
    let site = Site::new(client.clone());
    (client, site)
}

async fn count(client: &Client, state: State) -> u64 {
    client.count_jobs(JobQuery::new().states([state])).await.unwrap()
}

#[tokio::test]
async fn jobs_that_are_selected_are_dealt_with_at_once() {
    let (client, site) = site().await;
    let page = site.get("/jobs").await;
    page.shows("name=\"action\" value=\"cancel\"").shows("name=\"from\" value=\"list\"");
    page.hides("Needs the permission");
    let page = site.get_as("jobs:view,jobs:cancel", "en", "/jobs").await;
    page.shows("value=\"cancel\" disabled title=\"Needs the permission operations:manage\"");
    let page = site.get("/operations/new?from=list&q=&action=cancel&id=1&id=2&id=14&id=15").await;
    page.shows("Cancel jobs: 2")
        .shows("will not run")
        .hides("marker")
        .hides("job-14")
        .hides("job-15");
    let form = "action=cancel&shown=2&id=1&id=2&id=14&id=15&reason=no+%3Cmail%3E";
    let done = site.post("/operations/new", form).await;
    done.leads_to("/operations/1?done=begun");
    assert_eq!(count(&client, State::Cancelled).await, 2);

    let page = site.get("/operations/1?done=begun").await;
    page.shows("Operation 1: Cancel").shows("2 jobs that were selected").shows("ada");
    page.shows("no &lt;mail&gt;").shows("/i/main/audit?sort=operation&amp;target=1");
    let told = client.audit(AuditQuery::new()).await.unwrap();
    let actions: Vec<&str> = told.iter().map(|told| told.entry.action.as_str()).collect();
    assert_eq!(actions, ["operation.end", "operation.start"]);
    assert_eq!((told[0].entry.count, told[0].entry.actor.id.as_str()), (2, "7"));
    site.get_as("all", "ko", "/operations").await.shows("선택한 작업 2개").shows("완료");
}

#[tokio::test]
async fn a_filter_is_shown_with_what_becomes_of_its_jobs_and_then_begun() {
    let (client, site) = site().await;
    let page = site.get("/operations/new?action=run_now&q=queue:mail").await;
    page.shows("Run jobs now: 12").shows("it does not wait for a time").shows("Queue is “mail”");
    page.shows("SendMail").shows("[hidden]").hides("marker");
    let form = "action=run_now&q=queue:mail&shown=12&reason=";
    site.post("/operations/new", form).await.leads_to("/operations/1?done=begun");
    let operation = client.operation(1).await.unwrap().unwrap();
    assert_eq!(operation.state, BulkState::Waiting);
    let page = site.get("/operations/1").await;
    page.shows("queue%3Amail").shows("Still to come").shows("/i/main/operations/1/cancel");
    client.carry_out_operation(1).await.unwrap();
    assert_eq!(count(&client, State::Available).await, 15);
    let page = site.get("/operations/1").await;
    // The one of the hidden worker is not among those that were looked at.
    page.shows("12").hides("/operations/1/cancel");
    assert_eq!(client.operation(1).await.unwrap().unwrap().skipped, 1);
}

#[tokio::test]
async fn what_is_lost_has_to_be_counted_first() {
    let (client, site) = site().await;
    let page = site.get("/operations/new?action=delete&q=queue:mail").await;
    page.shows("Delete jobs: 13").shows("Type 13").shows("name=\"count\"").shows("gone for good");
    for (form, told) in [
        ("action=delete&q=queue:mail&shown=13&count=12&reason=kept", "type 13"),
        ("action=delete&q=queue:mail&shown=13&count=&reason=kept", "type 13"),
        ("action=cancel&q=queue:mail&shown=5&reason=kept", "By now it is 13 jobs"),
    ] {
        let page = site.post("/operations/new", form).await;
        let wrong = form.contains("count=12");
        if wrong {
            // Within a tenth it is what was meant.
            page.leads_to("/operations/1?done=begun");
            client.cancel_operation(1).await.unwrap();
            continue;
        }
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.body.contains(told) && page.body.contains("value=\"kept\""), "{}", page.body);
    }
    let done = site.post("/operations/new", "action=delete&all=on&shown=13&count=13").await;
    done.leads_to("/operations/2?done=begun");
    client.carry_out_operation(2).await.unwrap();
    let left = client.jobs(JobQuery::new()).await.unwrap();
    assert_eq!(left.iter().map(|job| job.id).collect::<Vec<_>>(), [14, 15], "what is hidden");
    let page = site.post("/operations/new", "action=delete&all=on&count=0").await;
    assert_eq!(page.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn nothing_is_never_taken_for_everything() {
    let (client, site) = site().await;
    for form in ["", "action=delete", "from=list&q=queue:mail&action=delete", "q=+&action=cancel"] {
        let page = site.post("/operations/new", form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        let page = site.get(&format!("/operations/new?{form}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.body.contains("No job is selected"), "{}", page.body);
    }
    let page = site.get("/operations/new?q=queue:mail").await;
    assert!(page.body.contains("action=discard&amp;q=queue%3Amail"), "{}", page.body);
    let page = site.get("/operations/new?action=retry&q=args.password:marker").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("is private"), "{}", page.body);
    assert!(client.operations(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_operation_is_stopped_after_a_question() {
    let (client, site) = site().await;
    let query = JobQuery::new().queues(["mail"]).workers(["SendMail"]);
    client.start_operation(BulkRequest::new(BulkAction::Retry, query)).await.unwrap();
    site.get("/operations/1").await.shows("nobody in particular").shows("Stop");
    site.get("/operations/1/cancel").await.shows("Stop operation 1?").shows("0 jobs so far");
    site.post("/operations/1/cancel", "").await.leads_to("/operations/1?done=stopped");
    site.get("/operations/1?done=stopped").await.shows("It is stopped.").shows("stopped");
    let again = site.post("/operations/1/cancel", "").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(site.get("/operations/1/cancel").await.status, StatusCode::CONFLICT);
    assert_eq!(site.get("/operations/7").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_may_not_do_it_to_one_may_not_do_it_to_many() {
    let (client, site) = site().await;
    let may = "jobs:view,operations:view,operations:manage,jobs:retry";
    let page = site.get_as(may, "en", "/operations/new?action=delete&q=queue:mail").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    let form = "action=delete&q=queue:mail&count=13";
    assert_eq!(site.post_as(may, "/operations/new", form).await.status, StatusCode::FORBIDDEN);
    let page = site.get_as(may, "en", "/operations/new?action=retry&q=queue:mail").await;
    page.shows("Retry jobs").hides("action=delete");
    let query = JobQuery::new().queues(["mail"]).workers(["SendMail"]);
    client.start_operation(BulkRequest::new(BulkAction::Delete, query)).await.unwrap();
    site.get_as(may, "en", "/operations/1").await.shows("Needs the permission jobs:delete");
    let stopped = site.post_as(may, "/operations/1/cancel", "").await;
    assert_eq!(stopped.status, StatusCode::FORBIDDEN);
    let told = client.audit(AuditQuery::new()).await.unwrap();
    let refused = told.iter().filter(|told| told.entry.action == "jobs:delete").count();
    assert_eq!(refused, 2, "that they tried is written down");
}

#[tokio::test]
async fn operations_that_tell_of_what_is_hidden_are_not_there() {
    let (client, site) = site().await;
    for query in [
        JobQuery::new().queues(["hidden"]),
        JobQuery::new().states([State::Available]),
        JobQuery::new().queues(["mail"]).workers(["SendMail"]),
    ] {
        client.start_operation(BulkRequest::new(BulkAction::Cancel, query)).await.unwrap();
    }
    let page = site.get("/operations").await;
    page.shows("operation-3").hides("operation-2").hides("operation-1").hides("queue:hidden");
    assert_eq!(site.get("/operations/1").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.post("/operations/2/cancel", "").await.status, StatusCode::NOT_FOUND);
    let page = site.get_as("everything", "en", "/operations").await;
    page.shows("operation-1").shows("operation-2").shows("queue:hidden");
}

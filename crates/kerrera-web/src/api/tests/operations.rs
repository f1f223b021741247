//! What is done to many jobs at once, and who did what.

use super::*;

async fn send(router: &Router, may: &str, path: &str, body: &str) -> Answer {
    let path = format!("/api/v1/i/main/{path}");
    ask(router, request(&Method::POST, &path, Some(may), body)).await
}

#[tokio::test]
async fn an_operation_is_previewed_begun_and_told_of() {
    let router = dashboard().await.router::<()>();
    let wish = r#"{"action": "delete", "q": "queue:mail", "reason": "no mail today"}"#;
    let preview = send(&router, "all", "operations/preview", wish).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.body);
    let said = preview.json();
    assert_eq!(said["count"], json!({"value": 2, "quality": "exact"}), "not the hidden worker's");
    assert_eq!(
        (&said["needs_count"], &said["eligible"][0]["state"]),
        (&json!(true), &json!("available"))
    );
    assert!(!preview.body.contains("Hidden"), "{}", preview.body);

    let unconfirmed = send(&router, "all", "operations", wish).await;
    assert_eq!(unconfirmed.status, StatusCode::CONFLICT);
    assert!(unconfirmed.json()["detail"].to_string().contains('2'), "{}", unconfirmed.body);
    let wish = wish.replace('}', ", \"count\": 2}");
    let begun = send(&router, "all", "operations", &wish).await;
    let operation = begun.json();
    assert_eq!((&operation["id"], &operation["state"]), (&json!("1"), &json!("waiting")));
    // The workers that they know of: of others one cannot say whether they are hidden.
    assert_eq!(operation["filter"], "queue:mail worker:Mail,Pay");
    assert_eq!((&operation["by"], &operation["reason"]), (&json!("ada"), &json!("no mail today")));
    let stopped = send(&router, "all", "operations/1/cancel", "").await;
    assert_eq!(stopped.json()["state"], "cancelled", "{}", stopped.body);
    assert_eq!(send(&router, "all", "operations/1/cancel", "").await.status, StatusCode::CONFLICT);

    let done =
        send(&router, "all", "operations", r#"{"action": "cancel", "ids": ["1", "3", "4"]}"#);
    let done = done.await.json();
    assert_eq!((&done["state"], &done["done"]), (&json!("done"), &json!(1)));
    assert_eq!(done["selected"], 1, "the others are hidden");
    let list = get(&router, "/api/v1/i/main/operations").await.json();
    assert_eq!(list["items"][0]["id"], "2");
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_operation_is_no_way_around_a_permission() {
    let router = dashboard().await.router::<()>();
    let wish = r#"{"action": "delete", "q": "queue:mail", "count": 2}"#;
    for may in
        ["operations:manage,jobs:delete", "operations:manage,jobs:view", "jobs:view,jobs:delete"]
    {
        for path in ["operations", "operations/preview"] {
            let answer = send(&router, may, path, wish).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{may}");
        }
    }
    for wrong in [
        r#"{"action": "delete"}"#,
        r#"{"action": "delete", "q": " "}"#,
        r#"{"action": "delete", "q": "queue:mail", "all": true}"#,
        r#"{"action": "burn", "all": true}"#,
        r#"{"action": "cancel", "ids": []}"#,
        r#"{"action": "cancel", "ids": ["one"]}"#,
        r#"{"action": "cancel", "q": "args.password:canary"}"#,
        r#"{"action": "cancel", "q": "staet:available"}"#,
    ] {
        let answer = send(&router, "all", "operations", wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", answer.body);
    }
    let list = get(&router, "/api/v1/i/main/operations").await.json();
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn who_did_what_is_told_page_by_page_and_as_a_file() {
    let router = dashboard().await.router::<()>();
    for action in ["cancel", "retry", "cancel"] {
        send(&router, "all", &format!("jobs/1/{action}"), "").await;
    }
    let first = get(&router, "/api/v1/i/main/audit?limit=2&job=1").await.json();
    let actions = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items.map(|one| one["action"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(actions(&first), ["job.cancel", "job.retry"]);
    let next = first["next"].as_str().unwrap();
    let rest = get(&router, &format!("/api/v1/i/main/audit?job=1&after={next}")).await.json();
    assert_eq!(actions(&rest), ["job.cancel"]);
    assert_eq!((&rest["next"], &rest["items"][0]["actor"]["via"]), (&Value::Null, &json!("api")));
    let id = rest["items"][0]["id"].as_str().unwrap();
    let one = get(&router, &format!("/api/v1/i/main/audit/{id}")).await.json();
    assert_eq!(one, rest["items"][0]);

    let file = get(&router, "/api/v1/i/main/audit-export?format=ndjson&action=job.cancel").await;
    assert_eq!((file.kind(), file.body.lines().count()), ("application/x-ndjson", 2));
    let file = get(&router, "/api/v1/i/main/audit-export?action=job.retry").await;
    assert_eq!((file.kind(), file.body.lines().count()), ("text/csv", 2));
    let told = get(&router, "/api/v1/i/main/audit?action=audit.export").await.json();
    assert_eq!(told["items"].as_array().unwrap().len(), 2);
}

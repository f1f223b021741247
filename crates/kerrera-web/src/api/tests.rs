//! The API held against its own document: walked by those who may not, and fuzzed by those who may.

mod errors;
mod fuzz;
mod jobs;
mod operations;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use kerrera::{Client, Cron, NewJob};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::access::{Access, AccessError, Actor, Grant, Permission, Permissions, Scope};
use crate::dashboard::Dashboard;

/// Lets in whom the header `x-may` names, with these permissions; `hidden` is hidden from them.
struct ByHeader;

impl Access for ByHeader {
    type User = Arc<str>;

    async fn user(&self, request: &Parts) -> Result<Option<Arc<str>>, AccessError> {
        let may = request.headers.get("x-may").and_then(|value| value.to_str().ok());
        Ok(may.map(Arc::from))
    }

    fn grant(&self, user: Option<&Arc<str>>, _: &str) -> Grant {
        match user.map(|user| &**user) {
            None => Grant::Redirect("/login".to_owned()),
            Some("") => Grant::Forbidden,
            Some("all") => Grant::All,
            Some(list) => {
                Grant::Only(list.split(',').filter_map(|name| name.parse().ok()).collect())
            }
        }
    }

    fn actor(&self, _: &Arc<str>) -> Actor {
        Actor::new("7", "ada")
    }

    fn can_see(&self, _: Option<&Arc<str>>, scope: Scope<'_>) -> bool {
        !matches!(scope, Scope::Queue("hidden") | Scope::Worker("Hidden") | Scope::Cron("hidden"))
    }
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    fn kind(&self) -> &str {
        self.headers.get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap())
    }
}

/// An operation of the document.
struct Operation {
    method: Method,
    path: String,
    needs: Permission,
    said: Value,
}

/// A dashboard with something in it.
async fn dashboard() -> Dashboard {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    for (worker, queue) in
        [("Mail", "mail"), ("Mail", "mail"), ("Hidden", "mail"), ("Pay", "hidden")]
    {
        let args = json!({"to": "ada", "password": "canary", "number": 12345678901234567890_u64});
        client.insert(NewJob::of(worker, args).queue(queue)).await.unwrap();
    }
    for (name, queue) in [("daily", "mail"), ("hidden", "mail"), ("payday", "hidden")] {
        let job = NewJob::of("Mail", json!({"password": "canary"})).queue(queue);
        client.add_cron(Cron::new("0 7 * * MON-FRI", job).name(name)).await.unwrap();
    }
    client.queue("mail").node("web-1").reason("smtp is down").pause().await.unwrap();
    Dashboard::new(ByHeader).instance("main", client)
}

async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    Answer { status: parts.status, headers: parts.headers, body }
}

fn request(method: &Method, path: &str, may: Option<&str>, body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(may) = may {
        request = request.header("x-may", may);
    }
    if !method.is_safe() {
        request = request.header("sec-fetch-site", "same-origin");
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

async fn get(router: &Router, path: &str) -> Answer {
    ask(router, request(&Method::GET, path, Some("all"), "")).await
}

async fn document(router: &Router) -> Value {
    let answer = get(router, "/api/openapi.json").await;
    assert_eq!((answer.status, answer.kind()), (StatusCode::OK, "application/json"));
    answer.json()
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, said)| Operation {
            method: method.to_uppercase().parse().unwrap(),
            path: path.clone(),
            needs: said["x-permission"].as_str().unwrap().parse().unwrap(),
            said: said.clone(),
        })
    });
    each.collect()
}

/// The path with what names there are; `value` stands for all but the instance and the number of a job.
fn filled(path: &str, value: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{instance}" => "main",
        "{job}" | "{operation}" | "{entry}" => "1",
        part if part.starts_with('{') => value,
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn the_document_says_what_there_is() {
    let router = dashboard().await.router::<()>();
    let document = document(&router).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{document}");
    assert_eq!(document["servers"], json!([{"url": "/"}]));
    for operation in operations(&document) {
        let said = &operation.said;
        let named = format!("{} {}", operation.method, operation.path);
        assert!(!said["summary"].as_str().unwrap_or_default().is_empty(), "{named}");
        assert!(said["responses"]["default"].is_object(), "{named}");
        // Every name in the path is described.
        let described = said["parameters"].as_array().unwrap();
        for name in operation.path.split('/').filter(|part| part.starts_with('{')) {
            let name = name.trim_matches(['{', '}']);
            assert!(described.iter().any(|one| one["name"] == name), "{named}: {name}");
        }
        let changes = !operation.method.is_safe();
        assert_eq!(changes, !operation.needs.is_view(), "{named}");
    }
    // Whatever is referred to is there.
    let text = document.to_string();
    for name in text.split("#/components/schemas/").skip(1) {
        let name = name.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }

    let mounted = Router::new().nest("/jobs", dashboard().await.router::<()>());
    let answer = get(&mounted, "/jobs/api/openapi.json").await;
    assert_eq!(answer.json()["servers"], json!([{"url": "/jobs"}]));
}

#[tokio::test]
async fn every_operation_is_closed() {
    let router = dashboard().await.router::<()>();
    let frozen = dashboard().await.read_only(true).router::<()>();
    let code = |answer: &Answer| answer.json()["code"].as_str().unwrap_or_default().to_owned();
    for operation in operations(&document(&router).await) {
        let Operation { method, path, needs, .. } = &operation;
        let path = filled(path, "mail");
        let named = format!("{method} {path}");

        let stranger = ask(&router, request(method, &path, None, "")).await;
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{named}");
        assert_eq!(stranger.kind(), "application/problem+json", "{named}");
        let others = Permissions::all().without(*needs).to_string().replace(' ', "");
        for may in ["", &others] {
            let denied = ask(&router, request(method, &path, Some(may), "")).await;
            assert_eq!(denied.status, StatusCode::FORBIDDEN, "{named}");
            assert_eq!(denied.kind(), "application/problem+json", "{named}");
        }
        let elsewhere = filled(&operation.path, "mail").replace("/i/main", "/i/other");
        let answer = ask(&router, request(method, &elsewhere, Some("all"), "")).await;
        assert_eq!(
            (answer.status, &*code(&answer)),
            (StatusCode::NOT_FOUND, "not_found"),
            "{named}"
        );
        if method.is_safe() {
            continue;
        }

        let mut foreign = request(method, &path, Some("all"), "");
        foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
        let foreign = ask(&router, foreign).await;
        assert_eq!(
            (foreign.status, &*code(&foreign)),
            (StatusCode::FORBIDDEN, "cross_site"),
            "{named}"
        );
        assert_eq!(foreign.kind(), "application/problem+json", "{named}");
        // Forms of other sites can send this without asking first.
        if operation.said["requestBody"].is_object() {
            let mut form = request(method, &path, Some("all"), "{}");
            form.headers_mut().insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
            let form = ask(&router, form).await;
            assert_eq!(
                (form.status, &*code(&form)),
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
                "{named}"
            );
        }
        let frozen = ask(&frozen, request(method, &path, Some("all"), "{}")).await;
        let gone = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::FORBIDDEN];
        assert!(gone.contains(&frozen.status), "{named}: {}", frozen.status);
        assert_eq!(frozen.kind(), "application/problem+json", "{named}");
    }
    let operations = operations(&document(&frozen).await);
    assert!(operations.iter().all(|operation| operation.method.is_safe()), "what is not there");
}

#[tokio::test]
async fn what_is_hidden_is_not_there() {
    let router = dashboard().await.router::<()>();
    for operation in operations(&document(&router).await) {
        let Operation { method, path, .. } = &operation;
        let body = r#"{"limit": 1}"#;
        if path.contains("{queue}") {
            let body = if path.ends_with("scale") || path.ends_with("start") { body } else { "{}" };
            let answer =
                ask(&router, request(method, &filled(path, "hidden"), Some("all"), body)).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            assert_eq!(answer.json()["code"], "not_found", "{method} {path}");
        } else if path.contains("{cron}") {
            for cron in ["hidden", "payday", "nothing"] {
                let answer =
                    ask(&router, request(method, &filled(path, cron), Some("all"), "")).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            }
        } else if path.contains("{job}") {
            // One is of a hidden worker, one in a hidden queue; the last is of nobody.
            for job in ["3", "4", "999", "-1", "x"] {
                let path = path.replace("{instance}", "main").replace("{job}", job);
                let body = if path.ends_with("snooze") { r#"{"seconds": 1}"# } else { "" };
                let answer = ask(&router, request(method, &path, Some("all"), body)).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            }
        } else if method.is_safe() {
            let answer = get(&router, &filled(path, "mail")).await;
            // What stands for something private is told.
            let body = answer.body.replace(crate::service::HIDDEN, "");
            assert!(!body.contains("hidden"), "{path}: {}", answer.body);
            assert!(!answer.body.contains("payday"), "{path}: {}", answer.body);
            assert!(!answer.body.contains("canary"), "{path}: {}", answer.body);
        }
    }
    let overview = get(&router, "/api/v1/i/main/overview").await.json();
    let available = overview["states"].as_array().unwrap().iter();
    let available = available.clone().find(|count| count["state"] == "available").unwrap();
    assert_eq!(
        available["jobs"],
        json!({"value": 3, "quality": "exact"}),
        "not the one of the hidden queue"
    );
}

#[tokio::test]
async fn a_queue_is_paused_and_told_of() {
    let router = dashboard().await.router::<()>();
    let path = "/api/v1/i/main/queues/mail";
    let pause = |body: &str| {
        ask(&router, request(&Method::POST, &format!("{path}/pause"), Some("all"), body))
    };
    let paused = pause(r#"{"reason": "a deploy", "seconds": 600}"#).await;
    assert_eq!(paused.status, StatusCode::OK, "{}", paused.body);
    let order = &paused.json()["orders"][0];
    assert_eq!((&order["setting"], &order["by"]), (&json!("paused"), &json!("ada")));
    assert_eq!(order["reason"], "a deploy");
    assert!(order["id"].is_string() && order["until"].as_str().unwrap().ends_with('Z'), "{order}");

    for wrong in [
        r#"{"seconds": 0}"#,
        r#"{"seconds": 1, "until": "2027-01-01T00:00:00Z"}"#,
        r#"{"until": "tomorrow"}"#,
        r#"{"secnods": 1}"#,
        "[1",
    ] {
        let answer = pause(wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", answer.body);
    }
    let resume = request(&Method::POST, &format!("{path}/resume"), Some("all"), "");
    assert_eq!(ask(&router, resume).await.status, StatusCode::OK, "nothing is as good as {{}}");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let router = dashboard().await.router::<()>();
    let path = "/api/v1/i/main/queues";
    let first = get(&router, path).await;
    let tag = first.headers[header::ETAG].clone();
    let mut again = request(&Method::GET, path, Some("all"), "");
    again.headers_mut().insert(header::IF_NONE_MATCH, tag);
    let again = ask(&router, again).await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
}

#[tokio::test]
async fn every_answer_says_by_what_the_log_knows_it() {
    let router = dashboard().await.router::<()>();
    let with = |id: &str| {
        let mut request = request(&Method::GET, "/api/v1/i/main/queues/no", Some("all"), "");
        request.headers_mut().insert("x-request-id", id.parse().unwrap());
        request
    };
    let answer = ask(&router, with("from-the-proxy_7")).await;
    assert_eq!(answer.headers["x-request-id"], "from-the-proxy_7");
    assert_eq!(answer.json()["request_id"], "from-the-proxy_7");
    let answer = ask(&router, with("forged entry: 7")).await;
    let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
    assert!(id.parse::<uuid::Uuid>().is_ok(), "{id}");
    assert_eq!(answer.json()["request_id"], id);
}

#[tokio::test]
async fn other_methods_and_addresses_are_told_of_in_json() {
    let router = dashboard().await.router::<()>();
    for (method, path, expected) in [
        (Method::PUT, "/api/v1/i/main/queues", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/api/v1/i/main/nothing", StatusCode::NOT_FOUND),
        (Method::GET, "/api/v2", StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/i/main/queues/%ff", StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/i/%ff/queues", StatusCode::NOT_FOUND),
    ] {
        let answer = ask(&router, request(&method, path, Some("all"), "")).await;
        assert_eq!(
            (answer.status, answer.kind()),
            (expected, "application/problem+json"),
            "{path}"
        );
        assert_eq!(answer.json()["status"], expected.as_u16(), "{path}");
    }
}

#[tokio::test]
async fn gauges_are_told_to_those_who_may_watch() {
    let router = dashboard().await.router::<()>();
    let others = Permissions::all().without(Permission::MetricsView).to_string().replace(' ', "");
    for (may, expected) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some(""), StatusCode::FORBIDDEN),
        (Some(&*others), StatusCode::FORBIDDEN),
        (Some("metrics:view"), StatusCode::OK),
    ] {
        let answer = ask(&router, request(&Method::GET, "/metrics", may, "")).await;
        assert_eq!(answer.status, expected, "{may:?}");
        assert!(!answer.body.contains("hidden"), "{}", answer.body);
        if expected == StatusCode::OK {
            let line = "kerrera_jobs{instance=\"main\",queue=\"mail\",state=\"available\"} 3\n";
            assert!(answer.body.contains(line), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_job_is_shown_without_what_is_private_and_every_digit() {
    let router = dashboard().await.router::<()>();
    let answer = get(&router, "/api/v1/i/main/jobs/1").await;
    assert!(!answer.body.contains("canary"), "{}", answer.body);
    assert!(answer.body.contains("12345678901234567890"), "{}", answer.body);
    let job = answer.json();
    assert_eq!((&job["id"], &job["is_redacted"]), (&json!("1"), &json!(true)));
    assert_eq!((&job["state"], &job["worker"]), (&json!("available"), &json!("Mail")));
    let reveal = request(&Method::POST, "/api/v1/i/main/jobs/1/reveal", Some("jobs:reveal"), "");
    let revealed = ask(&router, reveal).await;
    assert_eq!(revealed.json()["args"]["password"], "canary", "{}", revealed.body);
    assert_eq!(revealed.headers[header::CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn what_is_done_to_a_job_is_told_to_those_who_may_see_it() {
    let router = dashboard().await.router::<()>();
    let act = |may: &'static str, action: &str, body: &str| {
        let path = format!("/api/v1/i/main/jobs/1/{action}");
        ask(&router, request(&Method::POST, &path, Some(may), body))
    };
    let snoozed = act("all", "snooze", r#"{"seconds": 60}"#).await;
    assert_eq!(snoozed.json()["state"], "scheduled", "{}", snoozed.body);
    assert_eq!(act("all", "run-now", "").await.json()["state"], "available");
    let done = act("jobs:cancel", "cancel", "").await;
    assert_eq!(
        (done.status, done.body.as_str()),
        (StatusCode::NO_CONTENT, ""),
        "done, and not shown"
    );
    let again = act("all", "cancel", "").await;
    assert_eq!((again.status, &again.json()["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    assert_eq!(act("all", "retry", "").await.json()["state"], "available");
    let path = "/api/v1/i/main/jobs/1";
    let deleted = ask(&router, request(&Method::DELETE, path, Some("all"), "")).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.body);
    assert_eq!(get(&router, path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_entry_of_the_crontab_is_added_changed_and_removed() {
    let router = dashboard().await.router::<()>();
    let send = |method: Method, path: &'static str, body: &'static str| {
        let path = format!("/api/v1/i/main/{path}");
        let router = &router;
        async move { ask(router, request(&method, &path, Some("all"), body)).await }
    };
    let wrong = r#"{"name": "a", "expression": "61 * * * *", "worker": "", "args": [1]}"#;
    let refused = send(Method::POST, "crons", wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = refused.json()["detail"].to_string();
    for field in ["expression: ", "worker: ", "args: "] {
        assert!(detail.contains(field), "{detail}");
    }
    let new = r#"{"name": "report", "expression": "0 7 * * *", "timezone": "Asia/Seoul",
        "worker": "Report", "args": {"n": 12345678901234567890}}"#;
    let added = send(Method::POST, "crons", new).await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.body);
    assert_eq!(added.json()["next"].as_array().unwrap().len(), 5);
    let changed = send(Method::PATCH, "crons/report", r#"{"overlap": "skip"}"#).await.json();
    assert_eq!((&changed["overlap"], &changed["timezone"]), (&json!("skip"), &json!("Asia/Seoul")));
    assert_eq!(send(Method::POST, "crons/report/run", "").await.json()["is_new"], true);
    assert_eq!(send(Method::POST, "crons/report/pause", "").await.json()["paused"], true);
    assert_eq!(send(Method::DELETE, "crons/report", "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(get(&router, "/api/v1/i/main/crons/report").await.status, StatusCode::NOT_FOUND);
    let next = "/api/v1/i/main/cron-preview?expression=30+2+*+*+*&timezone=Europe%2FBerlin";
    assert_eq!(get(&router, next).await.json()["shifts"].as_array().unwrap().len(), 2);
}

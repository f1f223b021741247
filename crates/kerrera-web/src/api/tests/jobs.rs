//! Jobs: listed, inserted once however often they are sent, and changed as they were seen.

use axum::http::HeaderValue;

use super::*;

const JOBS: &str = "/api/v1/i/main/jobs";

#[tokio::test]
async fn a_list_is_read_page_by_page_and_only_what_is_wanted() {
    let router = dashboard().await.router::<()>();
    let path = "/api/v1/i/main/jobs";
    let first = get(&router, &format!("{path}?order=oldest&limit=1&fields=id,queue")).await.json();
    assert_eq!(first["items"], json!([{"id": "1", "queue": "mail"}]), "{first}");
    let next = first["next"].as_str().unwrap();
    let second = get(&router, &format!("{path}?order=oldest&limit=1&cursor={next}")).await.json();
    assert_eq!(second["items"][0]["id"], "2", "{second}");
    assert_eq!(second["items"][0]["state"], "available", "all of it, if nothing is said");
    assert!(second["previous"].is_string(), "{second}");

    let filtered = get(&router, &format!("{path}?q=worker:Mail+-id:1")).await.json();
    assert_eq!(filtered["items"].as_array().unwrap().len(), 1, "{filtered}");
    assert_eq!(filtered["count"], json!({"value": 1, "quality": "exact"}));
    let count = get(&router, &format!("{path}/count?q=worker:Mail")).await.json();
    assert_eq!(count, json!({"count": {"value": 2, "quality": "exact"}}));
    let hidden = get(&router, &format!("{path}/count?q=queue:hidden")).await.json();
    assert_eq!(hidden["count"]["value"], 0, "{hidden}");
    let suggested = get(&router, &format!("{path}/suggest?q=worker:M")).await.json();
    assert_eq!(suggested, json!({"from": 7, "to": 8, "items": ["Mail"]}));

    for wrong in
        ["q=stat:x", "q=args.password:x", "cursor=x", "limit=0", "limit=501", "fields=id,x"]
    {
        let answer = get(&router, &format!("{path}?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert_eq!(answer.json()["code"], "invalid", "{wrong}");
    }
}

async fn send(
    router: &Router,
    method: Method,
    path: &str,
    header: Option<(&'static str, &str)>,
    body: &Value,
) -> Answer {
    let mut request = request(&method, path, Some("all"), &body.to_string());
    if let Some((name, value)) = header {
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    ask(router, request).await
}

async fn post(router: &Router, path: &str, key: Option<&str>, body: &Value) -> Answer {
    send(router, Method::POST, path, key.map(|key| ("idempotency-key", key)), body).await
}

#[tokio::test]
async fn a_job_is_inserted_or_told_what_is_wrong_with_it() {
    let router = dashboard().await.router::<()>();
    let whole = json!({
        "worker": "Mail", "queue": "letters", "args": {"to": "bob"}, "meta": {"batch": 7},
        "tags": ["vip"], "priority": 3, "max_attempts": 4, "seconds": 3600,
    });
    let tried = post(&router, &format!("{JOBS}?dry_run=true"), None, &whole).await;
    assert_eq!(tried.json(), json!({"outcome": "valid", "id": null}), "{}", tried.body);
    let inserted = post(&router, JOBS, None, &whole).await.json();
    assert_eq!(inserted, json!({"outcome": "inserted", "id": "5"}), "a trial inserts nothing");
    let job = get(&router, &format!("{JOBS}/5")).await.json();
    assert_eq!((&job["state"], &job["queue"]), (&json!("scheduled"), &json!("letters")));
    assert_eq!((&job["args"], &job["meta"]), (&json!({"to": "bob"}), &json!({"batch": 7})));
    assert_eq!((&job["tags"], &job["priority"]), (&json!(["vip"]), &json!(3)));

    let unique = json!({"worker": "Mail", "args": {"to": "eve"}, "unique": true});
    let first = post(&router, JOBS, None, &unique).await.json();
    let second = post(&router, JOBS, None, &unique).await.json();
    assert_eq!((&first["outcome"], &second["outcome"]), (&json!("inserted"), &json!("existing")));
    assert_eq!(first["id"], second["id"]);

    for (wrong, field) in [
        (json!({"worker": "Unknown"}), "worker"),
        (json!({"worker": "Hidden"}), "worker"),
        (json!({"worker": "Mail", "queue": "hidden"}), "queue"),
        (json!({"worker": "Mail", "priority": 10}), "priority"),
        (json!({"worker": "Mail", "args": []}), "args"),
        (json!({"worker": "Mail", "tags": ["a,b"]}), "tags"),
        (
            json!({"worker": "Mail", "seconds": 1, "scheduled_at": "2027-01-01T00:00:00Z"}),
            "seconds",
        ),
        (json!({"worker": "Mail", "wroker": 1}), "wroker"),
    ] {
        let answer = post(&router, JOBS, None, &wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(field), "{wrong}: {detail}");
    }
}

#[tokio::test]
async fn many_jobs_are_inserted_all_or_none() {
    let router = dashboard().await.router::<()>();
    let path = format!("{JOBS}/batch");
    let right = json!({"jobs": [{"worker": "Mail"}, {"worker": "Mail", "queue": "b"}]});
    let inserted = post(&router, &path, None, &right).await.json();
    assert_eq!(inserted["items"][1], json!({"outcome": "inserted", "id": "6"}), "{inserted}");
    let wrong = json!({"jobs": [{"worker": "Mail"}, {"worker": "Unknown"}]});
    let refused = post(&router, &path, None, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("jobs[1].worker"), "{}", refused.body);
    let count = get(&router, &format!("{JOBS}/count")).await.json();
    let again = get(&router, &format!("{JOBS}/7")).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "{count}");
    for many in [0, 1_001] {
        let jobs: Vec<Value> = (0..many).map(|_| json!({"worker": "Mail"})).collect();
        let refused = post(&router, &path, None, &json!({"jobs": jobs})).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{many}");
    }
}

#[tokio::test]
async fn a_request_that_is_sent_again_inserts_nothing() {
    let router = dashboard().await.router::<()>();
    let body = json!({"jobs": [{"worker": "Mail", "args": {"n": 1}}, {"worker": "Mail"}]});
    let path = format!("{JOBS}/batch");
    let sent = futures_util::future::join_all(
        (0..8).map(|_| post(&router, &path, Some("order-4711"), &body)),
    );
    let answers: Vec<Value> = sent.await.iter().map(Answer::json).collect();
    let news = answers.iter().filter(|answer| answer["items"][0]["outcome"] == "inserted");
    assert_eq!(news.count(), 1, "of requests at the same moment one inserts: {answers:?}");
    let ids = |answer: &Value| -> Vec<Value> {
        answer["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
    };
    assert!(answers.iter().all(|answer| ids(answer) == ids(&answers[0])), "{answers:?}");

    let other = json!({"jobs": [{"worker": "Mail", "args": {"n": 2}}, {"worker": "Mail"}]});
    let refused = post(&router, &path, Some("order-4711"), &other).await;
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (StatusCode::CONFLICT, &json!("conflict"))
    );
    let fresh = post(&router, &path, Some("order-4712"), &other).await.json();
    assert_eq!(fresh["items"][0]["outcome"], "inserted", "another request");

    let job = get(&router, &format!("{JOBS}/{}", ids(&answers[0])[0].as_str().unwrap())).await;
    assert!(!job.body.contains("order-4711"), "its name may be anything: {}", job.body);
    for (key, body) in [
        ("", json!({"worker": "Mail"})),
        ("two words", json!({"worker": "Mail"})),
        (&*"x".repeat(256), json!({"worker": "Mail"})),
        ("key", json!({"worker": "Mail", "unique": true})),
        ("key", json!({"worker": "Mail", "meta": {"idempotency_key": "x"}})),
    ] {
        let refused = post(&router, JOBS, Some(key), &body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{key:?} {body}");
    }
}

#[tokio::test]
async fn a_job_is_changed_only_as_it_was_seen() {
    let router = dashboard().await.router::<()>();
    let path = format!("{JOBS}/1");
    let patch = |seen: Option<String>, body: Value| {
        let (router, path) = (router.clone(), path.clone());
        async move {
            let seen = seen.as_deref().map(|seen| ("if-match", seen));
            send(&router, Method::PATCH, &path, seen, &body).await
        }
    };
    let seen = get(&router, &path).await;
    let tag = seen.headers[header::ETAG].to_str().unwrap().to_owned();
    let changed = patch(Some(tag.clone()), json!({"priority": 2, "tags": ["vip"]})).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert_eq!(
        (&changed.json()["priority"], &changed.json()["tags"]),
        (&json!(2), &json!(["vip"]))
    );
    assert_eq!(changed.json()["args"], seen.json()["args"]);

    let stale = patch(Some(tag), json!({"priority": 3})).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(stale.json()["code"], "changed");
    assert_eq!(get(&router, &path).await.json()["priority"], 2, "nothing was changed");
    let now = changed.headers[header::ETAG].to_str().unwrap().to_owned();
    assert_eq!(patch(Some(now), json!({"priority": 3})).await.status, StatusCode::OK);
    assert_eq!(patch(Some("*".to_owned()), json!({"priority": 4})).await.status, StatusCode::OK);
    for (seen, wrong) in [
        (None, json!({"priority": 3})),
        (Some("*".to_owned()), json!({"priority": 10})),
        (Some("*".to_owned()), json!({"args": {"to": "eve"}})),
        (Some("*".to_owned()), json!({"worker": "Pay"})),
        (Some("*".to_owned()), json!({"queue": "hidden"})),
    ] {
        let answer = patch(seen.clone(), wrong.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{seen:?} {wrong}");
    }
}

#[tokio::test]
async fn a_copy_keeps_what_is_hidden() {
    let router = dashboard().await.router::<()>();
    let copy = post(&router, &format!("{JOBS}/1/duplicate"), None, &json!({"queue": "b"})).await;
    assert_eq!(copy.json(), json!({"outcome": "inserted", "id": "5"}), "{}", copy.body);
    assert!(!get(&router, &format!("{JOBS}/5")).await.body.contains("canary"));
    let whole = post(&router, &format!("{JOBS}/5/reveal"), None, &json!({})).await.json();
    assert_eq!(whole["args"]["password"], "canary");
    let given_up = post(&router, &format!("{JOBS}/5/discard"), None, &json!({})).await.json();
    assert_eq!(given_up["state"], "discarded");
    let again = post(&router, &format!("{JOBS}/5/discard"), None, &json!({})).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn jobs_are_taken_out_without_what_is_private_and_it_is_written_down() {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    let mail = |n: i64| NewJob::of("Mail", json!({"n": n, "token": "canary"})).queue("mail");
    client.insert_all((0..450).map(mail)).await.unwrap();
    client.insert(NewJob::of("Mail", json!({})).queue("hidden")).await.unwrap();
    client.insert(NewJob::of("Hidden", json!({})).queue("mail")).await.unwrap();
    let router = Dashboard::new(ByHeader).instance("main", client.clone()).router::<()>();
    let path = format!("{JOBS}/export");
    let lines = |answer: &Answer| -> Vec<Value> {
        answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = post(&router, &path, None, &json!({})).await;
    assert_eq!((all.status, all.kind()), (StatusCode::OK, "application/x-ndjson"));
    assert!(!all.body.contains("canary") && !all.body.contains("\"hidden\""));
    let all = lines(&all);
    assert_eq!(all.last(), Some(&json!({"jobs": 450, "next": null})));
    let ids: Vec<&str> = all[..450].iter().map(|job| job["id"].as_str().unwrap()).collect();
    assert_eq!(ids, (1..=450).map(|id| id.to_string()).collect::<Vec<_>>());

    let first = lines(&post(&router, &path, None, &json!({"limit": 300, "q": "queue:mail"})).await);
    let next = first.last().unwrap()["next"].clone();
    assert_eq!((first.len(), &next), (301, &json!("300")));
    let rest = json!({"q": "queue:mail", "after": next});
    let rest = lines(&post(&router, &path, None, &rest).await);
    assert_eq!(rest.last(), Some(&json!({"jobs": 150, "next": null})));

    let told = client.audit(kerrera::audit::AuditQuery::new()).await.unwrap();
    let told: Vec<_> = told.iter().map(|one| &one.entry).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(|entry| entry.action == "jobs.export" && entry.actor.id == "7"));
    assert_eq!(told[0].target, "queue:mail");
    for wrong in [json!({"limit": 0}), json!({"after": "x"}), json!({"q": "args.token:x"})] {
        let refused = post(&router, &path, None, &wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}

#[tokio::test]
async fn who_may_not_reveal_cannot_guess_what_errors_hide() {
    let router = dashboard().await.router::<()>();
    for (may, expected) in
        [("jobs:view", StatusCode::UNPROCESSABLE_ENTITY), ("jobs:view,jobs:reveal", StatusCode::OK)]
    {
        for path in ["", "/count"] {
            for filter in ["error:canary", "-error:c", "id:1+error:%22can%22"] {
                let path = format!("{JOBS}{path}?q={filter}");
                let answer = ask(&router, request(&Method::GET, &path, Some(may), "")).await;
                assert_eq!(answer.status, expected, "{may} {path}: {}", answer.body);
            }
        }
        let path = format!("{JOBS}?q=error.fp:9f86d081");
        let answer = ask(&router, request(&Method::GET, &path, Some(may), "")).await;
        assert_eq!(answer.status, StatusCode::OK, "a group of errors can be named");
        let path = format!("{JOBS}/suggest?q=erro");
        let answer = ask(&router, request(&Method::GET, &path, Some(may), "")).await;
        assert_eq!(answer.body.contains("error:"), expected == StatusCode::OK);
    }
}

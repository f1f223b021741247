//! Errors and workers, asked where there are some.

use super::*;
use crate::page::failing;

#[tokio::test]
async fn failures_are_told_without_what_is_private() {
    let client = failing::failed().await;
    let router = Dashboard::new(ByHeader).instance("main", client).router::<()>();
    let path = "/api/v1/i/main/errors";
    let answer = get(&router, &format!("{path}?order=count&window=1h")).await;
    let groups = answer.json()["items"].as_array().unwrap().clone();
    assert_eq!(groups.len(), 2, "{}", answer.body);
    assert_eq!(groups[0]["hour"], 4);
    assert_eq!(groups[0]["message"], "no funds of [hidden]\n  at the second line");
    let page = get(&router, &format!("{path}?limit=1")).await.json();
    let next = format!("{path}?limit=1&cursor={}", page["next"].as_str().unwrap());
    let next = get(&router, &next).await.json();
    assert_ne!(page["items"][0]["fingerprint"], next["items"][0]["fingerprint"]);
    for query in ["limit=0", "limit=201", "cursor=x", "order=count&cursor=1.2", "window=2h"] {
        let answer = get(&router, &format!("{path}?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }

    let print = groups[0]["fingerprint"].as_str().unwrap();
    let answer = get(&router, &format!("{path}/{print}?window=7d")).await;
    let group = answer.json();
    assert_eq!(group["sample"]["error"], "no funds of [hidden]\n  at the second line");
    let counts = group["counts"].as_array().unwrap();
    assert_eq!(counts.len(), 28);
    assert_eq!(counts.iter().map(|step| step["count"].as_u64().unwrap()).sum::<u64>(), 4);
    assert_eq!(group["jobs"][0]["state"], "retryable");
    assert_eq!(group["jobs"][0]["jobs"]["value"], 4);

    let answer = get(&router, "/api/v1/i/main/workers").await;
    let workers = answer.json()["items"].as_array().unwrap().clone();
    let names: Vec<&str> = workers.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Charge"]);
    assert_eq!(workers[0]["declaration"]["sensitive"], json!(["account"]));
    assert_eq!(workers[0]["runs"]["failed"], 5);
    assert_eq!(workers[0]["runs"]["failure_rate"], 1.0);
    let worker = get(&router, "/api/v1/i/main/workers/Charge?window=1h").await.json();
    assert_eq!(worker["runs"]["total"], 5);
    let hidden = get(&router, "/api/v1/i/main/workers/Secret").await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn numbers_over_time_are_told_without_what_is_hidden() {
    let client = failing::failed().await;
    let router = Dashboard::new(ByHeader).instance("main", client).router::<()>();
    let path = "/api/v1/i/main/metrics/series";
    let sum = |line: &Value| -> f64 {
        line["values"].as_array().unwrap().iter().filter_map(Value::as_f64).sum()
    };
    let runs = get(&router, &format!("{path}?name=jobs&by=outcome&window=1d")).await.json();
    assert_eq!(runs["step"], 900);
    for line in runs["lines"].as_array().unwrap() {
        let expected = if line["name"] == "failed" { 5.0 } else { 0.0 };
        assert_eq!(sum(line), expected, "{line}");
        let values = line["values"].as_array().unwrap();
        assert!(values[0].is_null(), "nobody was there a day ago: {line}");
    }
    let queues = get(&router, &format!("{path}?name=jobs&by=queue")).await.json();
    let names: Vec<&Value> =
        queues["lines"].as_array().unwrap().iter().map(|l| &l["name"]).collect();
    assert_eq!(names, [&json!("mail")]);
    let times = get(&router, &format!("{path}?name=run_time&worker=Charge&agg=p95")).await.json();
    let times = times["lines"].as_array().unwrap().clone();
    assert_eq!((times.len(), &times[0]["agg"]), (1, &json!("p95")));
    let wait = get(&router, &format!("{path}?name=wait_time&queue=mail")).await.json();
    assert_eq!(wait["lines"].as_array().unwrap().len(), 4);

    let (hidden, mistaken) = (StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY);
    for (query, status) in [
        ("name=jobs&queue=hidden", hidden),
        ("name=jobs&worker=Hidden", hidden),
        ("", mistaken),
        ("name=others", mistaken),
        ("name=depth&by=outcome", mistaken),
        ("name=depth&worker=Charge", mistaken),
        ("name=jobs&step=0", mistaken),
        ("name=jobs&step=90", mistaken),
        ("name=jobs&from=2026-01-01T00:00:00Z&step=60", mistaken),
        ("name=jobs&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", mistaken),
        ("name=jobs&window=1h&to=2026-01-01T00:00:00Z", mistaken),
    ] {
        let answer = get(&router, &format!("{path}?{query}")).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.body);
    }
}

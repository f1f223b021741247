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

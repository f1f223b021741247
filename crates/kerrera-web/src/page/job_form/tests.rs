use axum::http::StatusCode;
use kerrera::{Client, Json, NewJob};
use serde_json::json;

use crate::access::DangerouslyPublic;
use crate::dashboard::Dashboard;
use crate::links::escape;
use crate::page::site::Site;

const ARGS: &str =
    r#"{"amount":10000000000000000000000.10,"user":{"password":"marker","name":"ada"}}"#;

async fn site() -> (Client, Site, i64) {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    let job = NewJob::of_json("Pay", Json::from_text(ARGS)).queue("mail").tags(["vip"]);
    let id = client.insert(job).await.unwrap().job().id;
    let site = Site::new(client.clone());
    (client, site, id)
}

/// What stands in a field of a form.
fn field(body: &str, name: &str) -> String {
    let value = match body.split(&format!("<textarea id=\"{name}\"")).nth(1) {
        Some(rest) => {
            let inner = rest.split_once('>').unwrap().1;
            inner.split("</textarea>").next().unwrap().trim_start_matches('\n')
        }
        None => {
            let input = body
                .split("<input ")
                .find(|tag| tag.contains(&format!("name=\"{name}\"")) && tag.contains("value=\""));
            let input = input.unwrap_or_else(|| panic!("there is no {name} in {body}"));
            input.split("value=\"").nth(1).unwrap().split('"').next().unwrap()
        }
    };
    value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The form as a browser sends it, with some fields changed.
fn sent(body: &str, changed: &[(&str, &str)]) -> String {
    let names =
        ["worker", "queue", "args", "meta", "tags", "priority", "max_attempts", "from", "seen"];
    let mut pairs = Vec::new();
    for name in names {
        if body.contains(&format!("name=\"{name}\"")) {
            pairs.push((name, field(body, name)));
        }
    }
    pairs.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    pairs.extend(changed.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={}", escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn a_copy_keeps_every_digit_and_what_is_hidden() {
    let (client, site, id) = site().await;
    let form = site.get(&format!("/jobs/new?from={id}")).await;
    form.shows("[hidden]").hides("marker");
    let edited = field(&form.body, "args").replace("ada", "bob");
    let tried = sent(&form.body, &[("args", &edited), ("do", "try")]);
    let tried = site.post("/jobs/new", &tried).await;
    tried.shows("It can be inserted").shows("No node works its queue").hides("marker");
    site.post("/jobs/new", &sent(&form.body, &[("args", &edited), ("do", "save")]))
        .await
        .leads_to(&format!("/jobs/{}?done=inserted", id + 1));
    let copy = client.job(id + 1).await.unwrap().unwrap();
    let expected = ARGS.replace("ada", "bob");
    assert_eq!(copy.args, Json::from_text(expected.as_str()), "{}", copy.args.as_str());
    assert!(copy.args.as_str().contains("10000000000000000000000.10"));
    assert_eq!((copy.queue.as_str(), copy.tags), ("mail", vec!["vip".to_owned()]));

    let same = sent(&form.body, &[("unique", "on"), ("do", "save")]);
    site.post("/jobs/new", &same).await.leads_to(&format!("/jobs/{}?done=inserted", id + 2));
    site.post("/jobs/new", &same).await.leads_to(&format!("/jobs/{}?done=exists", id + 2));
}

#[tokio::test]
async fn nobody_gets_what_is_hidden_out_by_moving_it_or_by_another_worker() {
    let (client, site, id) = site().await;
    client.insert(NewJob::of("Echo", json!({}))).await.unwrap();
    let form = site.get(&format!("/jobs/new?from={id}")).await;
    let moved = field(&form.body, "args").replace("\"password\"", "\"nickname\"");
    for changed in
        [[("args", moved.as_str()), ("do", "save")], [("worker", "Echo"), ("do", "save")]]
    {
        let answer = site.post("/jobs/new", &sent(&form.body, &changed)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{changed:?}");
        assert!(answer.body.contains("not be moved"), "{}", answer.body);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field_and_nothing_written_is_lost() {
    let (client, site, _) = site().await;
    let form = "worker=Nobody&queue=hidden&args={\"a\": 1,}&priority=12&max_attempts=x&when=at&tags=my+tag";
    let answer = site.post("/jobs/new", form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in [
        "no worker &quot;Nobody&quot; is known here",
        "there is no such queue",
        "at line 1 column 9",
        "give 0 to 9",
        "give 1 to 32767",
        "Give a date and a time",
        "value=\"my tag\"",
        "href=\"#args\"",
    ] {
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
    assert_eq!(client.job(2).await.unwrap().map(|job| job.id), None);
    for args in ["[1]", "7", "null", "nonsense"] {
        let form = format!("worker=Pay&args={args}&do=save");
        let answer = site.post("/jobs/new", &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{args}");
    }
    site.post("/jobs/new", "worker=Pay&do=save").await.leads_to("/jobs/2?done=inserted");
}

#[tokio::test]
async fn a_change_is_reviewed_first_and_fails_if_the_job_was_changed_meanwhile() {
    let (client, site, id) = site().await;
    let path = format!("/jobs/{id}/edit");
    let form = site.get(&path).await;
    form.shows("did not allow it").hides("name=\"args\"").hides("marker");
    let changed = [("queue", "urgent"), ("priority", "3"), ("when", "in"), ("minutes", "5")];
    let review = [&changed[..], &[("do", "review")]].concat();
    let review = site.post(&path, &sent(&form.body, &review)).await;
    review.shows("<del>mail</del>").shows("<ins>urgent</ins>").shows("<ins>3</ins>");
    assert_eq!(client.job(id).await.unwrap().unwrap().queue, "mail");
    // Whoever sends args although the form has none changes nothing of them.
    let save = [&changed[..], &[("args", "{}"), ("worker", "Evil"), ("do", "save")]].concat();
    site.post(&path, &sent(&form.body, &save)).await.leads_to(&format!("/jobs/{id}?done=changed"));
    let job = client.job(id).await.unwrap().unwrap();
    assert_eq!((job.queue.as_str(), job.priority, job.worker.as_str()), ("urgent", 3, "Pay"));
    assert_eq!(job.args.as_str(), ARGS);
    assert_eq!(job.state, kerrera::State::Scheduled);

    let again = site.post(&path, &sent(&form.body, &save)).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "it was seen as it had been");
    let denied = site.get_as("jobs:view", "en", &path).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
    let told = client.audit(kerrera::audit::AuditQuery::new()).await.unwrap();
    let told = told.iter().find(|told| told.entry.action == "job.update").unwrap();
    assert_eq!(told.entry.after.as_ref().unwrap()["queue"], "urgent");
    assert!(!format!("{told:?}").contains("marker"));
}

#[tokio::test]
async fn args_can_be_edited_where_that_is_allowed_and_what_is_hidden_stays() {
    let (client, _, id) = site().await;
    let dashboard = Dashboard::new(DangerouslyPublic::everything());
    let dashboard = dashboard.allow_editing_args(true).instance("main", client.clone());
    let site = Site::of(dashboard);
    let path = format!("/jobs/{id}/edit");
    let form = site.get(&path).await;
    form.shows("[hidden]").hides("marker");
    let edited = field(&form.body, "args").replace("ada", "bob");
    let review = sent(&form.body, &[("args", &edited), ("do", "review")]);
    site.post(&path, &review).await.shows("bob").hides("marker");
    let save = sent(&form.body, &[("args", &edited), ("do", "save")]);
    site.post(&path, &save).await.leads_to(&format!("/jobs/{id}?done=changed"));
    let job = client.job(id).await.unwrap().unwrap();
    assert_eq!(job.args, Json::from_text(ARGS.replace("ada", "bob")));
}

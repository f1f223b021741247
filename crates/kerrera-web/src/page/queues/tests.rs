use axum::http::StatusCode;
use kerrera::audit::AuditQuery;
use kerrera::{Kerrera, NewJob, Setting, Units as _};
use serde_json::json;

use crate::dashboard::Dashboard;
use crate::page::site::{ByHeader, Site, node};

async fn site() -> (Kerrera, Site) {
    let node = node().await;
    for queue in ["mail", "nobody's", "hidden"] {
        let job = NewJob::of("Unknown", json!({"secret": "marker"})).queue(queue);
        // What a node claims comes and goes.
        let job = if queue == "nobody's" { job } else { job.schedule_in(1.hours()) };
        node.client().insert(job).await.unwrap();
    }
    let site = Site::new(node.client().clone());
    (node, site)
}

#[tokio::test]
async fn queues_are_listed_with_what_waits_in_them() {
    let (node, site) = site().await;
    let page = site.get("/queues").await;
    page.shows("/i/main/queues/mail").shows("0 of 3 slots in use").shows("running");
    page.shows("Jobs wait in queues that no node works: 1.");
    page.shows("no node works it").hides("queues/hidden").hides("marker");
    let page = site.get_as("all", "ko", "/queues").await;
    page.shows("처리하는 노드 없음").shows("슬롯 3개 중 0개 사용 중").shows("일시 정지");
    let page = site.get("/queues/mail").await;
    page.shows("Queue: mail")
        .shows("/i/main/nodes/web-1")
        .shows("queue%3Amail%20state%3Aavailable");
    assert_eq!(site.get("/queues/hidden").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.get("/queues/other").await.status, StatusCode::NOT_FOUND);
    site.get_as("everything", "en", "/queues/hidden").await.shows("Queue: hidden");
    node.shutdown().await;
}

#[tokio::test]
async fn a_pause_says_who_and_why_and_is_taken_back() {
    let (node, site) = site().await;
    let form = "reason=the+%3Cserver%3E+is+down&ends=in&amount=2&unit=hours";
    let done = site.post("/queues/mail/pause", form).await;
    done.leads_to("/queues/mail?done=paused");
    let orders = node.client().queue_orders().await.unwrap();
    assert_eq!(orders.len(), 1);
    assert_eq!((orders[0].queue.as_deref(), orders[0].node.as_deref()), (Some("mail"), None));
    assert_eq!(orders[0].setting, Setting::Paused(true));
    assert_eq!(
        (orders[0].by.as_deref(), orders[0].reason.as_deref()),
        (Some("ada"), Some("the <server> is down"))
    );
    assert!(orders[0].until.is_some());
    let told = node.client().audit(AuditQuery::new()).await.unwrap().remove(0).entry;
    assert_eq!((told.actor.id.as_str(), told.action.as_str()), ("7", "queue.pause"));
    assert_eq!(told.target, "mail");

    let page = site.get("/queues/mail?done=paused").await;
    page.shows("by ada").shows("the &lt;server&gt; is down").shows("Nodes follow within a second");
    site.get("/queues/mail?done=%3Cb%3E").await.hides("<b>");
    site.get("/queues/mail/reset").await.shows("1 order is forgotten");
    site.post("/queues/mail/reset", "").await.leads_to("/queues/mail?done=reset");
    assert!(node.client().queue_orders().await.unwrap().is_empty());
    node.shutdown().await;
}

#[tokio::test]
async fn orders_are_for_one_node_or_for_all() {
    let (node, site) = site().await;
    site.get("/queues/mail/scale?node=web-1").await.shows("mail on web-1").shows("value=\"3\"");
    let done = site.post("/queues/mail/scale", "node=web-1&limit=7").await;
    done.leads_to("/queues/mail?done=scaled");
    site.post("/queues/mail/pause", "from=queues").await.leads_to("/queues?done=paused");
    site.post("/queues/mail/start", "limit=2&paused=on")
        .await
        .leads_to("/queues/mail?done=started");
    site.get("/queues/mail/stop").await.shows("1 node ceases to work");
    site.post("/nodes/web-1/pause", "").await.leads_to("/nodes/web-1?done=paused");
    let settings = |orders: Vec<kerrera::Standing>| -> Vec<_> {
        orders.into_iter().map(|order| (order.queue, order.node, order.setting)).collect()
    };
    let orders = settings(node.client().queue_orders().await.unwrap());
    let (mail, web) = (Some("mail".to_owned()), Some("web-1".to_owned()));
    assert!(orders.contains(&(mail.clone(), web.clone(), Setting::Limit(7))), "{orders:?}");
    assert!(orders.contains(&(mail.clone(), None, Setting::Paused(true))), "{orders:?}");
    let started = Setting::Started { limit: 2, paused: true };
    assert!(orders.contains(&(mail, None, started)), "{orders:?}");
    node.shutdown().await;
}

#[tokio::test]
async fn all_queues_are_those_that_one_knows_of() {
    let (node, site) = site().await;
    site.post("/orders/pause", "").await.leads_to("/queues?done=paused");
    let names = async || -> Vec<Option<String>> {
        let orders = node.client().queue_orders().await.unwrap();
        orders.into_iter().map(|order| order.queue).collect()
    };
    assert_eq!(names().await, [Some("mail".to_owned()), Some("nobody's".to_owned())]);
    let done = site.post_as("everything", "/orders/pause", "").await;
    done.leads_to("/queues?done=paused");
    assert_eq!(names().await, [None], "all of them, also those that come later");
    node.shutdown().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_told_at_its_field_and_kept() {
    let (node, site) = site().await;
    let cases = [
        ("/queues/mail/pause", "ends=in&amount=soon&reason=kept", "whole number"),
        ("/queues/mail/pause", "ends=in&amount=99999999999&unit=days&reason=kept", "whole number"),
        ("/queues/mail/pause", "ends=at&at=2001-01-01T00:00&reason=kept", "in the past"),
        ("/queues/mail/pause", "ends=at&at=&reason=kept", "Give a date"),
        ("/queues/mail/scale", "limit=0", "to run none, pause"),
        ("/queues/mail/start", "limit=-1", "to run none, pause"),
    ];
    for (path, form, told) in cases {
        let page = site.post(path, form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.body.contains(told) && page.body.contains("aria-invalid"), "{}", page.body);
        assert!(!form.contains("kept") || page.body.contains("value=\"kept\""), "{}", page.body);
    }
    let long = format!("reason={}", "x".repeat(501));
    let page = site.post("/queues/mail/pause", &long).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for path in ["/queues/hidden/pause", "/queues/other/pause", "/nodes/other/pause"] {
        assert_eq!(site.post(path, "").await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(node.client().queue_orders().await.unwrap().is_empty());
    node.shutdown().await;
}

#[tokio::test]
async fn what_is_not_allowed_says_so_and_is_not_done() {
    let (node, site) = site().await;
    let viewer = "queues:view,nodes:view";
    let page = site.get_as(viewer, "en", "/queues").await;
    page.shows("Needs the permission queues:pause").shows("disabled");
    let pauser = "queues:view,queues:pause";
    node.client().queue("mail").scale(2).await.unwrap();
    let refused = site.post_as(pauser, "/queues/mail/reset", "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "a limit is not theirs to take back");
    assert_eq!(node.client().queue_orders().await.unwrap().len(), 1);
    node.shutdown().await;
}

#[tokio::test]
async fn nodes_show_what_they_work() {
    let (node, site) = site().await;
    site.get("/nodes").await.shows("/i/main/nodes/web-1").shows("alive").hides("queues/hidden");
    let page = site.get("/nodes/web-1").await;
    page.shows("Node: web-1")
        .shows("/i/main/queues/mail")
        .hides("queues/hidden")
        .shows("Nothing runs here now")
        .shows("/i/main/jobs?q=node%3Aweb-1\"")
        .shows("/i/main/jobs?q=node%3Aweb-1%20state%3Aretryable%2Cdiscarded");
    let page = site.get_as("nodes:view", "ko", "/nodes/web-1").await;
    page.shows("처리하는 큐").hides("이 노드에서 실행 중").hides("/jobs?q=");
    assert_eq!(site.get("/nodes/web-2").await.status, StatusCode::NOT_FOUND);
    node.shutdown().await;
}

/// Three jobs in each of two queues, in the first of which nothing is changed; nor in one that is hidden.
async fn frozen() -> (Kerrera, Site) {
    let (node, _) = site().await;
    let client = node.client();
    for queue in ["mail", "reports"] {
        let job = || NewJob::of("Unknown", json!({})).queue(queue).schedule_in(1.hours());
        client.insert_all((0..2).map(|_| job())).await.unwrap();
    }
    let nightly = NewJob::of("Unknown", json!({})).queue("mail");
    client.add_cron(kerrera::Cron::new("@daily", nightly).name("nightly")).await.unwrap();
    let dashboard = Dashboard::new(ByHeader).instance("main", client.clone());
    let site = Site::of(dashboard.read_only_queues(["mail", "hidden"]));
    (node, site)
}

#[tokio::test]
async fn what_is_in_a_read_only_queue_is_seen_and_not_changed() {
    let (node, site) = frozen().await;
    let client = node.client();
    let ids = |queue: &'static str| async move {
        let jobs = client.jobs(kerrera::JobQuery::new().queues([queue])).await.unwrap();
        jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    let (mail, reports) = (ids("mail").await, ids("reports").await);
    for id in &mail {
        for verb in ["cancel", "run", "retry", "snooze", "discard", "delete", "edit"] {
            let form = "for=5&unit=minutes&queue=mail&seen=x";
            let refused = site.post(&format!("/jobs/{id}/{verb}"), form).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{verb}: {}", refused.body);
            assert!(refused.body.contains("Read-only: nothing is changed in this queue"));
        }
    }
    for verb in ["pause", "resume", "scale", "start", "stop", "reset"] {
        let refused = site.post(&format!("/queues/mail/{verb}"), "limit=1&end=never").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{verb}: {}", refused.body);
    }
    for verb in ["run", "pause", "resume", "remove"] {
        let refused = site.post(&format!("/crons/nightly/{verb}"), "").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{verb}: {}", refused.body);
    }
    let new = "worker=Unknown&queue=mail&args={}&priority=0&max_attempts=3&do=insert";
    let refused = site.post("/jobs/new", new).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    assert!(refused.body.contains("this queue is read-only"), "{}", refused.body);
    assert_eq!(ids("mail").await, mail);
    for job in client.jobs(kerrera::JobQuery::new().queues(["mail"])).await.unwrap() {
        assert_eq!(job.state, kerrera::State::Scheduled);
    }
    assert!(client.queue_orders().await.unwrap().is_empty());

    // Pages show it all, and say so instead of offering something.
    let page = site.get(&format!("/jobs/{}", mail[0])).await;
    page.shows("Read-only: nothing is changed in this queue").hides("/cancel").hides("/edit");
    site.get("/queues/mail").await.shows("Read-only:").hides("/queues/mail/pause");
    site.get("/crons/nightly").await.shows("Read-only:").hides("/crons/nightly/run");
    site.get_as("all", "ko", "/queues/mail").await.shows("이 큐에서는 변경할 수 없습니다");
    let page = site.get("/jobs").await;
    page.shows(&format!("name=\"id\" value=\"{}\"", reports[0]));
    page.hides(&format!("name=\"id\" value=\"{}\"", mail[0])).hides("Read-only");
    site.get(&format!("/jobs/{}", reports[0])).await.shows("/cancel").hides("Read-only:");
    node.shutdown().await;
}

#[tokio::test]
async fn what_is_done_to_all_leaves_read_only_queues_alone() {
    let (node, site) = frozen().await;
    let client = node.client();
    let page = site.get("/operations/new?action=cancel&all=on&from=list").await;
    page.shows("Queue is not “mail”").hides("“hidden”").hides(",hidden");
    let begun = site.post("/operations/new", "action=cancel&all=on&from=list&do=start").await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.body);
    // The node does it, as soon as it sees it.
    while !client.operations(None, 1).await.unwrap()[0].state.is_final() {
        tokio::task::yield_now().await;
    }
    let cancelled = client.jobs(kerrera::JobQuery::new().states([kerrera::State::Cancelled])).await;
    let cancelled = cancelled.unwrap();
    assert_eq!(cancelled.len(), 3, "two reports and one of nobody's");
    assert!(cancelled.iter().all(|job| job.queue != "mail" && job.queue != "hidden"));

    site.post("/orders/pause", "end=never").await.leads_to("/queues?done=paused");
    let orders = client.queue_orders().await.unwrap();
    let mut queues: Vec<_> = orders.iter().map(|order| order.queue.as_deref()).collect();
    queues.sort_unstable();
    assert_eq!(queues, [Some("nobody's"), Some("reports")]);
    node.shutdown().await;
}

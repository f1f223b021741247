//! Who leads, and what the leader does.

use std::time::Duration;

use kerrera::prelude::*;
use kerrera::telemetry::Event;
use kerrera::{Keep, Pruner, Reindexer, Timestamp};
use kerrera_core::Clock;
use serde_json::json;

use crate::on_both;
use crate::scene::{Scene, insert};

async fn until(what: &str, test: impl AsyncFn() -> bool) {
    for _ in 0..2_000 {
        if test().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came to be that {what}");
}

/// A job that ended in a state long ago.
async fn ended(scene: &Scene, client: &Client, queue: &str, state: State) -> kerrera::JobId {
    let job = NewJob::of("Old", json!({})).queue(queue).schedule_at(Timestamp::MIN);
    let id = insert(client, job).await;
    let then = "inserted_at = scheduled_at";
    scene.raw(&format!("UPDATE oban_jobs SET state = '{state}', {then} WHERE id = {id}")).await;
    id
}

async fn exists(scene: &Scene, id: kerrera::JobId) -> bool {
    scene.storage.job(id).await.unwrap().is_some()
}

async fn one_node_leads_and_another_takes_over_when_it_stops(scene: Scene) {
    let first = scene.builder().node("first").start().await.unwrap();
    until("the first leads", async || first.is_leader()).await;
    let second = scene.builder().node("second").queue("default", 1).start().await.unwrap();
    let client = scene.client().await;
    let leader = client.leader().await.unwrap().unwrap();
    assert_eq!((&*leader.node, leader.term), ("first", 1));
    assert!(!second.is_leader());
    assert!(first.health().loops.iter().any(|report| report.name == "leader"));

    first.shutdown().await;
    until("the second leads", async || second.is_leader()).await;
    let leader = client.leader().await.unwrap().unwrap();
    assert_eq!((&*leader.node, leader.term), ("second", 2));
    second.shutdown().await;
    assert_eq!(client.leader().await.unwrap(), None);
}

async fn two_nodes_of_one_name_have_one_leader(scene: Scene) {
    let start = async || scene.builder().node("same").start().await.unwrap();
    let (one, other) = (start().await, start().await);
    until("one leads", async || one.is_leader() || other.is_leader()).await;
    for _ in 0..20 {
        assert!(!(one.is_leader() && other.is_leader()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn a_leader_that_is_dropped_leaves_its_seat(scene: Scene) {
    let first = scene.builder().node("first").start().await.unwrap();
    until("the first leads", async || first.is_leader()).await;
    drop(first);
    let second = scene.builder().node("second").start().await.unwrap();
    until("the second leads", async || second.is_leader()).await;
}

async fn a_leader_whose_seat_is_taken_away_knows_it(scene: Scene) {
    let kerrera = scene.builder().start().await.unwrap();
    until("it leads", async || kerrera.is_leader()).await;
    let other = "00000000-0000-4000-8000-000000000001";
    scene.raw(&format!("UPDATE kerrera_leaders SET holder = '{other}', term = term + 1")).await;
    until("it does not lead", async || !kerrera.is_leader()).await;
}

async fn the_leader_prunes_what_ended_long_ago(scene: Scene) {
    let client = scene.client().await;
    let states = [State::Completed, State::Cancelled, State::Discarded];
    let mut old = Vec::new();
    for state in states {
        old.push(ended(&scene, &client, "default", state).await);
    }
    let kept = ended(&scene, &client, "audit", State::Completed).await;
    let waiting = ended(&scene, &client, "default", State::Scheduled).await;
    let young = insert(&client, NewJob::of("Young", json!({}))).await;

    let pruner = Pruner::keep(1.hour()).queue("audit", Keep::forever()).every(20.milliseconds());
    let kerrera = scene.builder().prune(pruner).start().await.unwrap();
    until("all that is old is gone", async || {
        let mut gone = true;
        for id in &old {
            gone &= !exists(&scene, *id).await;
        }
        gone
    })
    .await;
    for id in [kept, waiting, young] {
        assert!(exists(&scene, id).await, "{id}");
    }
    // What is old only now goes as well, though the pruner has been past it.
    let late = format!("UPDATE oban_jobs SET state = 'completed' WHERE id = {waiting}");
    scene.raw(&late).await;
    until("it is gone", async || !exists(&scene, waiting).await).await;
    assert!(exists(&scene, kept).await);
    kerrera.shutdown().await;
}

async fn tables_of_our_own_are_pruned_unless_told_otherwise(scene: Scene) {
    let client = scene.client().await;
    let old = ended(&scene, &client, "default", State::Completed).await;
    let keeping = scene.builder().never_prune().start().await.unwrap();
    until("it leads", async || keeping.is_leader()).await;
    assert!(keeping.health().loops.iter().all(|report| report.name != "pruner"));
    keeping.shutdown().await;
    assert!(exists(&scene, old).await);

    let kerrera = scene.builder().start().await.unwrap();
    until("it is pruned", async || !exists(&scene, old).await).await;
    kerrera.shutdown().await;
}

async fn foreign_jobs_are_freed_by_their_age_if_that_is_wanted(scene: Scene) {
    let client = scene.client().await;
    let id = insert(&client, NewJob::of("Foreign", json!({})).schedule_at(Timestamp::MIN)).await;
    let run = "state = 'executing', attempt = 1, attempted_at = scheduled_at";
    scene.raw(&format!("UPDATE oban_jobs SET {run} WHERE id = {id}")).await;

    let kerrera = scene.builder().rescue_foreign_after(1.hour()).start().await.unwrap();
    let job = scene.reaches(id, State::Available).await;
    assert_eq!((job.attempt, job.meta.get("rescued")), (1, Some(json!(1))));
    kerrera.shutdown().await;
}

async fn a_node_that_never_leads_leaves_it_to_others(scene: Scene) {
    let web = scene.builder().node("web").never_lead().queue("default", 1).start().await.unwrap();
    let mut worker = scene.builder().node("worker").start().await.unwrap();
    for _ in 0..2 {
        until("the other one leads", async || worker.is_leader()).await;
        assert_eq!(web.leader().await.unwrap().unwrap().node, "worker");
        worker.shutdown().await;
        assert!(!web.is_leader() && web.leader().await.unwrap().is_none());
        worker = scene.builder().node("worker").start().await.unwrap();
    }
    assert!(web.health().loops.iter().all(|report| report.name != "leader"));
    assert!(web.health().is_healthy());
    web.shutdown().await;
    worker.shutdown().await;
    let both = scene.builder().never_lead().stand_for_election("Oban").start().await;
    assert!(both.unwrap_err().is_config());
}

async fn the_leader_builds_indexes_anew_when_the_schedule_says_so(scene: Scene) {
    let clock = Clock::manual("2026-11-22T14:59:59.9Z".parse().unwrap());
    let (sender, told) = std::sync::mpsc::channel();
    let builder = |name: &str| {
        let (database, sender) = (scene.on_clock(&clock), sender.clone());
        let reindexer = Reindexer::default().timezone("Asia/Seoul").timeout(60.seconds());
        let builder = Kerrera::builder(database).node(name).reindex(reindexer);
        builder.subscribe(move |event: &Event| match event {
            Event::Reindex(reindex) => sender.send(reindex.rebuilt.len()).unwrap(),
            // On SQLite there is nothing to do.
            Event::ReindexIdle(_) => sender.send(0).unwrap(),
            _ => {}
        })
    };
    let looked = |kerrera: &Kerrera| kerrera.health().loops.iter().any(|it| it.name == "reindexer");
    let first = builder("first").start().await.unwrap();
    until("the leader looks at the clock", async || looked(&first)).await;
    assert!(told.try_recv().is_err(), "it is not midnight");
    clock.set("2026-11-22T15:00:00Z".parse().unwrap());
    let rebuilt = std::cell::OnceCell::new();
    let done = async || told.try_recv().is_ok_and(|count| rebuilt.set(count).is_ok());
    until("it is done", done).await;
    assert_eq!(rebuilt.get() == Some(&0), scene.own_sqlite().is_some());
    first.shutdown().await;

    clock.set("2026-11-22T15:01:00Z".parse().unwrap());
    let second = builder("second").start().await.unwrap();
    until("another leader looks at the clock", async || looked(&second)).await;
    second.shutdown().await;
    assert!(told.try_iter().all(|count| count == 0), "once a midnight");
}

async fn settings_that_cannot_work_are_refused(scene: Scene) {
    for builder in [
        scene.builder().rescue_foreign_after(59.minutes()),
        scene.builder().rescue_python_after(299.seconds()),
        scene.builder().prune(Pruner::keep(Duration::ZERO)),
        scene.builder().reindex(Reindexer::default().schedule("* * * * *")),
        scene.builder().stand_for_election(" "),
    ] {
        assert!(builder.start().await.unwrap_err().is_config());
    }
}

on_both!(
    one_node_leads_and_another_takes_over_when_it_stops,
    two_nodes_of_one_name_have_one_leader,
    a_leader_that_is_dropped_leaves_its_seat,
    a_leader_whose_seat_is_taken_away_knows_it,
    the_leader_prunes_what_ended_long_ago,
    tables_of_our_own_are_pruned_unless_told_otherwise,
    foreign_jobs_are_freed_by_their_age_if_that_is_wanted,
    a_node_that_never_leads_leaves_it_to_others,
    the_leader_builds_indexes_anew_when_the_schedule_says_so,
    settings_that_cannot_work_are_refused,
);

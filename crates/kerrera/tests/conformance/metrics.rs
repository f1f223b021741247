//! What is kept of runs and queues over time.

use std::time::Duration;

use kerrera::metrics::{Group, Metric, OTHER, RunEnd, Series, SeriesQuery, SummaryQuery};
use kerrera::prelude::*;
use kerrera::{Builder, Metrics, Timestamp};
use kerrera_core::Clock;

use crate::on_both;
use crate::scene::{Scene, fast, insert};

#[derive(Serialize, Deserialize, Worker)]
struct Work {
    end: String,
}

impl Perform for Work {
    async fn perform(&self, _: &Context) -> JobResult {
        match &*self.end {
            "fail" => Err(JobError::from("no").retry_in(1.hour())),
            "cancel" => cancel("no"),
            "discard" => discard("no"),
            "snooze" => snooze(1.hour()),
            _ => done(),
        }
    }
}

#[derive(Serialize, Deserialize, Worker)]
struct Other {}

impl Perform for Other {
    async fn perform(&self, _: &Context) -> JobResult {
        done()
    }
}

fn builder(scene: &Scene, clock: &Clock) -> Builder {
    let builder = Kerrera::builder(scene.on_clock(clock)).tune(fast).queue("default", 10);
    builder.worker::<Work>().worker::<Other>()
}

fn clock() -> Clock {
    Clock::manual("2026-03-04T15:16:17Z".parse().unwrap())
}

/// By outcome, in steps of a minute from the beginning of the hour.
async fn outcomes(client: &Client, minutes: u64) -> Series {
    let from: Timestamp = "2026-03-04T15:15:00Z".parse().unwrap();
    let query = SeriesQuery::new(Metric::Jobs, from, from + minutes.minutes(), 1.minutes());
    client.reader(10.seconds()).series(query.by(Group::Outcome)).await.unwrap()
}

fn line<'s>(series: &'s Series, name: &str) -> &'s [Option<f64>] {
    let line = series.lines.iter().find(|line| line.name.as_deref() == Some(name));
    &line.unwrap().values
}

async fn run(scene: &Scene, client: &Client, end: &str, state: State) {
    let id = insert(client, Work { end: end.to_owned() }).await;
    scene.reaches(id, state).await;
}

async fn what_became_of_runs_is_seen_while_they_go_on_and_after_a_restart(scene: Scene) {
    let clock = clock();
    let first = builder(&scene, &clock);
    let first = first.metrics(Metrics::default().every(Duration::from_millis(20)));
    let first = first.start().await.unwrap();
    run(&scene, &first, "done", State::Completed).await;
    run(&scene, &first, "fail", State::Retryable).await;
    run(&scene, &first, "cancel", State::Cancelled).await;
    run(&scene, &first, "discard", State::Discarded).await;
    run(&scene, &first, "snooze", State::Scheduled).await;
    for _ in 0..2_000 {
        if line(&outcomes(&first, 2).await, "snoozed")[1] == Some(1.0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seen = outcomes(&first, 2).await;
    for outcome in ["completed", "failed", "cancelled", "discarded", "snoozed"] {
        assert_eq!(line(&seen, outcome), [None, Some(1.0)], "{outcome}");
    }
    assert_eq!(line(&seen, "lost"), [None, Some(0.0)]);
    first.shutdown().await;

    clock.advance(2.minutes());
    let second = builder(&scene, &clock).start().await.unwrap();
    run(&scene, &second, "done", State::Completed).await;
    second.shutdown().await;
    let client = scene.client().await;
    let seen = outcomes(&client, 5).await;
    let done = line(&seen, "completed");
    assert_eq!(done, [None, Some(1.0), None, Some(1.0), None], "nobody was there in between");

    let from: Timestamp = "2026-03-04T15:00:00Z".parse().unwrap();
    let query = SummaryQuery::new(from, from + 1.hour());
    let summary = client.reader(10.seconds()).summary(query).await.unwrap().remove(0);
    let told = (summary.queue.as_deref(), summary.worker.as_deref(), summary.total());
    assert_eq!(told, (Some("default"), Some("Work"), 6));
    assert_eq!((summary.count(RunEnd::Completed), summary.failure_rate()), (2, Some(0.5)));
    assert_eq!(summary.run_time().unwrap().count, 6);
}

async fn too_many_workers_are_counted_together(scene: Scene) {
    let clock = clock();
    let kerrera = builder(&scene, &clock).metrics(Metrics::default().most_workers(1));
    let kerrera = kerrera.start().await.unwrap();
    run(&scene, &kerrera, "done", State::Completed).await;
    let id = insert(&kerrera, Other {}).await;
    scene.reaches(id, State::Completed).await;
    let client = kerrera.client().clone();
    kerrera.shutdown().await;
    let from: Timestamp = "2026-03-04T15:16:00Z".parse().unwrap();
    let query = SeriesQuery::new(Metric::Jobs, from, from + 1.minutes(), 1.minutes());
    let query = query.by(Group::Worker);
    let series = client.reader(10.seconds()).series(query).await.unwrap();
    let names: Vec<_> = series.lines.iter().map(|line| line.name.as_deref().unwrap()).collect();
    assert_eq!((names, series.is_folded), (vec![OTHER, "Work"], true));
}

async fn nothing_is_counted_if_that_is_turned_off(scene: Scene) {
    let clock = clock();
    let kerrera = builder(&scene, &clock).metrics(Metrics::off()).start().await.unwrap();
    run(&scene, &kerrera, "done", State::Completed).await;
    let client = kerrera.client().clone();
    kerrera.shutdown().await;
    assert_eq!(line(&outcomes(&client, 2).await, "completed"), [None, None]);
}

async fn a_node_tells_of_itself_and_its_workers_until_it_goes(scene: Scene) {
    let builder = scene.builder().node("web-1").release("shop", "4.2.0").queue("default", 7);
    let kerrera = builder.worker::<Work>().worker::<Other>().start().await.unwrap();
    let client = scene.client().await;
    let mut nodes = client.nodes().await.unwrap();
    while nodes.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        nodes = client.nodes().await.unwrap();
    }
    let told = &nodes[0];
    let card = &told.node.card;
    assert_eq!(
        (card.node.as_str(), card.pid, told.node.lives),
        ("web-1", std::process::id(), true)
    );
    let release = card.release.clone().unwrap();
    assert_eq!((release.name.as_str(), release.version.as_str()), ("shop", "4.2.0"));
    assert_eq!(card.workers, ["Other", "Work"]);
    assert!(card.connections.iter().any(|some| some.most > 0));
    assert_eq!((told.producers.len(), told.producers[0].limit), (1, 7));

    let workers = client.known_workers().await.unwrap();
    let names: Vec<_> = workers.iter().map(|worker| worker.card.name.as_str()).collect();
    assert_eq!(
        (names, workers[0].nodes.clone()),
        (vec!["Other", "Work"], vec!["web-1".to_owned()])
    );
    kerrera.shutdown().await;
    assert!(client.nodes().await.unwrap().is_empty());
    let workers = client.known_workers().await.unwrap();
    assert!(workers.len() == 2 && workers[0].nodes.is_empty());
}

on_both!(
    what_became_of_runs_is_seen_while_they_go_on_and_after_a_restart,
    too_many_workers_are_counted_together,
    nothing_is_counted_if_that_is_turned_off,
    a_node_tells_of_itself_and_its_workers_until_it_goes,
);

//! T10, the zombie: a node that is stopped for so long that others take its jobs, and wakes.

use std::time::Duration;

use kerrera::State;
use testkit::wait;
use torture::history::{End, Run};

use crate::scene::{Scene, Settings, busy};

/// What `--fast` makes of the time to live.
const TTL: Duration = Duration::from_secs(2);

#[test]
fn a_stopped_node_that_wakes_after_the_rescue_changes_nothing_on_postgres() {
    let _load = busy();
    let mut scene = Scene::on_postgres("T10 PostgreSQL");
    let zombie = scene.start(Settings::FAST);
    // One run is far from over when its node wakes, the others are over while it sleeps.
    for (kind, duration) in [("long", TTL * 15), ("long", TTL * 2), ("chain", TTL * 2)] {
        scene.insert(kind, duration);
    }
    let starts = |runs: Vec<Run>| runs.into_iter().filter(|run| matches!(run, Run::Start { .. }));
    wait::until(TTL, "all three runs", || starts(scene.runs(zombie)).count() == 3);
    let other = scene.start(Settings::FAST);
    scene.freeze(zombie);
    wait::until(TTL * 10, "a rescue", || starts(scene.runs(other)).count() == 3);
    std::thread::sleep(TTL * 2);

    scene.wake(zombie);
    // It notices, stops, and works on: the other node goes, and new work is done.
    let ended = |run: &Run| matches!(run, Run::End { .. });
    wait::until(TTL * 2, "the end of the zombie's runs", || {
        scene.runs(zombie).iter().filter(|run| ended(run)).count() == 3
    });
    wait::until(TTL * 2, "a new name for it", || {
        scene.said(zombie).iter().any(|line| line.contains("producer.lost"))
    });
    scene.end(other);
    let producer = scene.produce(&["--count", "50", "--rate", "1000"]);
    scene.await_producer(producer);
    scene.settle();

    let lost = scene.said(zombie).iter().filter(|line| line.contains("ack.lost")).count();
    let history = scene.history();
    let report = scene.check(&history);
    scene.say(format!("{lost} late acks lost"));
    assert_eq!(report.figures.rescues, 3);
    assert!(lost >= 2, "the zombie did not try to write, so the fence was not tried");

    // What the zombie did before it slept ended as a rescue; what it does now is under another name.
    let mut producers: Vec<&str> = Vec::new();
    for change in &history.changes {
        let (Some(old), Some(new)) = (&change.old, &change.new) else { continue };
        if old.state != State::Executing && new.state == State::Executing {
            let claimed_by_it = new.node() == Some(scene.node(zombie));
            producers
                .extend(new.producer().filter(|name| claimed_by_it && !producers.contains(name)));
        }
    }
    assert!(producers.len() >= 2, "{producers:?}");
}

#[test]
fn a_stopped_node_keeps_its_jobs_on_sqlite() {
    let _load = busy();
    let mut scene = Scene::on_sqlite("T10 SQLite");
    let zombie = scene.start(Settings::FAST);
    scene.insert("long", TTL);
    let (_, start) = scene.next_start(&[zombie], &[]);
    let other = scene.start(Settings::FAST);
    scene.freeze_between_writes(zombie);
    // The other node works on beside it.
    let producer = scene.produce(&["--count", "20", "--rate", "100"]);
    scene.await_producer(producer);
    std::thread::sleep(TTL * 3);
    let rescued = "SELECT count(*) FROM torture_audit WHERE new ->> 'rescued' > 0";
    assert_eq!(scene.database.number(rescued), 0, "its lock is held, so it lives");

    scene.wake(zombie);
    scene.settle();
    let (Run::Start { job: long, .. } | Run::End { job: long, .. }) = start;
    let history = scene.history();
    let report = scene.check(&history);
    assert_eq!((report.figures.rescues, report.figures.overlaps), (0, 0));
    let ends: Vec<&Run> = history
        .runs
        .iter()
        .filter(|run| matches!(run, Run::End { job, end: End::Done, .. } if *job == long))
        .collect();
    assert_eq!(ends.len(), 1, "it finished what it had begun");
    assert!(!scene.runs(other).is_empty());
}

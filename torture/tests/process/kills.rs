//! T03, kill -9: whatever dies, no job is lost, and its work begins again soon.

use std::time::{Duration, Instant};

use torture::history::{Run, Stamp};

use crate::scene::{NodeId, Scene, Settings, busy, quiet};

/// How soon a job runs again after its node was killed.
const PROMISE: Duration = Duration::from_secs(5);

#[test]
fn a_loop_of_kills_loses_nothing_on_postgres() {
    let _load = busy();
    kill_again_and_again(&mut Scene::on_postgres("T03 PostgreSQL"), "100");
}

#[test]
fn a_loop_of_kills_loses_nothing_on_sqlite() {
    let _load = busy();
    kill_again_and_again(&mut Scene::on_sqlite("T03 SQLite"), "60");
}

fn kill_again_and_again(scene: &mut Scene, rate: &str) {
    const KILLS: usize = 15;
    let mut nodes = [(); 3].map(|()| scene.start(Settings::FAST));
    let mut producer = scene.produce(&["--rate", rate]);
    for kill in 1..=KILLS {
        std::thread::sleep(Duration::from_millis(scene.rng.u64(700..1_300)));
        let victim = scene.rng.usize(..nodes.len());
        scene.kill9(nodes[victim]);
        nodes[victim] = scene.start(Settings::FAST);
        if kill % 4 == 0 {
            // A transaction in the middle is cut as well.
            scene.kill_producer(producer);
            producer = scene.produce(&["--rate", rate]);
        }
    }
    let rest = scene.settle();

    let history = scene.history();
    let report = scene.check(&history);
    scene.say(format!("at rest {:.1} s after the last kill", rest.as_secs_f64()));
    assert!(report.figures.rescues > 0, "no kill hit a running job");
}

#[test]
fn a_killed_nodes_job_runs_again_within_five_seconds_on_postgres() {
    let mut scene = Scene::on_postgres("T03 PostgreSQL, shipped settings");
    let nodes = [(); 2].map(|()| scene.start(Settings::SHIPPED));
    // A node judges others by their locks when it has seen them for as long as they may be silent.
    std::thread::sleep(Duration::from_secs(17));
    let _time = quiet();
    let (victim, killed) = kill_in_mid_job(&mut scene, &nodes);
    let survivor = nodes.into_iter().find(|node| *node != victim).unwrap();
    assert_runs_again(&mut scene, survivor, killed);
}

#[test]
fn a_killed_nodes_job_runs_again_within_five_seconds_on_sqlite() {
    let mut scene = Scene::on_sqlite("T03 SQLite, shipped settings");
    let _time = quiet();
    let nodes = [(); 2].map(|()| scene.start(Settings::SHIPPED));
    let (victim, killed) = kill_in_mid_job(&mut scene, &nodes);
    let survivor = nodes.into_iter().find(|node| *node != victim).unwrap();
    assert_runs_again(&mut scene, survivor, killed);
}

#[test]
fn the_only_process_on_a_file_takes_up_its_job_after_a_restart() {
    let mut scene = Scene::on_sqlite("T03 SQLite, one process");
    let _time = quiet();
    let only = scene.start(Settings::SHIPPED);
    let (_, killed) = kill_in_mid_job(&mut scene, &[only]);
    let again = scene.start(Settings::SHIPPED);
    assert_runs_again(&mut scene, again, killed);
}

/// Kills the node that a long job has just begun to run on; says which, and when.
fn kill_in_mid_job(scene: &mut Scene, nodes: &[NodeId]) -> (NodeId, Stamp) {
    scene.insert("long", Duration::from_secs(3));
    let (victim, _) = scene.next_start(nodes, &[]);
    std::thread::sleep(Duration::from_millis(500));
    (victim, scene.kill9(victim))
}

fn assert_runs_again(scene: &mut Scene, node: NodeId, killed: Stamp) {
    let begun = Instant::now();
    let (_, run) = scene.next_start(&[node], &[]);
    let Run::Start { at, attempt, .. } = run else { unreachable!("only starts are given") };
    assert_eq!(attempt, 2);
    let after = Duration::from_micros((at.monotonic - killed.monotonic).unsigned_abs());
    scene.say(format!("kill -9 to the new start: {:.2} s", after.as_secs_f64()));
    assert!(after <= PROMISE, "{after:?}, seen {:?} after it was looked for", begun.elapsed());

    scene.settle();
    let history = scene.history();
    assert_eq!(scene.check(&history).figures.rescues, 1);
}

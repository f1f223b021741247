//! Everything at random and for longer; by hand and at night, not with every change.

use std::time::Duration;

use testkit::postgres::{Cluster, ClusterOptions, StopMode};

use crate::scene::{NodeId, Scene, Settings};

#[test]
#[ignore = "takes minutes"]
fn a_soak_of_dying_and_sleeping_processes_on_postgres() {
    processes(&mut Scene::on_postgres("soak of processes, PostgreSQL"));
}

#[test]
#[ignore = "takes minutes"]
fn a_soak_of_dying_and_sleeping_processes_on_sqlite() {
    processes(&mut Scene::on_sqlite("soak of processes, SQLite"));
}

#[test]
#[ignore = "takes minutes"]
fn a_soak_of_server_restarts() {
    let cluster = Cluster::start(ClusterOptions { fsync: true, ..ClusterOptions::default() });
    let cluster = cluster.unwrap();
    let mut scene = Scene::on_cluster("soak of restarts", &cluster);
    for _ in 0..3 {
        scene.start(Settings::FAST);
    }
    scene.produce(&["--rate", "80"]);
    scene.produce(&["--only", "chain:50", "--rate", "20"]);
    for _ in 0..steps() {
        pause(&mut scene, 50..2_500);
        match scene.rng.u8(..8) {
            0..=1 => cluster.restart(StopMode::Fast).unwrap(),
            2..=3 => cluster.restart(StopMode::Immediate).unwrap(),
            4 => {
                cluster.stop(StopMode::Immediate).unwrap();
                pause(&mut scene, 500..6_000);
                cluster.restart(StopMode::Fast).unwrap();
            }
            _ => {
                for _ in 0..scene.rng.u8(1..30) {
                    scene.kill_a_session(&cluster);
                }
            }
        }
    }
    finish(&mut scene);
}

fn processes(scene: &mut Scene) {
    let mut nodes = [(); 3].map(|()| scene.start(Settings::FAST));
    let mut producer = scene.produce(&["--rate", "60"]);
    for _ in 0..steps() {
        pause(scene, 50..1_500);
        let victim = scene.rng.usize(..nodes.len());
        match scene.rng.u8(..10) {
            0..=3 => {
                scene.kill9(nodes[victim]);
                nodes[victim] = scene.start(Settings::FAST);
            }
            4..=5 => nap(scene, nodes[victim], 50..4_000),
            6 => {
                for node in nodes {
                    scene.kill9(node);
                }
                nodes = [(); 3].map(|()| scene.start(Settings::FAST));
            }
            7 => {
                scene.end(nodes[victim]);
                nodes[victim] = scene.start(Settings::FAST);
            }
            8 => {
                scene.kill_producer(producer);
                producer = scene.produce(&["--rate", "60"]);
            }
            _ => nap(scene, nodes[victim], 9_000..11_000),
        }
    }
    finish(scene);
}

fn nap(scene: &mut Scene, node: NodeId, milliseconds: std::ops::Range<u64>) {
    scene.freeze(node);
    pause(scene, milliseconds);
    scene.wake(node);
}

fn pause(scene: &mut Scene, milliseconds: std::ops::Range<u64>) {
    std::thread::sleep(Duration::from_millis(scene.rng.u64(milliseconds)));
}

fn finish(scene: &mut Scene) {
    scene.settle();
    let history = scene.history();
    scene.check(&history);
}

/// How many things happen: 50, or as many as `KERRERA_TORTURE_STEPS` says.
fn steps() -> u32 {
    std::env::var("KERRERA_TORTURE_STEPS").map_or(50, |steps| steps.parse().unwrap())
}

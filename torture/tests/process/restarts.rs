//! T16, the server restarts: in order, as a crash, and one session at a time.

use std::collections::HashMap;
use std::time::Duration;

use kerrera::State;
use testkit::postgres::{Cluster, ClusterOptions, StopMode};
use testkit::wait;
use torture::history::{History, Run, Stamp};

use crate::scene::{NodeId, Scene, Settings, busy};

/// How soon after the server takes connections jobs are claimed, and ended runs written.
const PROMISE: Duration = Duration::from_secs(5);

#[test]
fn restarts_of_the_server_lose_nothing_and_repeat_nothing() {
    let _load = busy();
    // What was committed must survive a crash of the server.
    let cluster = Cluster::start(ClusterOptions { fsync: true, ..ClusterOptions::default() });
    let cluster = cluster.unwrap();
    let mut scene = Scene::on_cluster("T16 PostgreSQL", &cluster);
    let nodes = [(); 2].map(|()| scene.start(Settings { long_limit: 6, ..Settings::SHIPPED }));
    scene.produce(&["--rate", "60"]);
    // Some of these run through every restart.
    scene.produce(&["--only", "long:6000", "--rate", "1"]);
    std::thread::sleep(Duration::from_secs(4));
    let before = resources(&scene, &nodes);

    let mut restarts = Vec::new();
    for (mode, away) in [
        (StopMode::Fast, Duration::ZERO),
        (StopMode::Immediate, Duration::ZERO),
        (StopMode::Immediate, Duration::from_secs(6)),
        (StopMode::Fast, Duration::ZERO),
    ] {
        let from = Stamp::now();
        cluster.stop(mode).unwrap();
        std::thread::sleep(away);
        cluster.restart(mode).unwrap();
        let until = Stamp::now();
        let [claim, end] = ["available", "executing"].map(|state| first(&scene, state, until));
        let away = Duration::from_micros((until.wall - from.wall).unsigned_abs());
        let [away, claim, end] = [away, claim, end].map(|time| time.as_secs_f64());
        scene.say(format!(
            "{mode:?}: away for {away:.2} s, first claim {claim:.2} s later, first end {end:.2} s"
        ));
        assert!(claim <= PROMISE.as_secs_f64() && end <= PROMISE.as_secs_f64());
        restarts.push((from, until));
        std::thread::sleep(Duration::from_secs(2));
    }
    restart_without(&mut scene, &cluster, nodes[1]);
    for _ in 0..12 {
        scene.kill_a_session(&cluster);
        std::thread::sleep(Duration::from_millis(250));
    }
    std::thread::sleep(Duration::from_secs(2));
    let after = resources(&scene, &nodes);
    scene.say(format!("file descriptors and sessions: {before:?} before, {after:?} after"));
    assert!(after.files <= before.files + 2 && after.sessions <= before.sessions + 1);

    scene.settle();
    let history = scene.history();
    let report = scene.check(&history);
    let through = ran_through(&history, &restarts);
    scene.say(format!("{through} runs went through a restart, and ended as they would have"));
    assert!(through >= 4, "the restarts met no long run");
    assert_eq!((report.figures.rescues, report.figures.overlaps), (0, 0));
}

#[test]
fn an_outage_longer_than_the_time_to_live_stops_the_jobs_and_wakes_nobody() {
    const AWAY: Duration = Duration::from_secs(5);
    let _load = busy();
    let cluster = Cluster::start(ClusterOptions { fsync: true, ..ClusterOptions::default() });
    let cluster = cluster.unwrap();
    let mut scene = Scene::on_cluster("T16 PostgreSQL, a long outage", &cluster);
    let nodes = [(); 2].map(|()| scene.start(Settings::FAST));
    scene.produce(&["--rate", "60"]);
    scene.produce(&["--only", "long:6000", "--rate", "1"]);
    std::thread::sleep(Duration::from_secs(3));
    cluster.stop(StopMode::Immediate).unwrap();
    let before = nodes.map(|node| cpu_time(&scene, node));
    std::thread::sleep(AWAY);
    let after = nodes.map(|node| cpu_time(&scene, node));
    cluster.restart(StopMode::Fast).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    scene.settle();

    let history = scene.history();
    let report = scene.check(&history);
    let spent = [0, 1].map(|place| (after[place] - before[place]).as_secs_f64());
    scene.say(format!("away for {AWAY:?}, in which the nodes used {spent:.2?} s of CPU"));
    assert!(spent.iter().all(|spent| *spent < AWAY.as_secs_f64() / 4.0), "a loop never waits");
    // They stopped their jobs themselves, and gave them back.
    assert!(report.figures.releases > 0, "no job ran when the server went away");
    assert_eq!((report.figures.rescues, report.figures.overlaps), (0, 0));
}

/// How much CPU time a node has used.
fn cpu_time(scene: &Scene, node: NodeId) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", scene.pid(node))).unwrap();
    // After the name, in brackets: state, and the eleventh and twelfth after it, in hundredths.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap());
    Duration::from_millis(fields.sum::<u64>() * 10)
}

#[derive(Clone, Copy, Debug)]
struct Resources {
    files: usize,
    sessions: i64,
}

fn resources(scene: &Scene, nodes: &[NodeId]) -> Resources {
    let files = nodes
        .iter()
        .map(|node| std::fs::read_dir(format!("/proc/{}/fd", scene.pid(*node))).unwrap().count());
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kerrera'";
    Resources { files: files.sum(), sessions: scene.database.number(sessions) }
}

/// How long after that moment a job left this state: available for a claim, executing for an end.
fn first(scene: &Scene, state: &str, since: Stamp) -> Duration {
    let first = format!(
        "SELECT min(at) FROM torture_audit \
         WHERE old ->> 'state' = '{state}' AND new ->> 'state' <> '{state}' AND at > {}",
        since.wall
    );
    let mut at = None;
    wait::until(PROMISE * 4, "a first change", || {
        at = scene.database.rows(&first)[0].parse::<i64>().ok();
        at.is_some()
    });
    Duration::from_micros((at.unwrap() - since.wall).unsigned_abs())
}

/// Restarts the server while a node sleeps that has given signs of life a moment ago. Its lock is
/// free, and stays free for longer than two looks; but whoever looks has only come back itself.
fn restart_without(scene: &mut Scene, cluster: &Cluster, node: NodeId) {
    scene.freeze(node);
    cluster.restart(StopMode::Immediate).unwrap();
    std::thread::sleep(Duration::from_millis(4_500));
    scene.wake(node);
    std::thread::sleep(Duration::from_secs(2));
}

/// How many runs were under way during a whole restart. Each of them must have counted.
fn ran_through(history: &History, restarts: &[(Stamp, Stamp)]) -> usize {
    let mut begun = HashMap::new();
    for run in &history.runs {
        if let Run::Start { at, job, token, .. } = run {
            begun.insert((job, token), at.monotonic);
        }
    }
    let mut through = 0;
    for run in &history.runs {
        let Run::End { at, job, token, .. } = run else { continue };
        let begun = begun[&(job, token)];
        let spans = |(from, until): &(Stamp, Stamp)| {
            begun < from.monotonic && until.monotonic < at.monotonic
        };
        if !restarts.iter().any(spans) {
            continue;
        }
        through += 1;
        let end = history.changes.iter().find(|change| {
            let running = change.old.as_ref().filter(|old| old.state == State::Executing);
            running.is_some_and(|old| old.token() == Some(token))
        });
        let became = end.and_then(|change| change.new.as_ref()).map(|new| new.state);
        assert_eq!(became, Some(State::Completed), "job {job} under {token}");
    }
    through
}

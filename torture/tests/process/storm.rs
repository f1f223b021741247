//! T01, the claim storm: many claimers, small and large claims, and no job is claimed by two.

use std::collections::BTreeMap;
use std::time::Instant;

use torture::history::Run;

use crate::scene::{Scene, Settings, busy};

#[test]
fn eight_processes_never_claim_the_same_job_on_postgres() {
    let _load = busy();
    let mut scene = Scene::on_postgres("T01 PostgreSQL");
    storm(&mut scene, 20_000);
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(scene.database.number(deadlocks), 0);
}

#[test]
fn eight_processes_never_claim_the_same_job_on_sqlite() {
    let _load = busy();
    storm(&mut Scene::on_sqlite("T01 SQLite"), 20_000);
}

fn storm(scene: &mut Scene, jobs: usize) {
    const BULK: usize = 1_000;
    let (bulk, count) = (BULK.to_string(), (jobs / BULK).to_string());
    let producer = scene.produce(&["--bulk", &bulk, "--count", &count, "--rate", "1000"]);
    scene.await_producer(producer);

    let start = Instant::now();
    for place in 0..8 {
        let claim_batch = Some([1, 10, 100][place % 3]);
        scene.start(Settings { limit: 100, claim_batch, ..Settings::SHIPPED });
    }
    scene.settle();
    let took = start.elapsed();

    let history = scene.history();
    let report = scene.check(&history);
    assert_eq!(report.figures.completed, jobs);
    assert_eq!((report.figures.runs, report.figures.overlaps), (jobs, 0), "nothing ran twice");
    // What was claimed ahead and not begun in time was given back before somebody else could claim it.
    let claims = jobs + report.figures.releases;
    assert_eq!(report.figures.claims, claims, "nothing was claimed twice");
    let mut shares: BTreeMap<&str, usize> = BTreeMap::new();
    for run in &history.runs {
        if let Run::Start { node, .. } = run {
            *shares.entry(node).or_default() += 1;
        }
    }
    scene.say(format!("{jobs} jobs in {:.1} s, {shares:?}", took.as_secs_f64()));
    assert!(shares.len() > 1, "one node did it all, so there was no storm");
}

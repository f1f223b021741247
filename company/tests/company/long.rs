//! A job of Kerrera that runs for longer than a leader of Python allows. The times are those of six
//! minutes beside its usual settings, a hundred times as fast.

use company::Both;
use kerrera::prelude::*;
use serde_json::json;
use testkit::process::Process;

use crate::on_all_tables;
use crate::scene::{NEVER, PATIENCE, Scene, insert, reaches};

on_all_tables!(
    a_long_job_beside_a_leader_of_python_runs_once,
    a_long_job_that_a_leader_of_python_frees_is_taken_back,
);

async fn a_long_job_beside_a_leader_of_python_runs_once(scene: Scene) {
    let python = leader(&scene, 3.0);
    let (kerrera, mut told) = scene
        .kerrera(|builder| {
            builder.queue("both", 5).tune(|tuning| tuning.refresh = 600.milliseconds())
        })
        .await;
    // One of them would be given to another run, the other discarded.
    let jobs = [Both::waits(3.6).max_attempts(5), Both::waits(3.6).max_attempts(1)];
    let jobs = kerrera.insert_all(jobs).await.unwrap();
    for inserted in jobs {
        let job = reaches(&kerrera, inserted.job().id, State::Completed).await;
        assert_eq!((job.attempt, job.meta.get("rescued")), (1, None));
        let ran = job.completed_at.unwrap().as_micros() - job.attempted_at.unwrap().as_micros();
        assert!(ran >= 3_000_000, "its true start is written back: {job:?}");
    }
    assert_eq!(told.rest().len(), 2);
    assert_eq!(rescues(&python), 0);
    kerrera.shutdown().await;
}

async fn a_long_job_that_a_leader_of_python_frees_is_taken_back(scene: Scene) {
    // No refreshing, and no room for a second run here.
    let (kerrera, mut told) = scene
        .kerrera(|builder| builder.queue("both", 1).tune(|tuning| tuning.refresh = NEVER))
        .await;
    let id = insert(&kerrera, Both::waits(3.6)).await;
    assert_eq!(told.next().await.id, id);
    let mut python = leader(&scene, 0.5);
    python.line(PATIENCE, "rescued 1");
    // Once is enough. One that frees it in the moment in which it ends makes it run again.
    python.kill9();
    reaches(&kerrera, id, State::Executing).await;
    let job = reaches(&kerrera, id, State::Completed).await;
    assert_eq!((job.attempt, job.attempted_by[0].as_str()), (1, kerrera.node()));
    assert_eq!(told.rest(), []);
    kerrera.shutdown().await;
}

/// A Python that leads, frees what has run for longer than this, and works another queue.
fn leader(scene: &Scene, rescue_after: f64) -> Process {
    let lifeline = json!({"interval": 0.6, "rescue_after": rescue_after});
    scene.python(
        "leader",
        json!({"queues": {"python": 1}, "leadership": true, "lifeline": lifeline}),
    )
}

fn rescues(python: &Process) -> usize {
    let rescues = python.stdout();
    rescues.iter().filter(|line| line.starts_with("rescued") && !line.ends_with(" 0")).count()
}

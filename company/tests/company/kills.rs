//! One of them is killed or frozen: its job is recovered by the rules, and what it writes late
//! changes nothing.

use company::Both;
use kerrera::prelude::*;
use serde_json::{Value, json};

use crate::on_all_tables;
use crate::scene::{PATIENCE, Scene, becomes, insert, reaches, two_rounds};

on_all_tables!(
    a_killed_kerreras_job_is_freed_by_kerrera,
    a_killed_kerreras_job_is_freed_by_python_where_no_kerrera_is_left,
    a_killed_pythons_job_is_freed_by_python_alone,
    a_late_write_of_python_changes_nothing,
    a_late_write_of_kerrera_changes_nothing,
);

async fn a_killed_kerreras_job_is_freed_by_kerrera(scene: Scene) {
    // It frees by age, and this job is young.
    let mut python = leader(&scene, json!({"python": 1}), 300.0);
    let client = scene.client().await;
    let mut victim = scene.kerrera_process("victim");
    let id = insert(&client, Both::waits(300.0)).await;
    victim.line(PATIENCE, &format!("start {id} 1"));
    let (kerrera, mut told) = scene.kerrera(|builder| builder.queue("both", 1)).await;
    victim.kill9();

    let run = told.next().await;
    assert_eq!((run.id, run.attempt), (id, 2));
    let job = reaches(&client, id, State::Completed).await;
    assert_eq!(job.attempted_by[0], kerrera.node());
    assert_eq!(job.meta.get("rescued"), Some(json!(1)));
    python.line(PATIENCE, "rescued 0");
    assert!(!python.stdout().contains(&"rescued 1".to_owned()));
    kerrera.shutdown().await;
}

async fn a_killed_kerreras_job_is_freed_by_python_where_no_kerrera_is_left(scene: Scene) {
    let client = scene.client().await;
    let mut victim = scene.kerrera_process("victim");
    let id = insert(&client, Both::waits(300.0)).await;
    victim.line(PATIENCE, &format!("start {id} 1"));
    victim.kill9();

    let mut python = leader(&scene, json!({"both": 1}), 0.5);
    python.line(PATIENCE, "rescued 1");
    python.line(PATIENCE, &format!("start {id} 2"));
    let job = reaches(&client, id, State::Completed).await;
    assert_eq!(job.attempted_by.len(), 2, "our token has gone: {:?}", job.attempted_by);

    // Whoever comes later buries the dead, and has no claim to the job.
    let (kerrera, mut told) = scene.kerrera(|builder| builder.queue("both", 1)).await;
    testkit::wait::until(PATIENCE, "the burial", || {
        scene.psql("select count(*) from kerrera_producers") == "1"
    });
    two_rounds(&kerrera, "rescuer").await;
    assert_eq!(told.rest(), []);
    assert_eq!(client.job(id).await.unwrap().unwrap().completed_at, job.completed_at);
    kerrera.shutdown().await;
}

async fn a_killed_pythons_job_is_freed_by_python_alone(scene: Scene) {
    let client = scene.client().await;
    let mut victim = scene.python("victim", json!({"queues": {"both": 1}}));
    let id = insert(&client, Both::waits(300.0)).await;
    victim.line(PATIENCE, &format!("start {id} 1"));
    victim.kill9();

    let (kerrera, mut told) = scene.kerrera(|builder| builder.queue("both", 1)).await;
    two_rounds(&kerrera, "rescuer").await;
    let job = client.job(id).await.unwrap().unwrap();
    assert_eq!(job.state, State::Executing, "a claim that is not ours is not ours to free");

    let mut python = leader(&scene, json!({"python": 1}), 0.5);
    python.line(PATIENCE, "rescued 1");
    let run = told.next().await;
    assert_eq!((run.id, run.attempt), (id, 2));
    let job = reaches(&client, id, State::Completed).await;
    assert_eq!(job.meta.get("rescued"), Some(json!(1)));
    kerrera.shutdown().await;
}

async fn a_late_write_of_python_changes_nothing(scene: Scene) {
    let client = scene.client().await;
    let mut sleeper = scene.python("sleeper", json!({"queues": {"both": 1}}));
    let id = insert(&client, Both::waits(1.0)).await;
    sleeper.line(PATIENCE, &format!("start {id} 1"));
    sleeper.stop();
    let mut python = leader(&scene, json!({"python": 1}), 0.5);
    python.line(PATIENCE, "rescued 1");
    let (kerrera, _told) = scene.kerrera(|builder| builder.queue("both", 1)).await;
    reaches(&client, id, State::Completed).await;
    let before = row(&scene, id);

    sleeper.cont();
    sleeper.line(PATIENCE, &format!("stop {id} completed"));
    sleeper.line(PATIENCE, "acked 0 both");
    assert_eq!(row(&scene, id), before);
    kerrera.shutdown().await;
}

async fn a_late_write_of_kerrera_changes_nothing(scene: Scene) {
    let client = scene.client().await;
    let mut sleeper = scene.kerrera_process("sleeper");
    let id = insert(&client, Both::waits(1.0)).await;
    sleeper.line(PATIENCE, &format!("start {id} 1"));
    sleeper.stop();
    let mut python = leader(&scene, json!({"both": 1}), 0.5);
    python.line(PATIENCE, &format!("start {id} 2"));
    becomes(&client, id, "completed", |job| job.state == State::Completed).await;
    let before = row(&scene, id);

    sleeper.cont();
    sleeper.term();
    assert!(sleeper.wait(PATIENCE).success(), "{:?}", sleeper.stderr());
    assert_eq!(row(&scene, id), before);
}

/// A Python that leads, and frees what has run for longer than this.
fn leader(scene: &Scene, queues: Value, rescue_after: f64) -> testkit::process::Process {
    let lifeline = json!({"interval": 0.1, "rescue_after": rescue_after});
    let python =
        scene.python("leader", json!({"queues": queues, "leadership": true, "lifeline": lifeline}));
    assert!(python.stdout().contains(&"leader true".to_owned()), "{:?}", python.stdout());
    python
}

fn row(scene: &Scene, id: i64) -> String {
    scene.psql(&format!("select to_jsonb(j) from oban_jobs j where id = {id}"))
}

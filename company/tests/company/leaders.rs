//! Python's leader, and ours.

use company::Obey;
use kerrera::prelude::*;
use serde_json::json;

use crate::on_all_tables;
use crate::scene::{PATIENCE, Scene, reaches};

on_all_tables!(a_leader_of_python_and_kerrera_leave_each_other_in_peace);

async fn a_leader_of_python_and_kerrera_leave_each_other_in_peace(scene: Scene) {
    let mut python = scene.python(
        "python",
        json!({
            "queues": {"python": 3}, "leadership": true,
            "lifeline": {"interval": 0.05}, "pruner": {"interval": 0.05},
            "refresher": {"interval": 0.05, "max_age": 5.0},
        }),
    );
    assert!(python.stdout().contains(&"leader true".to_owned()), "{:?}", python.stdout());
    let (kerrera, mut told) = scene.kerrera(|builder| builder.queue("rust", 3)).await;

    let ours = (0..20).map(|_| Obey::new("done").schedule_in(50.milliseconds()));
    let theirs = NewJob::of("workers.Obey", json!({"act": "done"})).queue("python");
    let theirs = (0..20).map(|_| theirs.clone().schedule_in(50.milliseconds()));
    let ours = kerrera.insert_all(ours).await.unwrap();
    let theirs = kerrera.insert_all(theirs).await.unwrap();
    for inserted in ours.iter().chain(&theirs) {
        let job = reaches(&kerrera, inserted.job().id, State::Completed).await;
        assert_eq!(job.attempt, 1);
    }
    let runs = told.rest();
    assert_eq!(runs.len(), 20, "{runs:?}");
    let starts = python.stdout().iter().filter(|line| line.starts_with("start ")).count();
    assert_eq!(starts, 20);

    // Whatever is said on the channel makes it stand for election again.
    scene.notify("leader", &json!({"down": "Kerrera"}));
    python.line(PATIENCE, "heard leader");
    python.line(PATIENCE, "leader true");
    python.line(PATIENCE, "rescued 0");
    assert_eq!(scene.psql("select name, node from oban_leaders"), "Oban|python");
    if scene.psql("select to_regclass('oban_peers') is not null") == "t" {
        assert_eq!(scene.psql("select count(*) from oban_peers"), "0");
    }
    assert_eq!(
        scene.psql("select node, queue from oban_producers where node = 'python'"),
        "python|python"
    );
    assert_eq!(scene.psql("select count(*) from kerrera_producers"), "1");
    assert!(kerrera.health().is_healthy(), "{:?}", kerrera.health());

    python.term();
    assert!(python.wait(PATIENCE).success(), "{:?}", python.stderr());
    assert_eq!(python.stderr(), Vec::<String>::new(), "it complains of nothing");
    kerrera.shutdown().await;
}

//! Queues of the one, steered by the other.

use company::Obey;
use kerrera::prelude::*;
use serde_json::json;
use testkit::wait;

use crate::on_all_tables;
use crate::scene::{PATIENCE, Scene, insert, reaches, two_rounds};

on_all_tables!(python_steers_the_queues_of_kerrera, kerrera_steers_the_queues_of_python);

async fn python_steers_the_queues_of_kerrera(scene: Scene) {
    let (kerrera, mut told) =
        scene.kerrera(|builder| builder.node("rust-1").queue("rust", 5)).await;
    let paused = || kerrera.check_queue("rust").unwrap().paused;
    let limit = || kerrera.check_queue("rust").unwrap().limit;

    scene.by_python("pause", json!({"queue": "rust"}));
    wait::until(PATIENCE, "the pause", paused);
    let id = insert(&kerrera, Obey::new("done")).await;
    two_rounds(&kerrera, "stager").await;
    assert_eq!(kerrera.job(id).await.unwrap().unwrap().state, State::Available);
    scene.by_python("resume", json!({"queue": "rust"}));
    assert_eq!(told.next().await.id, id);
    reaches(&kerrera, id, State::Completed).await;

    // What is for another node comes first, and is passed over.
    scene.by_python("pause", json!({"queue": "rust", "node": "rust-2"}));
    scene.by_python("scale", json!({"queue": "rust", "limit": 2, "node": "rust-1"}));
    wait::until(PATIENCE, "the scaling of this node", || limit() == 2);
    assert!(!paused());
    scene.by_python("scale", json!({"queue": "rust", "limit": 3}));
    wait::until(PATIENCE, "the scaling of all nodes", || limit() == 3);
    scene.by_python("pause_all", json!({}));
    wait::until(PATIENCE, "the pause of all queues", paused);
    scene.by_python("resume_all", json!({}));
    wait::until(PATIENCE, "the end of the pause", || !paused());

    scene.by_python("start", json!({"queue": "both", "limit": 1}));
    wait::until(PATIENCE, "the start", || kerrera.check_queue("both").is_some());
    scene.by_python("stop", json!({"queue": "both"}));
    wait::until(PATIENCE, "the stop", || kerrera.check_queue("both").is_none());
    kerrera.shutdown().await;
}

async fn kerrera_steers_the_queues_of_python(scene: Scene) {
    let mut python = scene.python("python-1", json!({"queues": {"python": 5}}));
    let client = scene.client().await;
    let meta = |key: &str| {
        scene.psql(&format!("select meta->>'{key}' from oban_producers where node = 'python-1'"))
    };

    client.queue("python").pause().await.unwrap();
    wait::until(PATIENCE, "the pause", || meta("paused") == "true");
    let job = NewJob::of("workers.Obey", json!({"act": "done"})).queue("python");
    let id = insert(&client, job).await;
    python.line(PATIENCE, r#"heard insert {"queue": "python"}"#);
    python.line(PATIENCE, "staged");
    python.line(PATIENCE, "staged");
    assert_eq!(client.job(id).await.unwrap().unwrap().state, State::Available);
    client.queue("python").resume().await.unwrap();
    python.line(PATIENCE, &format!("start {id} 1"));
    reaches(&client, id, State::Completed).await;

    client.queue("python").node("python-2").scale(9).await.unwrap();
    client.queue("python").node("python-1").scale(2).await.unwrap();
    wait::until(PATIENCE, "the scaling of that node", || meta("local_limit") == "2");
    let seen = python.stdout();
    assert!(seen.iter().any(|line| line.contains("heard signal") && line.contains("python-2")));
    client.queue("python").scale(3).await.unwrap();
    wait::until(PATIENCE, "the scaling of all nodes", || meta("local_limit") == "3");
    client.queues().pause().await.unwrap();
    wait::until(PATIENCE, "the pause of all queues", || meta("paused") == "true");
    client.queues().resume().await.unwrap();
    wait::until(PATIENCE, "the end of the pause", || meta("paused") == "false");

    let worked =
        || scene.psql("select queue from oban_producers where node = 'python-1' order by 1");
    client.queue("both").start(1).await.unwrap();
    wait::until(PATIENCE, "the start", || worked() == "both\npython");
    client.queue("both").stop().await.unwrap();
    wait::until(PATIENCE, "the stop", || worked() == "python");

    python.term();
    assert!(python.wait(PATIENCE).success(), "{:?}", python.stderr());
    assert_eq!(python.stderr(), Vec::<String>::new(), "it complains of nothing");
}

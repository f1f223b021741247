//! An insert on one side wakes the other by a notification. Every poll is so slow here that it comes
//! once, before the insert.

use std::time::Instant;

use company::Both;
use serde_json::json;
use testkit::process::Process;

use crate::on_all_tables;
use crate::scene::{NEVER, PATIENCE, Scene, insert, reaches};
use kerrera::prelude::*;

on_all_tables!(
    an_insert_of_python_wakes_kerrera,
    an_insert_of_kerrera_wakes_python,
    a_transaction_of_kerrera_wakes_python_when_it_commits,
);

async fn an_insert_of_python_wakes_kerrera(scene: Scene) {
    let (kerrera, mut told) =
        scene.kerrera(|builder| builder.queue("both", 1).tune(|t| t.stage_interval = NEVER)).await;
    // How long ago a loop did something.
    let since = |name: &str| {
        let health = kerrera.health();
        health.loops.iter().find(|pulse| pulse.name == name).map(|pulse| pulse.last_success)
    };
    testkit::wait::until(PATIENCE, "the first poll, and the listener", || {
        since("stager").is_some() && since("listener").is_some()
    });

    let inserted = Instant::now();
    let id = scene.enqueued_by_python(
        json!({"worker": "workers.Both", "queue": "both", "args": {"act": "done"}}),
    );
    assert_eq!(told.next().await.id, id);
    assert!(since("stager").unwrap() > inserted.elapsed(), "it was found by a poll");
    assert!(since("listener").unwrap() < inserted.elapsed(), "nothing was heard");
    reaches(&kerrera, id, State::Completed).await;
    kerrera.shutdown().await;
}

async fn an_insert_of_kerrera_wakes_python(scene: Scene) {
    let mut python = python_that_polls_once(&scene);
    let client = scene.client().await;
    let id = insert(&client, Both::new("done")).await;
    wakes(&mut python, id);
    reaches(&client, id, State::Completed).await;
}

async fn a_transaction_of_kerrera_wakes_python_when_it_commits(scene: Scene) {
    let mut python = python_that_polls_once(&scene);
    let client = scene.client().await;
    let (mut own, connection) =
        tokio_postgres::connect(&scene.database.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let mut transaction = own.transaction().await.unwrap();
    let inserted = client.within(&mut transaction).insert(Both::new("done")).await.unwrap();
    // What is told afterwards comes first, because that was committed first.
    scene.notify("insert", &json!({"queue": "elsewhere"}));
    python.line(PATIENCE, r#"heard insert {"queue": "elsewhere"}"#);
    let before = python.stdout();
    assert!(!before.iter().any(|line| line.contains(r#""both""#)), "{before:?}");
    transaction.commit().await.unwrap();
    wakes(&mut python, inserted.job().id);
}

/// Python works the queue `both`, and has made its only poll.
fn python_that_polls_once(scene: &Scene) -> Process {
    let stager = json!({"interval": NEVER.as_secs()});
    let python = scene.python("python", json!({"queues": {"both": 1}, "stager": stager}));
    testkit::wait::until(PATIENCE, "the only poll", || polls(&python) == 1);
    python
}

fn wakes(python: &mut Process, id: i64) {
    python.line(PATIENCE, r#"heard insert {"queue": "both"}"#);
    python.line(PATIENCE, &format!("start {id} 1"));
    assert_eq!(polls(python), 1, "it was found by a poll: {:?}", python.stdout());
}

fn polls(python: &Process) -> usize {
    python.stdout().iter().filter(|line| *line == "staged").count()
}

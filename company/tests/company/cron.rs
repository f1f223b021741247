//! Cron entries of Kerrera whose jobs Python performs.

use kerrera::Cron;
use kerrera::prelude::*;
use serde_json::json;

use crate::on_all_tables;
use crate::scene::{PATIENCE, Scene, becomes};

on_all_tables!(python_performs_what_a_cron_entry_of_kerrera_inserts);

async fn python_performs_what_a_cron_entry_of_kerrera_inserts(scene: Scene) {
    let mut python = scene.python("python", json!({"queues": {"both": 1}}));
    let job = NewJob::of("workers.Both", json!({"act": "tell"})).queue("both");
    let entry = Cron::new("@reboot", job).name("at the start").timezone("Europe/Copenhagen");
    // It works no queue of its own.
    let (kerrera, _told) = scene.kerrera(|builder| builder.cron_entry(entry)).await;
    let line = python.line(PATIENCE, "told ");
    let id = line.split(' ').nth(1).unwrap().parse().unwrap();
    becomes(&kerrera, id, "completed", |job| job.state == State::Completed).await;

    let meta = scene.read_by_python(id)["meta"].clone();
    assert_eq!((&meta["cron"], &meta["cron_expr"]), (&json!(true), &json!("@reboot")));
    assert_eq!(meta["cron_tz"], "Europe/Copenhagen");
    assert!(meta["cron_name"].is_string(), "{meta}");
    kerrera.shutdown().await;
}

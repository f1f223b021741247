//! One inserts and the other performs, and each reads what the other wrote about it.

use company::{Both, Obey, Run};
use kerrera::prelude::*;
use serde_json::json;

use crate::on_all_tables;
use crate::scene::{NEVER, PATIENCE, Scene, becomes, insert, reaches};

on_all_tables!(
    python_enqueues_and_kerrera_performs,
    kerrera_enqueues_and_python_performs,
    each_reads_the_errors_that_the_other_wrote,
    a_snooze_of_one_is_counted_by_the_other,
    what_one_cancels_is_cancelled_to_the_other,
    the_last_attempt_discards_on_either_side,
);

async fn python_enqueues_and_kerrera_performs(scene: Scene) {
    let (kerrera, mut told) = scene.kerrera(|builder| builder.queue("rust", 5)).await;
    let jobs = scene.by_python(
        "enqueue",
        json!([
            {
                "worker": "company.Obey", "queue": "rust", "args": {"act": "done"},
                "meta": {"from": "Python", "ünï": [1, null, "🦀"]}, "tags": ["B", " a "],
                "priority": 3, "max_attempts": 7,
            },
            {
                "worker": "company.Obey", "queue": "rust", "args": {"act": "done"},
                "scheduled_in": 0.2,
            },
        ]),
    );
    let [now, later] = [0, 1].map(|place| jobs[place]["id"].as_i64().unwrap());
    assert_eq!(
        (jobs[0]["state"].as_str(), jobs[1]["state"].as_str()),
        (Some("available"), Some("scheduled"))
    );

    let job = reaches(&kerrera, now, State::Completed).await;
    assert_eq!(job.meta.get("from").unwrap(), json!("Python"));
    assert_eq!(job.meta.get("ünï").unwrap(), json!([1, null, "🦀"]));
    assert_eq!((job.tags, job.priority, job.max_attempts), (vec!["a".into(), "b".into()], 3, 7));
    assert_eq!(job.attempted_by[0], kerrera.node());
    reaches(&kerrera, later, State::Completed).await;
    let mut ran = [told.next().await.id, told.next().await.id];
    ran.sort_unstable();
    assert_eq!(ran, [now, later]);

    let read = scene.read_by_python(now);
    assert_eq!((&read["state"], &read["attempt"]), (&json!("completed"), &json!(1)));
    kerrera.shutdown().await;
}

async fn kerrera_enqueues_and_python_performs(scene: Scene) {
    let mut python = scene.python("python", json!({"queues": {"python": 5}}));
    let client = scene.client().await;
    let job = NewJob::of("workers.Obey", json!({"act": "done"})).queue("python");
    let marked = job.clone().meta(json!({"from": "Rust"})).tags(["B", "a"]).priority(3);
    let jobs = [marked, job.schedule_in(200.milliseconds())];
    let jobs = client.insert_all(jobs).await.unwrap();
    let [now, later] = [0, 1].map(|place| jobs[place].job().id);
    assert_eq!(jobs[1].job().state, State::Scheduled);

    let job = reaches(&client, now, State::Completed).await;
    assert_eq!((job.attempt, job.attempted_by[0].as_str()), (1, "python"));
    assert!(job.claim_token().is_none() && job.completed_at >= job.attempted_at);
    python.line(PATIENCE, &format!("start {now} 1"));
    reaches(&client, later, State::Completed).await;

    let read = scene.read_by_python(now);
    assert_eq!(read["meta"], json!({"from": "Rust"}));
    // It sorts tags whenever it reads them.
    assert_eq!(client.job(now).await.unwrap().unwrap().tags, ["b", "a"]);
    assert_eq!((&read["tags"], &read["priority"]), (&json!(["a", "b"]), &json!(3)));
}

async fn each_reads_the_errors_that_the_other_wrote(scene: Scene) {
    let queues = json!({"queues": {"both": 1}});
    let client = scene.client().await;
    // Each goes when it has failed, so that the other comes next. Until it has gone it may fail more
    // often: what is tried again is due at once.
    let id = insert(&client, Both::new("fail").max_attempts(1_000)).await;
    let python = scene.python("python", queues.clone());
    becomes(&client, id, "failed by Python", |job| !job.errors.is_empty()).await;
    end(python);
    let (kerrera, mut told) = scene.kerrera(|builder| builder.queue("both", 1)).await;
    let Run { attempt, errors, .. } = told.next().await;
    assert_eq!(errors.len(), usize::try_from(attempt).unwrap() - 1);
    assert_eq!(errors[0], "RuntimeError: broken by Python in attempt 1");
    becomes(&kerrera, id, "failed by Kerrera", |job| job.errors.len() > errors.len()).await;
    kerrera.shutdown().await;

    let job = client.job(id).await.unwrap().unwrap();
    let ours = job.errors.last().unwrap();
    assert!(ours.error.contains("broken by Kerrera in attempt"), "{ours:?}");
    assert!(ours.at.is_some() && ours.node.is_some());
    let theirs = &job.errors[0];
    assert!(theirs.at.is_some() && theirs.attempt == 1, "{theirs:?}");
    assert!(theirs.error.starts_with("Traceback"), "{theirs:?}");

    let read = scene.read_by_python(id);
    let errors = read["errors"].as_array().unwrap();
    assert_eq!(errors.len(), job.errors.len());
    for (read, ours) in errors.iter().zip(&job.errors) {
        assert_eq!(
            (read["attempt"].as_i64(), read["error"].as_str()),
            (Some(ours.attempt.into()), Some(ours.error.as_str()))
        );
    }
}

async fn a_snooze_of_one_is_counted_by_the_other(scene: Scene) {
    let client = scene.client().await;
    let id = insert(
        &client,
        NewJob::of("workers.Both", json!({"act": "snooze", "seconds": 3600})).queue("both"),
    )
    .await;
    let due =
        || scene.psql(&format!("update oban_jobs set scheduled_at = '2020-01-01' where id = {id}"));
    let snoozed = |times| move |job: &Job| job.state == State::Scheduled && job.snoozed() == times;

    let python = scene.python("python", json!({"queues": {"both": 1}}));
    let job = becomes(&client, id, "snoozed by Python", snoozed(1)).await;
    assert_eq!((job.attempt, job.max_attempts), (0, 20));
    end(python);

    due();
    let (kerrera, mut told) = scene.kerrera(|builder| builder.queue("both", 1)).await;
    let run = told.next().await;
    assert_eq!((run.attempt, run.snoozed), (1, 1));
    let job = becomes(&client, id, "snoozed by Kerrera", snoozed(2)).await;
    assert_eq!((job.attempt, job.max_attempts), (0, 20));
    kerrera.shutdown().await;

    let changes = json!({"id": id, "changes": {"args": {"act": "tell"}}});
    scene.by_python("update", changes);
    due();
    let mut python = scene.python("python", json!({"queues": {"both": 1}}));
    python.line(PATIENCE, &format!("told {id} 1 2 []"));
    reaches(&client, id, State::Completed).await;
}

async fn what_one_cancels_is_cancelled_to_the_other(scene: Scene) {
    let _python = scene.python("python", json!({"queues": {"python": 1}}));
    let (kerrera, _told) = scene.kerrera(|builder| builder.queue("rust", 1)).await;
    let theirs = NewJob::of("workers.Obey", json!({"act": "cancel"})).queue("python");
    let theirs = insert(&kerrera, theirs).await;
    let ours = scene.enqueued_by_python(
        json!({"worker": "company.Obey", "queue": "rust", "args": {"act": "cancel"}}),
    );

    let job = reaches(&kerrera, theirs, State::Cancelled).await;
    assert!(job.cancelled_at.is_some() && job.completed_at.is_none());
    assert_eq!(
        job.errors.iter().map(|error| error.error.as_str()).collect::<Vec<_>>(),
        ["unwanted by Python"]
    );

    reaches(&kerrera, ours, State::Cancelled).await;
    let read = scene.read_by_python(ours);
    assert_eq!(read["state"], "cancelled");
    assert_eq!(read["errors"].as_array().unwrap().len(), 1);
    assert!(read["errors"][0]["error"].as_str().unwrap().contains("unwanted by Kerrera"));
    kerrera.shutdown().await;
}

async fn the_last_attempt_discards_on_either_side(scene: Scene) {
    let _python = scene.python("python", json!({"queues": {"python": 1}}));
    // Their own stagers make them due again; ours has no part in it.
    let (kerrera, mut told) =
        scene.kerrera(|builder| builder.queue("rust", 1).tune(|t| t.stage_interval = NEVER)).await;
    let theirs = NewJob::of("workers.Obey", json!({"act": "fail"})).queue("python").max_attempts(2);
    let theirs = insert(&kerrera, theirs).await;
    let ours = insert(&kerrera, Obey::new("fail").max_attempts(1)).await;

    let job = reaches(&kerrera, theirs, State::Discarded).await;
    assert_eq!((job.attempt, job.errors.len()), (2, 2));
    assert!(job.discarded_at.is_some());
    reaches(&kerrera, ours, State::Discarded).await;
    let read = scene.read_by_python(ours);
    assert_eq!((&read["state"], &read["attempt"]), (&json!("discarded"), &json!(1)));
    assert_eq!(told.next().await.attempt, 1);
    assert_eq!(told.rest(), []);
    kerrera.shutdown().await;
}

fn end(mut python: testkit::process::Process) {
    python.term();
    assert!(python.wait(PATIENCE).success(), "{:?}", python.stderr());
}

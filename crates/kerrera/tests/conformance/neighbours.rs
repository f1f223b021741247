//! What an engine does beside Oban's own nodes; on PostgreSQL alone, since no file is shared with one.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kerrera::prelude::*;
use kerrera_core::storage::Hint;
use serde_json::json;
use testkit::oban::{Elixir, End};

use crate::scene::{Scene, insert};

#[derive(Serialize, Deserialize, Worker)]
pub struct Hold {}

#[derive(Clone, Default)]
pub struct App {
    /// How many runs have begun.
    pub begun: Arc<AtomicU32>,
    /// They may end.
    pub go: Arc<AtomicBool>,
}

impl Perform<App> for Hold {
    async fn perform(&self, cx: &Context<App>) -> JobResult {
        cx.state().begun.fetch_add(1, Ordering::SeqCst);
        while !cx.state().go.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        done()
    }
}

pub async fn until(what: &str, test: impl AsyncFn() -> bool) {
    for _ in 0..2_000 {
        if test().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came to be that {what}");
}

async fn psql(scene: &Scene, sql: &str) -> String {
    let (client, connection) =
        tokio_postgres::connect(&scene.postgres_url().unwrap(), tokio_postgres::NoTls)
            .await
            .unwrap();
    tokio::spawn(connection);
    let row = client.query_one(&format!("SELECT ({sql})::text"), &[]).await.unwrap();
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_neighbour_frees_while_it_runs_is_taken_back_and_runs_once() {
    let scene = Scene::on_postgres().await;
    let app = App::default();
    let builder = scene.builder().state(app.clone()).queue("default", 1).worker::<Hold>();
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Hold {}).await;
    let running = scene.reaches(id, State::Executing).await;
    until("it runs", async || !kerrera.running().is_empty()).await;

    for _ in 0..3 {
        scene.raw(&format!("UPDATE oban_jobs SET state = 'available' WHERE id = {id}")).await;
        scene.reaches(id, State::Executing).await;
    }
    assert_eq!(scene.storage.job(id).await.unwrap().unwrap().claim_token(), running.claim_token());
    app.go.store(true, Ordering::SeqCst);
    let job = scene.reaches(id, State::Completed).await;
    assert_eq!((job.attempt, app.begun.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(job.attempted_at, running.attempted_at, "its true start is written back");
    assert!(kerrera.running().is_empty());
    kerrera.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_runs_for_long_looks_young_to_neighbours_until_it_ends() {
    let scene = Scene::on_postgres().await;
    scene.raw("INSERT INTO oban_peers VALUES ('Oban', 'elixir', now(), now())").await;
    let app = App::default();
    let builder = scene.builder().state(app.clone()).queue("default", 1).worker::<Hold>();
    let kerrera = builder.tune(|t| t.refresh = 20.milliseconds()).start().await.unwrap();
    let id = insert(&kerrera, Hold {}).await;
    let began = scene.reaches(id, State::Executing).await.attempted_at;
    scene.becomes(id, "younger", |job| job.attempted_at > began).await;

    app.go.store(true, Ordering::SeqCst);
    let job = scene.reaches(id, State::Completed).await;
    assert_eq!(job.attempted_at, began);
    kerrera.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_of_the_neighbours_wakes_their_queues_and_goes_in_good_order() {
    let scene = Scene::on_postgres().await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mut listener = scene.storage.listen().await.unwrap();
    let ear = heard.clone();
    tokio::spawn(async move {
        while let Ok(hint) = listener.next().await {
            if let Hint::Work(queue) = hint {
                ear.lock().unwrap().push(queue);
            }
        }
    });
    let client = scene.client().await;
    let job = NewJob::of("MyApp.Mailer", json!({})).queue("elixir");
    insert(&client, job.schedule_in(1.milliseconds())).await;

    let builder = scene.builder().node("rust").stand_for_election("MyApp.Oban");
    let kerrera = builder.stand_for_election("MyApp.Oban").start().await.unwrap();
    let peers = "SELECT string_agg(name || ' ' || node, ',') FROM oban_peers";
    until("it leads", async || psql(&scene, peers).await == "MyApp.Oban rust").await;
    // Not only when it becomes available: time and again.
    until("their queue is told of", async || heard.lock().unwrap().len() > 3).await;
    assert!(heard.lock().unwrap().iter().all(|queue| queue == "elixir"));

    kerrera.shutdown().await;
    assert_eq!(psql(&scene, peers).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_loses_our_own_lead_steps_down_from_theirs() {
    let scene = Scene::on_postgres().await;
    let builder = scene.builder().node("rust").stand_for_election("Oban");
    let kerrera = builder.start().await.unwrap();
    let peers = "SELECT count(*) FROM oban_peers WHERE node = 'rust'";
    until("it leads", async || psql(&scene, peers).await == "1").await;
    let other = "holder = '00000000-0000-4000-8000-000000000001', term = term + 1";
    let for_long = "expires_at = expires_at + interval '1 hour'";
    scene.raw(&format!("UPDATE kerrera_leaders SET {other}, {for_long}")).await;
    until("it has stepped down", async || psql(&scene, peers).await == "0").await;
    assert!(!kerrera.is_leader());
    kerrera.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_staging_that_fails_keeps_no_available_job_waiting() {
    let scene = Scene::on_postgres().await;
    scene
        .raw(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE 'not staged'; END $$;
            CREATE TRIGGER refuse BEFORE UPDATE ON oban_jobs FOR EACH ROW
                WHEN (old.state = 'scheduled') EXECUTE FUNCTION refuse()",
        )
        .await;
    let client = scene.client().await;
    insert(&client, NewJob::of("Stuck", json!({})).schedule_at(kerrera::Timestamp::MIN)).await;
    let app = App::default();
    app.go.store(true, Ordering::SeqCst);
    let builder = scene.builder().state(app.clone()).queue("default", 1).worker::<Hold>();
    let kerrera = builder.start().await.unwrap();
    until("staging fails", async || !kerrera.health().is_healthy()).await;
    // Nobody is told of it.
    scene.raw("INSERT INTO oban_jobs (worker) VALUES ('Hold')").await;
    until("it ran", async || app.begun.load(Ordering::SeqCst) == 1).await;
    kerrera.shutdown().await;
}

/// It leads, and its notifications, its stager or it itself is stuck: our jobs wait for nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_that_leads_and_stages_nothing_holds_up_no_job_of_ours() {
    let scene = Scene::on_postgres().await;
    let server = scene.server();
    let mut elixir = Elixir::on(&server, "app@host").ahead(-300);
    assert!(elixir.elect());
    let app = App::default();
    app.go.store(true, Ordering::SeqCst);
    let builder = scene.builder().state(app.clone()).queue("default", 1).worker::<Hold>();
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Hold {}.schedule_in(50.milliseconds())).await;
    let job = scene.reaches(id, State::Completed).await;
    assert!(job.attempted_at.unwrap() >= job.scheduled_at, "by the database's clock");
    kerrera.shutdown().await;
}

/// A queue that both work: we give a job of theirs back unrun; they fail one of ours, and an attempt is
/// gone. So each language has queues of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_shared_costs_our_jobs_attempts_and_theirs_none() {
    let scene = Scene::on_postgres().await;
    let server = scene.server();
    let elixir = Elixir::on(&server, "app@host");
    let app = App::default();
    app.go.store(true, Ordering::SeqCst);
    let client = scene.client().await;
    let ours = insert(&client, Hold {}).await;
    let taken = elixir.fetch("default", 1).remove(0);
    assert_eq!(taken.id, ours);
    elixir.ends(&taken, End::Retry("** (RuntimeError) unknown worker: Hold", 0));
    let theirs = elixir.insert("MyApp.Mailer", "default", "{}");

    let builder = scene.builder().state(app.clone()).queue("default", 1).worker::<Hold>();
    let kerrera = builder.start().await.unwrap();
    let job = scene.reaches(ours, State::Completed).await;
    assert_eq!((job.attempt, job.errors.len()), (2, 1));
    until("it is known to be unknown", async || !kerrera.health().unknown_workers.is_empty()).await;
    scene.becomes(theirs, "given back", |job| job.state == State::Available).await;
    let taken = elixir.fetch("default", 1).remove(0);
    assert_eq!((taken.id, taken.attempt), (theirs, 1), "its first attempt");
    elixir.ends(&taken, End::Complete);
    scene.reaches(theirs, State::Completed).await;
    kerrera.shutdown().await;
}

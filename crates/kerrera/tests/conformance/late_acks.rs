//! An Elixir node ends a job late, which runs here by then: what it writes cannot be kept out. No job
//! is lost by it, and the node goes on; on PostgreSQL alone.

use std::sync::atomic::Ordering;

use kerrera::prelude::*;
use testkit::oban::{Elixir, End};

use crate::neighbours::{App, Hold, until};
use crate::scene::{Scene, insert};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_end_of_a_neighbours_stops_our_run_and_loses_no_job() {
    let scene = Scene::on_postgres().await;
    let server = scene.server();
    let (elixir, leader) = (Elixir::on(&server, "a"), Elixir::on(&server, "b").ahead(7_200));
    let app = App::default();
    for late in [
        End::Complete,
        End::Cancel("** (Oban.PerformError) late"),
        End::Discard("** (Oban.PerformError) late"),
        End::Retry("** (RuntimeError) late", 0),
        End::Snooze(0),
        End::SnoozeWithOneMore(0),
    ] {
        let id = elixir.insert("Hold", "default", "{}");
        let taken = elixir.fetch("default", 1).remove(0);
        assert_eq!((taken.id, leader.lifeline(3_600)), (id, vec![id]));

        let begun = app.begun.load(Ordering::SeqCst);
        let builder = scene.builder().state(app.clone()).queue("default", 1).worker::<Hold>();
        let kerrera = builder.start().await.unwrap();
        until("it runs here", async || app.begun.load(Ordering::SeqCst) == begun + 1).await;
        scene.reaches(id, State::Executing).await;
        elixir.ends(&taken, late);
        let ended = matches!(late, End::Complete | End::Cancel(_) | End::Discard(_));
        if ended {
            until("its run has stopped", async || kerrera.running().is_empty()).await;
            let job = scene.storage.job(id).await.unwrap().unwrap();
            assert_eq!(job.state.as_str(), late.state(), "as it was written");
        } else {
            until("it runs again", async || app.begun.load(Ordering::SeqCst) == begun + 2).await;
        }
        app.go.store(true, Ordering::SeqCst);
        if !ended {
            scene.reaches(id, State::Completed).await;
        }
        let next = insert(&kerrera, Hold {}).await;
        scene.reaches(next, State::Completed).await;
        assert!(kerrera.health().is_healthy(), "{late:?}: {:?}", kerrera.health());
        kerrera.shutdown().await;
        app.go.store(false, Ordering::SeqCst);
    }
}

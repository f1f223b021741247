//! Who leads: Oban's elections, in which we stand beside its nodes.

use std::sync::Arc;

use kerrera_core::conformance::Fixture;
use kerrera_core::storage::{Hint, Indexes, Operations, Storage};
use kerrera_core::{ClaimToken, NewJob, Units};
use kerrera_postgres::{Config, Postgres};
use serde_json::json;
use testkit::postgres::Database;

use super::Town;
use crate::fixture::{self, PYTHON, migrate};
use crate::reindexing::anew;

#[tokio::test]
async fn an_elixir_node_does_not_lead_while_we_do() {
    let town = Town::ours().await;
    let mut elixir = town.elixir("elixir");
    assert!(town.stand("rust", "Oban").await);
    for _ in 0..5 {
        town.clock.advance(15.seconds());
        assert!(!elixir.elect());
        assert!(town.stand("rust", "Oban").await, "renewed in time");
    }
    let mut other = town.elixir("other").instance("Other");
    assert!(other.elect(), "under another name there is another leader");

    town.clock.advance(31.seconds());
    assert!(elixir.elect(), "we died, and thirty seconds are over");
    assert!(!town.stand("rust", "Oban").await);
}

#[tokio::test]
async fn we_do_not_lead_while_an_elixir_node_does() {
    let town = Town::ours().await;
    for newer in [true, false] {
        let mut elixir = town.elixir("elixir");
        let mut elect = || if newer { elixir.elect() } else { elixir.elect_by_belief() };
        assert!(elect());
        for _ in 0..5 {
            town.clock.advance(15.seconds());
            assert!(!town.stand("rust", "Oban").await);
            assert!(elect(), "renewed in time");
        }
        town.clock.advance(31.seconds());
        assert!(town.stand("rust", "Oban").await, "it died, and thirty seconds are over");
        town.kerrera.step_down("rust".into(), Arc::from(["Oban".to_owned()])).await.unwrap();
    }
}

#[tokio::test]
async fn an_older_elixir_node_that_slept_believes_that_it_leads_beside_us() {
    let town = Town::ours().await;
    let mut elixir = town.elixir("elixir");
    assert!(elixir.elect_by_belief());
    town.clock.advance(31.seconds());
    assert!(town.stand("rust", "Oban").await);
    // It renews a row that is not its own: the mistake that 2.23.1 mended. The row stays ours.
    assert!(elixir.elect_by_belief());
    assert!(town.stand("rust", "Oban").await);
    let mut newer = town.elixir("newer");
    assert!(!newer.elect());
}

#[tokio::test]
async fn a_node_that_steps_down_lets_the_neighbours_lead_at_once() {
    let town = Town::ours().await;
    let names: Arc<[String]> = Arc::from(["Oban".to_owned()]);
    assert!(town.stand("rust", "Oban").await);
    let mut listener = town.kerrera.listen().await.unwrap();
    town.kerrera.step_down("rust".into(), names).await.unwrap();
    assert_eq!(listener.next().await.unwrap(), Hint::Leaderless, "the neighbours hear it as we do");
    let mut elixir = town.elixir("elixir");
    assert!(elixir.elect());

    elixir.resign();
    assert_eq!(listener.next().await.unwrap(), Hint::Leaderless);
    assert!(town.stand("rust", "Oban").await);
}

#[tokio::test]
async fn a_leader_of_our_own_says_that_it_goes_in_words_that_neighbours_pass_over() {
    let town = Town::ours().await;
    let seat = town.seat().await;
    let mut listener = town.kerrera.listen().await.unwrap();
    town.kerrera.resign(seat).await.unwrap();
    assert_eq!(listener.next().await.unwrap(), Hint::Leaderless);
}

#[tokio::test]
async fn a_python_node_and_we_exclude_each_other() {
    let town = Town::theirs(PYTHON).await;
    let mut python = town.python("python").instance("oban");
    assert!(python.elect());
    assert!(!town.stand("rust", "oban").await);
    town.clock.advance(31.seconds());
    assert!(town.stand("rust", "oban").await);
    assert!(!python.elect());
    town.clock.advance(15.seconds());
    assert!(town.stand("rust", "oban").await);
    town.clock.advance(31.seconds());
    assert!(python.elect());
}

/// The settings of a storage that is made anew see the tables that are there by then.
#[tokio::test]
async fn a_storage_without_a_table_of_elections_stands_in_none() {
    let database = Database::empty();
    database.psql(PYTHON);
    database.psql("DROP TABLE oban_leaders; DROP TABLE oban_producers");
    migrate(&database.url(), "public");
    let postgres = Postgres::new(Config::from_url(&database.url()).unwrap()).unwrap();
    postgres.open(false).await.unwrap();
    let storage: Arc<dyn Storage> = Arc::new(postgres);
    let names: Arc<[String]> = Arc::from(["oban".to_owned()]);
    assert!(storage.stand("rust".into(), names).await.unwrap().is_empty());
}

/// A schema with a name of its own has its own elections and its own jobs.
#[tokio::test]
async fn another_schema_is_another_town() {
    let fixture: Fixture = fixture::other_schema().await;
    let names: Arc<[String]> = Arc::from(["Oban".to_owned()]);
    let led = fixture.storage.stand("rust".into(), Arc::clone(&names)).await.unwrap();
    assert_eq!(led, ["Oban"]);
    fixture.storage.refresh(vec![(1, ClaimToken::random())]).await.unwrap();
    fixture.storage.step_down("rust".into(), names).await.unwrap();
    assert!(fixture.storage.waiting().await.unwrap().is_empty());
    assert_eq!(fixture.storage.reindex(anew(Indexes::Ours)).await.unwrap().rebuilt.len(), 5);
}

#[tokio::test]
async fn every_queue_with_available_jobs_is_named_once() {
    let town = Town::ours().await;
    assert!(town.kerrera.waiting().await.unwrap().is_empty());
    for queue in ["b", "a", "it's \"c\"", "a"] {
        town.insert(NewJob::of("W", json!({})).queue(queue)).await;
    }
    town.insert(NewJob::of("W", json!({})).queue("later").schedule_in(1.hour())).await;
    let waiting = town.kerrera.waiting().await.unwrap();
    assert_eq!(waiting.iter().map(|queue| &**queue).collect::<Vec<_>>(), ["a", "b", "it's \"c\""]);
}

//! Who works here: whose tables these are, and the table of producers that Python's nodes keep.

use kerrera_core::Units;

use super::Town;
use crate::fixture::{ELIXIR, PYTHON};

#[tokio::test]
async fn tables_of_neighbours_are_told_from_ours() {
    assert!(Town::ours().await.kerrera.owns_tables());
    for tables in [ELIXIR, PYTHON] {
        assert!(!Town::theirs(tables).await.kerrera.owns_tables());
    }
}

#[tokio::test]
async fn our_producers_are_shown_where_neighbours_look_for_them() {
    let town = Town::theirs(PYTHON).await;
    let count = || town.database.psql("SELECT count(*) FROM oban_producers WHERE name = 'kerrera'");
    let python = town.python("python");
    python.work("default");
    let hand = town.hand().await;
    let shown = "SELECT uuid, name, node, queue, meta FROM oban_producers WHERE name = 'kerrera'";
    let meta = r#"{"paused": false, "local_limit": 10}"#;
    assert_eq!(
        town.database.psql(shown),
        format!("{}|kerrera|rust|default|{meta}", hand.uuid),
        "before the first claim"
    );

    // Their leader deletes those that have not stirred for a minute.
    town.clock.advance(61.seconds());
    python.work("default");
    python.sweep();
    assert_eq!(count(), "0");
    assert!(hand.beat(&[]).await.dead.is_empty(), "nothing is decided by it");
    assert_eq!(count(), "1", "each beat writes it anew");
    town.clock.advance(5.seconds());
    hand.beat(&[]).await;
    let fresh = "SELECT p.updated_at = k.seen_at FROM oban_producers p
        JOIN kerrera_producers k ON k.uuid = p.uuid";
    assert_eq!(town.database.psql(fresh), "t");

    town.kerrera.retire(vec![hand.uuid]).await.unwrap();
    assert_eq!(count(), "0");
    assert_eq!(town.database.psql("SELECT node FROM oban_producers"), "python", "never theirs");
}

#[tokio::test]
async fn a_neighbours_table_that_refuses_us_holds_up_no_beat() {
    let town = Town::theirs(PYTHON).await;
    town.database.psql("ALTER TABLE oban_producers DROP COLUMN meta");
    let hand = town.hand().await;
    assert!(hand.beat(&[]).await.dead.is_empty());
    town.kerrera.retire(vec![hand.uuid]).await.unwrap();
}

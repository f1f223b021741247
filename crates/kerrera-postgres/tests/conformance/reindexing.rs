//! Which indexes are built anew, and for how long.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::storage::{Indexes, Maintenance, Reindex};
use kerrera_core::{Clock, NewJob};
use serde_json::json;
use testkit::postgres::Database;

use crate::fixture::{client, migrated, open};
use crate::neighbours::Town;

const AMPLE: Duration = Duration::from_secs(60);

pub(crate) fn anew(indexes: Indexes) -> Reindex {
    Reindex { indexes, timeout: AMPLE }
}

fn these(names: &[&str], timeout: Duration) -> Reindex {
    let names = names.iter().map(ToString::to_string).collect();
    Reindex { indexes: Indexes::These(names), timeout }
}

fn names(database: &Database) -> String {
    database.psql(
        "SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text)
        FROM pg_index WHERE indrelid = 'oban_jobs'::regclass",
    )
}

#[tokio::test]
async fn indexes_are_built_anew_and_leftovers_removed() {
    let town = Town::ours().await;
    let names =
        "SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text)
        FROM pg_index WHERE indrelid = 'oban_jobs'::regclass";
    let before = town.database.psql(names);
    let files = "SELECT string_agg(relfilenode::text, ' ' ORDER BY relname) FROM pg_class
        WHERE relname LIKE 'kerrera_jobs_%'";
    let old = town.database.psql(files);
    town.database.psql(
        "CREATE INDEX kerrera_jobs_due_index_ccnew ON oban_jobs (id);
        UPDATE pg_index SET indisvalid = false
        WHERE indexrelid = 'kerrera_jobs_due_index_ccnew'::regclass;
        CREATE INDEX mine ON oban_jobs (worker)",
    );

    let reindexed = town.kerrera.reindex(anew(Indexes::Ours)).await.unwrap();
    let ours = [
        "kerrera_jobs_available_index",
        "kerrera_jobs_cancelled_index",
        "kerrera_jobs_discarded_index",
        "kerrera_jobs_due_index",
        "kerrera_jobs_executing_index",
    ];
    assert_eq!(reindexed.rebuilt, ours);
    assert_eq!(reindexed.dropped, ["kerrera_jobs_due_index_ccnew"]);
    assert_eq!((reindexed.failed, reindexed.idle), (Vec::new(), None));
    assert_ne!(town.database.psql(files), old);

    let reindexed = town.kerrera.reindex(anew(Indexes::All)).await.unwrap();
    assert_eq!(reindexed.rebuilt.len(), 6, "{reindexed:?}");
    town.database.psql("DROP INDEX mine");
    assert_eq!(town.database.psql(names), before);
}

#[tokio::test]
async fn an_index_that_cannot_be_built_does_not_keep_the_others() {
    let town = Town::ours().await;
    // Building it fails: the function divides by what is in the row.
    town.insert(NewJob::of("W", json!({}))).await;
    town.database.psql(
        "CREATE FUNCTION fragile(bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT $1';
        CREATE INDEX kerrera_jobs_a_index ON oban_jobs (fragile(id));
        CREATE INDEX kerrera_jobs_b_index ON oban_jobs (fragile(id));
        CREATE OR REPLACE FUNCTION fragile(bigint) RETURNS bigint IMMUTABLE LANGUAGE sql
        AS 'SELECT 1 / ($1 - $1)'",
    );
    let reindexed = town.kerrera.reindex(anew(Indexes::Ours)).await.unwrap();
    let failed: Vec<&str> = reindexed.failed.iter().map(|(name, _)| &**name).collect();
    assert_eq!(failed, ["kerrera_jobs_a_index", "kerrera_jobs_b_index"]);
    assert!(reindexed.failed[0].1.contains("division by zero"), "{:?}", reindexed.failed);
    assert_eq!(reindexed.rebuilt.len(), 5);

    assert_eq!(reindexed.dropped.len(), 2, "what the failures left behind: {reindexed:?}");
}

#[tokio::test]
async fn a_table_that_is_locked_is_left_for_another_time_and_holds_up_no_claim() {
    let town = Town::ours().await;
    let holder = client(&town.database.url(), "public").await;
    holder.batch_execute("BEGIN; LOCK TABLE oban_jobs IN SHARE ROW EXCLUSIVE MODE").await.unwrap();
    let kerrera = Arc::clone(&town.kerrera);
    let reindexed =
        tokio::spawn(async move { kerrera.reindex(anew(Indexes::Ours)).await.unwrap() });
    let reindexed = tokio::time::timeout(Duration::from_secs(60), reindexed).await.unwrap();
    let reindexed = reindexed.unwrap();
    assert_eq!((reindexed.rebuilt.len(), reindexed.failed.len()), (0, 5), "{reindexed:?}");
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(town.kerrera.reindex(anew(Indexes::Ours)).await.unwrap().rebuilt.len(), 5);
}

#[tokio::test]
async fn one_process_at_a_time_reindexes() {
    let town = Town::ours().await;
    let other = client(&town.database.url(), "public").await;
    let lock = "SELECT pg_advisory_lock(1265791593, hashtext('public'))";
    other.batch_execute(lock).await.unwrap();
    let reindexed = town.kerrera.reindex(anew(Indexes::Ours)).await.unwrap();
    assert!(reindexed.idle.is_some() && reindexed.rebuilt.is_empty(), "{reindexed:?}");
}

#[tokio::test]
async fn indexes_that_are_named_are_built_anew_and_missing_ones_told() {
    let database = migrated("public");
    database.psql("CREATE INDEX mine ON oban_jobs (worker); CREATE INDEX yours ON oban_jobs (id)");
    let before = names(&database);
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let reindex = these(&["none", "mine", "Robert\"; --", "oban_jobs_pkey"], AMPLE);
    let reindexed = postgres.reindex(reindex).await.unwrap();
    assert_eq!(reindexed.rebuilt, ["mine"]);
    let failed: Vec<&str> = reindexed.failed.iter().map(|(name, _)| &**name).collect();
    assert_eq!(failed, ["none", "Robert\"; --", "oban_jobs_pkey"]);
    assert!(reindexed.failed[0].1.contains("no index of this name"), "{:?}", reindexed.failed);
    assert_eq!(names(&database), before);
}

#[tokio::test]
async fn an_index_that_takes_too_long_is_given_up_and_leaves_nothing_behind() {
    let database = migrated("public");
    database.psql(
        "INSERT INTO oban_jobs (worker) VALUES ('W');
        CREATE FUNCTION slow(bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT $1';
        CREATE INDEX slow ON oban_jobs (slow(id));
        CREATE INDEX mine ON oban_jobs (worker);
        CREATE OR REPLACE FUNCTION slow(bigint) RETURNS bigint IMMUTABLE LANGUAGE sql
        AS 'SELECT $1 FROM pg_sleep(3600)'",
    );
    let before = names(&database);
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let reindex = these(&["slow", "mine"], Duration::from_secs(2));
    let reindexed = postgres.reindex(reindex).await.unwrap();
    assert_eq!(reindexed.rebuilt, ["mine"], "the others have their own time");
    assert_eq!(reindexed.dropped, ["slow_ccnew"]);
    let (name, error) = &reindexed.failed[0];
    assert!(name == "slow" && error.contains("2s") && error.contains("timeout"), "{error}");
    assert_eq!(names(&database), before);
}

//! Which indexes are built anew, and for how long.

use std::time::Duration;

use kerrera_core::Clock;
use kerrera_core::storage::{Indexes, Maintenance, Reindex};
use testkit::postgres::Database;

use crate::fixture::{migrated, open};

const AMPLE: Duration = Duration::from_secs(60);

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

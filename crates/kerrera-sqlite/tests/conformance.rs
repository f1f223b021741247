//! The suite of `kerrera-core` on SQLite, in a file and in memory; and what only SQLite does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use kerrera_core::conformance::Fixture;
use kerrera_core::conformance::differential::{same_script_same_rows, scripts};
use kerrera_core::executor::{Call, Dialect, Executor};
use kerrera_core::storage::{Operations, Storage};
use kerrera_core::{Clock, Error, Timestamp};
use kerrera_sqlite::{Sqlite, SqliteOptions};
use proptest::prelude::*;

#[path = "conformance/claims.rs"]
mod claims;
#[path = "conformance/leaders.rs"]
mod leaders;
#[path = "conformance/schema.rs"]
mod schema;
#[path = "conformance/transactions.rs"]
mod transactions;

mod file {
    kerrera_core::conformance_tests!(crate::in_a_file);
}

mod memory {
    kerrera_core::conformance_tests!(alone: crate::in_memory);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_and_memory_agree_on_every_script(script in scripts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            same_script_same_rows(in_a_file().await, in_memory().await, script).await;
        });
    }
}

async fn in_a_file() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let options = SqliteOptions::file(folder.path().join("jobs.db")).clock(clock.clone());
    let sqlite = migrated(&options).await;
    fixture(sqlite, clock)
        .with_neighbours(move || {
            let options = options.clone();
            async move {
                let neighbour: Arc<dyn Storage> = Arc::new(migrated(&options).await);
                Ok(neighbour)
            }
        })
        .keeping(folder)
}

async fn in_memory() -> Fixture {
    let clock = clock();
    let sqlite = migrated(&SqliteOptions::in_memory().clock(clock.clone())).await;
    fixture(sqlite, clock)
}

fn clock() -> Clock {
    Clock::manual("2026-11-22T12:00:00.123456Z".parse::<Timestamp>().unwrap())
}

async fn migrated(options: &SqliteOptions) -> Sqlite {
    let sqlite = options.clone().open().unwrap();
    sqlite.open(true).await.unwrap();
    // Numbers that do not fit 32 bits.
    let far = "INSERT INTO sqlite_sequence (name, seq) SELECT 'oban_jobs', 2147483648
               WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'oban_jobs')";
    run(&sqlite, far).await.unwrap();
    sqlite
}

fn fixture(sqlite: Sqlite, clock: Clock) -> Fixture {
    let (raw, within) = (sqlite.clone(), sqlite.clone());
    let run = move |sql: String| {
        let sqlite = raw.clone();
        async move { run(&sqlite, &sql).await }
    };
    Fixture::new(Arc::new(sqlite), clock, run).with_transactions(move |plan, commit| {
        let sqlite = within.clone();
        async move {
            let mut undone = Vec::new();
            let result = sqlite
                .transaction(move |tx| {
                    let jobs = tx.run(Call::new(Dialect::Sqlite, Ok(plan), Ok))?;
                    if commit { Ok(jobs) } else { Err(Stopped::RolledBack(jobs)) }
                })
                .await;
            match result {
                Ok(jobs) => undone.extend(jobs),
                Err(Stopped::RolledBack(jobs)) => undone.extend(jobs),
                Err(Stopped::Failed(error)) => return Err(error),
            }
            Ok(undone)
        }
    })
}

enum Stopped {
    RolledBack(Vec<kerrera_core::storage::Inserted>),
    Failed(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Stopped {
        Stopped::Failed(error)
    }
}

async fn run(sqlite: &Sqlite, sql: &str) -> kerrera_core::Result<()> {
    let sql = sql.to_owned();
    sqlite
        .transaction(move |tx| tx.execute_batch(&sql).map_err(kerrera_core::executor::refused))
        .await
}

//! The same script leaves the same rows here and on SQLite.

use std::sync::Arc;

use kerrera_core::conformance::Fixture;
use kerrera_core::conformance::differential::{same_script_same_rows, scripts};
use kerrera_core::storage::Operations;
use kerrera_sqlite::SqliteOptions;
use proptest::prelude::*;

use crate::fixture::{self, clock};

proptest! {
    // Each takes a database of its own.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn postgres_and_sqlite_agree_on_every_script(script in scripts()) {
        run(async { same_script_same_rows(fixture::default_schema().await, sqlite().await, script).await });
    }

    #[test]
    fn tables_of_python_and_ours_agree_on_every_script(script in scripts()) {
        run(async {
            same_script_same_rows(fixture::default_schema().await, fixture::python().await, script).await;
        });
    }
}

async fn sqlite() -> Fixture {
    let clock = clock();
    let sqlite = SqliteOptions::in_memory().clock(clock.clone()).open().unwrap();
    sqlite.open(true).await.unwrap();
    let beside = sqlite.clone();
    Fixture::new(Arc::new(sqlite), clock, move |sql| {
        let sqlite = beside.clone();
        async move {
            let run = sqlite.transaction(move |tx| {
                tx.execute_batch(&sql).map_err(kerrera_core::executor::refused)
            });
            run.await
        }
    })
}

fn run(script: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(script);
}

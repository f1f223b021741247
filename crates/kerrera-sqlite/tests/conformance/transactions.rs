//! Transactions of the application's, beside the storage's own writes.

use std::sync::Arc;

use kerrera_core::executor::{Call, Executor};
use kerrera_core::storage::{Hint, Inserted, Jobs, Operations, Signals};
use kerrera_core::unique::until_finished;
use kerrera_core::{Error, Job, Limits, NewJob, Result, State, Timestamp, ValidJob};
use kerrera_sqlite::rusqlite::{self, Connection, Savepoint, Transaction, TransactionBehavior};
use kerrera_sqlite::{ByRusqlite, Sqlite};
use serde_json::json;
use tempfile::TempDir;

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn sqlite() -> (TempDir, Sqlite) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(folder.path().join("jobs.db")).unwrap();
    sqlite.open(true).await.unwrap();
    let users = "CREATE TABLE users (name TEXT UNIQUE)";
    sqlite.transaction(move |tx| tx.execute_batch(users).map_err(Failure::from)).await.unwrap();
    (folder, sqlite)
}

fn jobs(count: usize) -> Vec<ValidJob> {
    let job = |n| NewJob::of("W", json!({"n": n})).validate(&Limits::default()).unwrap();
    (0..count).map(job).collect()
}

/// Inserts as `client.within(tx).insert_all(jobs)` does.
fn within<'e, E: Executor<ByRusqlite>>(
    sqlite: &Sqlite,
    tx: &'e mut E,
    jobs: &[ValidJob],
) -> E::Reply<'e, Vec<Job>> {
    let plan = sqlite.plan_insert(jobs, false);
    let finish = |inserted: Vec<Inserted>| {
        Result::Ok(inserted.into_iter().map(Inserted::into_job).collect())
    };
    tx.run(Call::new(E::DIALECT, plan, finish))
}

fn sign_up(
    sqlite: &Sqlite,
    tx: &mut Transaction<'_>,
    name: &str,
) -> std::result::Result<Job, Failure> {
    tx.execute("INSERT INTO users VALUES (?1)", [name])?;
    Ok(within(sqlite, tx, &jobs(1))?.remove(0))
}

async fn totals(sqlite: &Sqlite) -> (i64, i64) {
    sqlite
        .transaction(|tx| {
            let count = |sql| tx.query_row(sql, [], |row| row.get::<_, i64>(0));
            let users = count("SELECT count(*) FROM users")?;
            Ok::<_, Failure>((users, count("SELECT count(*) FROM oban_jobs")?))
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_user_and_its_job_are_committed_together() {
    let (_folder, sqlite) = sqlite().await;
    let inner = sqlite.clone();
    let before = Timestamp::now();
    let job = sqlite.transaction(move |tx| sign_up(&inner, tx, "ada")).await.unwrap();

    assert_eq!(totals(&sqlite).await, (1, 1));
    let stored = sqlite.job(job.id).await.unwrap().unwrap();
    assert_eq!(stored, job);
    assert_eq!(stored.state, State::Available);
    // The clock of SQLite counts milliseconds.
    let earliest = Timestamp::from_micros(before.as_micros() / 1_000 * 1_000);
    assert!(earliest <= job.inserted_at && job.inserted_at <= Timestamp::now());
}

#[tokio::test]
async fn an_error_undoes_all_of_it_and_nothing_else() {
    let (_folder, sqlite) = sqlite().await;
    let sign_up = |name: &'static str, fail: bool| {
        let (sqlite, inner) = (sqlite.clone(), sqlite.clone());
        async move {
            sqlite
                .transaction(move |tx| {
                    sign_up(&inner, tx, name)?;
                    if fail { Err(Failure::from("no")) } else { Ok(()) }
                })
                .await
        }
    };
    // They share a group.
    let (a, b, c, d) = tokio::join!(
        sign_up("ada", false),
        sign_up("bob", true),
        sign_up("cleo", false),
        sign_up("ada", false)
    );
    assert!(a.is_ok() && c.is_ok());
    assert_eq!(b.unwrap_err().to_string(), "no");
    assert!(d.unwrap_err().to_string().contains("UNIQUE"));
    assert_eq!(totals(&sqlite).await, (2, 2));
}

#[tokio::test]
async fn a_panic_undoes_it_and_is_the_callers() {
    let (_folder, sqlite) = sqlite().await;
    let (other, inner) = (sqlite.clone(), sqlite.clone());
    let task = tokio::spawn(async move {
        let work = move |tx: &mut Transaction<'_>| -> std::result::Result<(), Failure> {
            sign_up(&inner, tx, "ada")?;
            panic!("in the closure")
        };
        other.transaction(work).await
    });
    let payload = task.await.unwrap_err().into_panic();
    assert_eq!(*payload.downcast::<&str>().unwrap(), "in the closure");
    assert_eq!(totals(&sqlite).await, (0, 0));
    sqlite.insert(jobs(1)).await.unwrap();
}

#[tokio::test]
async fn a_closure_that_ends_the_transaction_is_told_and_hurts_no_verb() {
    for ending in
        ["COMMIT", "ROLLBACK", "ROLLBACK; BEGIN", "INSERT OR ROLLBACK INTO users VALUES ('ada')"]
    {
        let (_folder, sqlite) = sqlite().await;
        let inner = sqlite.clone();
        sqlite.transaction(move |tx| sign_up(&inner, tx, "ada")).await.unwrap();

        let (rude, verb) = tokio::join!(
            sqlite.transaction(move |tx| {
                // The last of the endings fails by itself.
                let _ = tx.execute_batch(ending);
                Ok::<_, Error>(())
            }),
            sqlite.insert(jobs(3)),
        );
        let error = rude.unwrap_err();
        assert!(error.to_string().contains("COMMIT and ROLLBACK"), "{ending}: {error}");
        assert_eq!(verb.unwrap().len(), 3, "{ending}");
        assert_eq!(totals(&sqlite).await, (1, 4), "{ending}");
    }
}

#[tokio::test]
async fn savepoints_of_the_closure_are_its_own() {
    let (_folder, sqlite) = sqlite().await;
    let inner = sqlite.clone();
    sqlite
        .transaction(move |tx| {
            sign_up(&inner, tx, "ada")?;
            let mut undone: Savepoint<'_> = tx.savepoint()?;
            within(&inner, &mut undone, &jobs(10))?;
            undone.rollback()?;
            drop(undone);
            let mut kept = tx.savepoint()?;
            within(&inner, &mut kept, &jobs(2))?;
            kept.commit()?;
            Ok::<_, Failure>(())
        })
        .await
        .unwrap();
    assert_eq!(totals(&sqlite).await, (1, 3));
}

#[tokio::test]
async fn a_dropped_call_leaves_nothing_half_done() {
    let (_folder, sqlite) = sqlite().await;
    for turn in 0..20 {
        let inner = sqlite.clone();
        let sign_up = sqlite.transaction(move |tx| sign_up(&inner, tx, &format!("user {turn}")));
        // Polled once, and so begun.
        tokio::select! { biased; _ = sign_up => {} () = std::future::ready(()) => {} }
    }
    let (users, jobs) = totals(&sqlite).await;
    assert_eq!(users, jobs);
}

/// A connection of the application's, which waits for locks.
fn own_connection(folder: &TempDir) -> Connection {
    let connection = Connection::open(folder.path().join("jobs.db")).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
    connection
}

fn unique() -> Vec<ValidJob> {
    let job = NewJob::of("W", json!({"id": 1})).unique(until_finished());
    vec![job.validate(&Limits::default()).unwrap()]
}

#[tokio::test]
async fn of_64_transactions_with_the_same_unique_job_one_inserts_it() {
    let (folder, sqlite) = sqlite().await;
    let transaction = |number: usize| {
        let (sqlite, mut connection) = (sqlite.clone(), own_connection(&folder));
        move || {
            // As rusqlite begins them: without a lock.
            let mut tx = connection.transaction().unwrap();
            let job = within(&sqlite, &mut tx, &unique()).unwrap().remove(0);
            // What is rolled back leaves nothing behind.
            if number.is_multiple_of(4) {
                tx.commit().unwrap();
                return Some(job.id);
            }
            drop(tx);
            None
        }
    };
    let transactions: Vec<_> =
        (0..64).map(|number| std::thread::spawn(transaction(number))).collect();
    let ends = transactions.into_iter().filter_map(|thread| thread.join().unwrap());
    let ends: Vec<i64> = ends.collect();
    assert_eq!(ends.len(), 16);
    assert_eq!(totals(&sqlite).await, (0, 1));
    assert!(ends.iter().all(|id| *id == ends[0]));
}

#[tokio::test]
async fn a_transaction_that_cannot_see_a_claim_loses() {
    let (folder, sqlite) = sqlite().await;
    let mut connection = own_connection(&folder);
    let mut tx = connection.transaction().unwrap();
    let count = "SELECT count(*) FROM oban_jobs";
    assert_eq!(tx.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    sqlite.insert(unique()).await.unwrap();
    let error = within(&sqlite, &mut tx, &unique()).unwrap_err();
    assert!(error.to_string().contains("locked"), "{error}");
    drop(tx);
    assert_eq!(totals(&sqlite).await, (0, 1));
}

#[tokio::test]
async fn a_listener_hears_of_a_transaction_of_its_own_process() {
    let (folder, sqlite) = sqlite().await;
    let mut listener = sqlite.listen().await.unwrap();
    let inner = sqlite.clone();
    sqlite.transaction(move |tx| sign_up(&inner, tx, "ada")).await.unwrap();
    assert_eq!(listener.next().await.unwrap(), Hint::Changed);

    // And of one that the storage has no part in.
    let mut foreign = Connection::open(folder.path().join("jobs.db")).unwrap();
    let mut tx = foreign.transaction().unwrap();
    within(&sqlite, &mut tx, &jobs(1)).unwrap();
    tx.commit().unwrap();
    assert_eq!(listener.next().await.unwrap(), Hint::Changed);

    sqlite.close().await.unwrap();
    assert!(listener.next().await.unwrap_err().is_closed());
}

#[tokio::test]
async fn a_listener_hears_nothing_of_the_verbs_of_its_own_storage() {
    let (_folder, sqlite) = sqlite().await;
    let mut listener = sqlite.listen().await.unwrap();
    for _ in 0..20 {
        sqlite.insert(jobs(1)).await.unwrap();
    }
    // What it hears first is what comes last.
    let quiet = tokio::time::timeout(std::time::Duration::from_millis(300), listener.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

#[tokio::test]
async fn waiting_for_itself_fails_and_names_the_way_out() {
    let (folder, sqlite) = sqlite().await;
    let mut connection = Connection::open(folder.path().join("jobs.db")).unwrap();
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    tx.execute("INSERT INTO users VALUES ('ada')", []).unwrap();

    // The transaction is open, and its program waits for an insertion outside of it.
    let error = sqlite.insert(jobs(1)).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    for way_out in ["within(&mut tx)", "`transaction`"] {
        assert!(error.to_string().contains(way_out), "{error}");
    }
    tx.commit().unwrap();
    sqlite.insert(jobs(1)).await.unwrap();
}

#[test]
fn a_call_within_its_own_transaction_is_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_folder, sqlite) = runtime.block_on(sqlite());
    let (inner, handle) = (sqlite.clone(), runtime.handle().clone());
    let outcome = runtime
        .block_on(sqlite.transaction(move |_| handle.block_on(inner.insert(jobs(1))).map(drop)));
    let error = outcome.unwrap_err();
    assert!(error.is_config() && error.to_string().contains("within(tx)"), "{error}");
}

#[tokio::test]
async fn the_transaction_refuses_and_says_so_where_there_are_no_tables() {
    let (_folder, sqlite) = sqlite().await;
    let mut elsewhere = Connection::open_in_memory().unwrap();
    let mut tx = elsewhere.transaction().unwrap();
    let error = within(&sqlite, &mut tx, &jobs(1)).unwrap_err();
    assert!(error.to_string().contains("no such table: oban_jobs"), "{error}");
}

#[tokio::test]
async fn a_transaction_of_the_applications_own_type_of_error() {
    #[derive(Debug)]
    enum Refusal {
        Taken,
        Kerrera(#[allow(dead_code)] Error),
    }
    impl From<Error> for Refusal {
        fn from(error: Error) -> Refusal {
            Refusal::Kerrera(error)
        }
    }
    impl From<rusqlite::Error> for Refusal {
        fn from(_: rusqlite::Error) -> Refusal {
            Refusal::Taken
        }
    }
    let (_folder, sqlite) = sqlite().await;
    let sqlite = Arc::new(sqlite);
    let join = async || {
        let insert = "INSERT INTO users VALUES ('ada')";
        sqlite.transaction(move |tx| Ok::<_, Refusal>(tx.execute(insert, [])?)).await
    };
    assert_eq!(join().await.unwrap(), 1);
    assert!(matches!(join().await, Err(Refusal::Taken)));
}

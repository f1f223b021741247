//! A job and a row of the application's, through a transaction of sqlx, on both databases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use kerrera::prelude::*;
use kerrera::{Inserted, ReplaceField};
use kerrera_sqlx as _;
use sqlx::{AssertSqlSafe, Connection};

#[derive(Serialize, Deserialize, Worker)]
struct Welcome {
    user_id: i64,
}

impl Perform for Welcome {
    async fn perform(&self, _: &Context) -> JobResult {
        done()
    }
}

macro_rules! commits_and_rolls_back {
    ($client:expr, $connection:expr) => {{
        let (client, mut connection) = ($client, $connection);
        let create = "CREATE TABLE users (id bigint)";
        sqlx::query(create).execute(&mut connection).await.unwrap();

        let mut tx = connection.begin().await.unwrap();
        sqlx::query("INSERT INTO users VALUES (1)").execute(&mut *tx).await.unwrap();
        client.within(&mut tx).insert(Welcome { user_id: 1 }).await.unwrap();
        tx.rollback().await.unwrap();

        let mut tx = connection.begin().await.unwrap();
        sqlx::query("INSERT INTO users VALUES (2)").execute(&mut *tx).await.unwrap();
        let hostile = "it's \"quoted\" $1 ?1 \\ ü\u{1f600}";
        let jobs = [
            Welcome { user_id: 2 }.job().tag(hostile),
            Welcome { user_id: 3 }.schedule_in(1.hour()),
        ];
        let inserted = client.within(&mut tx).quiet().insert_all(jobs).await.unwrap();
        let broken = Welcome { user_id: 4 }.priority(10);
        assert!(client.within(&mut tx).insert(broken).await.unwrap_err().is_invalid_job());
        tx.commit().await.unwrap();

        for (inserted, user_id) in inserted.iter().zip([2, 3]) {
            let job = client.job(inserted.job().id).await.unwrap().unwrap();
            assert_eq!(&job, inserted.job());
            assert_eq!(job.args.get("user_id"), Some(user_id.into()));
        }
        assert_eq!(inserted[0].job().tags, [hostile]);
        assert_eq!(inserted[1].job().state, State::Scheduled);
        let counts = client.counts().await.unwrap();
        assert_eq!(counts.iter().map(|count| count.jobs).sum::<u64>(), 2);
        let users: i64 = sqlx::query_scalar(AssertSqlSafe("SELECT count(*) FROM users"))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(users, 1);
    }};
}

/// Unique jobs, by two transactions of which one is rolled back.
macro_rules! claims_and_gives_up {
    ($client:expr, $connection:expr) => {{
        let (client, mut connection) = ($client, $connection);
        let unique = |user_id| Welcome { user_id }.unique(until_finished());

        let mut tx = connection.begin().await.unwrap();
        let first = client.within(&mut tx).insert(unique(1)).await.unwrap();
        assert!(matches!(first, Inserted::New(_)), "{first:?}");
        let again = client.within(&mut tx).insert(unique(1)).await.unwrap();
        assert!(matches!(&again, Inserted::Existing(job) if job.id == first.job().id), "its own");
        tx.rollback().await.unwrap();
        assert_eq!(client.job(first.job().id).await.unwrap(), None);

        // What was rolled back claims nothing.
        let mut tx = connection.begin().await.unwrap();
        let jobs = [unique(1), unique(2), unique(1)];
        let inserted = client.within(&mut tx).insert_all(jobs).await.unwrap();
        let [Inserted::New(one), Inserted::New(two), Inserted::Existing(same)] = &inserted[..] else {
            panic!("{inserted:?}");
        };
        assert_eq!(one.id, same.id);
        tx.commit().await.unwrap();
        assert_eq!(client.job(two.id).await.unwrap().as_ref(), Some(two));

        // Each sees what the other way of inserting has claimed.
        let outside = client.insert(unique(1)).await.unwrap();
        assert!(matches!(&outside, Inserted::Existing(job) if job.id == one.id), "{outside:?}");
        let third = client.insert(unique(3)).await.unwrap();
        let mut tx = connection.begin().await.unwrap();
        let urgent = unique(3).unique(until_finished().replace([ReplaceField::Priority]));
        let replaced = client.within(&mut tx).insert(urgent.priority(1)).await.unwrap();
        let Inserted::Replaced(job) = &replaced else { panic!("{replaced:?}") };
        assert_eq!((job.id, job.priority), (third.job().id, 1));
        tx.rollback().await.unwrap();
        let kept = client.job(third.job().id).await.unwrap().unwrap();
        assert_eq!(kept.priority, 0, "and the replacement is rolled back with it");
        let counts = client.counts().await.unwrap();
        assert_eq!(counts.iter().map(|count| count.jobs).sum::<u64>(), 3);
    }};
}

/// An empty database with our tables, a client and a connection of sqlx.
async fn on_postgres() -> (testkit::postgres::Database, Client, sqlx::PgConnection) {
    let database = tokio::task::spawn_blocking(testkit::postgres::Database::empty).await.unwrap();
    let builder = Kerrera::builder(database.url()).migrate(true);
    builder.start().await.unwrap().shutdown().await;
    let client = Client::connect(database.url()).await.unwrap();
    let connection = sqlx::PgConnection::connect(&database.url()).await.unwrap();
    (database, client, connection)
}

#[cfg(feature = "sqlite")]
async fn on_sqlite() -> (tempfile::TempDir, Client, sqlx::SqliteConnection) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    let client = Client::connect(url.as_str()).await.unwrap();
    let connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    (folder, client, connection)
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_and_rolls_back_on_postgres() {
    let (_database, client, connection) = on_postgres().await;
    commits_and_rolls_back!(client, connection);
}

#[tokio::test(flavor = "multi_thread")]
async fn unique_jobs_are_claimed_and_given_up_on_postgres() {
    let (_database, client, connection) = on_postgres().await;
    claims_and_gives_up!(client, connection);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_equal_job_waits_for_the_transaction_of_another_on_postgres() {
    let (database, client, mut connection) = on_postgres().await;
    for commits in [false, true] {
        let user_id = i64::from(commits);
        let unique = move || Welcome { user_id }.unique(until_finished());
        let mut tx = connection.begin().await.unwrap();
        let first = client.within(&mut tx).insert(unique()).await.unwrap().into_job();
        let waits = tokio::spawn({
            let (url, client) = (database.url(), client.clone());
            async move {
                let mut other = sqlx::PgConnection::connect(&url).await.unwrap();
                let mut tx = other.begin().await.unwrap();
                let inserted = client.within(&mut tx).insert(unique()).await.unwrap();
                tx.commit().await.unwrap();
                inserted
            }
        });
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        let locks = || {
            let database = &database;
            tokio::task::block_in_place(|| database.psql(waiting))
        };
        while locks() == "0" {
            tokio::time::sleep(5.milliseconds()).await;
        }
        if commits {
            tx.commit().await.unwrap();
        } else {
            tx.rollback().await.unwrap();
        }
        let second = waits.await.unwrap();
        assert_eq!(second.job().id == first.id, commits, "{second:?}");
        assert_eq!(matches!(second, Inserted::New(_)), !commits);
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn commits_and_rolls_back_on_sqlite() {
    let (_folder, client, connection) = on_sqlite().await;
    commits_and_rolls_back!(client, connection);
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn unique_jobs_are_claimed_and_given_up_on_sqlite() {
    let (_folder, client, connection) = on_sqlite().await;
    claims_and_gives_up!(client, connection);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_the_other_database_is_refused() {
    let database = tokio::task::spawn_blocking(testkit::postgres::Database::empty).await.unwrap();
    let client = Client::connect("sqlite::memory:").await.unwrap();
    let mut connection = sqlx::PgConnection::connect(&database.url()).await.unwrap();
    let mut tx = connection.begin().await.unwrap();
    let error = client.within(&mut tx).insert(Welcome { user_id: 1 }).await.unwrap_err();
    assert!(error.is_config() && error.to_string().contains("cannot span"), "{error}");
}

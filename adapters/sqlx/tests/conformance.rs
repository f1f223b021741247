//! A job and a row of the application's, through a transaction of sqlx, on both databases.

#![allow(clippy::unwrap_used)]

use kerrera::prelude::*;
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

#[tokio::test(flavor = "multi_thread")]
async fn commits_and_rolls_back_on_postgres() {
    let database = tokio::task::spawn_blocking(testkit::postgres::Database::empty).await.unwrap();
    let builder = Kerrera::builder(database.url()).migrate(true);
    builder.start().await.unwrap().shutdown().await;
    let client = Client::connect(database.url()).await.unwrap();
    let connection = sqlx::PgConnection::connect(&database.url()).await.unwrap();
    commits_and_rolls_back!(client, connection);
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn commits_and_rolls_back_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    let client = Client::connect(url.as_str()).await.unwrap();
    let connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    commits_and_rolls_back!(client, connection);
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

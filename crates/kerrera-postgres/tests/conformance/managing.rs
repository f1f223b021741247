//! Managing jobs beside others who hold their rows, and the signals.

use std::future::poll_fn;
use std::time::Duration;

use kerrera_core::job_query::Condition;
use kerrera_core::storage::{
    Batch, Hint, Inserted, Jobs, Listener, Managed, Operation, Operations, Signals, Updated,
};
use kerrera_core::{Clock, JobChange, JobId, JobQuery, Limits, NewJob, State};
use kerrera_postgres::Postgres;
use serde_json::json;
use testkit::postgres::Database;

use crate::fixture::{client, migrated, open};

#[tokio::test]
async fn a_change_does_not_wait_for_whoever_holds_the_row() {
    let (database, postgres) = opened().await;
    let id = insert(&postgres).await;
    let mut other = client(&database.url(), "public").await;
    let held = other.transaction().await.unwrap();
    held.execute("SELECT FROM oban_jobs WHERE id = $1 FOR UPDATE", &[&id]).await.unwrap();
    let change = JobChange::new().priority(5).validate(&Limits::default()).unwrap();
    assert_eq!(postgres.update(id, change.clone()).await.unwrap(), Updated::Locked);
    assert_eq!(postgres.update(id + 1, change.clone()).await.unwrap(), Updated::NotFound);
    held.rollback().await.unwrap();
    let updated = postgres.update(id, change).await.unwrap();
    assert!(matches!(updated, Updated::Changed(job) if job.priority == 5));
}

#[tokio::test]
async fn a_cancel_waits_for_whoever_holds_the_row_and_asks_again() {
    for (state, expected) in [("completed", None), ("retryable", Some(State::Retryable))] {
        let (database, postgres) = opened().await;
        let id = insert(&postgres).await;
        let mut other = client(&database.url(), "public").await;
        let held = other.transaction().await.unwrap();
        let end = format!("UPDATE oban_jobs SET state = '{state}' WHERE id = {id}");
        held.batch_execute(&end).await.unwrap();
        let cancelling = tokio::spawn({
            let postgres = postgres.clone();
            async move { manage(&postgres, Operation::Cancel, JobQuery::new()).await }
        });
        let waits = "SELECT count(*) FROM pg_stat_activity
                     WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while database.psql(waits) != "1" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        held.commit().await.unwrap();
        let cancelled = cancelling.await.unwrap();
        assert_eq!(cancelled.first().map(|managed| managed.was), expected);
        let now = postgres.job(id).await.unwrap().unwrap().state;
        assert_eq!(now, expected.map_or(State::Completed, |_| State::Cancelled));
    }
}

#[tokio::test]
async fn jobs_are_told_to_stop_in_the_words_of_oban() {
    let (database, postgres) = opened().await;
    let (mut raw, mut ear) = (raw_listener(&database).await, postgres.listen().await.unwrap());
    postgres.stop_jobs(vec![2_147_483_650, 7]).await.unwrap();
    for id in [2_147_483_650, 7] {
        let (channel, payload) = raw.recv().await.unwrap();
        assert_eq!(channel, "public.oban_signal");
        let payload: serde_json::Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(payload, json!({"action": "pkill", "job_id": id}));
        assert_eq!(next(&mut ear).await, Hint::Stop(id));
    }
}

#[tokio::test]
async fn signals_that_are_not_for_us_are_passed_over() {
    let (database, postgres) = opened().await;
    let mut ear = postgres.listen().await.unwrap();
    database.psql(
        r#"select pg_notify('public.oban_signal', 'garbage');
           select pg_notify('public.oban_signal', '{"action":"pkill","job_id":"7"}');
           select pg_notify('public.oban_insert', '{"action":"pkill","job_id":7}');
           select pg_notify('public.oban_signal', '{"action":"pkill","job_id":8}')"#,
    );
    assert_eq!(next(&mut ear).await, Hint::Stop(8));
}

async fn opened() -> (Database, Postgres) {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    (database, postgres)
}

async fn insert(postgres: &Postgres) -> JobId {
    let job = NewJob::of("W", json!({})).validate(&Limits::default()).unwrap();
    postgres.insert(vec![job]).await.unwrap().first().map(Inserted::job).unwrap().id
}

async fn manage(postgres: &Postgres, operation: Operation, query: JobQuery) -> Vec<Managed> {
    let conditions: Vec<Condition> = query.validate().unwrap().conditions;
    postgres.manage(Batch { operation, conditions, after: None, limit: 1_000 }).await.unwrap()
}

async fn next(listener: &mut Box<dyn Listener>) -> Hint {
    tokio::time::timeout(Duration::from_secs(20), listener.next()).await.expect("a hint").unwrap()
}

/// What anybody hears who listens on the channel.
async fn raw_listener(
    database: &Database,
) -> tokio::sync::mpsc::UnboundedReceiver<(String, String)> {
    let (client, mut connection) =
        tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
    let (sender, heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let tokio_postgres::AsyncMessage::Notification(told) = message {
                let _ = sender.send((told.channel().to_owned(), told.payload().to_owned()));
            }
        }
    });
    client.batch_execute("LISTEN \"public.oban_signal\"").await.unwrap();
    // It listens for as long as its client is there.
    std::mem::forget(client);
    heard
}

//! Hints between processes.

use std::time::Duration;

use kerrera_core::executor::{Call, Dialect, Executor};
use kerrera_core::storage::{Hint, Inserted, Jobs, Listener, Signals};
use kerrera_core::{Clock, Limits, NewJob, Units, ValidJob};
use kerrera_postgres::Postgres;
use serde_json::json;
use testkit::postgres::Database;

use crate::fixture::{client, migrated, open};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_transaction_tells_of_its_jobs_when_it_commits_and_not_before() {
    let (database, postgres) = opened().await;
    let mut listener = postgres.listen().await.unwrap();
    let mut client = client(&database.url(), "public").await;

    let transaction = client.transaction().await.unwrap();
    within(&postgres, transaction, &["rolled back"], false).await.rollback().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    within(&postgres, transaction, &["quiet"], true).await.commit().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let transaction = within(&postgres, transaction, &["a", "b", "a"], false).await;
    // Whatever is told before the commit comes first.
    postgres.notify(vec!["before".into()]).await.unwrap();
    assert_eq!(next(&mut listener).await, Hint::Work("before".to_owned()));
    transaction.commit().await.unwrap();

    let mut told = [next(&mut listener).await, next(&mut listener).await];
    told.sort_by_key(|hint| format!("{hint:?}"));
    assert_eq!(told, ["a", "b"].map(|queue| Hint::Work(queue.to_owned())));
    postgres.notify(vec!["after".into()]).await.unwrap();
    assert_eq!(next(&mut listener).await, Hint::Work("after".to_owned()), "once a queue");
    assert_eq!(database.psql("select count(*) from oban_jobs"), "4");
}

#[tokio::test]
async fn a_job_that_waits_is_not_told_of() {
    let (database, postgres) = opened().await;
    let mut listener = postgres.listen().await.unwrap();
    let mut client = client(&database.url(), "public").await;
    let mut transaction = client.transaction().await.unwrap();
    let later = NewJob::of("W", json!({})).schedule_in(1.hour());
    let plan = postgres.plan_insert(&[later.validate(&Limits::default()).unwrap()], false);
    let call: Call<Vec<Inserted>> = Call::new(Dialect::Postgres, plan, Ok);
    transaction.run(call).await.unwrap();
    transaction.commit().await.unwrap();
    postgres.notify(vec!["after".into()]).await.unwrap();
    assert_eq!(next(&mut listener).await, Hint::Work("after".to_owned()));
}

#[tokio::test]
async fn names_of_queues_are_told_as_they_are() {
    let (_database, postgres) = opened().await;
    let mut listener = postgres.listen().await.unwrap();
    let name = "it's \"odd\" \\ {é} 🦀";
    postgres.notify(vec![name.into()]).await.unwrap();
    assert_eq!(next(&mut listener).await, Hint::Work(name.to_owned()));
}

#[tokio::test]
async fn what_means_nothing_is_passed_over() {
    let (database, postgres) = opened().await;
    let mut listener = postgres.listen().await.unwrap();
    database.psql(
        "select pg_notify('public.oban_insert', 'garbage');
         select pg_notify('public.oban_insert', '');
         select pg_notify('other.oban_insert', '{\"queue\":\"elsewhere\"}');
         select pg_notify('public.oban_insert', 'H4sIAAAAAAAA');
         select pg_notify('public.oban_signal', '{\"action\":\"fly\"}');
         select pg_notify('public.oban_insert', '{\"queue\":\"known\"}')",
    );
    assert_eq!(next(&mut listener).await, Hint::Work("known".to_owned()));
}

#[tokio::test]
async fn more_than_anybody_takes_becomes_one_hint() {
    let (database, postgres) = opened().await;
    let mut listener = postgres.listen().await.unwrap();
    database.psql(
        "select count(pg_notify('public.oban_insert', json_build_object('queue', n::text)::text))
         from generate_series(1, 3000) n",
    );
    // The last of them has come through the same connection when this has.
    let mut other = postgres.listen().await.unwrap();
    postgres.notify(vec!["last".into()]).await.unwrap();
    assert_eq!(next(&mut other).await, Hint::Work("last".to_owned()));
    let mut hints = vec![next(&mut listener).await];
    while hints.last() != Some(&Hint::Changed) && hints.len() < 3000 {
        hints.push(next(&mut listener).await);
    }
    assert!(hints.contains(&Hint::Changed), "{} hints", hints.len());
    // It goes on afterwards.
    postgres.notify(vec!["afterwards".into()]).await.unwrap();
    while next(&mut listener).await != Hint::Work("afterwards".to_owned()) {}
}

#[tokio::test]
async fn a_listener_whose_connection_ends_says_so() {
    let (database, postgres) = opened().await;
    let mut listener = postgres.listen().await.unwrap();
    database.psql(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'kerrera' and datname = current_database()",
    );
    let ended = tokio::time::timeout(PATIENCE, listener.next()).await.unwrap();
    assert!(ended.unwrap_err().is_unreachable());
    let mut listener = postgres.listen().await.unwrap();
    while postgres.notify(vec!["again".into()]).await.is_err() {}
    assert_eq!(next(&mut listener).await, Hint::Work("again".to_owned()));
}

async fn opened() -> (Database, Postgres) {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    (database, postgres)
}

async fn next(listener: &mut Box<dyn Listener>) -> Hint {
    tokio::time::timeout(PATIENCE, listener.next()).await.expect("a hint").unwrap()
}

async fn within<'a>(
    postgres: &Postgres,
    mut transaction: tokio_postgres::Transaction<'a>,
    queues: &[&str],
    quiet: bool,
) -> tokio_postgres::Transaction<'a> {
    let jobs: Vec<ValidJob> = queues
        .iter()
        .map(|queue| NewJob::of("W", json!({})).queue(*queue).validate(&Limits::default()).unwrap())
        .collect();
    let plan = postgres.plan_insert(&jobs, quiet);
    let inserted: Vec<Inserted> =
        transaction.run(Call::new(Dialect::Postgres, plan, Ok)).await.unwrap();
    assert_eq!(inserted.len(), queues.len());
    transaction
}

//! Unique jobs in the transactions of others, and beside others who insert.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::executor::{Call, Dialect, Executor};
use kerrera_core::storage::{Inserted, Jobs, Liveness, Neighbours, Producer};
use kerrera_core::unique::{UniqueField, until_finished};
use kerrera_core::{Clock, JobId, Limits, NewJob, Result, Unique, Uuid, ValidJob};
use kerrera_postgres::Postgres;
use serde_json::{Value, json};
use testkit::oban::Python;
use testkit::postgres::Database;
use tokio_postgres::Transaction;

use crate::fixture::{ELIXIR, PYTHON, client, migrate, migrated, open};

#[tokio::test]
async fn an_equal_job_waits_for_the_transaction_and_then_conflicts() {
    let (database, postgres) = opened().await;
    let mut client = client(&database.url(), "public").await;
    let mut transaction = client.transaction().await.unwrap();
    let first = within(&postgres, &mut transaction, job(1)).await.unwrap();
    assert!(first.is_new());

    // Another key is free.
    assert!(insert(&postgres, job(2)).await.is_new());
    let waiting = {
        let postgres = postgres.clone();
        tokio::spawn(async move { insert(&postgres, job(1)).await })
    };
    waits_for_a_lock(&database).await;
    transaction.commit().await.unwrap();
    let second = waiting.await.unwrap();
    assert!(second.is_conflict());
    assert_eq!(second.job().id, first.job().id);
}

#[tokio::test]
async fn an_equal_job_waits_for_the_transaction_and_is_new_if_that_is_rolled_back() {
    let (database, postgres) = opened().await;
    let mut client = client(&database.url(), "public").await;
    let mut transaction = client.transaction().await.unwrap();
    assert!(within(&postgres, &mut transaction, job(1)).await.unwrap().is_new());
    let waiting = {
        let postgres = postgres.clone();
        tokio::spawn(async move { insert(&postgres, job(1)).await })
    };
    waits_for_a_lock(&database).await;
    transaction.rollback().await.unwrap();
    assert!(waiting.await.unwrap().is_new());
}

#[tokio::test]
async fn a_transaction_that_cannot_see_a_claim_loses() {
    let (database, postgres) = opened().await;
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        for before in [false, true] {
            let args = json!({"level": level, "before": before});
            let job = || unique(args.clone(), Unique::new());
            if before {
                // Somebody has held the claim, and let go of it.
                let first = insert(&postgres, job()).await.job().id;
                database
                    .psql(&format!("update oban_jobs set state = 'discarded' where id = {first}"));
            }
            let mut client = client(&database.url(), "public").await;
            let mut transaction = client.transaction().await.unwrap();
            let begin =
                format!("SET TRANSACTION ISOLATION LEVEL {level}; SELECT count(*) FROM oban_jobs");
            transaction.batch_execute(&begin).await.unwrap();
            let stored = insert(&postgres, job()).await;
            let error = within(&postgres, &mut transaction, job()).await.unwrap_err();
            assert!(error.is_conflict() && error.is_transient(), "{error:?}");
            assert!(error.to_string().contains("claimed the same unique job"), "{error}");
            transaction.rollback().await.unwrap();

            let mut again = client.transaction().await.unwrap();
            let found = within(&postgres, &mut again, job()).await.unwrap();
            assert_eq!(found.job().id, stored.job().id);
        }
    }
}

#[tokio::test]
async fn no_lock_is_one_that_an_elixir_node_takes() {
    let (database, postgres) = opened().await;
    let mut client = client(&database.url(), "public").await;
    let mut transaction = client.transaction().await.unwrap();
    within(&postgres, &mut transaction, job(1)).await.unwrap();
    let locks =
        "SELECT classid::bigint, objsubid::int, mode FROM pg_locks WHERE locktype = 'advisory'
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND pid = pg_backend_pid()";
    let locks = transaction.query(locks, &[]).await.unwrap();
    assert_eq!(locks.len(), 2);
    for lock in locks {
        assert!(lock.get::<_, i64>(0) >= 1 << 31, "a negative number");
        assert_eq!(lock.get::<_, i32>(1), 1, "of 64 bits");
    }
}

#[tokio::test]
async fn many_keys_take_one_lock_and_exclude_everybody() {
    let (database, postgres) = opened().await;
    let mut client = client(&database.url(), "public").await;
    let mut transaction = client.transaction().await.unwrap();
    let plan = postgres.plan_insert(&(0..1_001).map(job).collect::<Vec<_>>(), true);
    transaction.run(Call::<Vec<Inserted>>::new(Dialect::Postgres, plan, Ok)).await.unwrap();
    let waiting = {
        let postgres = postgres.clone();
        tokio::spawn(async move { insert(&postgres, job(5)).await })
    };
    waits_for_a_lock(&database).await;
    transaction.commit().await.unwrap();
    assert!(waiting.await.unwrap().is_conflict());
}

#[tokio::test]
async fn transactions_that_lock_in_other_orders_lose_or_win_but_never_both_insert() {
    let (database, postgres) = opened().await;
    let (mut one, mut other) =
        (client(&database.url(), "public").await, client(&database.url(), "public").await);
    let (mut left, mut right) =
        (one.transaction().await.unwrap(), other.transaction().await.unwrap());
    within(&postgres, &mut left, job(1)).await.unwrap();
    within(&postgres, &mut right, job(2)).await.unwrap();
    let crossed = tokio::join!(
        async {
            let end = within(&postgres, &mut left, job(2)).await;
            if end.is_ok() {
                left.commit().await.unwrap();
            } else {
                left.rollback().await.unwrap();
            }
            end
        },
        async {
            let end = within(&postgres, &mut right, job(1)).await;
            if end.is_ok() {
                right.commit().await.unwrap();
            } else {
                right.rollback().await.unwrap();
            }
            end
        }
    );
    let lost = [crossed.0, crossed.1].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert_eq!(lost.len(), 1);
    assert!(lost[0].is_conflict(), "{:?}", lost[0]);
    assert_eq!(database.psql("select count(*) from oban_jobs").trim(), "2");
}

#[tokio::test]
async fn a_claim_survives_no_truncation() {
    let (database, postgres) = opened().await;
    assert!(insert(&postgres, job(1)).await.is_new());
    database.psql("truncate oban_jobs restart identity");
    let plain = NewJob::of("Plain", json!({})).validate(&Limits::default()).unwrap();
    assert!(insert(&postgres, plain).await.is_new());
    assert!(insert(&postgres, job(1)).await.is_new());
    assert!(insert(&postgres, job(1)).await.is_conflict());
}

#[tokio::test]
async fn jobs_that_a_neighbour_inserted_count() {
    for tables in [ELIXIR, PYTHON] {
        let database = Database::empty();
        client(&database.url(), "public").await.batch_execute(tables).await.unwrap();
        migrate(&database.url(), "public");
        let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
        are_seen(&database, &postgres, true).await;
    }
}

#[tokio::test]
async fn jobs_without_a_claim_count_on_our_tables_once_a_neighbour_was_seen() {
    let (database, postgres) = opened().await;
    are_seen(&database, &postgres, false).await;
    database.psql("truncate oban_jobs, kerrera_unique");
    database.psql(
        "insert into oban_peers values ('Oban', 'app@host', timezone('UTC', now()), timezone('UTC', now()))",
    );
    are_seen(&database, &postgres, true).await;
}

#[tokio::test]
async fn jobs_without_a_claim_count_on_our_tables_as_long_as_a_python_node_is_seen() {
    // What `oban install` adds to tables of ours.
    let database = migrated("public");
    let added: Vec<&str> = PYTHON.split(';').filter(|sql| sql.contains("UNLOGGED")).collect();
    assert_eq!(added.len(), 2, "oban_leaders and oban_producers");
    database.psql(&added.join(";"));
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let seen = async |seen: bool| {
        database.psql("truncate oban_jobs, kerrera_unique");
        are_seen(&database, &postgres, seen).await;
    };
    seen(false).await;
    let mut python = Python::on(&database, "python");
    assert!(python.elect());
    seen(true).await;
    python.resign();
    seen(false).await;
    // One that leads nothing.
    python.work("default");
    seen(true).await;
    python.rest();

    // We are no neighbours of our own, whatever we show or stand for.
    let (uuid, node) = (Uuid::new_v4(), "rust");
    let producer = Producer { uuid, node: node.into(), queue: "default".into(), limit: 10 };
    postgres.enroll(vec![producer]).await.unwrap();
    let names = Arc::from(["Oban".to_owned()]);
    postgres.stand(node.into(), names).await.unwrap();
    let shown = "select (select count(*) from oban_producers) || ' ' || (select count(*) from oban_leaders)";
    assert_eq!(database.psql(shown), "1 1");
    seen(false).await;
}

/// Whether what Elixir or Python inserts is found, as Oban would find it.
async fn are_seen(database: &Database, postgres: &Postgres, seen: bool) {
    let neighbours = |worker: &str, args: Value, meta: Value| -> JobId {
        let sql = format!(
            "insert into oban_jobs (worker, args, meta) values ('{worker}', '{args}', '{meta}') returning id"
        );
        database.psql(&sql).lines().next().unwrap().trim().parse().unwrap()
    };
    let conflicts = async |job: ValidJob, id: JobId| {
        let end = insert(postgres, job).await;
        assert_eq!(end.is_conflict(), seen, "{end:?}");
        assert_eq!(end.job().id == id, seen, "{end:?}");
    };

    let exact = neighbours("A", json!({"b": [1, {"c": 1.0}], "a": "é"}), json!({}));
    let job = |args| NewJob::of("A", args);
    let all = job(json!({"a": "é", "b": [1, {"c": 1}]})).unique(until_finished());
    conflicts(all.validate(&Limits::default()).unwrap(), exact).await;
    let fewer = job(json!({"a": "é"})).unique(until_finished());
    assert!(insert(postgres, fewer.validate(&Limits::default()).unwrap()).await.is_new());

    let by_key = neighbours("B", json!({"id": 7, "x": 1}), json!({}));
    let job = |args| NewJob::of("B", args).unique(until_finished().by_keys(["id"]));
    conflicts(job(json!({"id": 7, "x": 2})).validate(&Limits::default()).unwrap(), by_key).await;
    assert!(
        insert(postgres, job(json!({"id": 8})).validate(&Limits::default()).unwrap())
            .await
            .is_new()
    );

    let by_meta = neighbours("C", json!({"id": 1}), json!({"slug": "a", "x": 1}));
    let job = |slug: &str| {
        let rule = until_finished().by_fields([UniqueField::Meta, UniqueField::Worker]);
        NewJob::of("C", json!({})).meta(json!({"slug": slug})).unique(rule.by_keys(["slug"]))
    };
    conflicts(job("a").validate(&Limits::default()).unwrap(), by_meta).await;
    assert!(insert(postgres, job("b").validate(&Limits::default()).unwrap()).await.is_new());

    let empty = neighbours("D", json!({}), json!({}));
    let job = |args| NewJob::of("D", args).unique(until_finished());
    assert!(
        insert(postgres, job(json!({"x": 1})).validate(&Limits::default()).unwrap()).await.is_new()
    );
    conflicts(job(json!({})).validate(&Limits::default()).unwrap(), empty).await;

    let ended = neighbours("E", json!({}), json!({}));
    database.psql(&format!("update oban_jobs set state = 'completed' where id = {ended}"));
    let job = NewJob::of("E", json!({})).unique(until_finished());
    assert!(insert(postgres, job.validate(&Limits::default()).unwrap()).await.is_new());
}

async fn opened() -> (Database, Postgres) {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    (database, postgres)
}

fn unique(args: Value, rule: Unique) -> ValidJob {
    NewJob::of("Sync", args).unique(rule).validate(&Limits::default()).unwrap()
}

fn job(id: i32) -> ValidJob {
    unique(json!({"id": id}), until_finished())
}

async fn insert(postgres: &Postgres, job: ValidJob) -> Inserted {
    postgres.insert(vec![job]).await.unwrap().remove(0)
}

async fn within(
    postgres: &Postgres,
    transaction: &mut Transaction<'_>,
    job: ValidJob,
) -> Result<Inserted> {
    let plan = postgres.plan_insert(&[job], false);
    let call: Call<Vec<Inserted>> = Call::new(Dialect::Postgres, plan, Ok);
    Ok(transaction.run(call).await?.remove(0))
}

/// Until somebody waits for a lock of ours.
async fn waits_for_a_lock(database: &Database) {
    let asking = client(&database.url(), "public").await;
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    for _ in 0..2_000 {
        if asking.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody waits");
}

//! What our statements cost the server, counted and not timed: statements, pages, plans.

use std::time::Duration;

use kerrera_core::state::Event;
use kerrera_core::storage::{Acked, Failure, Floor, Jobs, Operations};
use kerrera_core::{Job, Limits, NewJob};
use kerrera_postgres::{Config, Postgres};
use serde_json::json;
use testkit::postgres::{Cluster, ClusterOptions};
use tokio_postgres::NoTls;

use crate::plans::{Hand, ack};

/// The most pages that a claim of so many rows may touch, whatever has happened before.
fn budget(rows: usize) -> u64 {
    64 + 20 * rows as u64
}

#[tokio::test]
async fn a_thousand_jobs_take_one_statement_each_way() {
    let (cluster, postgres) = counted().await;
    let hand = Hand::enrolled(&postgres).await;
    let job = NewJob::of("W", json!({})).validate(&Limits::default()).unwrap();
    let (mut completed, mut failed): (Vec<Job>, Vec<Job>) = (Vec::new(), Vec::new());
    // Connections are made, and statements prepared, at the first time.
    for warm in [true, false] {
        let counts = |what: &str, expected: u64| {
            let statements = spent(&cluster).statements;
            assert!(warm || statements == expected, "{what}: {statements} statements");
        };
        reset(&cluster);
        postgres.insert(vec![job.clone(); 1_000]).await.unwrap();
        counts("inserting what is alike", 1);
        reset(&cluster);
        let other = NewJob::of("W", json!({})).tags(["t"]).validate(&Limits::default()).unwrap();
        postgres.insert([vec![job.clone(); 500], vec![other; 500]].concat()).await.unwrap();
        counts("inserting", 1);
        reset(&cluster);
        completed.extend(hand.claim(1_000).await);
        counts("claiming", 1);
        failed.extend(hand.claim(1_000).await);

        reset(&cluster);
        let acks = completed.drain(..).map(|job| ack(&job, Event::Completed)).collect();
        hand.acked(acks, Acked::Written).await;
        counts("writing what completed", 1);
        reset(&cluster);
        let retry = Event::Failed { retry_in: Duration::ZERO };
        let acks = failed.drain(..).map(|job| {
            let (attempt, error) = (job.attempt, "no".to_owned());
            let failure = Failure {
                attempt,
                error,
                node: "n".into(),
                ran: Duration::ZERO,
                fingerprint: None,
            };
            kerrera_core::storage::Ack { failure: Some(failure), ..ack(&job, retry) }
        });
        hand.acked(acks.collect(), Acked::Written).await;
        counts("writing what failed", 1);
        reset(&cluster);
        let staged = postgres.stage(1_000, vec!["default".into()]).await.unwrap();
        assert_eq!(staged.count, 1_000);
        counts("staging", 1);
        // They are not to be claimed in the next round.
        cluster.psql("postgres", "delete from oban_jobs").unwrap();
    }
}

#[tokio::test]
async fn a_claim_touches_few_pages_among_a_million_jobs() {
    let (cluster, postgres) = counted().await;
    let hand = Hand::enrolled(&postgres).await;
    let fill = "insert into oban_jobs (worker, queue, state, attempt)
        select 'W', case when n % 2 = 0 then 'default' else 'other' end,
            case when n % 10 = 9 then 'available' else 'completed' end::oban_job_state, 0
        from generate_series(1, 500000) n
        union all
        select 'W', 'default', 'available', 0 from generate_series(1, 500000) n";
    cluster.psql("postgres", fill).unwrap();
    cluster.psql("postgres", "vacuum analyze oban_jobs").unwrap();

    let before = cluster.log().len();
    for rows in [1, 10, 1_000] {
        // More often than a plan is made anew.
        for _ in 0..8 {
            reset(&cluster);
            let claimed = hand.claim(rows).await;
            assert_eq!(claimed.len(), rows);
            let pages = spent(&cluster).pages;
            assert!(pages <= budget(rows), "{pages} pages for {rows} rows");
            let acks = claimed.iter().map(|job| ack(job, Event::Completed)).collect();
            hand.acked(acks, Acked::Written).await;
        }
    }
    postgres.stage(1_000, vec!["default".into(), "other".into()]).await.unwrap();
    let log = cluster.log();
    let plans = &log[before..];
    assert!(plans.contains("kerrera_jobs_available_index"), "the plans are in the log");
    for shape in ["Seq Scan on oban_jobs", "Sort Key"] {
        assert!(!plans.contains(shape), "{shape}\n{plans}");
    }
}

#[tokio::test]
async fn a_claim_from_where_the_last_one_ended_touches_few_pages_while_a_transaction_is_held_open()
{
    let (cluster, postgres) = counted().await;
    let hand = Hand::enrolled(&postgres).await;
    let (other, connection) =
        tokio_postgres::connect(&cluster.host_url("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    let hold = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM oban_jobs LIMIT 1";
    other.batch_execute(hold).await.unwrap();

    let job = NewJob::of("W", json!({})).validate(&Limits::default()).unwrap();
    let mut floor = None;
    for _ in 0..10 {
        postgres.insert(vec![job.clone(); 2_000]).await.unwrap();
        let claimed = hand.claim_from(floor, 2_000).await;
        floor = claimed.last().map(Floor::from);
        let acks = claimed.iter().map(|job| ack(job, Event::Completed)).collect();
        hand.acked(acks, Acked::Written).await;
    }
    for rows in [1, 10, 100] {
        postgres.insert(vec![job.clone(); rows]).await.unwrap();
        reset(&cluster);
        let claimed = hand.claim_from(floor, rows).await;
        assert_eq!(claimed.len(), rows);
        let pages = spent(&cluster).pages;
        assert!(pages <= budget(rows), "{pages} pages for {rows} rows, of {}", budget(rows));
        floor = claimed.last().map(Floor::from);
    }
}

/// A server that counts what statements cost, and writes its plans into its log; and a storage on it.
async fn counted() -> (Cluster, Postgres) {
    let conf = [
        "shared_preload_libraries = 'pg_stat_statements'",
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "autovacuum = off",
    ];
    let conf = conf.map(str::to_owned).to_vec();
    let cluster = Cluster::start(ClusterOptions { conf, ..ClusterOptions::default() }).unwrap();
    cluster.psql("postgres", "create extension pg_stat_statements").unwrap();
    let config = Config::from_url(&cluster.host_url("postgres")).unwrap().hot_connections(1);
    let postgres = Postgres::new(config).unwrap();
    postgres.open(true).await.unwrap();
    (cluster, postgres)
}

/// What was asked of the server since [`reset`], beside what asks for this.
struct Spent {
    statements: u64,
    /// Read, from its cache or not.
    pages: u64,
}

fn reset(cluster: &Cluster) {
    cluster.psql("postgres", "select pg_stat_statements_reset()").unwrap();
}

fn spent(cluster: &Cluster) -> Spent {
    let sum = "select coalesce(sum(calls), 0),
            coalesce(sum(shared_blks_hit + shared_blks_read), 0)
        from pg_stat_statements where query not like '%pg_stat_statements%'";
    let line = cluster.psql("postgres", sum).unwrap();
    let (statements, pages) = line.trim().split_once('|').unwrap();
    Spent { statements: statements.parse().unwrap(), pages: pages.parse().unwrap() }
}

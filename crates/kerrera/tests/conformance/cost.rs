//! What an engine costs a server, counted and not timed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kerrera::Tuning;
use kerrera::prelude::*;
use testkit::postgres::{Cluster, ClusterOptions};
use tokio::sync::Notify;

#[derive(Serialize, Deserialize, Worker)]
struct Nothing {}

#[derive(Default)]
struct Ran {
    jobs: AtomicU64,
    more: Notify,
}

impl Ran {
    async fn reach(&self, jobs: u64) {
        while self.jobs.load(Ordering::Relaxed) < jobs {
            self.more.notified().await;
        }
    }
}

impl Perform<Arc<Ran>> for Nothing {
    async fn perform(&self, cx: &Context<Arc<Ran>>) -> JobResult {
        cx.state().jobs.fetch_add(1, Ordering::Relaxed);
        cx.state().more.notify_one();
        done()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_takes_few_statements_for_each_job() {
    const JOBS: u64 = 20_000;
    let (cluster, kerrera, ran) = counted(100, |_| {}).await;
    kerrera.queue("default").pause().await.unwrap();
    for _ in 0..JOBS / 1_000 {
        kerrera.insert_all((0..1_000).map(|_| Nothing {})).await.unwrap();
    }
    reset(&cluster);
    kerrera.queue("default").resume().await.unwrap();
    ran.reach(JOBS).await;
    kerrera.shutdown().await;
    let (statements, _) = spent(&cluster, "%");
    assert!(statements * 20 <= JOBS, "{statements} statements for {JOBS} jobs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_touch_few_pages_while_a_transaction_is_held_open() {
    // In small bites: what each claim walks over is soon more than what it takes.
    let (cluster, kerrera, ran) = counted(10, |tuning| {
        (tuning.claim_batch, tuning.prefetch) = (10, Duration::ZERO);
    })
    .await;
    let url = cluster.host_url("postgres");
    let (other, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let hold = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM oban_jobs LIMIT 1";
    other.batch_execute(hold).await.unwrap();

    const JOBS: u64 = 20_000;
    reset(&cluster);
    kerrera.insert_bulk((0..JOBS).map(|_| Nothing {})).await.unwrap();
    ran.reach(JOBS).await;
    // A claim is the one statement that counts an attempt up.
    let (claims, pages) = spent(&cluster, "%SET%attempt = j.attempt + %");
    assert!(claims >= JOBS / 10);
    let most = 64 * claims + 20 * JOBS;
    assert!(pages <= most, "{pages} pages for {claims} claims of {JOBS} jobs, of {most}");
    kerrera.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counting_runs_takes_no_statement_of_theirs() {
    const JOBS: u64 = 5_000;
    let (cluster, kerrera, ran) = counted(100, |_| {}).await;
    let begun = std::time::Instant::now();
    reset(&cluster);
    kerrera.insert_bulk((0..JOBS).map(|_| Nothing {})).await.unwrap();
    ran.reach(JOBS).await;
    let now = kerrera::Timestamp::now();
    let client = kerrera.client().clone();
    kerrera.shutdown().await;
    let (statements, _) = spent(&cluster, "%INSERT INTO%kerrera_metrics%");
    let rounds = begun.elapsed().as_secs() / 10;
    assert!(statements <= rounds + 4, "{statements} statements in {rounds} rounds");

    let query = kerrera::metrics::SummaryQuery::new(now - 1.hour(), now + 1.hour());
    let summary = client.reader(10.seconds()).summary(query).await.unwrap();
    assert_eq!(summary[0].total(), JOBS, "and every run is counted");
}

/// An engine on a server that counts what statements cost.
async fn counted(limit: u32, tune: impl FnOnce(&mut Tuning)) -> (Cluster, Kerrera, Arc<Ran>) {
    let conf = ["shared_preload_libraries = 'pg_stat_statements'", "autovacuum = off"];
    let conf = conf.map(str::to_owned).to_vec();
    let cluster = Cluster::start(ClusterOptions { conf, ..ClusterOptions::default() }).unwrap();
    cluster.psql("postgres", "create extension pg_stat_statements").unwrap();
    let ran = Arc::new(Ran::default());
    let kerrera = Kerrera::builder(cluster.host_url("postgres"))
        .migrate(true)
        .tune(tune)
        .state(ran.clone())
        .queue("default", limit)
        .worker::<Nothing>()
        .start()
        .await
        .unwrap();
    (cluster, kerrera, ran)
}

fn reset(cluster: &Cluster) {
    cluster.psql("postgres", "select pg_stat_statements_reset()").unwrap();
}

/// How many statements of this likeness there were, and how many pages they touched.
fn spent(cluster: &Cluster, like: &str) -> (u64, u64) {
    let sum = format!(
        "select coalesce(sum(calls), 0), coalesce(sum(shared_blks_hit + shared_blks_read), 0)
        from pg_stat_statements
        where query like '{like}' and query not like '%pg_stat_statements%'"
    );
    let line = cluster.psql("postgres", &sum).unwrap();
    let (statements, pages) = line.trim().split_once('|').unwrap();
    (statements.parse().unwrap(), pages.parse().unwrap())
}

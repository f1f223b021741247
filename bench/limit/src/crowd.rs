//! A database as it is after months, for what is measured on one.

use std::time::Duration;

use anyhow::{Context as _, bail};
use kerrera::Timestamp;
use kerrera::postgres::Postgres;
use kerrera_core::metrics::{
    Cells, Gauge, MetricKey, MetricRow, Packing, RunEnd, Runs, Slot, Tier,
};
use kerrera_core::storage::Metrics as _;
use uuid::Uuid;

/// How many groups of failures there are.
const GROUPS: i64 = 10_000;

/// For how many minutes it is told what ran.
const MINUTES: u32 = 7 * 24 * 60;

/// How many minutes are not packed yet; each of so many processes has its own.
const FRESH: u32 = 65;
const PROCESSES: usize = 2;

/// Fills the tables, unless they were filled before.
pub(crate) async fn fill(
    server: &tokio_postgres::Client,
    storage: &Postgres,
    jobs: i64,
) -> anyhow::Result<()> {
    let count = async |table: &str| -> anyhow::Result<i64> {
        Ok(server.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?.get(0))
    };
    match count("oban_jobs").await? {
        0 => {
            let crowd = include_str!("sql/crowd.sql");
            server.execute(crowd, &[&jobs]).await.context("filling the table")?;
        }
        there if there != jobs => {
            bail!("the table has {there} jobs already; give a database of its own")
        }
        _ => {}
    }
    if count("kerrera_errors").await? == 0 {
        let past = include_str!("sql/past.sql");
        server.execute(past, &[&GROUPS]).await.context("filling the tables beside it")?;
    }
    if count("kerrera_metrics").await? == 0 {
        for rows in numbers(Timestamp::now()).chunks(500) {
            storage.write_metrics(rows.to_vec()).await?;
        }
    }
    server.batch_execute("VACUUM (ANALYZE)").await?;
    Ok(())
}

/// What ran in a week in twenty queues, most of it packed.
fn numbers(now: Timestamp) -> Vec<MetricRow> {
    let minute = Tier::Fresh.unit();
    let (this, _) = Tier::Fresh.place(now);
    let mut rows = Vec::new();
    for process in 0..PROCESSES {
        let source = Uuid::new_v4();
        let minutes = (0..FRESH).flat_map(|ago| of_a_minute(this - minute * ago, process, source));
        rows.extend(minutes);
    }
    let packed: Vec<MetricRow> =
        (FRESH..MINUTES).flat_map(|ago| of_a_minute(this - minute * ago, 0, Uuid::nil())).collect();
    rows.extend(Packing::of(&packed).into_rows());
    rows
}

/// The queues and workers of `sql/crowd.sql`, in one minute.
fn of_a_minute(at: Timestamp, process: usize, source: Uuid) -> Vec<MetricRow> {
    let row = |queue: String, worker: String, slot| MetricRow {
        key: MetricKey { tier: Tier::Fresh, at, queue, worker, source },
        cells: Cells::one(slot).encode(),
    };
    let mut rows = vec![row(String::new(), String::new(), Slot::Mark)];
    let queue = |n: u32| if n == 0 { "hot".to_owned() } else { format!("queue_{n}") };
    for n in 0..20 {
        for worker in [n, n + 17] {
            let mut runs = Runs::default();
            for run in 0..5_u32 {
                let end = if run == 0 { RunEnd::Failed } else { RunEnd::Completed };
                let took = Duration::from_millis(u64::from((run + 1) * (worker + 3)));
                runs.note(end, took / 2, took);
            }
            rows.push(row(queue(n), format!("Worker{worker}"), Slot::Runs(runs)));
        }
        // One process looks at the queues.
        if process == 0 {
            let mut gauge = Gauge::empty();
            let available = u64::from(n);
            (gauge.limit, gauge.available, gauge.executing) =
                (10.into(), available.into(), 5.into());
            rows.push(row(queue(n), String::new(), Slot::Gauge(gauge)));
        }
    }
    rows
}

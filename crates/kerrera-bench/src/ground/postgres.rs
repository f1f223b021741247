//! A server.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use tokio_postgres::Client;

use super::{Fill, QUEUE, Size, Tally, WORKER};

/// How many rows one statement fills in.
const FILLED_AT_ONCE: u64 = 100_000;

/// The settings of a server that decide how fast it is.
const SETTINGS: &[&str] = &[
    "autovacuum",
    "fsync",
    "full_page_writes",
    "jit",
    "max_wal_size",
    "shared_buffers",
    "synchronous_commit",
    "wal_level",
];

/// A server, by one connection of the benchmark's own.
#[derive(Debug)]
pub struct Postgres {
    client: Client,
    /// The parent of all the server's processes, if it is on this machine.
    postmaster: Option<u32>,
}

impl Postgres {
    pub(super) async fn connect(url: &str) -> anyhow::Result<Postgres> {
        let client = connect(url).await?;
        let row = client
            .query_one(
                "SELECT pg_backend_pid(), coalesce(inet_server_addr() = inet_client_addr(), true)",
                &[],
            )
            .await?;
        let (backend, local): (i32, bool) = (row.get(0), row.get(1));
        let postmaster = local.then(|| process(backend.unsigned_abs())).flatten();
        let postmaster = postmaster.filter(|it| it.name == "postgres").map(|it| it.parent);
        Ok(Postgres { client, postmaster })
    }

    /// The connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether there are jobs that are not ours.
    pub(super) async fn others(&self) -> anyhow::Result<bool> {
        let there = "SELECT to_regclass('oban_jobs') IS NOT NULL";
        if !self.client.query_one(there, &[]).await?.get::<_, bool>(0) {
            return Ok(false);
        }
        let sql = format!("SELECT EXISTS (SELECT FROM oban_jobs WHERE NOT {})", ours());
        Ok(self.client.query_one(&sql, &[]).await?.get(0))
    }

    pub(super) async fn clear(&self, others: bool) -> anyhow::Result<()> {
        let jobs = match others {
            true => format!("DELETE FROM oban_jobs WHERE {}", ours()),
            false => "TRUNCATE oban_jobs".to_owned(),
        };
        // A node that was killed has left more: nobody is to take it for alive, and no order is to
        // outlive its queue.
        let sql = format!(
            "{jobs}; DELETE FROM kerrera_queues WHERE node LIKE '{QUEUE}%'; \
             DELETE FROM kerrera_producers WHERE node LIKE '{QUEUE}%'"
        );
        self.client.batch_execute(&sql).await.context("deleting what earlier measurements left")?;
        Ok(())
    }

    pub(super) async fn fill(&self, fill: Fill) -> anyhow::Result<()> {
        let Fill { jobs, queues, retained, waiting, unknown } = fill;
        let retain = include_str!("../sql/postgres/retain.sql");
        self.in_steps(retained, async |first, last| {
            self.client.execute(retain, &[&QUEUE, &first, &last]).await
        })
        .await?;
        let add = include_str!("../sql/postgres/add.sql");
        let queues = i64::try_from(queues)?;
        for (count, worker, priority) in
            [(unknown, "KerreraBenchUnknown", 0), (jobs, WORKER, 0), (waiting, WORKER, 9)]
        {
            self.in_steps(count, async |first, last| {
                let what: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
                    [&QUEUE, &queues, &worker, &priority, &first, &last];
                self.client.execute(add, &what).await
            })
            .await?;
        }
        self.client.batch_execute("VACUUM (ANALYZE) oban_jobs").await?;
        // Only some may do so; without it, what was filled in may still be written later.
        let _ = self.client.batch_execute("CHECKPOINT").await;
        Ok(())
    }

    async fn in_steps(
        &self,
        count: u64,
        step: impl AsyncFn(i64, i64) -> Result<u64, tokio_postgres::Error>,
    ) -> anyhow::Result<()> {
        for first in (0..count).step_by(FILLED_AT_ONCE as usize) {
            let last = count.min(first + FILLED_AT_ONCE) - 1;
            step(i64::try_from(first)?, i64::try_from(last)?).await?;
        }
        Ok(())
    }

    pub(super) async fn is_working(&self) -> anyhow::Result<bool> {
        let sql = include_str!("../sql/postgres/working.sql");
        Ok(self.client.query_one(sql, &[&WORKER]).await?.get(0))
    }

    pub(super) async fn tally(&self) -> anyhow::Result<Tally> {
        let sql = include_str!("../sql/postgres/tally.sql");
        let row = self.client.query_one(sql, &[&WORKER]).await?;
        let count = |at| u64::try_from(row.get::<_, i64>(at));
        Ok(Tally { jobs: count(0)?, completed_once: count(1)?, untouched: count(2)? })
    }

    pub(super) async fn size(&self) -> anyhow::Result<Size> {
        let row = self.client.query_one(include_str!("../sql/postgres/size.sql"), &[]).await?;
        Ok(Size { table_bytes: row.get(0), index_bytes: row.get(1), dead_rows: row.get(2) })
    }

    pub(super) async fn facts(&self) -> anyhow::Result<Value> {
        let sql = "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY ($1)";
        let rows = self.client.query(sql, &[&SETTINGS]).await?;
        let settings: Map<String, Value> =
            rows.iter().map(|row| (row.get(0), Value::String(row.get(1)))).collect();
        let version = "SELECT current_setting('server_version')";
        let version: String = self.client.query_one(version, &[]).await?.get(0);
        Ok(json!({
            "database": "postgres",
            "server_version": version,
            "settings": settings,
        }))
    }

    /// How many transactions this database has seen; each statement outside of a block is one.
    pub(crate) async fn transactions(&self) -> anyhow::Result<i64> {
        let sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database \
                   WHERE datname = current_database()";
        Ok(self.client.query_one(sql, &[]).await?.get(0))
    }

    pub(super) fn processor(&self) -> Option<Duration> {
        let postmaster = self.postmaster?;
        // Its own, and that of its children that have ended; then of each that lives.
        let ended = process(postmaster)?.with_children;
        let living = std::fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
            let id: u32 = entry.file_name().to_str()?.parse().ok()?;
            let process = process(id).filter(|process| process.parent == postmaster)?;
            Some(precise(id).unwrap_or(process.own))
        });
        Some(ended + living.sum::<Duration>())
    }
}

/// A connection of the benchmark's own.
///
/// # Errors
///
/// When the server cannot be reached; the message says why.
pub async fn connect(url: &str) -> anyhow::Result<Client> {
    Ok(kerrera_postgres::Config::from_url(url)?.connect().await?)
}

fn ours() -> String {
    format!("(queue = '{QUEUE}' OR queue LIKE '{QUEUE}\\_%')")
}

/// What Linux tells of a process.
struct Process {
    name: String,
    parent: u32,
    own: Duration,
    with_children: Duration,
}

fn process(id: u32) -> Option<Process> {
    /// What Linux counts in, whatever the kernel's own tick.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in brackets, and may have brackets in it.
    let (before, after) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |at: usize| Some(TICK * fields.get(at)?.parse::<u32>().ok()?);
    let own = ticks(11)? + ticks(12)?;
    Some(Process {
        name: before.split_once('(')?.1.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        own,
        with_children: own + ticks(13)? + ticks(14)?,
    })
}

/// The processor time of a process with one thread, to the nanosecond.
fn precise(id: u32) -> Option<Duration> {
    let times = std::fs::read_to_string(format!("/proc/{id}/schedstat")).ok()?;
    Some(Duration::from_nanos(times.split_whitespace().next()?.parse().ok()?))
}

//! The bare side on SQLite: one connection with a write-ahead log, which syncs as Kerrera's does.

use std::time::{Duration, Instant};

use kerrera_bench::ground::{QUEUE, WORKER};
use rusqlite::{Connection, TransactionBehavior, named_params, params};

use crate::pair::{Way, attempted_by};

/// Completes what was claimed before and claims more, in one transaction, until nothing is left.
pub(crate) fn drain(connection: &Connection, way: Way) -> anyhow::Result<Duration> {
    let attempted_by = serde_json::to_string(&attempted_by())?;
    let begun = Instant::now();
    let mut claimed: Vec<i64> = Vec::new();
    loop {
        let tx = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        let now = now(&tx)?;
        let mut complete = tx.prepare_cached(include_str!("sql/sqlite/complete.sql"))?;
        for id in claimed.drain(..) {
            complete.execute(params![id, now])?;
        }
        let mut claim = tx.prepare_cached(include_str!("sql/sqlite/claim.sql"))?;
        let rows = claim.query_map(
            named_params! {
                ":now": now,
                ":attempted_by": attempted_by,
                ":queue": QUEUE,
                ":limit": i64::try_from(way.batch)?,
            },
            |row| {
                // A worker would be given them.
                let _: (String, String, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
                row.get(0)
            },
        )?;
        claimed = rows.collect::<rusqlite::Result<_>>()?;
        drop((complete, claim));
        tx.commit()?;
        if claimed.is_empty() {
            return Ok(begun.elapsed());
        }
    }
}

/// Inserts row by row, a batch a transaction.
pub(crate) fn insert(connection: &Connection, way: Way, jobs: u64) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    for first in (0..jobs).step_by(usize::try_from(way.batch)?) {
        let tx = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        let now = now(&tx)?;
        let mut insert = tx.prepare_cached(include_str!("sql/sqlite/insert.sql"))?;
        for n in first..jobs.min(first + way.batch) {
            insert.insert(params![QUEUE, WORKER, format!("{{\"n\":{n}}}"), now])?;
        }
        drop(insert);
        tx.commit()?;
    }
    Ok(begun.elapsed())
}

fn now(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT CAST(round(unixepoch('subsec') * 1000000) AS INTEGER)";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

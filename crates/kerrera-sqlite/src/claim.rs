//! Taking jobs.

use kerrera_core::storage::{Claim, Floor};
use kerrera_core::{Job, Timestamp};
use rusqlite::{Connection, named_params, params};
use serde_json::Value;

use crate::row;

/// Takes available jobs, in the order in which they are to be started.
pub(crate) fn claim(
    connection: &Connection,
    now: Timestamp,
    claim: &Claim,
) -> rusqlite::Result<Vec<Job>> {
    let attempted_by = claim.attempted_by();
    let floor = claim.floor.unwrap_or(Floor {
        priority: i32::MIN,
        scheduled_at: Timestamp::from_micros(i64::MIN),
        id: i64::MIN,
    });
    let mut statement = connection.prepare_cached(include_str!("sql/claim.sql"))?;
    let found = statement.query_map(
        named_params! {
            ":queue": claim.queue.as_ref(),
            ":floor_priority": floor.priority,
            ":floor_scheduled_at": floor.scheduled_at.as_micros(),
            ":floor_id": floor.id,
            ":excluded": Value::from(&claim.excluded[..]).to_string(),
            ":producer": claim.producer.to_string(),
            ":limit": claim.limit,
        },
        |row| row::claimed(row, claim, now, &attempted_by),
    )?;
    // All of them first: taking them changes the index in which they are found.
    let found = found.collect::<rusqlite::Result<Vec<Job>>>()?;
    let mut take = connection.prepare_cached(include_str!("sql/take.sql"))?;
    let (now, attempted_by) = (now.as_micros(), Value::from(attempted_by).to_string());
    let mut jobs = Vec::with_capacity(found.len());
    for job in found {
        // A trigger of the application's may have a word in it.
        if take.execute(params![job.id, now, attempted_by])? == 1 {
            jobs.push(job);
        }
    }
    Ok(jobs)
}

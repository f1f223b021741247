//! Taking jobs.

use kerrera_core::storage::{Claim, Floor};
use kerrera_core::{Job, Timestamp};
use rusqlite::{Connection, named_params, params};
use serde_json::Value;

use crate::{connection, row};

/// Takes available jobs, in the order in which they are to be started. [`signed`] says whose they are.
pub(crate) fn claim(
    connection: &Connection,
    now: Timestamp,
    claim: &Claim,
) -> rusqlite::Result<Vec<Job>> {
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
        |row| row::claimed(row, now),
    )?;
    // All of them first: taking them changes the index in which they are found.
    let mut jobs = found.collect::<rusqlite::Result<Vec<Job>>>()?;
    let mut take = connection.prepare_cached(include_str!("sql/take.sql"))?;
    let ids = connection::numbers(jobs.iter().map(|job| job.id));
    let attempted_by = Value::from(claim.attempted_by().to_vec()).to_string();
    // A trigger of the application's may have a word in it.
    if take.execute(params![ids, now.as_micros(), attempted_by])? < jobs.len() {
        let mut taken = connection.prepare_cached(include_str!("sql/taken.sql"))?;
        let mut left = Vec::with_capacity(jobs.len());
        for job in jobs {
            if taken.exists(params![job.id, attempted_by])? {
                left.push(job);
            }
        }
        jobs = left;
    }
    Ok(jobs)
}

/// Jobs that were claimed, with what all of a claim have in common. Apart, so that it costs no time of
/// the only thread that writes.
pub(crate) fn signed(mut jobs: Vec<Job>, claim: &Claim) -> Vec<Job> {
    let attempted_by = claim.attempted_by();
    for job in &mut jobs {
        job.queue = claim.queue.as_ref().to_owned();
        job.attempted_by = attempted_by.clone();
    }
    jobs
}

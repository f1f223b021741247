//! Inserting jobs.

use kerrera_core::storage::Inserted;
use kerrera_core::{Job, Schedule, Timestamp, ValidJob};
use rusqlite::{Connection, named_params};

use crate::refusal::Refusal;
use crate::unique;

/// Inserts jobs, and gives them back as they now stand in the table.
pub(crate) fn insert(
    connection: &Connection,
    now: Timestamp,
    jobs: Vec<ValidJob>,
) -> Result<Vec<Inserted>, Refusal> {
    if jobs.iter().any(|job| job.unique.is_some()) {
        return Ok(unique::insert(connection, now, &jobs)?);
    }
    let mut statement = connection.prepare_cached(include_str!("sql/insert.sql"))?;
    let mut inserted = Vec::with_capacity(jobs.len());
    for valid in jobs {
        let state = valid.state();
        let scheduled_at = match valid.schedule {
            Schedule::Now => now,
            Schedule::In(wait) => (now + wait).min(Timestamp::MAX),
            Schedule::At(time) => time,
        };
        let id = statement.insert(named_params! {
            ":state": state.as_str(),
            ":queue": valid.queue,
            ":worker": valid.worker,
            ":args": valid.args.as_str(),
            ":meta": valid.meta.as_str(),
            ":tags": tags(&valid.tags),
            ":max_attempts": valid.max_attempts,
            ":priority": valid.priority,
            ":now": now.as_micros(),
            ":scheduled_at": scheduled_at.as_micros(),
        })?;
        let mut job = Job::blank(id);
        job.state = state;
        job.queue = valid.queue;
        job.worker = valid.worker;
        job.args = valid.args;
        job.meta = valid.meta;
        job.tags = valid.tags;
        job.max_attempts = valid.max_attempts;
        job.priority = valid.priority;
        job.inserted_at = now;
        job.scheduled_at = scheduled_at;
        inserted.push(Inserted::New(job));
    }
    Ok(inserted)
}

pub(crate) fn tags(tags: &[String]) -> String {
    serde_json::Value::from(tags).to_string()
}

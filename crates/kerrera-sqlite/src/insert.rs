//! Inserting jobs.

use kerrera_core::storage::Inserted;
use kerrera_core::{Job, Schedule, Timestamp, ValidJob};
use rusqlite::{Connection, Statement};

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
    let mut ids = Vec::with_capacity(jobs.len());
    let mut last: Option<&ValidJob> = None;
    for job in &jobs {
        // What one has in common with the one before it stays bound: all but the args, mostly.
        if !last.is_some_and(|last| job.is_alike(last)) {
            bind(&mut statement, job, now)?;
        }
        statement.raw_bind_parameter(c":args", job.args.as_str())?;
        match statement.raw_execute()? {
            1 => ids.push(connection.last_insert_rowid()),
            count => return Err(rusqlite::Error::StatementChangedRows(count).into()),
        }
        last = Some(job);
    }
    let inserted = jobs.into_iter().zip(ids).map(|(valid, id)| {
        let mut job = Job::blank(id);
        job.state = valid.state();
        job.queue = valid.queue;
        job.worker = valid.worker;
        job.args = valid.args;
        job.meta = valid.meta;
        job.tags = valid.tags;
        job.max_attempts = valid.max_attempts;
        job.priority = valid.priority;
        job.inserted_at = now;
        job.scheduled_at = due(valid.schedule, now);
        Inserted::New(job)
    });
    Ok(inserted.collect())
}

/// Everything but the args.
fn bind(statement: &mut Statement<'_>, job: &ValidJob, now: Timestamp) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(c":state", job.state().as_str())?;
    statement.raw_bind_parameter(c":queue", &job.queue)?;
    statement.raw_bind_parameter(c":worker", &job.worker)?;
    statement.raw_bind_parameter(c":meta", job.meta.as_str())?;
    statement.raw_bind_parameter(c":tags", tags(&job.tags))?;
    statement.raw_bind_parameter(c":max_attempts", job.max_attempts)?;
    statement.raw_bind_parameter(c":priority", job.priority)?;
    statement.raw_bind_parameter(c":now", now.as_micros())?;
    statement.raw_bind_parameter(c":scheduled_at", due(job.schedule, now).as_micros())
}

fn due(schedule: Schedule, now: Timestamp) -> Timestamp {
    match schedule {
        Schedule::Now => now,
        Schedule::In(wait) => (now + wait).min(Timestamp::MAX),
        Schedule::At(time) => time,
    }
}

pub(crate) fn tags(tags: &[String]) -> String {
    serde_json::Value::from(tags).to_string()
}

//! Inserting jobs.

use std::sync::Arc;

use kerrera_core::error::Kind;
use kerrera_core::executor::{Dialect, InsertPlan};
use kerrera_core::storage::Inserted;
use kerrera_core::{Clock, Error, Job, Result, Schedule, Timestamp, ValidJob};
use rusqlite::{Connection, named_params};

/// Inserts jobs, and gives them back as they now stand in the table.
pub(crate) fn insert(
    connection: &Connection,
    now: Timestamp,
    jobs: Vec<ValidJob>,
) -> rusqlite::Result<Vec<Inserted>> {
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

/// What to run to insert jobs in a transaction of the application's.
pub(crate) fn plan(clock: &Clock, jobs: &[ValidJob]) -> Result<InsertPlan> {
    const SQL: &str = include_str!("sql/insert_json.sql");
    /// The database's clock, as `SQL` reads it.
    const NOW: &str = "CAST(round(unixepoch('subsec') * 1000000) AS INTEGER)";

    let sql: Arc<str> = match clock.shows() {
        None => SQL.into(),
        Some(now) => SQL.replace(NOW, &now.as_micros().to_string()).into(),
    };
    let json = serde_json::to_string(jobs).map_err(|error| {
        Error::new(Kind::InvalidJob, format!("the jobs cannot be written as JSON: {error}"))
    })?;
    Ok(InsertPlan::new(Dialect::Sqlite, sql, json))
}

pub(crate) fn tags(tags: &[String]) -> String {
    serde_json::Value::from(tags).to_string()
}

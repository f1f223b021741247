//! Managing jobs.

use kerrera_core::audit::AuditEntry;
use kerrera_core::job::PROGRESS;
use kerrera_core::job_query::Condition;
use kerrera_core::state::decide;
use kerrera_core::storage::{Answer, Batch, Command, Managed, Report, Updated};
use kerrera_core::{ClaimToken, Job, JobId, Json, Result, Schedule, State, Timestamp, ValidChange};
use rusqlite::{Connection, OptionalExtension, named_params};
use serde_json::{Map, Value};

use crate::moves::{self, Standing};
use crate::refusal::Refusal;
use crate::sqlite::Sqlite;
use crate::{audit, insert, query, row, writer};

/// Does something to the jobs of a batch.
///
/// They are looked for first, beside whoever writes: a search may read every row, and must not do so
/// under the write lock. What was found is asked again when it is written.
///
/// With an entry, each time that some are written the log tells of them.
pub(crate) async fn manage(
    sqlite: &Sqlite,
    mut batch: Batch,
    entry: Option<AuditEntry>,
) -> Result<Vec<Managed>> {
    if batch.conditions.iter().any(|condition| matches!(condition, Condition::Ids(_))) {
        return write(sqlite, batch, entry).await;
    }
    let mut managed = Vec::new();
    while batch.limit > 0 {
        let search = batch.clone();
        let now = writer::now(sqlite.clock());
        let search = move |connection: &Connection| query::meant(connection, &search, now);
        let found = sqlite.read("look for jobs", search).await?;
        let ids: Vec<JobId> = found.into_iter().map(|(standing, _)| standing.id).collect();
        let Some(last) = ids.last().copied() else { break };
        let is_last = ids.len() < batch.limit as usize;
        let mut listed = batch.clone();
        listed.conditions.push(Condition::Ids(ids));
        let written = write(sqlite, listed, entry.clone()).await?;
        // Some may have changed since they were found: then others are looked for in their place.
        batch.limit -= batch.limit.min(written.len() as u32);
        batch.after = Some(last);
        managed.extend(written);
        if is_last {
            break;
        }
    }
    Ok(managed)
}

async fn write(sqlite: &Sqlite, batch: Batch, entry: Option<AuditEntry>) -> Result<Vec<Managed>> {
    let Some(entry) = entry else {
        let work = move |connection: &Connection, now| Ok(write_batch(connection, now, &batch)?);
        return sqlite.write("manage jobs", work).await;
    };
    let act = move |connection: &Connection, now| {
        audit::act(connection, now, Command::Manage(batch), entry)
    };
    match sqlite.write("manage jobs", act).await? {
        Answer::Managed(managed) => Ok(managed),
        other => Err(other.unexpected()),
    }
}

/// They are read and written under the write lock: nothing comes between.
pub(crate) fn write_batch(
    connection: &Connection,
    now: Timestamp,
    batch: &Batch,
) -> rusqlite::Result<Vec<Managed>> {
    let mut managed = Vec::new();
    for (standing, queue) in query::meant(connection, batch, now)? {
        match batch.operation.event() {
            Some(event) => {
                let Ok(decided) = decide(standing.position, event) else { continue };
                moves::write(connection, now, &standing, &decided, None, None)?;
            }
            None => {
                connection
                    .prepare_cached(include_str!("sql/delete.sql"))?
                    .execute(named_params! {":id": standing.id})?;
            }
        }
        let token = standing.attempted_by.get(2).and_then(|text| ClaimToken::parse(text));
        managed.push(Managed { id: standing.id, queue, was: standing.position.state, token });
    }
    Ok(managed)
}

/// Changes a job.
pub(crate) fn update(
    connection: &Connection,
    now: Timestamp,
    id: JobId,
    change: &ValidChange,
) -> Result<Updated, Refusal> {
    let Some(standing) = standing(connection, id)? else { return Ok(Updated::NotFound) };
    let state = change.decide(standing.position)?;
    let scheduled_at = change.schedule.map(|schedule| match schedule {
        Schedule::Now => now,
        Schedule::In(wait) => (now + wait).min(Timestamp::MAX),
        Schedule::At(time) => time,
    });
    connection.prepare_cached(include_str!("sql/update.sql"))?.execute(named_params! {
        ":id": id,
        ":state": state.as_str(),
        ":args": change.args.as_ref().map(Json::as_str),
        ":meta": change.meta.as_ref().map(Json::as_str),
        ":tags": change.tags.as_deref().map(insert::tags),
        ":queue": change.queue,
        ":worker": change.worker,
        ":priority": change.priority,
        ":max_attempts": change.max_attempts,
        ":scheduled_at": scheduled_at.map(Timestamp::as_micros),
    })?;
    let changed = job(connection, id)?.map(Box::new);
    Ok(changed.map_or(Updated::NotFound, Updated::Changed))
}

/// Changes a job that still is as it was seen. Nobody else writes meanwhile.
pub(crate) fn update_seen(
    connection: &Connection,
    now: Timestamp,
    seen: &Job,
    change: &ValidChange,
) -> Result<Option<Updated>, Refusal> {
    match job(connection, seen.id)? {
        Some(job) if job != *seen => Ok(None),
        _ => update(connection, now, seen.id, change).map(Some),
    }
}

/// Writes how far runs are.
pub(crate) fn report(
    connection: &Connection,
    now: Timestamp,
    reports: &[Report],
) -> rusqlite::Result<Vec<JobId>> {
    let mut written = Vec::with_capacity(reports.len());
    for Report { id, token, progress } in reports {
        let Some(standing) = standing(connection, *id)? else { continue };
        let ours = standing.attempted_by.get(2).is_some_and(|text| text == token.as_str());
        if standing.position.state != State::Executing || !ours {
            continue;
        }
        let progress = serde_json::to_value(progress).unwrap_or(Value::Null);
        let patch = Map::from_iter([(PROGRESS.to_owned(), progress)]);
        moves::annotate(connection, now, &standing, None, None, Some(&patch))?;
        written.push(*id);
    }
    Ok(written)
}

/// A job by its number.
pub(crate) fn job(connection: &Connection, id: JobId) -> rusqlite::Result<Option<Job>> {
    let mut statement = connection.prepare_cached(include_str!("sql/job.sql"))?;
    statement.query_row(named_params! {":id": id}, row::job).optional()
}

fn standing(connection: &Connection, id: JobId) -> rusqlite::Result<Option<Standing>> {
    let mut statement = connection.prepare_cached(include_str!("sql/standing.sql"))?;
    statement.query_row(named_params! {":id": id}, Standing::read).optional()
}

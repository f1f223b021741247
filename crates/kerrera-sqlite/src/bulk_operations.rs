//! Doing something to many jobs, over hours if need be.

use std::time::Duration;

use kerrera_core::audit::AuditEntry;
use kerrera_core::bulk_operation::{BulkFailure, BulkOperation, BulkState};
use kerrera_core::error::Kind;
use kerrera_core::storage::{Managed, NewOperation, OperationLease, OperationStep, Seat};
use kerrera_core::tally::{Quality, Tally};
use kerrera_core::{Error, JobQuery, Result, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::refusal::Refusal;
use crate::{audit, maintenance, operations, row};

/// Writes an operation down, and the entry about it.
pub(crate) fn create(
    connection: &Connection,
    now: Timestamp,
    new: &NewOperation,
    entry: Option<AuditEntry>,
) -> Result<BulkOperation, Refusal> {
    let by = new.by.as_ref().map(|by| serde_json::json!(by).to_string());
    let total = new.total.map(|total| i64::try_from(total.value).unwrap_or(i64::MAX));
    let mut insert = connection.prepare_cached(include_str!("sql/create_operation.sql"))?;
    let id = insert.insert(named_params! {
        ":action": new.action.as_str(),
        ":query": new.stored_query()?,
        ":by": by,
        ":reason": new.reason,
        ":total": total,
        ":quality": new.total.map(|total| total.quality.as_str()),
        ":now": now.as_micros(),
    })?;
    if let Some(entry) = entry {
        let entry = entry.target("operation", id.to_string()).count(1).sanitised();
        audit::write(connection, now, &entry)?;
    }
    let created = one(connection, id)?.transpose()?;
    Ok(created.ok_or_else(|| unreadable("it was not given back"))?)
}

/// Operations, the newest first.
pub(crate) fn list(
    connection: &Connection,
    before: Option<i64>,
    limit: u32,
) -> rusqlite::Result<Vec<BulkOperation>> {
    let mut statement = connection.prepare_cached(include_str!("sql/operations.sql"))?;
    let before = before.unwrap_or(i64::MAX);
    let mut rows = statement.query(named_params! {":before": before, ":limit": limit})?;
    let mut operations = Vec::new();
    while let Some(row) = rows.next()? {
        operations.extend(read(row)?.ok());
    }
    Ok(operations)
}

/// An operation by its number; an error within, if it cannot be read.
pub(crate) fn one(
    connection: &Connection,
    id: i64,
) -> rusqlite::Result<Option<Result<BulkOperation>>> {
    let mut statement = connection.prepare_cached(include_str!("sql/operation.sql"))?;
    statement.query_row(named_params! {":id": id}, read).optional()
}

/// Stops an operation.
pub(crate) fn cancel(
    connection: &Connection,
    now: Timestamp,
    id: i64,
    entry: Option<AuditEntry>,
) -> rusqlite::Result<bool> {
    let stopped = end(connection, now, id, BulkState::Cancelled, None)?;
    if let (true, Some(entry)) = (stopped, entry) {
        audit::write(connection, now, &entry.count(1).sanitised())?;
    }
    Ok(stopped)
}

/// Whether there is one to be taken, and which.
pub(crate) fn open(
    connection: &Connection,
    now: Timestamp,
    lease: &OperationLease,
) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(include_str!("sql/open_operation.sql"))?;
    let parameters = named_params! {
        ":now": now.as_micros(),
        ":holder": lease.holder.to_string(),
        ":id": lease.id,
    };
    statement.query_row(parameters, |row| row.get(0)).optional()
}

/// Takes an operation.
pub(crate) fn lease(
    connection: &Connection,
    now: Timestamp,
    lease: &OperationLease,
) -> rusqlite::Result<Option<BulkOperation>> {
    while let Some(id) = open(connection, now, lease)? {
        let mut take = connection.prepare_cached(include_str!("sql/lease_operation.sql"))?;
        take.execute(named_params! {
            ":id": id,
            ":holder": lease.holder.to_string(),
            ":node": &*lease.node,
            ":until": (now + lease.ttl).as_micros(),
            ":now": now.as_micros(),
        })?;
        match one(connection, id)? {
            Some(Ok(operation)) => return Ok(Some(operation)),
            Some(Err(error)) => {
                let words = error.to_string();
                end(connection, now, id, BulkState::Failed, Some(&words))?;
            }
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Does what is to be done to some jobs, and writes how far it is.
pub(crate) fn step(
    connection: &Connection,
    now: Timestamp,
    step: &OperationStep,
) -> rusqlite::Result<Option<Vec<Managed>>> {
    let mut held = connection.prepare_cached(include_str!("sql/held_operation.sql"))?;
    let parameters = named_params! {
        ":id": step.id,
        ":holder": step.holder.to_string(),
        ":from": step.from,
    };
    let failures: Option<String> = held.query_row(parameters, |row| row.get(0)).optional()?;
    let Some(failures) = failures else { return Ok(None) };
    let managed = match step.jobs.is_empty() {
        true => Vec::new(),
        false => operations::write_batch(connection, now, &step.batch())?,
    };
    let error = step.end.as_ref().and_then(|end| end.error.as_deref());
    let state = step.end.as_ref().map(|_| match error {
        None => BulkState::Done.as_str(),
        Some(_) => BulkState::Failed.as_str(),
    });
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let mut write = connection.prepare_cached(include_str!("sql/step_operation.sql"))?;
    let parameters = named_params! {
        ":id": step.id,
        ":to": step.to,
        ":done": number(managed.len()),
        ":skipped": i64::try_from(step.skipped(managed.len())).unwrap_or(i64::MAX),
        ":failed": number(step.failures.len()),
        ":failures": known_failures(&failures, &step.failures),
        ":until": (now + step.ttl).as_micros(),
        ":state": state,
        ":error": error,
        ":now": now.as_micros(),
    };
    let all: i64 = write.query_row(parameters, |row| row.get(0))?;
    if let Some(entry) = step.end.as_ref().and_then(|end| end.entry.clone()) {
        audit::write(connection, now, &entry.count(all.unsigned_abs()).sanitised())?;
    }
    Ok(Some(managed))
}

/// Removes operations that ended long ago.
pub(crate) fn prune(
    connection: &Connection,
    now: Timestamp,
    seat: &Seat,
    age: Duration,
    limit: u32,
) -> rusqlite::Result<u64> {
    if !maintenance::holds(connection, now, seat)? {
        return Ok(0);
    }
    let before = now.as_micros().saturating_sub(maintenance::micros(age));
    let mut statement = connection.prepare_cached(include_str!("sql/prune_operations.sql"))?;
    Ok(statement.execute(named_params! {":before": before, ":limit": limit})? as u64)
}

fn end(
    connection: &Connection,
    now: Timestamp,
    id: i64,
    state: BulkState,
    error: Option<&str>,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(include_str!("sql/end_operation.sql"))?;
    let ended = statement.execute(named_params! {
        ":id": id,
        ":state": state.as_str(),
        ":error": error,
        ":now": now.as_micros(),
    })?;
    Ok(ended > 0)
}

/// The failures that are kept, with those that are new.
fn known_failures(text: &str, new: &[BulkFailure]) -> String {
    let mut failures: Vec<BulkFailure> = serde_json::from_str(text).unwrap_or_default();
    failures.extend_from_slice(new);
    failures.truncate(BulkOperation::MOST_FAILURES);
    serde_json::to_string(&failures).unwrap_or_else(|_| "[]".to_owned())
}

/// An error within if it is of a newer version.
fn read(row: &Row<'_>) -> rusqlite::Result<Result<BulkOperation>> {
    let action = match row.get_ref(1)?.as_str()?.parse() {
        Ok(action) => action,
        Err(error) => return Ok(Err(unreadable(error))),
    };
    let query: JobQuery = match serde_json::from_str(row.get_ref(2)?.as_str()?) {
        Ok(query) => query,
        Err(error) => return Ok(Err(unreadable(error))),
    };
    let count = |at| row.get::<_, i64>(at).map(i64::unsigned_abs);
    let mut operation = BulkOperation::new(row.get(0)?, action, query, row.get(3)?);
    operation.state = match row.get_ref(4)?.as_str()?.parse() {
        Ok(state) => state,
        Err(error) => return Ok(Err(unreadable(error))),
    };
    operation.by = row.get_ref(5)?.as_str_or_null()?.and_then(|by| serde_json::from_str(by).ok());
    operation.reason = row.get(6)?;
    let quality = row.get_ref(8)?.as_str_or_null()?.map(Quality::stored);
    operation.total = row
        .get::<_, Option<i64>>(7)?
        .zip(quality)
        .map(|(value, quality)| Tally { value: value.unsigned_abs(), quality });
    operation.reached = row.get(9)?;
    (operation.done, operation.skipped, operation.failed) = (count(10)?, count(11)?, count(12)?);
    operation.failures = serde_json::from_str(row.get_ref(13)?.as_str()?).unwrap_or_default();
    operation.error = row.get(14)?;
    operation.node = row.get(15)?;
    operation.created_at = Timestamp::from_micros(row.get(16)?);
    operation.started_at = row::time(row, 17)?;
    operation.ended_at = row::time(row, 18)?;
    Ok(Ok(operation))
}

fn unreadable(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::ForeignSchema, format!("the operation cannot be read: {why}"))
}

//! Doing something to many jobs, over hours if need be.

use std::time::Duration;

use kerrera_core::audit::AuditEntry;
use kerrera_core::bulk_operation::{BulkFailure, BulkOperation, BulkState};
use kerrera_core::error::Kind;
use kerrera_core::storage::{Managed, NewOperation, OperationLease, OperationStep, Seat};
use kerrera_core::tally::{Quality, Tally};
use kerrera_core::{Error, JobQuery, Result, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session, Verb};
use crate::maintenance::{held, micros};
use crate::statements::Call;
use crate::{audit, query, rows};

/// What is to be created, and the entry about it.
pub(crate) type Creation = (NewOperation, Option<AuditEntry>);

/// Writes an operation down, and the entry about it.
pub(crate) async fn create(session: &mut Session, call: &Call<Creation>) -> Result<BulkOperation> {
    let verb: Verb<Call<Creation>, BulkOperation> =
        |session, call| Box::pin(create_within(session, call));
    session.transaction("the operation", call, verb).await
}

async fn create_within(session: &mut Session, call: &Call<Creation>) -> Result<BulkOperation> {
    let Call { sql, now, input: (new, entry) } = call;
    let by = new.by.as_ref().map(|by| serde_json::json!(by).to_string());
    let total = new.total.map(|total| i64::try_from(total.value).unwrap_or(i64::MAX));
    let quality = new.total.map(|total| total.quality.as_str());
    let query = new.stored_query()?;
    let parameters: [Parameter<'_>; 7] = [
        (now, Type::TIMESTAMP),
        (&new.action.as_str(), Type::TEXT),
        (&query, Type::TEXT),
        (&by, Type::TEXT),
        (&new.reason, Type::TEXT),
        (&total, Type::INT8),
        (&quality, Type::TEXT),
    ];
    let rows = session.query("the operation", &sql.create_operation, &parameters).await?;
    let row = rows.first().ok_or_else(|| unreadable("it was not given back"))?;
    let operation = read(row)?;
    if let Some(entry) = entry {
        let entry = entry.clone().target("operation", operation.id.to_string());
        audit::write(session, &call.with(entry.count(1).sanitised())).await?;
    }
    Ok(operation)
}

/// Operations, the newest first.
pub(crate) async fn list(
    session: &mut Session,
    Call { sql, input: (before, limit), .. }: &Call<(Option<i64>, u32)>,
) -> Result<Vec<BulkOperation>> {
    let limit = i64::from(*limit);
    let parameters: [Parameter<'_>; 2] = [(before, Type::INT8), (&limit, Type::INT8)];
    let rows = session.query("reading the operations", &sql.operations, &parameters).await?;
    Ok(rows.iter().filter_map(|row| read(row).ok()).collect())
}

/// An operation by its number.
pub(crate) async fn one(
    session: &mut Session,
    Call { sql, input: id, .. }: &Call<i64>,
) -> Result<Option<BulkOperation>> {
    let parameters: [Parameter<'_>; 1] = [(id, Type::INT8)];
    let rows = session.query("reading an operation", &sql.operation, &parameters).await?;
    rows.first().map(read).transpose()
}

/// What is to be stopped, and the entry about it.
pub(crate) type Stopping = (i64, Option<AuditEntry>);

/// Stops an operation.
pub(crate) async fn cancel(session: &mut Session, call: &Call<Stopping>) -> Result<bool> {
    let verb: Verb<Call<Stopping>, bool> = |session, call| Box::pin(cancel_within(session, call));
    session.transaction("stopping an operation", call, verb).await
}

async fn cancel_within(session: &mut Session, call: &Call<Stopping>) -> Result<bool> {
    let Call { sql, now, input: (id, entry) } = call;
    let parameters: [Parameter<'_>; 2] = [(now, Type::TIMESTAMP), (id, Type::INT8)];
    let rows = session.query("stopping an operation", &sql.cancel_operation, &parameters).await?;
    if let (false, Some(entry)) = (rows.is_empty(), entry) {
        audit::write(session, &call.with(entry.clone().count(1).sanitised())).await?;
    }
    Ok(!rows.is_empty())
}

/// Takes an operation.
pub(crate) async fn lease(
    session: &mut Session,
    call: &Call<OperationLease>,
) -> Result<Option<BulkOperation>> {
    let Call { sql, now, input: OperationLease { id, holder, node, ttl } } = call;
    let (node, ttl) = (&**node, micros(*ttl));
    loop {
        let parameters: [Parameter<'_>; 5] = [
            (now, Type::TIMESTAMP),
            (holder, Type::UUID),
            (&node, Type::TEXT),
            (&ttl, Type::INT8),
            (id, Type::INT8),
        ];
        let rows = session.query("taking an operation", &sql.lease_operation, &parameters).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let error = match read(row) {
            Ok(operation) => return Ok(Some(operation)),
            Err(error) => error.to_string(),
        };
        let number: i64 = row.try_get(0).map_err(unreadable)?;
        let parameters: [Parameter<'_>; 3] =
            [(now, Type::TIMESTAMP), (&number, Type::INT8), (&error, Type::TEXT)];
        session.query("failing an operation", &sql.fail_operation, &parameters).await?;
    }
}

/// Does what is to be done to some jobs, and writes how far it is.
pub(crate) async fn step(
    session: &mut Session,
    call: &Call<OperationStep>,
) -> Result<Option<Vec<Managed>>> {
    let verb: Verb<Call<OperationStep>, Option<Vec<Managed>>> =
        |session, call| Box::pin(step_within(session, call));
    session.transaction("a step of an operation", call, verb).await
}

async fn step_within(
    session: &mut Session,
    call: &Call<OperationStep>,
) -> Result<Option<Vec<Managed>>> {
    const DOING: &str = "a step of an operation";
    let Call { sql, now, input: step } = call;
    let parameters: [Parameter<'_>; 3] =
        [(&step.id, Type::INT8), (&step.holder, Type::UUID), (&step.from, Type::INT8)];
    let rows = session.query(DOING, &sql.lock_operation, &parameters).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let failures = known_failures(row.try_get(0).unwrap_or_default(), &step.failures);
    let managed = match step.jobs.is_empty() {
        true => Vec::new(),
        false => query::manage(session, &call.with(step.batch())).await?,
    };
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let (done, failed) = (number(managed.len()), number(step.failures.len()));
    let skipped = i64::try_from(step.skipped(managed.len())).unwrap_or(i64::MAX);
    let ttl = micros(step.ttl);
    let error = step.end.as_ref().and_then(|end| end.error.as_deref());
    let state = step.end.as_ref().map(|_| match error {
        None => BulkState::Done.as_str(),
        Some(_) => BulkState::Failed.as_str(),
    });
    let parameters: [Parameter<'_>; 10] = [
        (now, Type::TIMESTAMP),
        (&step.id, Type::INT8),
        (&step.to, Type::INT8),
        (&done, Type::INT8),
        (&skipped, Type::INT8),
        (&failed, Type::INT8),
        (&failures, Type::TEXT),
        (&ttl, Type::INT8),
        (&state, Type::TEXT),
        (&error, Type::TEXT),
    ];
    let rows = session.query(DOING, &sql.step_operation, &parameters).await?;
    let all: i64 = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    if let Some(entry) = step.end.as_ref().and_then(|end| end.entry.clone()) {
        let entry = entry.count(all.unsigned_abs()).sanitised();
        audit::write(session, &call.with(entry)).await?;
    }
    Ok(Some(managed))
}

/// The failures that are kept, with those that are new.
fn known_failures(text: &str, new: &[BulkFailure]) -> String {
    let mut failures: Vec<BulkFailure> = serde_json::from_str(text).unwrap_or_default();
    failures.extend_from_slice(new);
    failures.truncate(BulkOperation::MOST_FAILURES);
    serde_json::to_string(&failures).unwrap_or_else(|_| "[]".to_owned())
}

/// Removes operations that ended long ago.
pub(crate) async fn prune(
    session: &mut Session,
    Call { sql, now, input: (seat, age, limit) }: &Call<(Seat, Duration, u32)>,
) -> Result<u64> {
    let (name, age, limit) = (&*seat.name, micros(*age), i64::from(*limit));
    let mut parameters = held(now, &name, seat).to_vec();
    parameters.push((&age, Type::INT8));
    parameters.push((&limit, Type::INT8));
    let rows = session.query("pruning the operations", &sql.prune_operations, &parameters).await?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok()).map_or(0, i64::unsigned_abs))
}

fn read(row: &Row) -> Result<BulkOperation> {
    fn get<'r, T: tokio_postgres::types::FromSql<'r>>(row: &'r Row, at: usize) -> Result<T> {
        row.try_get(at).map_err(unreadable)
    }
    let count = |at| get::<i64>(row, at).map(i64::unsigned_abs);
    let action = get::<&str>(row, 1)?.parse().map_err(unreadable)?;
    let query: JobQuery = serde_json::from_str(get(row, 2)?).map_err(unreadable)?;
    let mut operation = BulkOperation::new(get(row, 0)?, action, query, get(row, 3)?);
    operation.state = get::<&str>(row, 4)?.parse().map_err(unreadable)?;
    operation.by = get::<Option<&str>>(row, 5)?.and_then(|by| serde_json::from_str(by).ok());
    operation.reason = get(row, 6)?;
    let quality = get::<Option<&str>>(row, 8)?.map(Quality::stored);
    operation.total = get::<Option<i64>>(row, 7)?
        .zip(quality)
        .map(|(value, quality)| Tally { value: value.unsigned_abs(), quality });
    operation.reached = get(row, 9)?;
    operation.done = count(10)?;
    operation.skipped = count(11)?;
    operation.failed = count(12)?;
    operation.failures = serde_json::from_str(get(row, 13)?).unwrap_or_default();
    operation.error = get(row, 14)?;
    operation.node = get(row, 15)?;
    operation.created_at = rows::time(row, 16).unwrap_or(Timestamp::MIN);
    operation.started_at = rows::time(row, 17);
    operation.ended_at = rows::time(row, 18);
    Ok(operation)
}

fn unreadable(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::ForeignSchema, format!("the operation cannot be read: {why}"))
}

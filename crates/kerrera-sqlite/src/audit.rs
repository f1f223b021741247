//! Who did what.

use std::time::Duration;

use kerrera_core::Timestamp;
use kerrera_core::audit::{Actor, AuditEntry, AuditOutcome, AuditQuery, AuditRecord};
use kerrera_core::error::Kind;
use kerrera_core::storage::{Answer, Command, Seat, read_value};
use kerrera_core::{Error, JobId};
use rusqlite::{Connection, Row, named_params, params_from_iter};
use serde_json::Value;

use crate::query::Clause;
use crate::refusal::Refusal;
use crate::{crons, insert, maintenance, operations, queues};

/// Does something, and writes the entry about it.
pub(crate) fn act(
    connection: &Connection,
    now: Timestamp,
    command: Command,
    entry: AuditEntry,
) -> Result<Answer, Refusal> {
    let answer = carry_out(connection, now, command)?;
    if let Some(entry) = answer.told(entry) {
        write(connection, now, &entry)?;
    }
    Ok(answer)
}

fn carry_out(connection: &Connection, now: Timestamp, command: Command) -> Result<Answer, Refusal> {
    Ok(match command {
        Command::Insert(jobs) => Answer::Inserted(insert::insert(connection, now, jobs)?),
        Command::Manage(batch) => {
            Answer::Managed(operations::write_batch(connection, now, &batch)?)
        }
        Command::Update(id, change) => {
            Answer::Updated(Some(operations::update(connection, now, id, &change)?))
        }
        Command::UpdateSeen(seen, change) => {
            Answer::Updated(operations::update_seen(connection, now, &seen, &change)?)
        }
        Command::Order(order) => {
            queues::order(connection, now, &order)?;
            Answer::Ordered
        }
        Command::PauseCron(name, paused) => {
            Answer::Cron(crons::pause(connection, now, &name, paused)?)
        }
        Command::AddCron(entry) => Answer::Cron(crons::add(connection, now, &entry)?),
        Command::EditCron(entry) => Answer::Cron(crons::edit(connection, now, &entry)?),
        Command::RemoveCron(name) => Answer::Cron(crons::remove(connection, &name)?),
        Command::FireCron(firing) => Answer::Fired(crons::fire(connection, now, &firing)?),
        other => {
            let message = format!("this storage does not know the command {other:?}");
            return Err(Error::new(Kind::Config, message).into());
        }
    })
}

/// Writes an entry, which is safe to store.
pub(crate) fn write(
    connection: &Connection,
    now: Timestamp,
    entry: &AuditEntry,
) -> rusqlite::Result<()> {
    let Actor { id, label, via, request_id, remote_ip, .. } = &entry.actor;
    let json = |value: &Option<Value>| value.as_ref().map(ToString::to_string);
    connection.prepare_cached(include_str!("sql/audit_write.sql"))?.execute(named_params! {
        ":now": now.as_micros(),
        ":instance": entry.instance,
        ":actor_id": id,
        ":actor_label": label,
        ":via": via.as_str(),
        ":action": entry.action,
        ":target_type": entry.target_type,
        ":target": entry.target,
        ":jobs": Value::from(entry.jobs.as_slice()).to_string(),
        ":count": i64::try_from(entry.count).unwrap_or(i64::MAX),
        ":before": json(&entry.before),
        ":after": json(&entry.after),
        ":reason": entry.reason,
        ":request_id": request_id,
        ":remote_ip": remote_ip,
        ":outcome": entry.outcome.as_str(),
        ":error": entry.error,
    })?;
    Ok(())
}

/// The entries of a query, the newest first.
pub(crate) fn read(
    connection: &Connection,
    query: &AuditQuery,
) -> rusqlite::Result<Vec<AuditRecord>> {
    let conditions = include_str!("sql/audit_conditions.sql");
    let mut clause = Clause::with(conditions, Some(query.limit));
    let texts = [
        ("actor", query.actor.as_deref()),
        ("action", query.action.as_deref()),
        ("target_type", query.target_type.as_deref()),
        ("target", query.target.as_deref()),
        ("outcome", query.outcome.map(AuditOutcome::as_str)),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            clause.ask(name, None, [value.to_owned().into()]);
        }
    }
    let numbers = [
        ("job", query.job),
        ("after", query.after),
        ("since", query.since.map(Timestamp::as_micros)),
        ("before", query.before.map(Timestamp::as_micros)),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            clause.ask(name, None, [number.into()]);
        }
    }
    let mut statement = connection.prepare(&clause.fill(include_str!("sql/audit.sql")))?;
    statement.query_map(params_from_iter(clause.values), record)?.collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    let mut actor = Actor::new(row.get::<_, String>(3)?).label(row.get::<_, String>(4)?);
    actor.via = row.get_ref(5)?.as_str()?.parse().unwrap_or_default();
    actor.request_id = row.get(14)?;
    actor.remote_ip = row.get(15)?;
    let jobs: Vec<JobId> = serde_json::from_str(row.get_ref(9)?.as_str()?).unwrap_or_default();
    let count: i64 = row.get(10)?;
    let mut entry = AuditEntry::by(actor)
        .action(row.get::<_, String>(6)?)
        .target(row.get::<_, String>(7)?, row.get::<_, String>(8)?)
        .jobs(jobs)
        .count(count.unsigned_abs())
        .outcome(row.get_ref(16)?.as_str()?.parse().unwrap_or(AuditOutcome::Failed));
    entry.instance = row.get(2)?;
    entry.before = read_value(row.get_ref(11)?.as_str_or_null()?);
    entry.after = read_value(row.get_ref(12)?.as_str_or_null()?);
    entry.reason = row.get(13)?;
    entry.error = row.get(17)?;
    Ok(AuditRecord::new(row.get(0)?, Timestamp::from_micros(row.get(1)?), entry))
}

/// Removes the oldest entries that are too old.
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
    let mut statement = connection.prepare_cached(include_str!("sql/prune_audit.sql"))?;
    Ok(statement.execute(named_params! {":before": before, ":limit": limit})? as u64)
}

//! Who did what.

use std::time::Duration;

use kerrera_core::audit::{Actor, AuditEntry, AuditOutcome, AuditQuery, AuditRecord};
use kerrera_core::error::Kind;
use kerrera_core::storage::{Answer, Command, Seat, read_value};
use kerrera_core::{Error, JobId, Result, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session, Verb};
use crate::maintenance::{held, micros};
use crate::query::{self, Clause, int8, text};
use crate::rows::{self, Stamp};
use crate::statements::Call;
use crate::{crons, insert, operations, queues};

/// Does something, and writes the entry about it, in one transaction.
pub(crate) async fn act(
    session: &mut Session,
    call: &Call<(Command, AuditEntry)>,
) -> Result<Answer> {
    let verb: Verb<Call<(Command, AuditEntry)>, Answer> =
        |session, call| Box::pin(act_within(session, call));
    session.transaction("an action", call, verb).await
}

async fn act_within(session: &mut Session, call: &Call<(Command, AuditEntry)>) -> Result<Answer> {
    let (command, entry) = &call.input;
    let answer = carry_out(session, call, command).await?;
    if let Some(entry) = answer.told(entry.clone()) {
        write(session, &call.with(entry)).await?;
    }
    Ok(answer)
}

async fn carry_out<I>(session: &mut Session, call: &Call<I>, command: &Command) -> Result<Answer> {
    Ok(match command.clone() {
        Command::Insert(jobs) => {
            Answer::Inserted(insert::insert_within(session, &call.with(jobs)).await?)
        }
        Command::Manage(batch) => Answer::Managed(query::manage(session, &call.with(batch)).await?),
        Command::Update(id, change) => {
            let updated = operations::update(session, &call.with((id, change))).await?;
            Answer::Updated(Some(updated))
        }
        Command::UpdateSeen(seen, change) => {
            Answer::Updated(operations::update_seen(session, &call.with((seen, change))).await?)
        }
        Command::Order(order) => {
            queues::order(session, &call.with(order)).await?;
            Answer::Ordered
        }
        Command::PauseCron(name, paused) => {
            Answer::Cron(crons::pause(session, &call.with((name, paused))).await?)
        }
        Command::AddCron(entry) => Answer::Cron(crons::add(session, &call.with(*entry)).await?),
        Command::EditCron(entry) => Answer::Cron(crons::edit(session, &call.with(*entry)).await?),
        Command::RemoveCron(name) => Answer::Cron(crons::remove(session, &call.with(name)).await?),
        Command::FireCron(firing) => {
            Answer::Fired(crons::fire_within(session, &call.with(firing)).await?)
        }
        other => {
            let message = format!("this storage does not know the command {other:?}");
            return Err(Error::new(Kind::Config, message));
        }
    })
}

/// Writes an entry, which is safe to store.
pub(crate) async fn write(
    session: &mut Session,
    Call { sql, now, input: entry }: &Call<AuditEntry>,
) -> Result<()> {
    let Actor { id, label, via, request_id, remote_ip, .. } = &entry.actor;
    let json = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string);
    let (before, after) = (json(&entry.before), json(&entry.after));
    let count = i64::try_from(entry.count).unwrap_or(i64::MAX);
    let parameters: [Parameter<'_>; 17] = [
        (now, Type::TIMESTAMP),
        (&entry.instance, Type::TEXT),
        (id, Type::TEXT),
        (label, Type::TEXT),
        (&via.as_str(), Type::TEXT),
        (&entry.action, Type::TEXT),
        (&entry.target_type, Type::TEXT),
        (&entry.target, Type::TEXT),
        (&entry.jobs, Type::INT8_ARRAY),
        (&count, Type::INT8),
        (&before, Type::TEXT),
        (&after, Type::TEXT),
        (&entry.reason, Type::TEXT),
        (request_id, Type::TEXT),
        (remote_ip, Type::TEXT),
        (&entry.outcome.as_str(), Type::TEXT),
        (&entry.error, Type::TEXT),
    ];
    session.query("writing the audit log", &sql.audit_write, &parameters).await.map(drop)
}

/// The entries of a query, the newest first.
pub(crate) async fn read(
    session: &mut Session,
    Call { sql, input: query, .. }: &Call<AuditQuery>,
) -> Result<Vec<AuditRecord>> {
    let conditions = include_str!("sql/audit_conditions.sql");
    let mut clause = Clause::with(conditions, Some(query.limit));
    let outcome = query.outcome.map(AuditOutcome::as_str);
    let texts = [
        ("actor", query.actor.as_deref()),
        ("action", query.action.as_deref()),
        ("target_type", query.target_type.as_deref()),
        ("target", query.target.as_deref()),
        ("outcome", outcome),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            clause.ask(name, None, [text(value)]);
        }
    }
    for (name, number) in [("job", query.job), ("after", query.after)] {
        if let Some(number) = number {
            clause.ask(name, None, [int8(number)]);
        }
    }
    for (name, time) in [("since", query.since), ("before", query.before)] {
        if let Some(time) = time {
            clause.ask(name, None, [query::stamp(Stamp(time))]);
        }
    }
    let text = clause.fill(&sql.audit, sql);
    let rows = session.query("reading the audit log", &text, &clause.parameters()).await?;
    let unreadable =
        |error| Error::new(Kind::Database, "the audit log cannot be read").caused_by(error);
    rows.iter().map(record).collect::<Result<_, _>>().map_err(unreadable)
}

fn record(row: &Row) -> Result<AuditRecord, tokio_postgres::Error> {
    let mut actor = Actor::new(row.try_get::<_, String>(3)?).label(row.try_get::<_, String>(4)?);
    actor.via = row.try_get::<_, &str>(5)?.parse().unwrap_or_default();
    actor.request_id = row.try_get(14)?;
    actor.remote_ip = row.try_get(15)?;
    let count: i64 = row.try_get(10)?;
    let mut entry = AuditEntry::by(actor)
        .action(row.try_get::<_, String>(6)?)
        .target(row.try_get::<_, String>(7)?, row.try_get::<_, String>(8)?)
        .jobs(row.try_get::<_, Vec<JobId>>(9)?)
        .count(count.unsigned_abs())
        .outcome(row.try_get::<_, &str>(16)?.parse().unwrap_or(AuditOutcome::Failed));
    entry.instance = row.try_get(2)?;
    entry.before = read_value(row.try_get(11)?);
    entry.after = read_value(row.try_get(12)?);
    entry.reason = row.try_get(13)?;
    entry.error = row.try_get(17)?;
    let at = rows::time(row, 1).unwrap_or(Timestamp::MIN);
    Ok(AuditRecord::new(row.try_get(0)?, at, entry))
}

/// Removes the oldest entries that are too old.
pub(crate) async fn prune(
    session: &mut Session,
    Call { sql, now, input: (seat, age, limit) }: &Call<(Seat, Duration, u32)>,
) -> Result<u64> {
    let (name, age, limit) = (&*seat.name, micros(*age), i64::from(*limit));
    let mut parameters = held(now, &name, seat).to_vec();
    parameters.push((&age, Type::INT8));
    parameters.push((&limit, Type::INT8));
    let rows = session.query("pruning the audit log", &sql.prune_audit, &parameters).await?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok()).map_or(0, i64::unsigned_abs))
}

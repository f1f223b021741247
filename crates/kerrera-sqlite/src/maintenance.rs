//! What keeps the tables in order, and who does it.
//!
//! A holder that lives keeps its seat; that it has ended, its lock file tells. So nothing has to be
//! written all the time, and a lease can be a long one: its end only matters where several engines
//! share a process.

use std::time::Duration;

use kerrera_core::state::{Event, decide};
use kerrera_core::storage::{Candidate, KeepRule, Leader, Lease, Prune, Pruned, Seat};
use kerrera_core::{AttemptError, JobId, State, Timestamp, Uuid};
use rusqlite::{Connection, OptionalExtension, named_params};
use serde_json::{Value, json};

use crate::moves::{self, Standing};
use crate::presence::Presence;
use crate::row;

/// A seat as it stands in the table.
struct Found {
    holder: Uuid,
    process: Uuid,
    node: String,
    term: i64,
    elected_at: Timestamp,
    expires_at: Timestamp,
}

/// What is to be done about a seat.
enum Verdict {
    /// Nothing; this is the answer.
    Answer(Lease),
    /// It is to be written, under this term.
    Write { term: i64, elected_at: Timestamp },
}

/// Asks for a seat without writing; `None` if it takes a write to answer.
pub(crate) fn ask(
    connection: &Connection,
    now: Timestamp,
    presence: &Presence,
    candidate: &Candidate,
    held: Option<i64>,
) -> rusqlite::Result<Option<Lease>> {
    match judge(connection, now, presence, candidate, held)? {
        Verdict::Answer(lease) => Ok(Some(lease)),
        Verdict::Write { .. } => Ok(None),
    }
}

/// Takes a seat that is free, or keeps it for longer.
pub(crate) fn lead(
    connection: &Connection,
    now: Timestamp,
    presence: &Presence,
    candidate: &Candidate,
    held: Option<i64>,
) -> rusqlite::Result<Lease> {
    let (term, elected_at) = match judge(connection, now, presence, candidate, held)? {
        Verdict::Answer(lease) => return Ok(lease),
        Verdict::Write { term, elected_at } => (term, elected_at),
    };
    connection.prepare_cached(include_str!("sql/sit.sql"))?.execute(named_params! {
        ":name": &*candidate.seat,
        ":holder": candidate.holder.to_string(),
        ":process": presence.process().to_string(),
        ":node": &*candidate.node,
        ":term": term,
        ":elected_at": elected_at.as_micros(),
        ":expires_at": (now + candidate.ttl).as_micros(),
    })?;
    Ok(Lease { term: Some(term), remains: candidate.ttl })
}

/// Gives a seat up.
pub(crate) fn resign(connection: &Connection, now: Timestamp, seat: &Seat) -> rusqlite::Result<()> {
    connection.prepare_cached(include_str!("sql/resign.sql"))?.execute(named_params! {
        ":now": now.as_micros(),
        ":name": &*seat.name,
        ":holder": seat.holder.to_string(),
        ":term": seat.term,
    })?;
    Ok(())
}

/// Who holds a seat.
pub(crate) fn leader(
    connection: &Connection,
    now: Timestamp,
    presence: &Presence,
    name: &str,
) -> rusqlite::Result<Option<Leader>> {
    let found = find(connection, name)?;
    let sits = found.filter(|found| found.expires_at > now && !presence.has_ended(found.process));
    Ok(sits.map(|found| Leader::new(found.node, found.elected_at, found.term)))
}

/// Finds jobs that ended long enough ago; gives back what was seen, and which they are.
pub(crate) fn old(
    connection: &Connection,
    now: Timestamp,
    prune: &Prune,
) -> rusqlite::Result<(Pruned, Vec<JobId>)> {
    let Prune { seat, rules, after, upto, limit } = prune;
    let (mut pruned, mut old) = (Pruned::default(), Vec::new());
    let shortest = rules.iter().filter_map(KeepRule::shortest).min();
    let Some(shortest) = shortest.filter(|_| holds(connection, now, seat).unwrap_or_default())
    else {
        return Ok((pruned, old));
    };
    let rules: Value = rules
        .iter()
        .map(|rule| {
            json!({
                "queue": rule.queue,
                "worker": rule.worker,
                "completed": rule.completed.map(micros),
                "cancelled": rule.cancelled.map(micros),
                "discarded": rule.discarded.map(micros),
            })
        })
        .collect();
    let mut statement = connection.prepare_cached(include_str!("sql/old.sql"))?;
    let mut rows = statement.query(named_params! {
        ":now": now.as_micros(),
        ":shortest": micros(shortest),
        ":rules": rules.to_string(),
        ":after": after,
        ":upto": upto,
        ":limit": limit,
    })?;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        let id: JobId = row.get(0)?;
        seen += 1;
        pruned.first.get_or_insert(id);
        if row.get(1)? {
            return Ok((pruned, old));
        }
        pruned.last = Some(id);
        if row.get::<_, Option<bool>>(3)?.unwrap_or_default() {
            old.push(id);
            let state = row::state(row.get_ref(2)?.as_str()?);
            match pruned.deleted.iter_mut().find(|(known, _)| *known == state) {
                Some((_, count)) => *count += 1,
                None => pruned.deleted.push((state, 1)),
            }
        }
    }
    pruned.more = seen == *limit;
    Ok((pruned, old))
}

/// Looks once more, under the write lock, and deletes.
pub(crate) fn prune(
    connection: &Connection,
    now: Timestamp,
    prune: &Prune,
) -> rusqlite::Result<Pruned> {
    let (pruned, old) = old(connection, now, prune)?;
    connection
        .prepare_cached(include_str!("sql/prune.sql"))?
        .execute(named_params! {":jobs": Value::from(old).to_string()})?;
    Ok(pruned)
}

/// Frees jobs that other implementations claimed too long ago.
pub(crate) fn rescue_foreign(
    connection: &Connection,
    now: Timestamp,
    seat: &Seat,
    after: Duration,
    limit: u32,
) -> rusqlite::Result<Vec<(JobId, String, State)>> {
    if !holds(connection, now, seat)? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(include_str!("sql/foreign.sql"))?;
    let before = now.as_micros().saturating_sub(micros(after));
    let overdue = statement
        .query_map(named_params! {":before": before, ":limit": limit}, |row| {
            Ok((Standing::read(row)?, row.get::<_, String>(7)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut freed = Vec::new();
    for (job, queue) in overdue {
        let Ok(decided) = decide(job.position, Event::Rescued) else { continue };
        let words = (decided.to == State::Discarded).then(|| {
            let node = job.attempted_by.first().map_or("that claimed it", String::as_str);
            let mut error = AttemptError::default();
            error.attempt = job.position.attempt;
            error.error = format!("the node {node} has not ended this attempt for too long");
            error.node = job.attempted_by.first().cloned();
            error
        });
        moves::write(connection, now, &job, &decided, words, None)?;
        freed.push((job.id, queue, decided.to));
    }
    Ok(freed)
}

fn judge(
    connection: &Connection,
    now: Timestamp,
    presence: &Presence,
    candidate: &Candidate,
    held: Option<i64>,
) -> rusqlite::Result<Verdict> {
    let nobody = Verdict::Answer(Lease { term: None, remains: Duration::ZERO });
    let Some(found) = find(connection, &candidate.seat)? else {
        return Ok(match held {
            Some(_) => nobody,
            None => Verdict::Write { term: 1, elected_at: now },
        });
    };
    let Found { holder, process, term, elected_at, expires_at, .. } = found;
    let remains = expires_at.since(now);
    if held.is_some() {
        let holds = holder == candidate.holder && Some(term) == held && expires_at > now;
        return Ok(match holds {
            true if remains > candidate.ttl / 2 => {
                Verdict::Answer(Lease { term: held, remains: remains.min(candidate.ttl) })
            }
            true => Verdict::Write { term, elected_at },
            false => nobody,
        });
    }
    // A time further off than any would be is a relic of a clock that was wrong.
    let longest = Duration::from_secs(86_400).max(candidate.ttl.saturating_mul(10));
    let free = holder == candidate.holder
        || expires_at <= now
        || remains > longest
        || presence.has_ended(process);
    Ok(match free {
        true => Verdict::Write { term: term + 1, elected_at: now },
        false => Verdict::Answer(Lease { term: None, remains }),
    })
}

/// Whether a seat is still held under this term.
pub(crate) fn holds(
    connection: &Connection,
    now: Timestamp,
    seat: &Seat,
) -> rusqlite::Result<bool> {
    let found = find(connection, &seat.name)?;
    Ok(found.is_some_and(|found| {
        found.holder == seat.holder && found.term == seat.term && found.expires_at > now
    }))
}

fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<Found>> {
    let uuid = |text: &str| text.parse().unwrap_or_default();
    connection
        .prepare_cached(include_str!("sql/seat.sql"))?
        .query_row(named_params! {":name": name}, |row| {
            Ok(Found {
                holder: uuid(row.get_ref(0)?.as_str()?),
                process: uuid(row.get_ref(1)?.as_str()?),
                node: row.get(2)?,
                term: row.get(3)?,
                elected_at: Timestamp::from_micros(row.get(4)?),
                expires_at: Timestamp::from_micros(row.get(5)?),
            })
        })
        .optional()
}

pub(crate) fn micros(span: Duration) -> i64 {
    // Far below the limit, so that it can be subtracted from any time.
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

//! Who is alive, and what becomes of the jobs of the dead.

use std::time::Duration;

use kerrera_core::state::{Event, Move, decide};
use kerrera_core::storage::{Beat, Look, Presence as Seen, Producer, Pulse, Rescue, Sighting};
use kerrera_core::{AttemptError, ClaimToken, JobId, State, Timestamp, Uuid};
use rusqlite::{Connection, OptionalExtension, named_params};
use serde_json::Value;

use crate::moves::{self, Standing};
use crate::presence::Presence;
use crate::refusal::Refusal;

/// Makes producers known, once others can see that their process lives.
pub(crate) fn enroll(
    connection: &Connection,
    now: Timestamp,
    presence: &Presence,
    producers: &[Producer],
) -> Result<(), Refusal> {
    presence.show()?;
    let mut statement = connection.prepare_cached(include_str!("sql/enroll.sql"))?;
    for producer in producers {
        statement.execute(named_params! {
            ":uuid": producer.uuid.to_string(),
            ":process": presence.process().to_string(),
            ":node": producer.node.as_ref(),
            ":queue": producer.queue.as_ref(),
            ":max_running": producer.limit,
            ":now": now.as_micros(),
        })?;
    }
    Ok(())
}

/// Reads what became of producers and of what they run. The lock is the sign of life: nothing is
/// written, unless a pause or a limit has changed.
pub(crate) fn beat(connection: &Connection, beats: &[Beat]) -> rusqlite::Result<Pulse> {
    let producers: Value = beats.iter().map(|beat| beat.producer.to_string()).collect();
    let mut statement = connection.prepare_cached(include_str!("sql/unknown.sql"))?;
    let dead = statement
        .query_map(named_params! {":producers": producers.to_string()}, |row| uuid(row, 0))?
        .collect::<rusqlite::Result<_>>()?;

    let running = beats.iter().flat_map(|beat| &beat.running);
    let claims: Vec<Value> = running
        .map(|(id, token)| Value::from(vec![Value::from(*id), token.as_str().into()]))
        .collect();
    if claims.is_empty() {
        return Ok(Pulse { dead, ..Pulse::default() });
    }
    let mut statement = connection.prepare_cached(include_str!("sql/gone.sql"))?;
    let mut rows = statement.query(named_params! {":claims": Value::from(claims).to_string()})?;
    let mut gone = Vec::new();
    while let Some(row) = rows.next()? {
        let id: JobId = row.get(0)?;
        gone.extend(ClaimToken::parse(row.get_ref(1)?.as_str()?).map(|token| (id, token)));
    }
    Ok(Pulse { dead, gone, ..Pulse::default() })
}

/// Those whose rows tell another pause or limit.
pub(crate) fn outdated(connection: &Connection, beats: &[Beat]) -> rusqlite::Result<Vec<Beat>> {
    let mut statement = connection.prepare_cached(include_str!("sql/outdated.sql"))?;
    let mut outdated = Vec::new();
    for beat in beats {
        let differs = statement.exists(named_params! {
            ":uuid": beat.producer.to_string(),
            ":paused": beat.paused,
            ":max_running": beat.limit,
        })?;
        if differs {
            outdated.push(beat.clone());
        }
    }
    Ok(outdated)
}

/// Writes the pause and the limit of producers.
pub(crate) fn update(connection: &Connection, beats: &[Beat]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(include_str!("sql/update_producer.sql"))?;
    for beat in beats {
        statement.execute(named_params! {
            ":uuid": beat.producer.to_string(),
            ":paused": beat.paused,
            ":max_running": beat.limit,
        })?;
    }
    Ok(())
}

/// Finds the producers of processes that have ended.
pub(crate) fn look(connection: &Connection, presence: &Presence) -> rusqlite::Result<Look> {
    let mut statement = connection.prepare_cached(include_str!("sql/producers.sql"))?;
    let mut rows = statement.query(named_params! {":process": presence.process().to_string()})?;
    let mut doubtful = Vec::new();
    let mut last: Option<(Uuid, bool)> = None;
    while let Some(row) = rows.next()? {
        let process = uuid(row, 1)?;
        let ended = match last {
            Some((same, ended)) if same == process => ended,
            _ => presence.has_ended(process),
        };
        last = Some((process, ended));
        if ended {
            doubtful.push(Sighting {
                producer: uuid(row, 0)?,
                presence: Seen::Ended,
                silent: Duration::ZERO,
                mark: row.get(2)?,
            });
        }
    }
    Ok(Look { session: Duration::MAX, doubtful })
}

/// Removes dead producers, then frees the jobs that nobody owns.
pub(crate) fn rescue(
    connection: &Connection,
    now: Timestamp,
    presence: &Presence,
    dead: &[Sighting],
    limit: u32,
) -> rusqlite::Result<Rescue> {
    let mut rescue = Rescue::default();
    for sighting in dead {
        if remove(connection, presence, sighting)? {
            rescue.removed.push(sighting.producer);
        }
    }
    let mut statement = connection.prepare_cached(include_str!("sql/orphans.sql"))?;
    let orphans = statement
        .query_map(named_params! {":limit": limit}, |row| {
            Ok((Standing::read(row)?, row.get::<_, String>(7)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (orphan, queue) in orphans {
        let Ok(decided) = decide(orphan.position, Event::Rescued) else { continue };
        moves::write(connection, now, &orphan, &decided, last_words(&orphan, &decided), None)?;
        rescue.jobs.push((orphan.id, queue, decided.to));
    }
    Ok(rescue)
}

/// Ends the claims of producers, and removes those that run nothing any more.
pub(crate) fn retire(
    connection: &Connection,
    presence: &Presence,
    producers: &[Uuid],
) -> rusqlite::Result<()> {
    let producers: Value = producers.iter().map(Uuid::to_string).collect();
    connection
        .prepare_cached(include_str!("sql/retire.sql"))?
        .execute(named_params! {":producers": producers.to_string()})?;
    connection
        .prepare_cached(include_str!("sql/remove_idle.sql"))?
        .execute(named_params! {":process": presence.process().to_string()})?;
    if !enrolled(connection, presence.process())? {
        presence.hide();
    }
    Ok(())
}

/// What a job that dies with its node has to show for it.
fn last_words(orphan: &Standing, decided: &Move) -> Option<AttemptError> {
    if decided.to != State::Discarded {
        return None;
    }
    let node = orphan.attempted_by.first()?;
    let mut error = AttemptError::default();
    error.attempt = orphan.position.attempt;
    error.error = format!("the node {node} ended while it ran this job");
    error.node = Some(node.clone());
    Some(error)
}

/// Whether a dead producer was removed: it is the one that was seen, and its process has ended.
fn remove(
    connection: &Connection,
    presence: &Presence,
    sighting: &Sighting,
) -> rusqlite::Result<bool> {
    let producer = sighting.producer.to_string();
    let process = connection
        .prepare_cached("SELECT process FROM kerrera_producers WHERE uuid = ?1")?
        .query_row([&producer], |row| uuid(row, 0))
        .optional()?;
    let Some(process) = process.filter(|process| presence.has_ended(*process)) else {
        return Ok(false);
    };
    let removed = connection
        .prepare_cached(include_str!("sql/remove.sql"))?
        .execute(named_params! {":uuid": producer, ":mark": sighting.mark})?;
    if removed > 0 && !enrolled(connection, process)? {
        presence.bury(process);
    }
    Ok(removed > 0)
}

fn enrolled(connection: &Connection, process: Uuid) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM kerrera_producers WHERE process = ?1")?
        .exists([process.to_string()])
}

fn uuid(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    Ok(row.get_ref(column)?.as_str()?.parse().unwrap_or_default())
}

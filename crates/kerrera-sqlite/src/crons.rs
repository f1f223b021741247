//! Jobs at times of the clock.

use kerrera_core::cron::{CronEntry, Occasion, Position, decide};
use kerrera_core::storage::{
    CronFiring, CronSlot, Crontab, FiredSlot, OtherNode, OtherNodes, SLOTS_KEPT, SLOTS_KEPT_FOR,
    StoredCron,
};
use kerrera_core::{JobId, Result, Timestamp, Uuid};
use rusqlite::{Connection, Row, named_params};
use serde_json::Value;

use crate::presence::Presence;
use crate::refusal::Refusal;
use crate::{insert, row};

/// Writes the entries that a node brings.
pub(crate) fn declare(
    connection: &Connection,
    now: Timestamp,
    entries: &[CronEntry],
) -> Result<(), Refusal> {
    let mut statement = connection.prepare_cached(include_str!("sql/declare_cron.sql"))?;
    for entry in entries {
        statement.execute(named_params! {
            ":name": entry.name,
            ":expression": entry.expression.as_str(),
            ":timezone": entry.timezone.name(),
            ":job": entry.job_json()?,
            ":misfire": entry.misfire.to_string(),
            ":overlap": entry.overlap.to_string(),
            ":definition": entry.definition(),
            ":now": now.as_micros(),
        })?;
    }
    Ok(())
}

/// Reads the entries: all, or those with these names.
pub(crate) fn crontab(
    connection: &Connection,
    now: Timestamp,
    names: Option<&[String]>,
) -> rusqlite::Result<Crontab> {
    let mut statement = connection.prepare_cached(include_str!("sql/crontab.sql"))?;
    let names = names.map(|names| Value::from(names).to_string());
    let mut rows = statement.query(named_params! {":now": now.as_micros(), ":names": names})?;
    let mut crontab = Crontab { now, crons: Vec::new(), unreadable: Vec::new() };
    while let Some(row) = rows.next()? {
        match stored(row)? {
            Ok(cron) => crontab.crons.push(cron),
            Err(error) => crontab.unreadable.push((row.get(0)?, error)),
        }
    }
    Ok(crontab)
}

/// Fires what is due of an entry. Nobody else writes meanwhile.
pub(crate) fn fire(
    connection: &Connection,
    now: Timestamp,
    firing: &CronFiring,
) -> Result<Option<Vec<FiredSlot>>, Refusal> {
    let CronFiring { name, node, occasion, meta } = firing;
    let mut crontab = crontab(connection, now, Some(std::slice::from_ref(name)))?;
    if let Some((_, error)) = crontab.unreadable.pop() {
        return Err(error.into());
    }
    let Some(StoredCron { entry, position, .. }) = crontab.crons.pop() else { return Ok(None) };
    let decision = decide(&entry, &position, occasion, now);
    if let Some(begins_at) = decision.begins_at {
        let sql = "UPDATE kerrera_crons SET begins_at = ?2 WHERE name = ?1";
        connection.prepare_cached(sql)?.execute((name, begins_at.as_micros()))?;
    }

    let mut fired = Vec::new();
    if decision.by_hand {
        fired.push(FiredSlot { at: None, job: None });
    }
    let mut take = connection.prepare_cached(include_str!("sql/fire_slot.sql"))?;
    let mut inserting: Vec<usize> = (0..fired.len()).collect();
    for slot in decision.slots {
        let taken = take.execute(named_params! {
            ":name": name,
            ":slot": slot.at.as_micros(),
            ":node": &**node,
            ":now": now.as_micros(),
        })?;
        if taken > 0 {
            inserting.extend(slot.inserts.then_some(fired.len()));
            fired.push(FiredSlot { at: Some(slot.at), job: None });
        }
    }
    let jobs = inserting.iter().map(|place| entry.marked_job(fired[*place].at, meta)).collect();
    for (place, job) in inserting.into_iter().zip(insert::insert(connection, now, jobs)?) {
        remember(connection, name, fired[place].at, job.job().id)?;
        fired[place].job = Some(job);
    }
    if !fired.is_empty() && *occasion != Occasion::ByHand {
        forget(connection, now, name)?;
    }
    Ok(Some(fired))
}

/// Pauses an entry or lets it go on.
pub(crate) fn pause(
    connection: &Connection,
    now: Timestamp,
    name: &str,
    paused: bool,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(include_str!("sql/pause_cron.sql"))?;
    let now = now.as_micros();
    let parameters = named_params! {":name": name, ":paused": paused, ":now": now};
    Ok(statement.execute(parameters)? > 0)
}

/// Replaces an entry.
pub(crate) fn edit(
    connection: &Connection,
    now: Timestamp,
    entry: &CronEntry,
) -> Result<bool, Refusal> {
    write(connection, now, entry, include_str!("sql/edit_cron.sql"))
}

/// Adds an entry, unless there is one of its name.
pub(crate) fn add(
    connection: &Connection,
    now: Timestamp,
    entry: &CronEntry,
) -> Result<bool, Refusal> {
    write(connection, now, entry, include_str!("sql/add_cron.sql"))
}

fn write(
    connection: &Connection,
    now: Timestamp,
    entry: &CronEntry,
    sql: &str,
) -> Result<bool, Refusal> {
    let mut statement = connection.prepare_cached(sql)?;
    let written = statement.execute(named_params! {
        ":name": entry.name,
        ":expression": entry.expression.as_str(),
        ":timezone": entry.timezone.name(),
        ":job": entry.job_json()?,
        ":misfire": entry.misfire.to_string(),
        ":overlap": entry.overlap.to_string(),
        ":now": now.as_micros(),
    })?;
    Ok(written > 0)
}

/// Reads the slots of an entry.
pub(crate) fn slots(
    connection: &Connection,
    name: &str,
    before: Option<Timestamp>,
    limit: u32,
) -> rusqlite::Result<Vec<CronSlot>> {
    let mut statement = connection.prepare_cached(include_str!("sql/cron_slots.sql"))?;
    let before = before.map(Timestamp::as_micros);
    let parameters = named_params! {":name": name, ":before": before, ":most": limit};
    let read = |row: &Row<'_>| {
        let (at, fired_at) = (row.get(0)?, row.get(3)?);
        let [at, fired_at] = [at, fired_at].map(Timestamp::from_micros);
        Ok(CronSlot::new(at, row.get(1)?, row.get(2)?, fired_at))
    };
    statement.query_map(parameters, read)?.collect()
}

/// Removes an entry and its slots.
pub(crate) fn remove(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let remove = |sql| connection.prepare_cached(sql)?.execute(named_params! {":name": name});
    remove(include_str!("sql/remove_slots.sql"))?;
    Ok(remove(include_str!("sql/remove_cron.sql"))? > 0)
}

/// The producers of other nodes. Which of them live, the operating system says.
pub(crate) fn other_nodes(
    connection: &Connection,
    presence: &Presence,
    ours: &[Uuid],
) -> rusqlite::Result<OtherNodes> {
    let mut statement = connection.prepare_cached(include_str!("sql/other_nodes.sql"))?;
    let mut rows = statement.query([])?;
    let mut nodes = OtherNodes::default();
    while let Some(row) = rows.next()? {
        let uuid = |column: usize| -> rusqlite::Result<Uuid> {
            Ok(row.get_ref(column)?.as_str()?.parse().unwrap_or_default())
        };
        let started_at = Timestamp::from_micros(row.get(3)?);
        if ours.contains(&uuid(0)?) {
            nodes.ours = Some(nodes.ours.map_or(started_at, |first| first.min(started_at)));
        } else {
            let lives = Some(!presence.has_ended(uuid(1)?));
            nodes.others.push(OtherNode { node: row.get(2)?, started_at, lives });
        }
    }
    Ok(nodes)
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Result<StoredCron>> {
    let text = |column: usize| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
    let policies = (text(4)?, text(5)?);
    let entry = CronEntry::from_stored(row.get(0)?, text(1)?, text(2)?, text(3)?, policies);
    let last = match row::time(row, 11)? {
        Some(slot) => Some((slot, row.get(12)?)),
        None => None,
    };
    let position = Position {
        paused: row.get(6)?,
        begins_at: row::time(row, 7)?,
        forgotten_to: row::time(row, 8)?,
        last,
        unfinished: row.get(13)?,
    };
    let last_job: Option<JobId> = row.get(9)?;
    let updated_at = Timestamp::from_micros(row.get(10)?);
    let is_added = row.get(14)?;
    let stored = |entry| StoredCron::new(entry, position, last_job, updated_at).added(is_added);
    Ok(entry.map(stored))
}

/// Writes which job a slot has.
fn remember(
    connection: &Connection,
    name: &str,
    slot: Option<Timestamp>,
    job: JobId,
) -> rusqlite::Result<()> {
    let sql = "UPDATE kerrera_crons SET last_job = ?2 WHERE name = ?1";
    connection.prepare_cached(sql)?.execute((name, job))?;
    if let Some(slot) = slot {
        let sql = "UPDATE kerrera_cron_slots SET job_id = ?3 WHERE name = ?1 AND slot = ?2";
        connection.prepare_cached(sql)?.execute((name, slot.as_micros(), job))?;
    }
    Ok(())
}

/// Removes old slots, and remembers up to where.
fn forget(connection: &Connection, now: Timestamp, name: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(include_str!("sql/forget_slots.sql"))?;
    let young = now - SLOTS_KEPT_FOR;
    let parameters =
        named_params! {":name": name, ":young": young.as_micros(), ":kept": SLOTS_KEPT};
    let slots = statement.query_map(parameters, |row| row.get::<_, i64>(0))?;
    if let Some(last) = slots.collect::<rusqlite::Result<Vec<i64>>>()?.into_iter().max() {
        let sql = "UPDATE kerrera_crons SET forgotten_to = max(coalesce(forgotten_to, ?2), ?2)
                   WHERE name = ?1";
        connection.prepare_cached(sql)?.execute((name, last))?;
    }
    Ok(())
}

//! Jobs at times of the clock.

use kerrera_core::cron::{CronEntry, Occasion, Position, decide};
use kerrera_core::error::Kind;
use kerrera_core::storage::{
    CronFiring, CronSlot, Crontab, FiredSlot, Inserted, OtherNode, OtherNodes, SLOTS_KEPT,
    SLOTS_KEPT_FOR, StoredCron,
};
use kerrera_core::{Error, JobId, Result, Timestamp, Uuid, ValidJob};
use tokio_postgres::types::Type;
use tokio_postgres::{Error as DriverError, Row};

use crate::connection::{Parameter, Session, Verb};
use crate::insert;
use crate::liveness::PRESENCE;
use crate::rows::Stamp;
use crate::statements::Call;
use crate::wire::Channel;

/// Writes the entries that a node brings.
pub(crate) async fn declare(
    session: &mut Session,
    Call { sql, now, input: entries }: &Call<Vec<CronEntry>>,
) -> Result<()> {
    let texts = |text: fn(&CronEntry) -> String| entries.iter().map(text).collect::<Vec<_>>();
    let jobs = entries.iter().map(CronEntry::job_json).collect::<Result<Vec<_>>>()?;
    let names = texts(|entry| entry.name.clone());
    let expressions = texts(|entry| entry.expression.to_string());
    let timezones = texts(|entry| entry.timezone.to_string());
    let misfires = texts(|entry| entry.misfire.to_string());
    let overlaps = texts(|entry| entry.overlap.to_string());
    let definitions = texts(CronEntry::definition);
    let channel = sql.channels.name(Channel::Crontab);
    let parameters: [Parameter<'_>; 9] = [
        (now, Type::TIMESTAMP),
        (&names, Type::TEXT_ARRAY),
        (&expressions, Type::TEXT_ARRAY),
        (&timezones, Type::TEXT_ARRAY),
        (&jobs, Type::TEXT_ARRAY),
        (&misfires, Type::TEXT_ARRAY),
        (&overlaps, Type::TEXT_ARRAY),
        (&definitions, Type::TEXT_ARRAY),
        (&channel, Type::TEXT),
    ];
    session.query("writing the cron entries", &sql.declare_crons, &parameters).await.map(drop)
}

/// Reads the entries: all, or those with these names.
pub(crate) async fn crontab(
    session: &mut Session,
    Call { sql, now, input: names }: &Call<Option<Vec<String>>>,
) -> Result<Crontab> {
    let parameters: [Parameter<'_>; 2] = [(now, Type::TIMESTAMP), (names, Type::TEXT_ARRAY)];
    let rows = session.query("reading the crontab", &sql.crontab, &parameters).await?;
    let read = |row: &Row| Ok((time(row, 0)?, row.try_get::<_, Option<String>>(1)?));
    let unreadable = |error: DriverError| {
        Error::new(Kind::Database, "the crontab cannot be read").caused_by(error)
    };
    let mut crontab = Crontab { now: Timestamp::MIN, crons: Vec::new(), unreadable: Vec::new() };
    for row in &rows {
        let (now, name) = read(row).map_err(unreadable)?;
        crontab.now = now.unwrap_or(Timestamp::MIN);
        let Some(name) = name else { continue };
        match stored(row, name.clone()).map_err(unreadable)? {
            Ok(cron) => crontab.crons.push(cron),
            Err(error) => crontab.unreadable.push((name, error)),
        }
    }
    Ok(crontab)
}

/// Fires what is due of an entry, in one transaction.
pub(crate) async fn fire(
    session: &mut Session,
    call: &Call<CronFiring>,
) -> Result<Option<Vec<FiredSlot>>> {
    let locked: Verb<Call<CronFiring>, Option<Vec<FiredSlot>>> =
        |session, call| Box::pin(fire_within(session, call));
    session.transaction("firing a cron entry", call, locked).await
}

/// The same in the transaction that there is.
pub(crate) async fn fire_within(
    session: &mut Session,
    call: &Call<CronFiring>,
) -> Result<Option<Vec<FiredSlot>>> {
    const FIRING: &str = "firing a cron entry";
    let Call { sql, input: CronFiring { name, node, occasion, meta }, .. } = call;
    let name_only: [Parameter<'_>; 1] = [(name, Type::TEXT)];
    session.query(FIRING, &sql.lock_cron, &name_only).await?;
    // Only a statement that begins now sees what the one before us has fired.
    let one = Call { sql: sql.clone(), now: call.now, input: Some(vec![name.clone()]) };
    let mut crontab = crontab(session, &one).await?;
    if let Some((_, error)) = crontab.unreadable.pop() {
        return Err(error);
    }
    let Some(StoredCron { entry, position, .. }) = crontab.crons.pop() else { return Ok(None) };
    let now = Stamp(crontab.now);
    let decision = decide(&entry, &position, occasion, crontab.now);
    if let Some(begins_at) = decision.begins_at.map(Stamp) {
        let parameters: [Parameter<'_>; 2] = [(name, Type::TEXT), (&begins_at, Type::TIMESTAMP)];
        session.query(FIRING, &sql.begin_cron, &parameters).await?;
    }

    let mut taken = Vec::new();
    if !decision.slots.is_empty() {
        let slots: Vec<Stamp> = decision.slots.iter().map(|slot| Stamp(slot.at)).collect();
        let node: &str = node;
        let parameters: [Parameter<'_>; 4] = [
            (name, Type::TEXT),
            (&slots, Type::TIMESTAMP_ARRAY),
            (&node, Type::TEXT),
            (&now, Type::TIMESTAMP),
        ];
        let rows = session.query(FIRING, &sql.fire_slots, &parameters).await?;
        taken.extend(rows.iter().filter_map(|row| row.try_get(0).ok().map(|Stamp(slot)| slot)));
    }
    let slots = decision.slots.iter().filter(|slot| taken.contains(&slot.at));
    let slots = slots.map(|slot| (Some(slot.at), slot.inserts));
    let slots: Vec<_> = slots.chain(decision.by_hand.then_some((None, true))).collect();

    let inserting = slots.iter().filter(|(_, inserts)| *inserts).map(|(at, _)| *at);
    let times: Vec<Option<Timestamp>> = inserting.collect();
    let jobs: Vec<ValidJob> = times.iter().map(|at| entry.marked_job(*at, meta)).collect();
    let inserted = insert_jobs(session, call, jobs).await?;
    if let Some(last) = inserted.last() {
        let stamps: Vec<Option<Stamp>> = times.iter().map(|at| at.map(Stamp)).collect();
        let ids: Vec<JobId> = inserted.iter().map(|inserted| inserted.job().id).collect();
        let parameters: [Parameter<'_>; 4] = [
            (name, Type::TEXT),
            (&stamps, Type::TIMESTAMP_ARRAY),
            (&ids, Type::INT8_ARRAY),
            (&last.job().id, Type::INT8),
        ];
        session.query(FIRING, &sql.fired_jobs, &parameters).await?;
    }
    if !taken.is_empty() && *occasion != Occasion::ByHand {
        let young = Stamp(crontab.now - SLOTS_KEPT_FOR);
        let kept = i64::from(SLOTS_KEPT);
        let parameters: [Parameter<'_>; 3] =
            [(name, Type::TEXT), (&young, Type::TIMESTAMP), (&kept, Type::INT8)];
        session.query(FIRING, &sql.forget_slots, &parameters).await?;
    }
    let mut inserted = inserted.into_iter();
    let mut fired = |(at, inserts): (Option<Timestamp>, bool)| {
        let job: Option<Inserted> = if inserts { inserted.next() } else { None };
        FiredSlot { at, job }
    };
    Ok(Some(slots.into_iter().map(&mut fired).collect()))
}

/// Inserts jobs in the transaction that there is.
async fn insert_jobs(
    session: &mut Session,
    Call { sql, now, .. }: &Call<CronFiring>,
    jobs: Vec<ValidJob>,
) -> Result<Vec<Inserted>> {
    if jobs.iter().all(|job| job.unique.is_none()) {
        return insert::insert(session, &Call { sql: sql.clone(), now: *now, input: jobs }).await;
    }
    insert::lock(session, sql, jobs.iter()).await?;
    insert::insert_locked(session, sql, now.map(|Stamp(now)| now), jobs).await
}

/// Pauses an entry or lets it go on.
pub(crate) async fn pause(
    session: &mut Session,
    Call { sql, now, input: (name, paused) }: &Call<(String, bool)>,
) -> Result<bool> {
    let channel = sql.channels.name(Channel::Crontab);
    let parameters: [Parameter<'_>; 4] =
        [(now, Type::TIMESTAMP), (name, Type::TEXT), (paused, Type::BOOL), (&channel, Type::TEXT)];
    let rows = session.query("pausing a cron entry", &sql.pause_cron, &parameters).await?;
    Ok(!rows.is_empty())
}

/// Replaces an entry.
pub(crate) async fn edit(session: &mut Session, call: &Call<CronEntry>) -> Result<bool> {
    write(session, call, "editing a cron entry", &call.sql.edit_cron).await
}

/// Adds an entry, unless there is one of its name.
pub(crate) async fn add(session: &mut Session, call: &Call<CronEntry>) -> Result<bool> {
    write(session, call, "adding a cron entry", &call.sql.add_cron).await
}

async fn write(
    session: &mut Session,
    Call { sql, now, input: entry }: &Call<CronEntry>,
    what: &'static str,
    statement: &str,
) -> Result<bool> {
    let (misfire, overlap) = (entry.misfire.to_string(), entry.overlap.to_string());
    let (expression, timezone) = (entry.expression.as_str(), entry.timezone.name());
    let job = entry.job_json()?;
    let channel = sql.channels.name(Channel::Crontab);
    let parameters: [Parameter<'_>; 8] = [
        (now, Type::TIMESTAMP),
        (&entry.name, Type::TEXT),
        (&expression, Type::TEXT),
        (&timezone, Type::TEXT),
        (&job, Type::TEXT),
        (&misfire, Type::TEXT),
        (&overlap, Type::TEXT),
        (&channel, Type::TEXT),
    ];
    let rows = session.query(what, statement, &parameters).await?;
    Ok(!rows.is_empty())
}

/// Reads the slots of an entry.
pub(crate) async fn slots(
    session: &mut Session,
    Call { sql, input: (name, before, limit), .. }: &Call<(String, Option<Stamp>, u32)>,
) -> Result<Vec<CronSlot>> {
    let most = i64::from(*limit);
    let parameters: [Parameter<'_>; 3] =
        [(name, Type::TEXT), (before, Type::TIMESTAMP), (&most, Type::INT8)];
    let rows = session.query("reading the slots of a cron entry", &sql.cron_slots, &parameters);
    let read = |row: &Row| -> Result<CronSlot, DriverError> {
        let (Stamp(at), Stamp(fired_at)) = (row.try_get(0)?, row.try_get(3)?);
        Ok(CronSlot::new(at, row.try_get(1)?, row.try_get(2)?, fired_at))
    };
    let slots: Result<Vec<CronSlot>, DriverError> = rows.await?.iter().map(read).collect();
    slots.map_err(|error| {
        Error::new(Kind::Database, "the slots of a cron entry cannot be read").caused_by(error)
    })
}

/// Removes an entry and its slots.
pub(crate) async fn remove(
    session: &mut Session,
    Call { sql, input: name, .. }: &Call<String>,
) -> Result<bool> {
    let channel = sql.channels.name(Channel::Crontab);
    let parameters: [Parameter<'_>; 2] = [(name, Type::TEXT), (&channel, Type::TEXT)];
    let rows = session.query("removing a cron entry", &sql.remove_cron, &parameters).await?;
    Ok(!rows.is_empty())
}

/// The producers of other nodes, and which of them are seen to live.
pub(crate) async fn other_nodes(
    session: &mut Session,
    Call { sql, input: (ours, since), .. }: &Call<(Vec<Uuid>, Stamp)>,
) -> Result<OtherNodes> {
    let class = i64::from(PRESENCE);
    let parameters: [Parameter<'_>; 3] =
        [(ours, Type::UUID_ARRAY), (since, Type::TIMESTAMP), (&class, Type::INT8)];
    let rows = session.query("looking for other nodes", &sql.other_nodes, &parameters).await?;
    let mut nodes = OtherNodes::default();
    for row in &rows {
        let read = || -> Result<_, DriverError> {
            let Stamp(started_at) = row.try_get(1)?;
            Ok((row.try_get(0)?, started_at, row.try_get(2)?, row.try_get(3)?))
        };
        let (node, started_at, is_ours, lives): (String, Timestamp, bool, bool) =
            read().map_err(|error| {
                Error::new(Kind::Database, "the producers cannot be read").caused_by(error)
            })?;
        if is_ours {
            nodes.ours = Some(nodes.ours.map_or(started_at, |first| first.min(started_at)));
        } else {
            // Silence proves nothing yet: a rescuer judges it.
            nodes.others.push(OtherNode { node, started_at, lives: lives.then_some(true) });
        }
    }
    Ok(nodes)
}

/// An entry of `sql/crontab.sql`.
fn stored(row: &Row, name: String) -> Result<Result<StoredCron>, DriverError> {
    let text = |column: usize| row.try_get::<_, &str>(column);
    let policies = (text(5)?, text(6)?);
    let entry = CronEntry::from_stored(name, text(2)?, text(3)?, text(4)?, policies);
    let last = match time(row, 12)? {
        Some(slot) => Some((slot, row.try_get(13)?)),
        None => None,
    };
    let position = Position {
        paused: row.try_get(7)?,
        begins_at: time(row, 8)?,
        forgotten_to: time(row, 9)?,
        last,
        unfinished: row.try_get(14)?,
    };
    let (last_job, updated_at) = (row.try_get(10)?, time(row, 11)?.unwrap_or(Timestamp::MIN));
    let is_added = row.try_get(15)?;
    let stored = |entry| StoredCron::new(entry, position, last_job, updated_at).added(is_added);
    Ok(entry.map(stored))
}

fn time(row: &Row, column: usize) -> Result<Option<Timestamp>, DriverError> {
    Ok(row.try_get::<_, Option<Stamp>>(column)?.map(|Stamp(time)| time))
}

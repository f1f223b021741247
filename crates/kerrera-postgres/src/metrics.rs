//! Numbers over time.

use std::collections::BTreeMap;
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::metrics::{Gauge, MetricKey, MetricRow, Packing, Tier};
use kerrera_core::storage::{FRESH_FOR, MetricRange, MetricRows, Pack, Packed};
use kerrera_core::{Error, Result, Timestamp, Uuid};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session, Verb};
use crate::maintenance::{held, micros};
use crate::rows::{self, Stamp};
use crate::statements::Call;
use crate::{queues, reading};

/// The lock that lets one leader at a time pack: a key of ours, and one for each schema.
const PACKING: i32 = 0x4b72_7270;

/// Writes rows in the place of their like, and says what time it is.
pub(crate) async fn write(
    session: &mut Session,
    Call { sql, now, input: rows }: &Call<Vec<MetricRow>>,
) -> Result<Timestamp> {
    let tiers: Vec<i32> = rows.iter().map(|row| row.key.tier.number()).collect();
    let times: Vec<Stamp> = rows.iter().map(|row| Stamp(row.key.at)).collect();
    let queues: Vec<&str> = rows.iter().map(|row| row.key.queue.as_str()).collect();
    let workers: Vec<&str> = rows.iter().map(|row| row.key.worker.as_str()).collect();
    let sources: Vec<Uuid> = rows.iter().map(|row| row.key.source).collect();
    let cells: Vec<&[u8]> = rows.iter().map(|row| row.cells.as_slice()).collect();
    let parameters: [Parameter<'_>; 7] = [
        (now, Type::TIMESTAMP),
        (&tiers, Type::INT4_ARRAY),
        (&times, Type::TIMESTAMP_ARRAY),
        (&queues, Type::TEXT_ARRAY),
        (&workers, Type::TEXT_ARRAY),
        (&sources, Type::UUID_ARRAY),
        (&cells, Type::BYTEA_ARRAY),
    ];
    let rows = session.query("writing metrics", &sql.metrics.write, &parameters).await?;
    rows.first().and_then(|row| rows::time(row, 0)).ok_or_else(unreadable)
}

/// Rows of a time.
pub(crate) async fn read(
    session: &mut Session,
    (call, within): &(Call<MetricRange>, Duration),
) -> Result<MetricRows> {
    let verb: Verb<Call<MetricRange>, MetricRows> = |session, call| Box::pin(ranged(session, call));
    session.reading("reading metrics", *within, call, verb).await
}

async fn ranged(session: &mut Session, call: &Call<MetricRange>) -> Result<MetricRows> {
    let Call { sql, now, input: range } = call;
    let [(_, fresh), (tier, packed)] = range.begins();
    let (tier, fresh, packed) = (tier.number(), Stamp(fresh), Stamp(packed));
    let to = Stamp(range.to);
    let parameters: [Parameter<'_>; 8] = [
        (now, Type::TIMESTAMP),
        (&tier, Type::INT4),
        (&fresh, Type::TIMESTAMP),
        (&packed, Type::TIMESTAMP),
        (&to, Type::TIMESTAMP),
        (&range.runs, Type::BOOL),
        (&range.queue, Type::TEXT),
        (&range.worker, Type::TEXT),
    ];
    let rows = session.query("reading metrics", &sql.metrics.read, &parameters).await?;
    let now = rows.first().and_then(|row| rows::time(row, 0)).ok_or_else(unreadable)?;
    let known = rows.iter().filter(|row| !matches!(row.try_get::<_, Option<i32>>(1), Ok(None)));
    Ok(MetricRows { now, rows: known.map(|row| stored(row, 1)).collect::<Result<_>>()? })
}

/// How full the queues are, in one transaction that only reads.
pub(crate) async fn gauge(
    session: &mut Session,
    (call, within): &(Call<u32>, Duration),
) -> Result<BTreeMap<String, Gauge>> {
    let verb: Verb<Call<u32>, BTreeMap<String, Gauge>> =
        |session, call| Box::pin(gauged(session, call));
    session.reading("looking at the queues", *within, call, verb).await
}

async fn gauged(session: &mut Session, call: &Call<u32>) -> Result<BTreeMap<String, Gauge>> {
    let Call { sql, now, input: most } = call;
    let call = Call { sql: sql.clone(), now: *now, input: () };
    let producers = queues::producers(session, &call).await?;
    let tallies = reading::counted_by_state(session, sql, *most).await?;
    let oldest = reading::oldest_of_queues(session, &call).await?;
    Ok(Gauge::of_queues(&producers, &tallies, &oldest))
}

/// Packs fresh rows, and forgets old ones.
pub(crate) async fn pack(session: &mut Session, call: &Call<Pack>) -> Result<Packed> {
    let locked: Verb<Call<Pack>, Packed> = |session, call| Box::pin(pack_locked(session, call));
    session.transaction("packing metrics", call, locked).await
}

async fn pack_locked(session: &mut Session, call: &Call<Pack>) -> Result<Packed> {
    const DOING: &str = "packing metrics";
    let Call { sql, now, input: Pack { seat, keep } } = call;
    let lock = "SELECT pg_advisory_xact_lock($1::int, hashtext($2::text))";
    let parameters: [Parameter<'_>; 2] = [(&PACKING, Type::INT4), (&sql.schema, Type::TEXT)];
    session.query(DOING, lock, &parameters).await?;

    let (name, fresh_for) = (&*seat.name, micros(FRESH_FOR));
    let mut parameters = held(now, &name, seat).to_vec();
    parameters.push((&fresh_for, Type::INT8));
    let fresh = session.query(DOING, &sql.metrics.take, &parameters).await?;
    let fresh: Vec<MetricRow> = fresh.iter().map(|row| stored(row, 0)).collect::<Result<_>>()?;
    if !fresh.is_empty() {
        let mut packing = Packing::of(&fresh);
        let keys: Vec<MetricKey> = packing.keys().cloned().collect();
        let tiers: Vec<i32> = keys.iter().map(|key| key.tier.number()).collect();
        let times: Vec<Stamp> = keys.iter().map(|key| Stamp(key.at)).collect();
        let queues: Vec<&str> = keys.iter().map(|key| key.queue.as_str()).collect();
        let workers: Vec<&str> = keys.iter().map(|key| key.worker.as_str()).collect();
        let parameters: [Parameter<'_>; 4] = [
            (&tiers, Type::INT4_ARRAY),
            (&times, Type::TIMESTAMP_ARRAY),
            (&queues, Type::TEXT_ARRAY),
            (&workers, Type::TEXT_ARRAY),
        ];
        for row in &session.query(DOING, &sql.metrics.packed, &parameters).await? {
            packing.add(&stored(row, 0)?);
        }
        let rows = packing.into_rows();
        write(session, &Call { sql: sql.clone(), now: *now, input: rows }).await?;
    }

    let mut ages = [0; 3];
    for ((age, keep), tier) in ages.iter_mut().zip(keep).zip(Tier::PACKED) {
        // The whole row is to be as old.
        *age = micros(keep.saturating_add(tier.span()));
    }
    let mut parameters = held(now, &name, seat).to_vec();
    parameters.extend(ages.iter().map(|age| -> Parameter<'_> { (age, Type::INT8) }));
    let rows = session.query(DOING, &sql.metrics.forget, &parameters).await?;
    let forgotten: i64 = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    Ok(Packed { fresh: fresh.len() as u64, forgotten: forgotten.unsigned_abs() })
}

/// The row whose columns begin at this one.
fn stored(row: &Row, at: usize) -> Result<MetricRow> {
    let tier: i32 = row.try_get(at).map_err(|_| unreadable())?;
    let text = |at: usize| row.try_get::<_, String>(at).map_err(|_| unreadable());
    let key = MetricKey {
        tier: Tier::of(tier.into()).ok_or_else(unreadable)?,
        at: rows::time(row, at + 1).ok_or_else(unreadable)?,
        queue: text(at + 2)?,
        worker: text(at + 3)?,
        source: row.try_get(at + 4).map_err(|_| unreadable())?,
    };
    Ok(MetricRow { key, cells: row.try_get(at + 5).map_err(|_| unreadable())? })
}

fn unreadable() -> Error {
    Error::new(Kind::Database, "the table kerrera_metrics cannot be read")
}

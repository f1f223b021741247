//! Numbers over time.

use std::collections::BTreeMap;

use kerrera_core::Timestamp;
use kerrera_core::metrics::{Gauge, MetricKey, MetricRow, Packing, Tier};
use kerrera_core::storage::{FRESH_FOR, MetricRange, MetricRows, Pack, Packed};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::maintenance::{holds, micros};
use crate::{queues, reading};

/// Writes rows in the place of their like.
pub(crate) fn write(connection: &Connection, rows: &[MetricRow]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(include_str!("sql/write_metrics.sql"))?;
    for MetricRow { key, cells } in rows {
        statement.execute(named_params! {
            ":tier": key.tier.number(),
            ":at": key.at.as_micros(),
            ":queue": key.queue,
            ":worker": key.worker,
            ":source": key.source.to_string(),
            ":cells": cells,
        })?;
    }
    Ok(())
}

/// Rows of a time.
pub(crate) fn read(
    connection: &Connection,
    now: Timestamp,
    range: &MetricRange,
) -> rusqlite::Result<MetricRows> {
    let [(_, fresh), (tier, packed)] = range.begins();
    let mut statement = connection.prepare_cached(include_str!("sql/read_metrics.sql"))?;
    let parameters = named_params! {
        ":tier": tier.number(),
        ":fresh": fresh.as_micros(),
        ":packed": packed.as_micros(),
        ":to": range.to.as_micros(),
        ":runs": range.runs,
        ":queue": range.queue,
        ":worker": range.worker,
    };
    let rows = statement.query_map(parameters, stored)?.collect::<rusqlite::Result<_>>()?;
    Ok(MetricRows { now, rows })
}

/// How full the queues are.
pub(crate) fn gauge(
    connection: &Connection,
    now: Timestamp,
    most: u32,
) -> rusqlite::Result<BTreeMap<String, Gauge>> {
    let producers = queues::producers(connection)?;
    let tallies = reading::tallies(connection, most)?;
    let oldest = reading::oldest(connection, now)?;
    Ok(Gauge::of_queues(&producers, &tallies, &oldest))
}

/// Packs fresh rows, and forgets old ones. Nobody else writes meanwhile.
pub(crate) fn pack(
    connection: &Connection,
    now: Timestamp,
    Pack { seat, keep }: &Pack,
) -> rusqlite::Result<Packed> {
    if !holds(connection, now, seat)? {
        return Ok(Packed::default());
    }
    let mut take = connection.prepare_cached(include_str!("sql/take_metrics.sql"))?;
    let upto = now.as_micros() - micros(FRESH_FOR);
    let fresh = take.query_map(named_params! {":upto": upto}, stored)?;
    let fresh: Vec<MetricRow> = fresh.collect::<rusqlite::Result<_>>()?;
    let mut packing = Packing::of(&fresh);
    let keys: Vec<MetricKey> = packing.keys().cloned().collect();
    let mut packed = connection.prepare_cached(include_str!("sql/packed_metrics.sql"))?;
    for key in keys {
        let parameters = named_params! {
            ":tier": key.tier.number(),
            ":at": key.at.as_micros(),
            ":queue": key.queue,
            ":worker": key.worker,
            ":source": key.source.to_string(),
        };
        if let Some(row) = packed.query_row(parameters, stored).optional()? {
            packing.add(&row);
        }
    }
    write(connection, &packing.into_rows())?;

    let mut forget = connection.prepare_cached(include_str!("sql/forget_metrics.sql"))?;
    let mut forgotten = 0;
    for (keep, tier) in keep.iter().zip(Tier::PACKED) {
        // The whole row is to be as old.
        let before = now.as_micros() - micros(keep.saturating_add(tier.span()));
        let parameters = named_params! {":tier": tier.number(), ":before": before};
        forgotten += forget.execute(parameters)? as u64;
    }
    Ok(Packed { fresh: fresh.len() as u64, forgotten })
}

fn stored(row: &Row<'_>) -> rusqlite::Result<MetricRow> {
    let tier: i64 = row.get(0)?;
    let key = MetricKey {
        tier: Tier::of(tier).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, tier))?,
        at: Timestamp::from_micros(row.get(1)?),
        queue: row.get(2)?,
        worker: row.get(3)?,
        source: row.get_ref(4)?.as_str()?.parse().unwrap_or_default(),
    };
    Ok(MetricRow { key, cells: row.get(5)? })
}

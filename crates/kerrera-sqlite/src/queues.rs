//! Steering queues.

use std::sync::Arc;

use kerrera_core::storage::{
    Action, EVERY, Enrolled, Order, Orders, Setting, Signal, Standing, Until,
};
use kerrera_core::{Timestamp, Uuid};
use rusqlite::{Connection, Row, named_params};

/// Writes an order down.
pub(crate) fn order(
    connection: &Connection,
    now: Timestamp,
    order: &Order,
) -> rusqlite::Result<()> {
    let (queue, node) = (or_every(order.queue.as_deref()), or_every(order.node.as_deref()));
    let Some(written) = Written::of(&order.action) else {
        connection
            .prepare_cached(include_str!("sql/reset_orders.sql"))?
            .execute(named_params! {":queue": queue, ":node": node})?;
        return Ok(());
    };
    let until = order.until.map(|until| match until {
        Until::In(wait) => now + wait,
        Until::At(time) => time,
    });
    let mut insert = connection.prepare_cached(include_str!("sql/order.sql"))?;
    insert.execute(named_params! {
        ":queue": queue,
        ":node": node,
        ":setting": written.setting,
        ":paused": written.paused,
        ":max_running": written.limit,
        ":running": written.running,
        ":reason": order.reason,
        ":by": order.by,
        ":source": "kerrera",
        ":now": now.as_micros(),
        ":until": until.map(Timestamp::as_micros),
    })?;
    if until.is_some() {
        return Ok(());
    }
    clear(connection, (queue, node, written.setting))
}

/// Writes down what another implementation ordered, unless something newer covers it.
pub(crate) fn record(
    connection: &Connection,
    now: Timestamp,
    signal: &Signal,
    node: Option<&Arc<str>>,
    seen: i64,
) -> rusqlite::Result<()> {
    let Some(written) = Written::of(&signal.action) else { return Ok(()) };
    let queue = or_every(signal.queue.as_deref());
    let node = or_every(node.map(AsRef::as_ref));
    let covering = connection.prepare_cached(include_str!("sql/covering_order.sql"))?.exists(
        named_params! {
            ":seen": seen, ":setting": written.setting, ":queue": queue, ":node": node,
        },
    )?;
    if covering {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(include_str!("sql/order.sql"))?;
    insert.execute(named_params! {
        ":queue": queue,
        ":node": node,
        ":setting": written.setting,
        ":paused": written.paused,
        ":max_running": written.limit,
        ":running": written.running,
        ":reason": None::<&str>,
        ":by": None::<&str>,
        ":source": "signal",
        ":now": now.as_micros(),
        ":until": None::<i64>,
    })?;
    clear(connection, (queue, node, written.setting))
}

/// The orders that hold.
pub(crate) fn orders(connection: &Connection, now: Timestamp) -> rusqlite::Result<Orders> {
    let mut statement = connection.prepare_cached(include_str!("sql/orders.sql"))?;
    let mut rows = statement.query([])?;
    let mut orders = Orders::default();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        orders.newest = id;
        orders.revision = orders.revision.wrapping_add(id);
        let until: Option<i64> = row.get(11)?;
        if until.is_some_and(|until| until <= now.as_micros()) {
            orders.ended = true;
        } else {
            orders.standing.extend(standing(row, id, now)?);
        }
    }
    Ok(orders)
}

/// Removes those that have ended. Nobody else is to be told.
pub(crate) fn end(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(include_str!("sql/end_orders.sql"))?;
    statement.execute(named_params! {":now": now.as_micros()}).map(drop)
}

/// A number that changes with them.
pub(crate) fn revision(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached(include_str!("sql/revision.sql"))?.query_row([], |row| row.get(0))
}

/// The producers that claim jobs.
pub(crate) fn producers(connection: &Connection) -> rusqlite::Result<Vec<Enrolled>> {
    let mut statement = connection.prepare_cached(include_str!("sql/enrolled.sql"))?;
    let producers = statement.query_map([], |row| {
        let uuid: Uuid = row.get_ref(0)?.as_str()?.parse().unwrap_or_default();
        let mut enrolled = Enrolled::new(uuid, row.get(1)?, row.get(2)?);
        enrolled.limit = row.get(3)?;
        enrolled.paused = row.get(4)?;
        enrolled.started_at = Timestamp::from_micros(row.get(5)?);
        Ok(enrolled)
    })?;
    producers.collect()
}

/// What is written of an action.
struct Written {
    setting: &'static str,
    paused: Option<bool>,
    limit: Option<u32>,
    running: Option<bool>,
}

impl Written {
    /// `None` if nothing is written.
    fn of(action: &Action) -> Option<Written> {
        let blank = Written { setting: "paused", paused: None, limit: None, running: None };
        Some(match *action {
            Action::Pause => Written { paused: Some(true), ..blank },
            Action::Resume => Written { paused: Some(false), ..blank },
            Action::Scale { limit } => Written { setting: "limit", limit: Some(limit), ..blank },
            Action::Start { limit, paused } => Written {
                setting: "running",
                paused: Some(paused),
                limit: Some(limit),
                running: Some(true),
            },
            Action::Stop => Written { setting: "running", running: Some(false), ..blank },
            _ => return None,
        })
    }
}

/// Removes what an order covers.
fn clear(
    connection: &Connection,
    (queue, node, setting): (&str, &str, &str),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(include_str!("sql/covered_orders.sql"))?;
    statement.execute(named_params! {":queue": queue, ":node": node, ":setting": setting})?;
    Ok(())
}

/// An order, unless it is none that this version knows.
fn standing(row: &Row<'_>, id: i64, now: Timestamp) -> rusqlite::Result<Option<Standing>> {
    let until: Option<i64> = row.get(11)?;
    let until = until.map(Timestamp::from_micros);
    let paused: Option<bool> = row.get(4)?;
    let setting = match (row.get_ref(3)?.as_str()?, paused, row.get(5)?, row.get(6)?) {
        ("paused", Some(paused), ..) => Setting::Paused(paused),
        ("limit", _, Some(limit), _) => Setting::Limit(limit),
        ("running", paused, Some(limit), Some(true)) => {
            Setting::Started { limit, paused: paused.unwrap_or(false) }
        }
        ("running", _, _, Some(false)) => Setting::Stopped,
        _ => return Ok(None),
    };
    let unless_every = |name: String| (name != EVERY).then_some(name);
    let mut standing = Standing::new(id, setting);
    standing.queue = unless_every(row.get(1)?);
    standing.node = unless_every(row.get(2)?);
    standing.reason = row.get(7)?;
    standing.by = row.get(8)?;
    standing.is_signal = row.get(9)?;
    standing.at = Timestamp::from_micros(row.get(10)?);
    standing.until = until;
    standing.remaining = until.map(|until| until.since(now));
    Ok(Some(standing))
}

fn or_every(name: Option<&str>) -> &str {
    name.unwrap_or(EVERY)
}

//! Steering queues.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::storage::{
    Action, EVERY, Enrolled, Order, Orders, Setting, Signal, Standing, Until,
};
use kerrera_core::{Error, Result};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::rows::Stamp;
use crate::statements::Call;
use crate::wire::{self, Channel};

/// Writes an order down, and tells everybody, in one statement: who is told can see it.
pub(crate) async fn order(
    session: &mut Session,
    Call { sql, now, input: order }: &Call<Order>,
) -> Result<()> {
    let signal = wire::signal(order).map(|message| wire::encode(&message)).transpose()?;
    let orders = sql.channels.name(Channel::Orders);
    let (queue, node) = (or_every(order.queue.as_ref()), or_every(order.node.as_ref()));
    let Some(written) = Written::of(&order.action) else {
        let parameters: [Parameter<'_>; 3] =
            [(&queue, Type::TEXT), (&node, Type::TEXT), (&orders, Type::TEXT)];
        let reset = session.query("the reset of queues", &sql.reset_orders, &parameters);
        return reset.await.map(drop);
    };
    let mut messages = vec![(orders, signal.clone().unwrap_or_default())];
    messages.extend(signal.map(|signal| (sql.channels.name(Channel::Signal), signal)));
    let (channels, payloads): (Vec<&str>, Vec<String>) = messages.into_iter().unzip();
    let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    let (wait, until) = match order.until {
        None => (None, None),
        Some(Until::In(wait)) => (Some(micros(wait)), None),
        Some(Until::At(time)) => (None, Some(Stamp(time))),
    };
    let (source, seen) = ("kerrera", None::<i64>);
    let parameters: [Parameter<'_>; 15] = [
        (now, Type::TIMESTAMP),
        (&queue, Type::TEXT),
        (&node, Type::TEXT),
        (&written.setting, Type::TEXT),
        (&written.paused, Type::BOOL),
        (&written.limit, Type::INT4),
        (&written.running, Type::BOOL),
        (&wait, Type::INT8),
        (&until, Type::TIMESTAMP),
        (&order.reason, Type::TEXT),
        (&order.by, Type::TEXT),
        (&source, Type::TEXT),
        (&channels, Type::TEXT_ARRAY),
        (&payloads, Type::TEXT_ARRAY),
        (&seen, Type::INT8),
    ];
    session.query("the order for queues", &sql.order, &parameters).await.map(drop)
}

/// Writes down what another implementation ordered. All nodes hear it, and the first writes it.
pub(crate) async fn record(
    session: &mut Session,
    Call { sql, now, input: (signal, node, seen) }: &Call<(Signal, Option<Arc<str>>, i64)>,
) -> Result<()> {
    let Some(written) = Written::of(&signal.action) else { return Ok(()) };
    let (queue, node) = (signal.queue.as_deref().unwrap_or(EVERY), or_every(node.as_ref()));
    let (nothing, nobody) = (None::<i64>, None::<&str>);
    let (source, no_messages) = ("signal", Vec::<&str>::new());
    let (until, seen) = (None::<Stamp>, Some(*seen));
    let parameters: [Parameter<'_>; 15] = [
        (now, Type::TIMESTAMP),
        (&queue, Type::TEXT),
        (&node, Type::TEXT),
        (&written.setting, Type::TEXT),
        (&written.paused, Type::BOOL),
        (&written.limit, Type::INT4),
        (&written.running, Type::BOOL),
        (&nothing, Type::INT8),
        (&until, Type::TIMESTAMP),
        (&nobody, Type::TEXT),
        (&nobody, Type::TEXT),
        (&source, Type::TEXT),
        (&no_messages, Type::TEXT_ARRAY),
        (&no_messages, Type::TEXT_ARRAY),
        (&seen, Type::INT8),
    ];
    session.query("the record of a signal", &sql.order, &parameters).await.map(drop)
}

/// The orders that hold.
pub(crate) async fn orders(
    session: &mut Session,
    Call { sql, now, .. }: &Call<()>,
) -> Result<Orders> {
    let parameters: [Parameter<'_>; 1] = [(now, Type::TIMESTAMP)];
    let rows = session.query("reading the orders for queues", &sql.orders, &parameters).await?;
    let mut orders = Orders::default();
    for row in &rows {
        let id: i64 = row.try_get(0).map_err(|_| unreadable())?;
        orders.newest = id;
        orders.revision = orders.revision.wrapping_add(id);
        orders.standing.extend(standing(row, id).map_err(|_| unreadable())?);
    }
    Ok(orders)
}

/// The producers of all living nodes.
pub(crate) async fn producers(
    session: &mut Session,
    Call { sql, .. }: &Call<()>,
) -> Result<Vec<Enrolled>> {
    let rows = session.query("listing the producers", &sql.producers, &[]).await?;
    let producers = rows.iter().map(|row| {
        let mut enrolled = Enrolled::new(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let limit: Option<i64> = row.try_get(3)?;
        enrolled.limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(1);
        enrolled.paused = row.try_get::<_, Option<bool>>(4)?.unwrap_or(false);
        enrolled.started_at = row.try_get::<_, Stamp>(5)?.0;
        Ok(enrolled)
    });
    let producers: Result<Vec<Enrolled>, tokio_postgres::Error> = producers.collect();
    producers.map_err(|_| unreadable())
}

/// What is written of an action.
struct Written {
    setting: &'static str,
    paused: Option<bool>,
    limit: Option<i32>,
    running: Option<bool>,
}

impl Written {
    /// `None` if nothing is written.
    fn of(action: &Action) -> Option<Written> {
        let blank = Written { setting: "paused", paused: None, limit: None, running: None };
        let number = |limit: u32| Some(i32::try_from(limit).unwrap_or(i32::MAX));
        Some(match *action {
            Action::Pause => Written { paused: Some(true), ..blank },
            Action::Resume => Written { paused: Some(false), ..blank },
            Action::Scale { limit } => Written { setting: "limit", limit: number(limit), ..blank },
            Action::Start { limit, paused } => Written {
                setting: "running",
                paused: Some(paused),
                limit: number(limit),
                running: Some(true),
            },
            Action::Stop => Written { setting: "running", running: Some(false), ..blank },
            _ => return None,
        })
    }
}

/// An order, unless it has ended or is none that this version knows.
fn standing(row: &Row, id: i64) -> Result<Option<Standing>, tokio_postgres::Error> {
    let remaining: Option<i64> = row.try_get(12)?;
    let setting: String = row.try_get(3)?;
    let paused: Option<bool> = row.try_get(4)?;
    let limit: Option<i32> = row.try_get(5)?;
    let limit = limit.and_then(|limit| u32::try_from(limit).ok());
    let setting = match (setting.as_str(), paused, limit, row.try_get(6)?) {
        _ if remaining.is_some_and(|micros| micros <= 0) => None,
        ("paused", Some(paused), ..) => Some(Setting::Paused(paused)),
        ("limit", _, Some(limit), _) => Some(Setting::Limit(limit)),
        ("running", paused, Some(limit), Some(true)) => {
            Some(Setting::Started { limit, paused: paused.unwrap_or(false) })
        }
        ("running", _, _, Some(false)) => Some(Setting::Stopped),
        _ => None,
    };
    let Some(setting) = setting else { return Ok(None) };
    let unless_every = |name: String| (name != EVERY).then_some(name);
    let mut standing = Standing::new(id, setting);
    standing.queue = unless_every(row.try_get(1)?);
    standing.node = unless_every(row.try_get(2)?);
    standing.reason = row.try_get(7)?;
    standing.by = row.try_get(8)?;
    standing.is_signal = row.try_get(9)?;
    standing.at = row.try_get::<_, Stamp>(10)?.0;
    standing.until = row.try_get::<_, Option<Stamp>>(11)?.map(|stamp| stamp.0);
    standing.remaining = remaining.map(|micros| Duration::from_micros(micros.unsigned_abs()));
    Ok(Some(standing))
}

fn or_every(name: Option<&Arc<str>>) -> &str {
    name.map_or(EVERY, |name| name)
}

fn unreadable() -> Error {
    Error::new(Kind::Database, "the table kerrera_queues or kerrera_producers cannot be read")
}

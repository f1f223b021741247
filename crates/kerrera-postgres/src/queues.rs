//! Steering queues.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::storage::{
    Action, EVERY, Enrolled, Order, Orders, Setting, Signal, Standing, Until,
};
use kerrera_core::{Error, Result};
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session, Verb};
use crate::rows::Stamp;
use crate::statements::{Call, Statements, bare};
use crate::wire::{self, Channel, Channels};

/// Writes an order down, and tells everybody, in one statement: who is told can see it.
pub(crate) async fn order(session: &mut Session, call: &Call<Order>) -> Result<()> {
    let Call { sql, now, input: order } = call;
    let (queue, node) = (or_every(order.queue.as_deref()), or_every(order.node.as_deref()));
    let Some(written) = Written::of(&order.action) else {
        let orders = sql.channels.name(Channel::Orders);
        let parameters: [Parameter<'_>; 3] =
            [(&queue, Type::TEXT), (&node, Type::TEXT), (&orders, Type::TEXT)];
        let reset = session.query("the reset of queues", &sql.reset_orders, &parameters);
        return reset.await.map(drop);
    };
    let signals = if wire::is_for_known_queues(order) {
        let known = known(session, sql).await?;
        let each =
            |queue: String| wire::signal(&Order { queue: Some(queue.into()), ..order.clone() });
        known.into_iter().filter_map(each).collect()
    } else {
        Vec::from_iter(wire::signal(order))
    };
    let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    let (wait, until) = match order.until {
        None => (None, None),
        Some(Until::In(wait)) => (Some(micros(wait)), None),
        Some(Until::At(time)) => (None, Some(Stamp(time))),
    };
    let entry = Entry {
        queue,
        node,
        written,
        wait,
        until,
        reason: order.reason.as_deref(),
        by: order.by.as_deref(),
        source: "kerrera",
        messages: Messages::of(&sql.channels, &signals)?,
        seen: None,
    };
    entry.write("the order for queues", session, sql, *now).await
}

/// Writes down what another implementation ordered. All nodes hear it, and the first writes it.
pub(crate) async fn record(
    session: &mut Session,
    Call { sql, now, input: (signal, node, seen) }: &Call<(Signal, Option<Arc<str>>, i64)>,
) -> Result<()> {
    let Some(written) = Written::of(&signal.action) else { return Ok(()) };
    let entry = Entry {
        queue: or_every(signal.queue.as_deref()),
        node: or_every(node.as_deref()),
        written,
        wait: None,
        until: None,
        reason: None,
        by: None,
        source: "signal",
        messages: Messages::default(),
        seen: Some(*seen),
    };
    entry.write("the record of a signal", session, sql, *now).await
}

/// Removes the orders that have ended, and tells the neighbours, who know of no end, what holds now.
pub(crate) async fn end(session: &mut Session, call: &Call<Arc<str>>) -> Result<()> {
    let locked: Verb<Call<Arc<str>>, ()> = |session, call| Box::pin(end_locked(session, call));
    session.transaction("ending orders", call, locked).await
}

async fn end_locked(
    session: &mut Session,
    Call { sql, now, input: instance }: &Call<Arc<str>>,
) -> Result<()> {
    // What is ordered from here on is told after what is told here.
    session.execute("ending orders", &sql.lock_orders).await?;
    let parameters: [Parameter<'_>; 1] = [(now, Type::TIMESTAMP)];
    let rows = session.query("ending orders", &sql.end_orders, &parameters).await?;
    let scope = |row: &Row| -> Result<Option<Scope>, tokio_postgres::Error> {
        let was_told: bool = row.try_get(2)?;
        let scope = Scope { queue: named(row.try_get(0)?), node: named(row.try_get(1)?) };
        Ok(was_told.then_some(scope))
    };
    let ended: Result<Vec<Option<Scope>>, _> = rows.iter().map(scope).collect();
    let ended: Vec<Scope> = ended.map_err(|_| unreadable())?.into_iter().flatten().collect();
    if ended.is_empty() {
        return Ok(());
    }
    let all = orders(session, &Call { sql: sql.clone(), now: *now, input: () }).await?;
    let signal = |(action, scope): (Action, Scope)| {
        let (queue, node) = (scope.queue.map(Arc::from), scope.node.map(Arc::from));
        let instance = Arc::clone(instance);
        wire::signal(&Order { queue, node, action, until: None, reason: None, by: None, instance })
    };
    let signals: Vec<Value> =
        afterwards(&ended, &all.standing).into_iter().filter_map(signal).collect();
    let Messages { channels, payloads } = Messages::of(&sql.channels, &signals)?;
    let parameters: [Parameter<'_>; 2] =
        [(&channels, Type::TEXT_ARRAY), (&payloads, Type::TEXT_ARRAY)];
    let tell = bare(include_str!("sql/tell.sql"));
    session.query("ending orders", &tell, &parameters).await.map(drop)
}

/// What a pause is for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    queue: Option<String>,
    node: Option<String>,
}

impl Scope {
    fn of(order: &Standing) -> Scope {
        Scope { queue: order.queue.clone(), node: order.node.clone() }
    }

    /// Whether all that the other is for is among what this is for.
    fn covers(&self, other: &Scope) -> bool {
        (self.queue.is_none() || self.queue == other.queue)
            && (self.node.is_none() || self.node == other.node)
    }
}

/// What holds when these pauses have ended, in the words of those who know only what they were told
/// last: they are resumed where nothing else pauses them, and what is ordered for some of them alone
/// is said again.
fn afterwards(ended: &[Scope], standing: &[Standing]) -> Vec<(Action, Scope)> {
    let pauses = standing.iter().filter_map(|order| match order.setting {
        Setting::Paused(paused) => Some((paused, Scope::of(order))),
        _ => None,
    });
    let pauses: Vec<(bool, Scope)> = pauses.collect();
    let mut words = Vec::new();
    for scope in ended {
        // The newest come last.
        let covering = pauses.iter().rfind(|(_, other)| other.covers(scope));
        if covering.is_some_and(|(paused, _)| *paused) {
            continue;
        }
        words.push((Action::Resume, scope.clone()));
        for (paused, other) in pauses.iter().filter(|(_, other)| scope.covers(other)) {
            let action = if *paused { Action::Pause } else { Action::Resume };
            words.push((action, other.clone()));
        }
    }
    words
}

/// The queues that are known.
async fn known(session: &mut Session, sql: &Statements) -> Result<Vec<String>> {
    let rows = session.query("looking for queues", &sql.known_queues, &[]).await?;
    let names: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    names.map_err(|_| unreadable())
}

/// An order as it is written and told.
struct Entry<'a> {
    queue: &'a str,
    node: &'a str,
    written: Written,
    wait: Option<i64>,
    until: Option<Stamp>,
    reason: Option<&'a str>,
    by: Option<&'a str>,
    source: &'static str,
    messages: Messages<'a>,
    /// The newest order that its writer has seen, if a newer one may have been first.
    seen: Option<i64>,
}

impl Entry<'_> {
    async fn write(
        &self,
        doing: &str,
        session: &mut Session,
        sql: &Statements,
        now: Option<Stamp>,
    ) -> Result<()> {
        let Written { setting, paused, limit, running } = &self.written;
        let parameters: [Parameter<'_>; 15] = [
            (&now, Type::TIMESTAMP),
            (&self.queue, Type::TEXT),
            (&self.node, Type::TEXT),
            (setting, Type::TEXT),
            (paused, Type::BOOL),
            (limit, Type::INT4),
            (running, Type::BOOL),
            (&self.wait, Type::INT8),
            (&self.until, Type::TIMESTAMP),
            (&self.reason, Type::TEXT),
            (&self.by, Type::TEXT),
            (&self.source, Type::TEXT),
            (&self.messages.channels, Type::TEXT_ARRAY),
            (&self.messages.payloads, Type::TEXT_ARRAY),
            (&self.seen, Type::INT8),
        ];
        session.query(doing, &sql.order, &parameters).await.map(drop)
    }
}

/// What is sent of an order, and where.
#[derive(Default)]
struct Messages<'a> {
    channels: Vec<&'a str>,
    payloads: Vec<String>,
}

impl<'a> Messages<'a> {
    /// Each signal comes after its like on our own channel, by which our nodes know it for one of
    /// ours. Without one our nodes are told alone.
    fn of(channels: &'a Channels, signals: &[Value]) -> Result<Messages<'a>> {
        let (orders, signal) = (channels.name(Channel::Orders), channels.name(Channel::Signal));
        let mut messages = Messages::default();
        for message in signals {
            let payload = wire::encode(message)?;
            messages.channels.extend([orders, signal]);
            messages.payloads.extend([payload.clone(), payload]);
        }
        if signals.is_empty() {
            messages.channels.push(orders);
            messages.payloads.push(String::new());
        }
        Ok(messages)
    }
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
        let remaining: Option<i64> = row.try_get(12).map_err(|_| unreadable())?;
        if remaining.is_some_and(|micros| micros <= 0) {
            orders.ended = true;
        } else {
            orders.standing.extend(standing(row, id).map_err(|_| unreadable())?);
        }
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

/// An order, unless it is none that this version knows.
fn standing(row: &Row, id: i64) -> Result<Option<Standing>, tokio_postgres::Error> {
    let remaining: Option<i64> = row.try_get(12)?;
    let setting: String = row.try_get(3)?;
    let paused: Option<bool> = row.try_get(4)?;
    let limit: Option<i32> = row.try_get(5)?;
    let limit = limit.and_then(|limit| u32::try_from(limit).ok());
    let setting = match (setting.as_str(), paused, limit, row.try_get(6)?) {
        ("paused", Some(paused), ..) => Some(Setting::Paused(paused)),
        ("limit", _, Some(limit), _) => Some(Setting::Limit(limit)),
        ("running", paused, Some(limit), Some(true)) => {
            Some(Setting::Started { limit, paused: paused.unwrap_or(false) })
        }
        ("running", _, _, Some(false)) => Some(Setting::Stopped),
        _ => None,
    };
    let Some(setting) = setting else { return Ok(None) };
    let mut standing = Standing::new(id, setting);
    standing.queue = named(row.try_get(1)?);
    standing.node = named(row.try_get(2)?);
    standing.reason = row.try_get(7)?;
    standing.by = row.try_get(8)?;
    standing.is_signal = row.try_get(9)?;
    standing.at = row.try_get::<_, Stamp>(10)?.0;
    standing.until = row.try_get::<_, Option<Stamp>>(11)?.map(|stamp| stamp.0);
    standing.remaining = remaining.map(|micros| Duration::from_micros(micros.unsigned_abs()));
    Ok(Some(standing))
}

fn or_every(name: Option<&str>) -> &str {
    name.unwrap_or(EVERY)
}

fn named(name: String) -> Option<String> {
    (name != EVERY).then_some(name)
}

fn unreadable() -> Error {
    Error::new(Kind::Database, "the table kerrera_queues or kerrera_producers cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(queue: &str, node: &str) -> Scope {
        Scope { queue: named(queue.to_owned()), node: named(node.to_owned()) }
    }

    fn standing(id: i64, setting: Setting, queue: &str, node: &str) -> Standing {
        let mut standing = Standing::new(id, setting);
        (standing.queue, standing.node) = (named(queue.to_owned()), named(node.to_owned()));
        standing
    }

    #[test]
    fn what_holds_after_a_pause_is_told() {
        let (pause, resume) = (Setting::Paused(true), Setting::Paused(false));
        let mail = || scope("mail", "*");
        let told = |ended: Scope, standing: &[Standing]| afterwards(&[ended], standing);
        assert_eq!(told(mail(), &[]), [(Action::Resume, mail())]);
        let limit = standing(1, Setting::Limit(5), "mail", "*");
        let other = standing(2, pause, "other", "*");
        assert_eq!(told(mail(), &[limit, other.clone()]), [(Action::Resume, mail())]);

        let all = standing(3, pause, "*", "*");
        assert_eq!(told(mail(), std::slice::from_ref(&all)), [], "something else pauses it");
        let again = standing(4, resume, "*", "*");
        assert_eq!(told(mail(), &[all, again]), [(Action::Resume, mail())], "the newest counts");

        let one = standing(5, resume, "other", "web-1");
        let expected = [
            (Action::Resume, scope("*", "*")),
            (Action::Pause, scope("other", "*")),
            (Action::Resume, scope("other", "web-1")),
        ];
        assert_eq!(told(scope("*", "*"), &[other.clone(), one.clone()]), expected);
        let here =
            [(Action::Resume, scope("*", "web-1")), (Action::Resume, scope("other", "web-1"))];
        assert_eq!(told(scope("*", "web-1"), &[other, one]), here, "not what is for other nodes");
    }
}

//! Who is there and what they can do.

use kerrera_core::directory::{KnownNode, KnownWorker, NodeCard, WorkerCard};
use kerrera_core::storage::Tidying;
use kerrera_core::{Timestamp, Uuid};
use rusqlite::{Connection, Row, named_params};
use serde_json::Value;

use crate::maintenance::{holds, micros};
use crate::presence::Presence;
use crate::refusal::Refusal;

/// Writes what a node says about its workers.
pub(crate) fn declare_workers(
    connection: &Connection,
    now: Timestamp,
    node: &str,
    cards: &[WorkerCard],
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(include_str!("sql/declare_worker.sql"))?;
    for card in cards {
        statement.execute(named_params! {
            ":worker": card.name,
            ":node": node,
            ":card": serde_json::to_string(card).unwrap_or_default(),
            ":now": now.as_micros(),
        })?;
    }
    Ok(())
}

/// The workers, and the living nodes that have them.
pub(crate) fn known_workers(
    connection: &Connection,
    now: Timestamp,
    presence: &Presence,
) -> rusqlite::Result<Vec<KnownWorker>> {
    let nodes = known_nodes(connection, now, presence)?;
    let sql = "SELECT worker, node, card, first_seen, seen_at FROM kerrera_workers ORDER BY worker";
    let mut statement = connection.prepare_cached(sql)?;
    let worker = |row: &Row<'_>| {
        let card = (row.get(0)?, row.get_ref(2)?.as_str()?);
        Ok(KnownWorker::new(card, row.get(1)?, (time(row, 3)?, time(row, 4)?), &nodes))
    };
    statement.query_map([], worker)?.collect()
}

/// Writes what a node says about itself, once others can see that its process lives.
pub(crate) fn announce(
    connection: &Connection,
    now: Timestamp,
    presence: &Presence,
    process: Uuid,
    card: &NodeCard,
) -> Result<(), Refusal> {
    presence.show()?;
    connection.prepare_cached(include_str!("sql/announce.sql"))?.execute(named_params! {
        ":process": process.to_string(),
        ":presence": presence.process().to_string(),
        ":node": card.node,
        ":card": serde_json::to_string(card).unwrap_or_default(),
        ":now": now.as_micros(),
    })?;
    Ok(())
}

/// Removes a node, and remembers when its workers were last seen.
pub(crate) fn depart(
    connection: &Connection,
    now: Timestamp,
    process: Uuid,
    workers: &[String],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM kerrera_nodes WHERE process = ?1")?
        .execute([process.to_string()])?;
    see(connection, now, workers)
}

/// The nodes. Which of them live, the operating system says.
pub(crate) fn known_nodes(
    connection: &Connection,
    now: Timestamp,
    presence: &Presence,
) -> rusqlite::Result<Vec<KnownNode>> {
    let sql = "SELECT process, node, card, started_at, seen_at, presence FROM kerrera_nodes
               ORDER BY node, started_at";
    let mut statement = connection.prepare_cached(sql)?;
    let node = |row: &Row<'_>| {
        let uuid = |column: usize| -> rusqlite::Result<Uuid> {
            Ok(row.get_ref(column)?.as_str()?.parse().unwrap_or_default())
        };
        let lives = !presence.has_ended(uuid(5)?);
        let times = (time(row, 3)?, time(row, 4)?, now);
        Ok(KnownNode::new((uuid(0)?, row.get(1)?), row.get_ref(2)?.as_str()?, times, lives))
    };
    statement.query_map([], node)?.collect()
}

/// Forgets what has not been seen for long.
pub(crate) fn tidy(
    connection: &Connection,
    now: Timestamp,
    Tidying { seat, workers, nodes_after, workers_after }: &Tidying,
) -> rusqlite::Result<()> {
    if !holds(connection, now, seat)? {
        return Ok(());
    }
    see(connection, now, workers)?;
    let forget = |sql: &str, after| {
        connection.prepare_cached(sql)?.execute([now.as_micros() - micros(after)]).map(drop)
    };
    forget("DELETE FROM kerrera_workers WHERE seen_at < ?1", *workers_after)?;
    forget("DELETE FROM kerrera_nodes WHERE seen_at < ?1", *nodes_after)
}

fn see(connection: &Connection, now: Timestamp, workers: &[String]) -> rusqlite::Result<()> {
    let workers = Value::from(workers).to_string();
    connection
        .prepare_cached(include_str!("sql/see_workers.sql"))?
        .execute(named_params! {":now": now.as_micros(), ":workers": workers})?;
    Ok(())
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

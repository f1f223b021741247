//! Who is there and what they can do.

use std::sync::Arc;

use kerrera_core::directory::{KnownNode, KnownWorker, NodeCard, WorkerCard};
use kerrera_core::error::Kind;
use kerrera_core::storage::{NODE_SILENT, Tidying};
use kerrera_core::{Error, Result, Uuid};
use serde::Serialize;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::maintenance::{held, micros};
use crate::rows;
use crate::statements::Call;

/// Writes what a node says about its workers.
pub(crate) async fn declare_workers(
    session: &mut Session,
    Call { sql, now, input: (node, cards) }: &Call<(Arc<str>, Vec<WorkerCard>)>,
) -> Result<()> {
    let node = &**node;
    let names: Vec<&str> = cards.iter().map(|card| card.name.as_str()).collect();
    let cards: Vec<String> = cards.iter().map(written).collect::<Result<_>>()?;
    let parameters: [Parameter<'_>; 4] = [
        (now, Type::TIMESTAMP),
        (&node, Type::TEXT),
        (&names, Type::TEXT_ARRAY),
        (&cards, Type::TEXT_ARRAY),
    ];
    let declare = &sql.directory.declare_workers;
    session.query("writing which workers there are", declare, &parameters).await.map(drop)
}

/// The workers, and the living nodes that have them.
pub(crate) async fn known_workers(
    session: &mut Session,
    call: &Call<()>,
) -> Result<Vec<KnownWorker>> {
    let nodes = known_nodes(session, call).await?;
    let doing = "reading which workers there are";
    let rows = session.query(doing, &call.sql.directory.known_workers, &[]).await?;
    let worker = |row: &Row| {
        let text = |at: usize| row.try_get::<_, String>(at).map_err(|_| unreadable());
        let times = rows::time(row, 3).zip(rows::time(row, 4)).ok_or_else(unreadable)?;
        Ok(KnownWorker::new((text(0)?, &text(2)?), text(1)?, times, &nodes))
    };
    rows.iter().map(worker).collect()
}

/// Writes what a node says about itself.
pub(crate) async fn announce(
    session: &mut Session,
    Call { sql, now, input: (process, card) }: &Call<(Uuid, NodeCard)>,
) -> Result<()> {
    let text = written(card)?;
    let parameters: [Parameter<'_>; 4] = [
        (now, Type::TIMESTAMP),
        (process, Type::UUID),
        (&card.node, Type::TEXT),
        (&text, Type::TEXT),
    ];
    let announce = &sql.directory.announce;
    session.query("writing that this node is there", announce, &parameters).await.map(drop)
}

/// Removes a node.
pub(crate) async fn depart(
    session: &mut Session,
    Call { sql, now, input: (process, workers) }: &Call<(Uuid, Vec<String>)>,
) -> Result<()> {
    let parameters: [Parameter<'_>; 3] =
        [(now, Type::TIMESTAMP), (process, Type::UUID), (workers, Type::TEXT_ARRAY)];
    let depart = &sql.directory.depart;
    session.query("writing that this node goes", depart, &parameters).await.map(drop)
}

/// The nodes.
pub(crate) async fn known_nodes(
    session: &mut Session,
    Call { sql, now, .. }: &Call<()>,
) -> Result<Vec<KnownNode>> {
    let parameters: [Parameter<'_>; 1] = [(now, Type::TIMESTAMP)];
    let doing = "reading which nodes there are";
    let rows = session.query(doing, &sql.directory.known_nodes, &parameters).await?;
    let node = |row: &Row| {
        let text = |at: usize| row.try_get::<_, String>(at).map_err(|_| unreadable());
        let time = |at: usize| rows::time(row, at).ok_or_else(unreadable);
        let process = row.try_get(0).map_err(|_| unreadable())?;
        let (seen_at, now) = (time(4)?, time(5)?);
        let lives = now.since(seen_at) <= NODE_SILENT;
        Ok(KnownNode::new((process, text(1)?), &text(2)?, (time(3)?, seen_at, now), lives))
    };
    rows.iter().map(node).collect()
}

/// Forgets what has not been seen for long.
pub(crate) async fn tidy(
    session: &mut Session,
    Call { sql, now, input }: &Call<Tidying>,
) -> Result<()> {
    let Tidying { seat, workers, nodes_after, workers_after } = input;
    let (name, nodes_after) = (&*seat.name, micros(*nodes_after));
    let workers_after = micros(*workers_after);
    let mut parameters = held(now, &name, seat).to_vec();
    parameters.extend([
        (workers as &(dyn tokio_postgres::types::ToSql + Sync), Type::TEXT_ARRAY),
        (&workers_after, Type::INT8),
        (&nodes_after, Type::INT8),
    ]);
    let doing = "forgetting nodes and workers";
    session.query(doing, &sql.directory.tidy, &parameters).await.map(drop)
}

fn written(card: &impl Serialize) -> Result<String> {
    serde_json::to_string(card).map_err(|error| {
        Error::new(Kind::Config, format!("what is to be said of it cannot be written: {error}"))
    })
}

fn unreadable() -> Error {
    Error::new(Kind::Database, "the table kerrera_nodes or kerrera_workers cannot be read")
}

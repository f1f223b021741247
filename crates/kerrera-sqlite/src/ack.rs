//! Writing how runs ended.

use kerrera_core::storage::{Ack, Acked};
use kerrera_core::{State, Timestamp};
use rusqlite::{Connection, OptionalExtension, named_params};

use crate::insert;
use crate::moves::{self, Standing};

/// Writes each ack whose claim still holds; the answers are in the same order.
pub(crate) fn ack(
    connection: &Connection,
    now: Timestamp,
    acks: Vec<Ack>,
) -> rusqlite::Result<Vec<Acked>> {
    acks.into_iter().map(|ack| one(connection, now, ack)).collect()
}

/// The row is read and written under the write lock: nothing comes between.
fn one(connection: &Connection, now: Timestamp, ack: Ack) -> rusqlite::Result<Acked> {
    let mut statement = connection.prepare_cached(include_str!("sql/standing.sql"))?;
    let found = statement.query_row(named_params! {":id": ack.id}, Standing::read).optional()?;
    let ours = |row: &Standing| row.attempted_by.get(2).is_some_and(|t| t == ack.token.as_str());
    let Some(row) = found.filter(ours) else { return Ok(Acked::Lost) };

    let failure = ack.failure.as_ref().map(moves::element);
    match row.position.state {
        State::Executing => {
            moves::write(connection, now, &row, &ack.outcome, failure, ack.meta.as_ref())?;
            if !ack.then.is_empty() {
                insert::insert(connection, now, ack.then)?;
            }
            Ok(Acked::Written)
        }
        state if state == ack.outcome.to && row.tells(failure.as_ref()) => {
            Ok(Acked::AlreadyWritten)
        }
        State::Cancelled => {
            if !row.tells(failure.as_ref()) {
                moves::annotate(connection, now, &row, None, failure, None)?;
            }
            Ok(Acked::Cancelled)
        }
        _ => Ok(Acked::Lost),
    }
}

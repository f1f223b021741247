//! Writing how runs ended.

use kerrera_core::storage::{Ack, Acked};
use kerrera_core::{ClaimToken, State, Timestamp};
use rusqlite::{Connection, OptionalExtension, named_params, params};

use crate::insert;
use crate::moves::{self, Standing};
use crate::refusal::Refusal;

/// Writes each ack whose claim still holds; the answers are in the same order.
///
/// If the database refuses one for what it says, each is tried alone, so that only that one suffers.
pub(crate) fn ack(
    connection: &Connection,
    now: Timestamp,
    acks: &[Ack],
) -> Result<Vec<Acked>, Refusal> {
    let mut complete = connection.prepare_cached(include_str!("sql/complete.sql"))?;
    let mut one = |ack: &Ack| {
        // The claim is looked at by the statement that writes.
        let completed = ack.is_plain()
            && complete.execute(params![ack.id, tail(&ack.token), now.as_micros()])? == 1;
        if completed { Ok(Acked::Written) } else { careful(connection, now, ack) }
    };
    let mut all = || acks.iter().map(&mut one).collect();
    // Of one statement each, nothing can be half done: those that were written will be found so.
    let are_plain = acks.iter().all(Ack::is_plain);
    let written = if are_plain { all() } else { undoing(connection, all) };
    if !written.as_ref().is_err_and(is_about_the_data) {
        return written;
    }
    let alone = |ack| match undoing(connection, || one(ack)) {
        Err(Refusal::Sqlite(error)) if is_data(&error) => {
            Ok(Acked::Refused(error.to_string().into()))
        }
        outcome => outcome,
    };
    acks.iter().map(alone).collect()
}

/// How the text of `attempted_by` ends on a row that was claimed under this token. To take the list apart
/// for each row would cost as much as half of the writing.
fn tail(token: &ClaimToken) -> String {
    format!("\"{token}\"]")
}

fn is_about_the_data(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Sqlite(error) if is_data(error))
}

/// Whether SQLite refuses a value or a rule of the table is broken, and not that something is wrong
/// with the file, the disk or the lock.
fn is_data(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    let code = error.sqlite_error_code();
    matches!(code, Some(ConstraintViolation | TooBig | TypeMismatch))
}

/// Undoes what was done if it fails.
fn undoing<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]);
    run("SAVEPOINT kerrera_ack")?;
    let outcome = work();
    if outcome.is_err() {
        run("ROLLBACK TO kerrera_ack")?;
    }
    run("RELEASE kerrera_ack")?;
    outcome
}

/// Writes an ack of any kind, or finds out why it cannot be written. The row is read and written under
/// the write lock: nothing comes between.
fn careful(connection: &Connection, now: Timestamp, ack: &Ack) -> Result<Acked, Refusal> {
    let mut statement = connection.prepare_cached(include_str!("sql/standing.sql"))?;
    let found = statement.query_row(named_params! {":id": ack.id}, Standing::read).optional()?;
    let ours = |row: &Standing| row.attempted_by.get(2).is_some_and(|t| t == ack.token.as_str());
    let Some(row) = found.filter(ours) else { return Ok(Acked::Lost) };

    let failure = ack.failure.as_ref().map(moves::element);
    match row.position.state {
        State::Executing => {
            moves::write(connection, now, &row, &ack.outcome, failure, ack.meta.as_ref())?;
            if let Some(began) = ack.began {
                connection
                    .prepare_cached(include_str!("sql/began.sql"))?
                    .execute(named_params! {":id": ack.id, ":began": began.as_micros()})?;
            }
            if !ack.then.is_empty() {
                insert::insert(connection, now, ack.then.clone())?;
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

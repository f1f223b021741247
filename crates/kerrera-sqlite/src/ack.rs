//! Writing how runs ended.

use std::collections::{HashMap, HashSet};

use kerrera_core::storage::{Ack, Acked};
use kerrera_core::{ClaimToken, JobId, State, Timestamp};
use rusqlite::{Connection, OptionalExtension, named_params, params};

use crate::moves::{self, Standing};
use crate::refusal::Refusal;
use crate::{connection, insert};

/// Writes each ack whose claim still holds; the answers are in the same order.
///
/// If the database refuses one for what it says, each is tried alone, so that only that one suffers.
pub(crate) fn ack(
    connection: &Connection,
    now: Timestamp,
    acks: &[Ack],
) -> Result<Vec<Acked>, Refusal> {
    // Where each statement is whole, nothing can be half done: what was written will be found so.
    let are_plain = acks.iter().all(Ack::is_plain);
    let all = || together(connection, now, acks);
    let written = if are_plain { all() } else { undoing(connection, all, |_| true) };
    if !written.as_ref().is_err_and(is_about_the_data) {
        return written;
    }
    let alone = |ack| match undoing(connection, || careful(connection, now, ack), |_| true) {
        Err(Refusal::Sqlite(error)) if is_data(&error) => {
            Ok(Acked::Refused(error.to_string().into()))
        }
        outcome => outcome,
    };
    acks.iter().map(alone).collect()
}

/// Those that say nothing but that a run ended well by one statement for each claim, the others after
/// them, one by one. Of a job that has both, all wait for their turn: the first of a run is written.
fn together(connection: &Connection, now: Timestamp, acks: &[Ack]) -> Result<Vec<Acked>, Refusal> {
    let others = acks.iter().filter(|ack| !ack.is_plain());
    let others: HashSet<JobId> = others.map(|ack| ack.id).collect();
    let is_plain = |ack: &Ack| ack.is_plain() && !others.contains(&ack.id);
    let mut claims: HashMap<&ClaimToken, Vec<JobId>> = HashMap::new();
    for ack in acks.iter().filter(|ack| is_plain(ack)) {
        claims.entry(&ack.token).or_default().push(ack.id);
    }
    let mut whole = HashSet::with_capacity(claims.len());
    for (token, ids) in claims {
        if complete(connection, now, token, &ids)? {
            whole.insert(token);
        }
    }
    let answer = |ack: &Ack| match is_plain(ack) && whole.contains(&ack.token) {
        true => Ok(Acked::Written),
        false => careful(connection, now, ack),
    };
    acks.iter().map(answer).collect()
}

/// Completes jobs of one claim: all of them, or none if one is not as the claim left it.
fn complete(
    connection: &Connection,
    now: Timestamp,
    token: &ClaimToken,
    ids: &[JobId],
) -> Result<bool, Refusal> {
    let mut statement = connection.prepare_cached(include_str!("sql/complete.sql"))?;
    // How the text of `attempted_by` ends on a row that was claimed under this token. To take the list
    // apart for each row would cost as much as half of the writing.
    let tail = format!("\"{token}\"]");
    let mut write = || -> rusqlite::Result<usize> {
        let ids = connection::numbers(ids.iter().copied());
        statement.execute(params![ids, tail, now.as_micros()])
    };
    let is_whole = |written: &usize| *written == ids.len();
    let written = match ids {
        [_] => write()?,
        _ => undoing(connection, || Ok(write()?), is_whole)?,
    };
    Ok(is_whole(&written))
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

/// Undoes what was done if it fails, or is not as it should be.
fn undoing<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T, Refusal>,
    is_good: impl FnOnce(&T) -> bool,
) -> Result<T, Refusal> {
    let run = |sql| connection.prepare_cached(sql)?.execute([]);
    run("SAVEPOINT kerrera_ack")?;
    let outcome = work();
    if !outcome.as_ref().is_ok_and(is_good) {
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

//! Writing the moves that `kerrera_core::state` decides.

use std::collections::BTreeMap;

use kerrera_core::failure::ERRORS_KEPT;
use kerrera_core::state::{Attempt, Move, Position, Stamp};
use kerrera_core::storage::Failure;
use kerrera_core::{AttemptError, JobId, Timestamp};
use rusqlite::{Connection, Row, named_params};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::row;

/// A job as far as its next move depends on it.
pub(crate) struct Standing {
    pub(crate) id: JobId,
    pub(crate) position: Position,
    pub(crate) attempted_by: Vec<String>,
    meta: String,
    errors: String,
}

impl Standing {
    /// Reads the first seven columns of `sql/standing.sql` and `sql/orphans.sql`.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Standing> {
        Ok(Standing {
            id: row.get(0)?,
            position: Position {
                state: row::state(row.get_ref(1)?.as_str()?),
                attempt: row::number(row.get(2)?),
                max_attempts: row::number(row.get(3)?),
            },
            attempted_by: row::texts(row.get_ref(4)?.as_str()?),
            meta: row.get(5)?,
            errors: row.get(6)?,
        })
    }

    /// Whether a failure stands among the errors; one that is none is no news either.
    pub(crate) fn tells(&self, failure: Option<&AttemptError>) -> bool {
        failure.is_none_or(|failure| {
            let same = |error: AttemptError| {
                (error.attempt, &error.error, &error.node)
                    == (failure.attempt, &failure.error, &failure.node)
            };
            row::errors(&self.errors).into_iter().any(same)
        })
    }
}

/// Writes a move, what counts with it, and what the run left behind.
pub(crate) fn write(
    connection: &Connection,
    now: Timestamp,
    standing: &Standing,
    decided: &Move,
    failure: Option<AttemptError>,
    patch: Option<&Map<String, Value>>,
) -> rusqlite::Result<()> {
    let Position { attempt, max_attempts, .. } = standing.position;
    let attempt = match decided.attempt {
        Attempt::Keep => attempt,
        Attempt::Begin => attempt + 1,
        Attempt::GiveBack => (attempt - 1).max(0),
    };
    let max_attempts =
        if decided.allow_one_more { max_attempts.max(attempt + 1) } else { max_attempts };
    let scheduled_at = decided.wait.map(|wait| (now + wait).min(Timestamp::MAX).as_micros());
    let stamp = match decided.stamp {
        Stamp::Keep => "",
        Stamp::End => decided.to.as_str(),
        Stamp::Clear => "clear",
    };
    connection.prepare_cached(include_str!("sql/move.sql"))?.execute(named_params! {
        ":id": standing.id,
        ":state": decided.to.as_str(),
        ":attempt": attempt,
        ":max_attempts": max_attempts,
        ":scheduled_at": scheduled_at,
        ":stamp": stamp,
        ":now": now.as_micros(),
    })?;
    if failure.is_none() && patch.is_none() && decided.count.is_none() {
        return Ok(());
    }
    annotate(connection, now, standing, decided.count, failure, patch)
}

/// Writes a counter, keys of meta and a failure, beside whatever is there.
pub(crate) fn annotate(
    connection: &Connection,
    now: Timestamp,
    standing: &Standing,
    count: Option<&'static str>,
    failure: Option<AttemptError>,
    patch: Option<&Map<String, Value>>,
) -> rusqlite::Result<()> {
    let mut meta = Object::read(&standing.meta);
    if let Some(key) = count {
        let before = meta.get(key).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
        meta.set(key, &Value::from(before.saturating_add(1)));
    }
    for (key, value) in patch.into_iter().flatten() {
        meta.set(key, value);
    }
    let mut errors = List::read(&standing.errors);
    if let Some(mut failure) = failure {
        failure.at = Some(now);
        errors.push(&failure);
    }
    connection.prepare_cached(include_str!("sql/annotate.sql"))?.execute(named_params! {
        ":id": standing.id,
        ":meta": meta.to_text(),
        ":errors": errors.to_text(),
    })?;
    Ok(())
}

/// A failed attempt as it stands among the errors, but for the time.
pub(crate) fn element(failure: &Failure) -> AttemptError {
    let mut element = AttemptError::default();
    element.attempt = failure.attempt;
    element.error.clone_from(&failure.error);
    element.node = Some(failure.node.to_string());
    element.milliseconds = Some(i64::try_from(failure.ran.as_millis()).unwrap_or(i64::MAX));
    element.fingerprint = failure.fingerprint;
    element
}

/// A JSON object whose values stay as they were written, however large their numbers.
struct Object(BTreeMap<String, Box<RawValue>>);

impl Object {
    /// Anything but an object counts as an empty one.
    fn read(json: &str) -> Object {
        Object(serde_json::from_str(json).unwrap_or_default())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| value.get())
    }

    fn set(&mut self, key: &str, value: &Value) {
        if let Ok(raw) = serde_json::value::to_raw_value(value) {
            self.0.insert(key.to_owned(), raw);
        }
    }

    fn to_text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// A JSON list of errors whose elements stay as they were written; the newest are kept.
struct List(Vec<Box<RawValue>>);

impl List {
    /// Anything but a list counts as its only element.
    fn read(json: &str) -> List {
        List(serde_json::from_str(json).unwrap_or_else(|_| {
            RawValue::from_string(json.to_owned()).map(|only| vec![only]).unwrap_or_default()
        }))
    }

    fn push(&mut self, element: &AttemptError) {
        if let Ok(raw) = serde_json::value::to_raw_value(element) {
            self.0.push(raw);
        }
        let surplus = self.0.len().saturating_sub(ERRORS_KEPT);
        self.0.drain(..surplus);
    }

    fn to_text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_else(|_| "[]".to_owned())
    }
}

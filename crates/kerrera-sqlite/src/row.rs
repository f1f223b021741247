//! Jobs as rows.

use kerrera_core::{AttemptError, Job, JobRow, Json, State, Timestamp};
use rusqlite::Row;
use serde_json::Value;

/// Reads a row of all columns, in the order in which `sql/job.sql` names them.
///
/// Whatever stands in the lists is read somehow: a row that somebody wrote by hand must not keep
/// others from being read.
pub(crate) fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let mut job = Job::blank(row.get(0)?);
    job.state = state(row.get_ref(1)?.as_str()?);
    job.queue = row.get(2)?;
    job.worker = row.get(3)?;
    job.args = json(row, 4)?;
    job.meta = json(row, 5)?;
    job.tags = texts(row.get_ref(6)?.as_str()?);
    job.errors = errors(row.get_ref(7)?.as_str()?);
    job.attempt = number(row.get(8)?);
    job.max_attempts = number(row.get(9)?);
    job.priority = number(row.get(10)?);
    job.attempted_by = texts(row.get_ref(11)?.as_str()?).into();
    job.inserted_at = Timestamp::from_micros(row.get(12)?);
    job.scheduled_at = Timestamp::from_micros(row.get(13)?);
    job.attempted_at = time(row, 14)?;
    job.completed_at = time(row, 15)?;
    job.discarded_at = time(row, 16)?;
    job.cancelled_at = time(row, 17)?;
    Ok(job)
}

/// Reads a row of `sql/page.sql`.
pub(crate) fn listed(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    let mut job = JobRow::blank(row.get(0)?);
    job.state = state(row.get_ref(1)?.as_str()?);
    job.queue = row.get(2)?;
    job.worker = row.get(3)?;
    job.args = row.get(4)?;
    job.args_bytes = row.get::<_, i64>(5)?.unsigned_abs();
    job.tags = texts(row.get_ref(6)?.as_str()?);
    job.attempt = number(row.get(7)?);
    job.max_attempts = number(row.get(8)?);
    job.priority = number(row.get(9)?);
    // Whatever stands there: a number would do as well.
    job.node = row.get_ref(10)?.as_str().ok().map(str::to_owned);
    let progress = row.get_ref(11)?;
    job.progress = progress.as_str().ok().and_then(|text| serde_json::from_str(text).ok());
    job.inserted_at = Timestamp::from_micros(row.get(12)?);
    job.scheduled_at = Timestamp::from_micros(row.get(13)?);
    job.attempted_at = time(row, 14)?;
    job.completed_at = time(row, 15)?;
    job.discarded_at = time(row, 16)?;
    job.cancelled_at = time(row, 17)?;
    Ok(job)
}

/// Reads a row of `sql/claim.sql`, as it is when the claim has taken it, but for what all jobs of a claim
/// have in common.
pub(crate) fn claimed(row: &Row<'_>, now: Timestamp) -> rusqlite::Result<Job> {
    let mut job = Job::blank(row.get(0)?);
    job.state = State::Executing;
    job.worker = row.get(1)?;
    job.args = json(row, 2)?;
    job.meta = json(row, 3)?;
    job.tags = texts(row.get_ref(4)?.as_str()?);
    job.errors = errors(row.get_ref(5)?.as_str()?);
    job.attempt = number(row.get::<_, i64>(6)?.saturating_add(1));
    job.max_attempts = number(row.get(7)?);
    job.priority = number(row.get(8)?);
    job.inserted_at = Timestamp::from_micros(row.get(9)?);
    job.scheduled_at = Timestamp::from_micros(row.get(10)?);
    job.attempted_at = Some(now);
    Ok(job)
}

/// A state by its name, of which the table admits no others.
pub(crate) fn state(name: &str) -> State {
    name.parse().unwrap_or(State::Suspended)
}

/// The texts of a JSON list.
pub(crate) fn texts(json: &str) -> Vec<String> {
    if json == "[]" {
        return Vec::new();
    }
    serde_json::from_str(json).unwrap_or_else(|_| match serde_json::from_str(json) {
        Ok(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => text,
                other => other.to_string(),
            })
            .collect(),
        _ => Vec::new(),
    })
}

/// A number of attempts, or a priority, however large somebody made it.
pub(crate) fn number(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

/// The failed attempts of a JSON list.
pub(crate) fn errors(json: &str) -> Vec<AttemptError> {
    if json == "[]" {
        return Vec::new();
    }
    serde_json::from_str(json)
        .or_else(|_| serde_json::from_str(json).map(|only: AttemptError| vec![only]))
        .unwrap_or_default()
}

fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<Json> {
    Ok(Json::copied_from(row.get_ref(column)?.as_str()?))
}

/// A time that may be missing.
pub(crate) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

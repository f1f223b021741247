//! Values on their way to and from the server, in its binary format.
//!
//! Decoding a job never fails over one of its values: other programs write to the same table, and a
//! row that cannot be read must not take the rest of its batch with it.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use kerrera_core::error::Kind;
use kerrera_core::storage::Claim;
use kerrera_core::{AttemptError, Error, Job, JobRow, Json, Result, State, Timestamp, ValidJob};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

type Unreadable = Box<dyn std::error::Error + Sync + Send>;

/// Decodes the columns of `sql/columns.sql`.
///
/// # Errors
///
/// When the state is one that this version does not know.
pub(crate) fn job(row: &Row) -> Result<Job> {
    let cells = Cells(row);
    let mut job = Job::blank(cells.int8(0));
    job.state = state(&cells)?;
    job.queue = cells.text(2);
    job.worker = cells.text(3);
    job.args = cells.json(4);
    job.meta = cells.json(5);
    job.tags = cells.texts(6);
    job.errors = cells.errors(7);
    job.attempt = cells.int4(8);
    job.max_attempts = cells.int4(9);
    job.priority = cells.int4(10);
    job.attempted_by = cells.texts(11).into();
    job.inserted_at = cells.time(12).unwrap_or(Timestamp::MIN);
    job.scheduled_at = cells.time(13).unwrap_or(Timestamp::MIN);
    job.attempted_at = cells.time(14);
    job.completed_at = cells.time(15);
    job.discarded_at = cells.time(16);
    job.cancelled_at = cells.time(17);
    Ok(job)
}

/// Decodes the columns of `sql/row.sql`.
///
/// # Errors
///
/// As for [`job`].
pub(crate) fn row(row: &Row) -> Result<JobRow> {
    let cells = Cells(row);
    let mut job = JobRow::blank(cells.int8(0));
    job.state = state(&cells)?;
    job.queue = cells.text(2);
    job.worker = cells.text(3);
    job.args = cells.text(4);
    job.args_bytes = cells.int8(5).unsigned_abs();
    job.tags = cells.texts(6);
    job.attempt = cells.int4(7);
    job.max_attempts = cells.int4(8);
    job.priority = cells.int4(9);
    job.node = cells.bytes(10).map(lossy);
    job.progress = cells.bytes(11).and_then(|text| serde_json::from_slice(text).ok());
    job.inserted_at = cells.time(12).unwrap_or(Timestamp::MIN);
    job.scheduled_at = cells.time(13).unwrap_or(Timestamp::MIN);
    job.attempted_at = cells.time(14);
    job.completed_at = cells.time(15);
    job.discarded_at = cells.time(16);
    job.cancelled_at = cells.time(17);
    Ok(job)
}

fn state(cells: &Cells<'_>) -> Result<State> {
    cells.text(1).parse().map_err(|error| {
        Error::new(Kind::ForeignSchema, format!("job {} cannot be read: {error}", cells.int8(0)))
    })
}

/// Decodes the columns of `sql/claimed.sql`.
pub(crate) fn claimed(row: &Row, claim: &Claim, attempted_by: &Arc<[String]>) -> Job {
    let cells = Cells(row);
    let mut job = Job::blank(cells.int8(0));
    job.state = State::Executing;
    job.queue = claim.queue.as_ref().to_owned();
    job.worker = cells.text(1);
    job.args = cells.json(2);
    job.meta = cells.json(3);
    job.tags = cells.texts(4);
    job.errors = cells.errors(5);
    (job.attempt, job.max_attempts) = cells.two(6);
    job.priority = cells.int4(7);
    job.attempted_by = attempted_by.clone();
    job.inserted_at = cells.time(8).unwrap_or(Timestamp::MIN);
    job.scheduled_at = cells.time(9).unwrap_or(job.inserted_at);
    job.attempted_at = cells.time(10);
    job
}

/// A job that was just inserted, of which the row has the number and the times.
pub(crate) fn inserted(row: &Row, valid: &ValidJob) -> Job {
    let cells = Cells(row);
    let mut job = Job::blank(cells.int8(0));
    job.state = valid.state();
    job.queue.clone_from(&valid.queue);
    job.worker.clone_from(&valid.worker);
    job.args.clone_from(&valid.args);
    job.meta.clone_from(&valid.meta);
    job.tags.clone_from(&valid.tags);
    job.max_attempts = valid.max_attempts;
    job.priority = valid.priority;
    job.inserted_at = cells.time(1).unwrap_or(Timestamp::MIN);
    job.scheduled_at = cells.time(2).unwrap_or(Timestamp::MIN);
    job
}

/// The time in a column.
pub(crate) fn time(row: &Row, at: usize) -> Option<Timestamp> {
    Cells(row).time(at)
}

/// A time as PostgreSQL's `timestamp` keeps it: microseconds since 2000, in UTC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp(pub(crate) Timestamp);

/// From 1970 to 2000.
const SHIFT: i64 = 946_684_800_000_000;

impl Stamp {
    fn read(raw: i64) -> Timestamp {
        match raw {
            // infinity and -infinity
            i64::MAX => Timestamp::MAX,
            i64::MIN => Timestamp::MIN,
            _ => Timestamp::from_micros(raw.saturating_add(SHIFT)),
        }
    }
}

impl ToSql for Stamp {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Unreadable> {
        out.put_i64(self.0.as_micros().saturating_sub(SHIFT));
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMP);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Stamp {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Stamp, Unreadable> {
        Ok(Stamp(Stamp::read(i64::from_be_bytes(raw.try_into()?))))
    }

    accepts!(TIMESTAMP);
}

/// The text of an array literal, `{"a","b"}`: an array of arrays would have to be a rectangle.
pub(crate) fn array_literal(items: &[String]) -> String {
    let mut literal = String::from("{");
    for item in items {
        if literal.len() > 1 {
            literal.push(',');
        }
        literal.push('"');
        for character in item.chars() {
            if matches!(character, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(character);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}

struct Cells<'a>(&'a Row);

impl<'a> Cells<'a> {
    fn bytes(&self, at: usize) -> Option<&'a [u8]> {
        self.0.try_get::<_, Option<Raw<'a>>>(at).ok().flatten().map(|raw| raw.0)
    }

    fn int8(&self, at: usize) -> i64 {
        self.bytes(at).and_then(|raw| raw.try_into().ok()).map_or(0, i64::from_be_bytes)
    }

    fn int4(&self, at: usize) -> i32 {
        self.bytes(at).and_then(|raw| raw.try_into().ok()).map_or(0, i32::from_be_bytes)
    }

    /// Two numbers that share a column, the first in its upper half.
    fn two(&self, at: usize) -> (i32, i32) {
        let both = self.int8(at);
        ((both >> 32) as i32, both as i32)
    }

    fn time(&self, at: usize) -> Option<Timestamp> {
        let raw = self.bytes(at)?.try_into().ok()?;
        Some(Stamp::read(i64::from_be_bytes(raw)))
    }

    /// A database in the encoding SQL_ASCII can hold what is not UTF-8.
    fn text(&self, at: usize) -> String {
        self.bytes(at).map(lossy).unwrap_or_default()
    }

    fn json(&self, at: usize) -> Json {
        match self.bytes(at) {
            // A jsonb begins with the version of its format.
            Some([_, text @ ..]) => match str::from_utf8(text) {
                Ok(text) => Json::copied_from(text),
                Err(_) => Json::from_text(lossy(text)),
            },
            Some([]) | None => Json::default(),
        }
    }

    fn texts(&self, at: usize) -> Vec<String> {
        self.bytes(at).and_then(elements).unwrap_or_default()
    }

    fn errors(&self, at: usize) -> Vec<AttemptError> {
        match self.bytes(at) {
            None | Some([] | [_, b'[', b']']) => Vec::new(),
            Some([_, text @ ..]) => serde_json::from_slice(text).unwrap_or_else(|reason| {
                let mut error = AttemptError::default();
                error.error = format!("the errors of this job cannot be read: {reason}");
                vec![error]
            }),
        }
    }
}

/// Any value, as the bytes that came.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Raw<'a>, Unreadable> {
        Ok(Raw(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn lossy(text: &[u8]) -> String {
    match str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(text).into_owned(),
    }
}

/// The texts of an array, of however many dimensions, without its nulls.
fn elements(raw: &[u8]) -> Option<Vec<String>> {
    let (dimensions, rest) = int(raw)?;
    // The dimensions, a flag for nulls, the type; then a length and a lower bound each.
    let mut rest = rest.get(8 + 8 * usize::try_from(dimensions).ok()?..)?;
    let mut texts = Vec::new();
    while let Some((length, tail)) = int(rest) {
        let Ok(length) = usize::try_from(length) else {
            rest = tail;
            continue;
        };
        texts.push(lossy(tail.get(..length)?));
        rest = &tail[length..];
    }
    Some(texts)
}

fn int(raw: &[u8]) -> Option<(i32, &[u8])> {
    let (head, rest) = raw.split_first_chunk()?;
    Some((i32::from_be_bytes(*head), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_time_are_kept_in_range() {
        assert_eq!(Stamp::read(i64::MAX), Timestamp::MAX);
        assert_eq!(Stamp::read(i64::MIN), Timestamp::MIN);
        assert_eq!(Stamp::read(0).to_string(), "2000-01-01T00:00:00.000000Z");
    }

    #[test]
    fn arrays_are_read_whatever_their_shape() {
        let text = |text: &str| [&(text.len() as i32).to_be_bytes()[..], text.as_bytes()].concat();
        let head = |numbers: &[i32]| -> Vec<u8> {
            numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
        };
        let flat = [head(&[1, 1, 25, 3, 1]), text("a"), head(&[-1]), text("")].concat();
        assert_eq!(elements(&flat), Some(vec!["a".to_owned(), String::new()]));
        let square = [head(&[2, 0, 25, 1, 1, 2, 1]), text("a"), text("b")].concat();
        assert_eq!(elements(&square), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(elements(&head(&[0, 0, 25])), Some(vec![]));
        assert_eq!(elements(&flat[..flat.len() - 5]), Some(vec!["a".to_owned()]));
        assert_eq!(elements(b"?"), None);
    }

    #[test]
    fn array_literals_are_quoted() {
        let items = [r#"a"b"#.to_owned(), r"c\d".to_owned(), "{e,f}".to_owned()];
        assert_eq!(array_literal(&items), r#"{"a\"b","c\\d","{e,f}"}"#);
        assert_eq!(array_literal(&[]), "{}");
    }
}

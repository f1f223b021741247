//! Very many jobs on their way in, by COPY: the server parses nothing and gives nothing back.

use bytes::{BufMut, BytesMut};
use kerrera_core::{Result, State, Timestamp, ValidJob};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::connection::{Parameter, Session};
use crate::insert;
use crate::rows::{self, Stamp};
use crate::statements::Call;

/// Inserts jobs of which none is unique, all or none; says how many.
pub(crate) async fn load(
    session: &mut Session,
    Call { sql, now, input: jobs }: &Call<Vec<ValidJob>>,
) -> Result<u64> {
    if jobs.is_empty() {
        return Ok(0);
    }
    if !session.is_direct() {
        // A pooler gives no session in which the columns could be looked at first.
        let inserted = insert::insert_plain(session, sql, now, jobs.iter()).await?;
        return Ok(inserted.len() as u64);
    }
    let clock: [Parameter<'_>; 1] = [(now, Type::TIMESTAMP)];
    let told = session.query("asking for the time", &sql.now, &clock).await?;
    let now = told.first().and_then(|row| rows::time(row, 0)).unwrap_or(Timestamp::MIN);
    if jobs.iter().all(is_plain) {
        let rows = jobs.iter().map(|job| plain(job, now));
        return session.copy_in("the insertion", &sql.bulk_plain, rows).await;
    }
    let rows = jobs.iter().map(|job| cells(job, now));
    session.copy_in("the insertion", &sql.bulk, rows).await
}

/// Whether its state, meta and tags are those that a row has of which they are not told.
fn is_plain(job: &ValidJob) -> bool {
    job.state() == State::Available && job.meta.as_str() == "{}" && job.tags.is_empty()
}

fn plain(job: &ValidJob, now: Timestamp) -> [Cell<'_>; 7] {
    let [_, queue, worker, args, _, _, priority, max_attempts, inserted_at, scheduled_at] =
        cells(job, now);
    [queue, worker, args, priority, max_attempts, inserted_at, scheduled_at]
}

fn cells(job: &ValidJob, now: Timestamp) -> [Cell<'_>; 10] {
    let wait = job.schedule.wait_micros().unwrap_or_default();
    let due = now.as_micros().saturating_add(wait).min(Timestamp::MAX.as_micros());
    let due = job.schedule.at_micros().unwrap_or(due);
    [
        Cell::Text(job.state().as_str()),
        Cell::Text(&job.queue),
        Cell::Text(&job.worker),
        Cell::Json(job.args.as_str()),
        Cell::Json(job.meta.as_str()),
        Cell::Texts(&job.tags),
        Cell::Int(job.priority),
        Cell::Int(job.max_attempts),
        Cell::Time(now),
        Cell::Time(Timestamp::from_micros(due)),
    ]
}

/// A value for whatever type its column has: the tables that others made differ in their integers and
/// texts.
#[derive(Debug)]
enum Cell<'a> {
    Text(&'a str),
    Json(&'a str),
    Texts(&'a [String]),
    Int(i32),
    Time(Timestamp),
}

impl ToSql for Cell<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Cell::Text(text) => out.put_slice(text.as_bytes()),
            Cell::Json(text) => {
                // The version of the format.
                out.put_u8(1);
                out.put_slice(text.as_bytes());
            }
            Cell::Texts(texts) => return texts.to_sql(ty, out),
            Cell::Int(number) if *ty == Type::INT2 => out.put_i16(i16::try_from(*number)?),
            Cell::Int(number) => out.put_i32(*number),
            Cell::Time(time) => return Stamp(*time).to_sql(ty, out),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

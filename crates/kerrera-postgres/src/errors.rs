//! Failures that are alike, and how many there were.

use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::storage::{
    COUNTS_KEPT_FOR, ErrorGroup, ErrorOrder, ErrorQuery, ErrorTally, Seat,
};
use kerrera_core::{Error, Fingerprint, JobId, Result, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::maintenance::{held, micros};
use crate::query::{Clause, int8, stamp, text};
use crate::rows::{self, Stamp};
use crate::statements::Call;

/// Adds failures to their groups.
pub(crate) async fn note(
    session: &mut Session,
    Call { sql, now, input: tallies }: &Call<Vec<ErrorTally>>,
) -> Result<()> {
    let prints: Vec<String> = tallies.iter().map(|tally| tally.fingerprint.to_string()).collect();
    let workers: Vec<&str> = tallies.iter().map(|tally| tally.worker.as_str()).collect();
    let messages: Vec<&str> = tallies.iter().map(|tally| tally.message.as_str()).collect();
    let nodes: Vec<&str> = tallies.iter().map(|tally| &*tally.node).collect();
    let jobs: Vec<JobId> = tallies.iter().map(|tally| tally.job).collect();
    let count = |tally: &ErrorTally| i64::try_from(tally.count).unwrap_or(i64::MAX);
    let counts: Vec<i64> = tallies.iter().map(count).collect();
    let parameters: [Parameter<'_>; 7] = [
        (now, Type::TIMESTAMP),
        (&prints, Type::TEXT_ARRAY),
        (&workers, Type::TEXT_ARRAY),
        (&messages, Type::TEXT_ARRAY),
        (&nodes, Type::TEXT_ARRAY),
        (&jobs, Type::INT8_ARRAY),
        (&counts, Type::INT8_ARRAY),
    ];
    session.query("counting failures", &sql.note_errors, &parameters).await.map(drop)
}

/// The groups of a query.
pub(crate) async fn groups(
    session: &mut Session,
    Call { sql, now, input: query }: &Call<ErrorQuery>,
) -> Result<Vec<ErrorGroup>> {
    let conditions = include_str!("sql/error_conditions.sql");
    let mut clause = Clause::with(conditions, Some(query.limit));
    if let Some(fingerprint) = query.fingerprint {
        clause.ask("fingerprint", None, [text(&fingerprint.to_string())]);
    }
    if let Some(worker) = &query.worker {
        clause.ask("worker", None, [text(worker)]);
    }
    if let Some((at, fingerprint)) = query.after {
        clause.ask("after", None, [stamp(Stamp(at)), text(&fingerprint.to_string())]);
    }
    let text = match query.order {
        ErrorOrder::Recent => sql.errors.clone(),
        ErrorOrder::Frequent(window) => {
            clause.put(&sql.frequent_errors, "<window>", "bigint", int8(micros(window)))
        }
    };
    let clock = "(SELECT coalesce(<now>::timestamp, timezone('UTC', clock_timestamp())))";
    let text = clause.stamp(&text.replace("<now>", clock), *now);
    let text = clause.fill(&text, sql);
    let rows = session.query("reading the failures", &text, &clause.parameters()).await?;
    rows.iter().map(|row| group(row).map_err(unreadable)).collect()
}

fn group(row: &Row) -> Result<ErrorGroup, tokio_postgres::Error> {
    let number = |at| row.try_get::<_, i64>(at).map(i64::unsigned_abs);
    let print = row.try_get::<_, &str>(0)?.parse();
    let unknown = Fingerprint::of("", "");
    let mut group = ErrorGroup::new(print.unwrap_or(unknown), row.try_get(1)?, row.try_get(2)?);
    group.node = row.try_get(3)?;
    group.last_job = row.try_get(4)?;
    group.first_seen = rows::time(row, 5).unwrap_or(Timestamp::MIN);
    group.last_seen = rows::time(row, 6).unwrap_or(Timestamp::MIN);
    group.total = number(7)?;
    (group.hour, group.day, group.week) = (number(8)?, number(9)?, number(10)?);
    Ok(group)
}

/// How many failures groups met in each ten minutes.
pub(crate) async fn counts(
    session: &mut Session,
    Call { sql, now, input: (fingerprints, window) }: &Call<(Vec<Fingerprint>, Duration)>,
) -> Result<Vec<(Fingerprint, Timestamp, u64)>> {
    let prints: Vec<String> = fingerprints.iter().map(Fingerprint::to_string).collect();
    let window = micros(*window);
    let parameters: [Parameter<'_>; 3] =
        [(now, Type::TIMESTAMP), (&prints, Type::TEXT_ARRAY), (&window, Type::INT8)];
    let rows = session.query("reading the failures", &sql.error_counts, &parameters).await?;
    let count = |row: &Row| -> Result<_, tokio_postgres::Error> {
        let (count, print): (i64, &str) = (row.try_get(1)?, row.try_get(2)?);
        let at = rows::time(row, 0).unwrap_or(Timestamp::MIN);
        Ok(print.parse().ok().map(|print| (print, at, count.unsigned_abs())))
    };
    // What was read was asked for, so it has a fingerprint.
    rows.iter().filter_map(|row| count(row).map_err(unreadable).transpose()).collect()
}

/// Removes what is too old.
pub(crate) async fn prune(
    session: &mut Session,
    Call { sql, now, input: (seat, age, limit) }: &Call<(Seat, Duration, u32)>,
) -> Result<u64> {
    let (name, age, limit) = (&*seat.name, micros(*age), i64::from(*limit));
    let kept = micros(COUNTS_KEPT_FOR);
    let mut parameters = held(now, &name, seat).to_vec();
    parameters.push((&age, Type::INT8));
    parameters.push((&kept, Type::INT8));
    parameters.push((&limit, Type::INT8));
    let rows = session.query("pruning the failures", &sql.prune_errors, &parameters).await?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok()).map_or(0, i64::unsigned_abs))
}

fn unreadable(error: tokio_postgres::Error) -> Error {
    Error::new(Kind::Database, "the groups of failures cannot be read").caused_by(error)
}

//! Failures that are alike, and how many there were.

use std::time::Duration;

use kerrera_core::storage::{
    COUNTED_TOGETHER, COUNTS_KEPT_FOR, ErrorGroup, ErrorOrder, ErrorQuery, ErrorTally, Seat,
};
use kerrera_core::{Fingerprint, Timestamp};
use rusqlite::{Connection, Row, named_params, params_from_iter};

use crate::maintenance::{self, micros};
use crate::query::Clause;

/// Adds failures to their groups.
pub(crate) fn note(
    connection: &Connection,
    now: Timestamp,
    tallies: &[ErrorTally],
) -> rusqlite::Result<()> {
    let mut group = connection.prepare_cached(include_str!("sql/note_error.sql"))?;
    let mut count = connection.prepare_cached(include_str!("sql/count_error.sql"))?;
    let now = now.as_micros();
    let at = now - now.rem_euclid(micros(COUNTED_TOGETHER));
    for tally in tallies {
        let fingerprint = tally.fingerprint.to_string();
        let met = i64::try_from(tally.count).unwrap_or(i64::MAX);
        group.execute(named_params! {
            ":fingerprint": fingerprint,
            ":worker": tally.worker,
            ":message": tally.message,
            ":node": &*tally.node,
            ":job": tally.job,
            ":now": now,
            ":count": met,
        })?;
        count.execute(named_params! {":fingerprint": fingerprint, ":at": at, ":count": met})?;
    }
    Ok(())
}

/// The groups of a query.
pub(crate) fn groups(
    connection: &Connection,
    now: Timestamp,
    query: &ErrorQuery,
) -> rusqlite::Result<Vec<ErrorGroup>> {
    let conditions = include_str!("sql/error_conditions.sql");
    let mut clause = Clause::with(conditions, Some(query.limit));
    if let Some(fingerprint) = query.fingerprint {
        clause.ask("fingerprint", None, [fingerprint.to_string().into()]);
    }
    if let Some(worker) = &query.worker {
        clause.ask("worker", None, [worker.clone().into()]);
    }
    if let Some((at, fingerprint)) = query.after {
        let values = [at.as_micros().into(), fingerprint.to_string().into()];
        clause.ask("after", None, values);
    }
    let sql = match query.order {
        ErrorOrder::Recent => include_str!("sql/errors.sql").to_owned(),
        ErrorOrder::Frequent(window) => {
            clause.put(include_str!("sql/frequent_errors.sql"), "<window>", micros(window).into())
        }
    };
    let sql = clause.put(&sql, "<now>", now.as_micros().into());
    let mut statement = connection.prepare(&clause.fill(&sql))?;
    statement.query_map(params_from_iter(clause.values), group)?.collect()
}

fn group(row: &Row<'_>) -> rusqlite::Result<ErrorGroup> {
    let number = |at| row.get::<_, i64>(at).map(i64::unsigned_abs);
    let time = |at| row.get(at).map(Timestamp::from_micros);
    let print = row.get_ref(0)?.as_str()?.parse();
    let unknown = Fingerprint::of("", "");
    let mut group = ErrorGroup::new(print.unwrap_or(unknown), row.get(1)?, row.get(2)?);
    (group.node, group.last_job) = (row.get(3)?, row.get(4)?);
    (group.first_seen, group.last_seen) = (time(5)?, time(6)?);
    group.total = number(7)?;
    (group.hour, group.day, group.week) = (number(8)?, number(9)?, number(10)?);
    Ok(group)
}

/// How many failures groups met in each ten minutes.
pub(crate) fn counts(
    connection: &Connection,
    now: Timestamp,
    fingerprints: &[Fingerprint],
    window: Duration,
) -> rusqlite::Result<Vec<(Fingerprint, Timestamp, u64)>> {
    let mut statement = connection.prepare_cached(include_str!("sql/error_counts.sql"))?;
    let since = now.as_micros().saturating_sub(micros(window));
    // Sixteen digits each: nothing in them has to be escaped.
    let prints: Vec<String> = fingerprints.iter().map(|one| format!("\"{one}\"")).collect();
    let prints = format!("[{}]", prints.join(","));
    let parameters = named_params! {":fingerprints": prints, ":since": since};
    let mut rows = statement.query(parameters)?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        let count: i64 = row.get(1)?;
        // What was read was asked for, so it is one.
        if let Ok(print) = row.get_ref(2)?.as_str()?.parse() {
            counts.push((print, Timestamp::from_micros(row.get(0)?), count.unsigned_abs()));
        }
    }
    Ok(counts)
}

/// Removes what is too old.
pub(crate) fn prune(
    connection: &Connection,
    now: Timestamp,
    seat: &Seat,
    age: Duration,
    limit: u32,
) -> rusqlite::Result<u64> {
    if !maintenance::holds(connection, now, seat)? {
        return Ok(0);
    }
    let remove = |sql, age| {
        let before = now.as_micros().saturating_sub(micros(age));
        let parameters = named_params! {":before": before, ":limit": limit};
        connection.prepare_cached(sql)?.execute(parameters)
    };
    let forgotten = remove(include_str!("sql/forget_errors.sql"), age)?;
    let uncounted = remove(include_str!("sql/uncount_errors.sql"), COUNTS_KEPT_FOR)?;
    Ok((forgotten + uncounted) as u64)
}

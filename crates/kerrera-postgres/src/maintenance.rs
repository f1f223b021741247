//! What keeps the tables in order, and who does it.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::storage::{Candidate, KeepRule, Leader, Lease, Prune, Pruned, Reindexed, Seat};
use kerrera_core::{Error, JobId, Result, State};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::rows;
use crate::schema::quoted;
use crate::statements::{Call, bare};

/// The key of the lock under which one process at a time reindexes.
const REINDEX: i32 = 0x4b72_7269;

/// Takes a seat, or keeps it.
pub(crate) async fn lead(
    session: &mut Session,
    Call { sql, now, input: (candidate, held) }: &Call<(Candidate, Option<i64>)>,
) -> Result<Lease> {
    let Candidate { seat, holder, node, ttl } = candidate;
    let (seat, node, ttl) = (&**seat, &**node, micros(*ttl));
    let fourth: Parameter<'_> = match held {
        Some(term) => (term, Type::INT8),
        None => (&node, Type::TEXT),
    };
    let parameters: [Parameter<'_>; 5] = [
        (now, Type::TIMESTAMP),
        (&seat, Type::TEXT),
        (holder, Type::UUID),
        fourth,
        (&ttl, Type::INT8),
    ];
    let text = if held.is_some() { &sql.lead_on } else { &sql.lead };
    let rows = session.query("the election", text, &parameters).await?;
    let Some(row) = rows.first() else {
        return Ok(Lease { term: None, remains: Duration::ZERO });
    };
    let remains: i64 = row.try_get(1).unwrap_or_default();
    let term = row.try_get(0).unwrap_or_default();
    Ok(Lease { term, remains: Duration::from_micros(remains.unsigned_abs()) })
}

/// Gives a seat up.
pub(crate) async fn resign(
    session: &mut Session,
    Call { sql, now, input: seat }: &Call<Seat>,
) -> Result<()> {
    let name = &*seat.name;
    session.query("the resignation", &sql.resign, &held(now, &name, seat)).await.map(drop)
}

/// Who holds a seat.
pub(crate) async fn leader(
    session: &mut Session,
    Call { sql, now, input: seat }: &Call<Arc<str>>,
) -> Result<Option<Leader>> {
    let seat = &**seat;
    let parameters: [Parameter<'_>; 2] = [(now, Type::TIMESTAMP), (&seat, Type::TEXT)];
    let rows = session.query("asking who leads", &sql.leader, &parameters).await?;
    let read = |row: &Row| {
        let since = rows::time(row, 1)?;
        Some(Leader::new(row.try_get::<_, String>(0).ok()?, since, row.try_get(2).ok()?))
    };
    Ok(rows.first().and_then(read))
}

/// Deletes jobs that ended long enough ago.
pub(crate) async fn prune(
    session: &mut Session,
    Call { sql, now, input: prune }: &Call<Prune>,
) -> Result<Pruned> {
    let Prune { seat, rules, after, upto, limit } = prune;
    let Some(shortest) = rules.iter().filter_map(KeepRule::shortest).min() else {
        return Ok(Pruned::default());
    };
    let (name, shortest, limit) = (&*seat.name, micros(shortest), i64::from(*limit));
    let queues: Vec<Option<&str>> = rules.iter().map(|rule| rule.queue.as_deref()).collect();
    let workers: Vec<Option<&str>> = rules.iter().map(|rule| rule.worker.as_deref()).collect();
    let ages = |age: fn(&KeepRule) -> Option<Duration>| -> Vec<Option<i64>> {
        rules.iter().map(|rule| age(rule).map(micros)).collect()
    };
    let (completed, cancelled, discarded) =
        (ages(|rule| rule.completed), ages(|rule| rule.cancelled), ages(|rule| rule.discarded));
    let mut parameters = held(now, &name, seat).to_vec();
    parameters.extend([
        (after as &(dyn tokio_postgres::types::ToSql + Sync), Type::INT8),
        (upto, Type::INT8),
        (&limit, Type::INT8),
        (&shortest, Type::INT8),
        (&queues, Type::TEXT_ARRAY),
        (&workers, Type::TEXT_ARRAY),
        (&completed, Type::INT8_ARRAY),
        (&cancelled, Type::INT8_ARRAY),
        (&discarded, Type::INT8_ARRAY),
    ]);
    let rows = session.query("pruning", &sql.prune, &parameters).await?;
    let Some(row) = rows.first() else { return Ok(Pruned::default()) };
    let count = |column: usize| row.try_get(column).map_or(0, i64::unsigned_abs);
    let counts =
        [(State::Completed, count(3)), (State::Cancelled, count(4)), (State::Discarded, count(5))];
    Ok(Pruned {
        deleted: counts.into_iter().filter(|(_, count)| *count > 0).collect(),
        first: row.try_get(0).ok().flatten(),
        last: row.try_get(1).ok().flatten(),
        more: row.try_get(2).unwrap_or_default(),
    })
}

/// Frees jobs that other implementations claimed too long ago.
pub(crate) async fn rescue_foreign(
    session: &mut Session,
    Call { sql, now, input: (seat, after, limit) }: &Call<(Seat, Duration, u32)>,
) -> Result<Vec<(JobId, String, State)>> {
    let (name, after, limit) = (&*seat.name, micros(*after), i64::from(*limit));
    let mut parameters = held(now, &name, seat).to_vec();
    parameters.extend([
        (&after as &(dyn tokio_postgres::types::ToSql + Sync), Type::INT8),
        (&limit, Type::INT8),
    ]);
    let rows = session.query("the foreign rescue", &sql.rescue_foreign, &parameters).await?;
    let jobs = rows.iter().filter_map(|row| {
        let state: String = row.try_get(2).ok()?;
        Some((row.try_get(0).ok()?, row.try_get(1).ok()?, state.parse().ok()?))
    });
    let mut jobs: Vec<(JobId, String, State)> = jobs.collect();
    jobs.sort_by_key(|(id, ..)| *id);
    Ok(jobs)
}

/// Builds indexes anew, one after the other; one that fails keeps none of the others.
pub(crate) async fn reindex(
    session: &mut Session,
    Call { sql, input: foreign, .. }: &Call<bool>,
) -> Result<Reindexed> {
    if !session.is_direct() {
        let idle = Some("the session behind a pooler is not this one's own: give a direct URL");
        return Ok(Reindexed { idle, ..Reindexed::default() });
    }
    let parameters: [Parameter<'_>; 2] = [(&REINDEX, Type::INT4), (&sql.schema, Type::TEXT)];
    let lock = "SELECT pg_try_advisory_lock($1::int, hashtext($2::text))";
    let rows = session.query("reindexing", lock, &parameters).await?;
    if !rows.first().is_some_and(|row| row.try_get(0).unwrap_or_default()) {
        let idle = Some("another process is reindexing these tables");
        return Ok(Reindexed { idle, ..Reindexed::default() });
    }
    // A lock that is waited for is one that others wait behind.
    let outcome = match session.execute("reindexing", "SET lock_timeout = '3s'").await {
        Ok(()) => reindex_locked(session, sql.schema.as_str(), *foreign).await,
        Err(error) => Err(error),
    };
    let unlock = "SELECT pg_advisory_unlock($1::int, hashtext($2::text))";
    session.query("reindexing", unlock, &parameters).await?;
    session.execute("reindexing", "RESET lock_timeout").await?;
    outcome
}

async fn reindex_locked(session: &mut Session, schema: &str, foreign: bool) -> Result<Reindexed> {
    let mut reindexed = Reindexed::default();
    let list = bare(include_str!("sql/indexes.sql"));
    let rows = session.query("reindexing", &list, &[(&schema, Type::TEXT)]).await?;
    for row in rows {
        let name: String = row.try_get(0).map_err(|_| unreadable())?;
        let (valid, ours): (bool, bool) =
            (row.try_get(1).unwrap_or_default(), row.try_get(2).unwrap_or_default());
        if !(ours || foreign) {
            continue;
        }
        let index = format!("{}.{}", quoted(schema), quoted(&name));
        let leftover = !valid && is_leftover(&name);
        let sql = match leftover {
            true => format!("DROP INDEX CONCURRENTLY IF EXISTS {index}"),
            false => format!("REINDEX INDEX CONCURRENTLY {index}"),
        };
        match session.execute("reindexing", &sql).await {
            Ok(()) if leftover => reindexed.dropped.push(name),
            Ok(()) => reindexed.rebuilt.push(name),
            // Without a session there is no going on.
            Err(error) if crate::error::ends_the_session(&error) => return Err(error),
            Err(error) => reindexed.failed.push((name, error.to_string())),
        }
    }
    Ok(reindexed)
}

/// Whether an index is what PostgreSQL leaves behind when such a build fails.
fn is_leftover(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.ends_with("_ccnew") || name.ends_with("_ccold")
}

fn held<'a>(now: &'a Option<rows::Stamp>, name: &'a &'a str, seat: &'a Seat) -> [Parameter<'a>; 4] {
    [
        (now, Type::TIMESTAMP),
        (name, Type::TEXT),
        (&seat.holder, Type::UUID),
        (&seat.term, Type::INT8),
    ]
}

fn unreadable() -> Error {
    Error::new(kerrera_core::error::Kind::Database, "the list of indexes cannot be read")
}

/// A span that the server can compute with, however long it is.
fn micros(span: Duration) -> i64 {
    const LONGEST: u128 = 1_000 * 366 * 86_400 * 1_000_000;
    i64::try_from(span.as_micros().min(LONGEST)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_failed_build_left_behind_is_a_leftover() {
        for leftover in ["kerrera_jobs_due_index_ccnew", "kerrera_jobs_due_index_ccold12"] {
            assert!(is_leftover(leftover), "{leftover}");
        }
        for index in ["kerrera_jobs_due_index", "kerrera_jobs_2", "_ccnew_mine"] {
            assert!(!is_leftover(index), "{index}");
        }
    }
}

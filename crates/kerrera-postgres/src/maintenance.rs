//! What keeps the tables in order, and who does it.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::storage::{
    Candidate, Indexes, KeepRule, Leader, Lease, Prune, Pruned, Reindex, Reindexed, Seat,
};
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
    Call { sql, input: reindex, .. }: &Call<Reindex>,
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
    let millis = reindex.timeout.as_millis().clamp(1, i32::MAX as u128);
    let patience = format!("SET lock_timeout = '3s'; SET statement_timeout = {millis}");
    let outcome = match session.execute("reindexing", &patience).await {
        Ok(()) => reindex_locked(session, sql.schema.as_str(), reindex).await,
        Err(error) => Err(error),
    };
    session.execute("reindexing", "RESET lock_timeout; RESET statement_timeout").await?;
    let unlock = "SELECT pg_advisory_unlock($1::int, hashtext($2::text))";
    session.query("reindexing", unlock, &parameters).await?;
    outcome
}

async fn reindex_locked(
    session: &mut Session,
    schema: &str,
    Reindex { indexes, timeout }: &Reindex,
) -> Result<Reindexed> {
    let mut reindexed = Reindexed::default();
    let mut missing = match indexes {
        Indexes::These(names) => names.clone(),
        Indexes::Ours | Indexes::All => Vec::new(),
    };
    for Index { name, is_valid, is_ours } in list(session, schema).await? {
        let is_leftover = !is_valid && origin(&name).is_some();
        if is_leftover || !indexes.contain(&name, is_ours) {
            continue;
        }
        missing.retain(|missing| *missing != name);
        let sql = format!("REINDEX INDEX CONCURRENTLY {}.{}", quoted(schema), quoted(&name));
        match session.execute("reindexing", &sql).await {
            Ok(()) => reindexed.rebuilt.push(name),
            // Without a session there is no going on.
            Err(error) if crate::error::ends_the_session(&error) => return Err(error),
            Err(error) if crate::error::took_too_long(&error) => {
                let words = format!("{error}; it was given {timeout:?} (Reindexer::timeout)");
                reindexed.failed.push((name, words));
            }
            Err(error) => reindexed.failed.push((name, error.to_string())),
        }
    }
    let unknown = "the table oban_jobs has no index of this name that could be built anew";
    reindexed.failed.extend(missing.into_iter().map(|name| (name, unknown.to_owned())));

    // Those of today's failures too: every write pays for them.
    for Index { name, is_valid, is_ours } in list(session, schema).await? {
        let origin = if is_valid { None } else { origin(&name) };
        if !origin.is_some_and(|origin| is_ours || indexes.contain(origin, is_ours)) {
            continue;
        }
        let index = format!("{}.{}", quoted(schema), quoted(&name));
        let sql = format!("DROP INDEX CONCURRENTLY IF EXISTS {index}");
        match session.execute("reindexing", &sql).await {
            Ok(()) => reindexed.dropped.push(name),
            Err(error) if crate::error::ends_the_session(&error) => return Err(error),
            Err(error) => reindexed.failed.push((name, error.to_string())),
        }
    }
    Ok(reindexed)
}

/// An index of the table of jobs.
struct Index {
    name: String,
    is_valid: bool,
    is_ours: bool,
}

async fn list(session: &mut Session, schema: &str) -> Result<Vec<Index>> {
    let list = bare(include_str!("sql/indexes.sql"));
    let rows = session.query("reindexing", &list, &[(&schema, Type::TEXT)]).await?;
    let index = |row: &Row| -> Result<Index, tokio_postgres::Error> {
        Ok(Index { name: row.try_get(0)?, is_valid: row.try_get(1)?, is_ours: row.try_get(2)? })
    };
    rows.iter().map(index).collect::<Result<_, _>>().map_err(|_| unreadable())
}

/// The index that was to be built anew, if this is the name of what PostgreSQL leaves behind when
/// that fails.
fn origin(name: &str) -> Option<&str> {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.strip_suffix("_ccnew").or_else(|| name.strip_suffix("_ccold"))
}

pub(crate) fn held<'a>(
    now: &'a Option<rows::Stamp>,
    name: &'a &'a str,
    seat: &'a Seat,
) -> [Parameter<'a>; 4] {
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
pub(crate) fn micros(span: Duration) -> i64 {
    const LONGEST: u128 = 1_000 * 366 * 86_400 * 1_000_000;
    i64::try_from(span.as_micros().min(LONGEST)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_failed_build_left_behind_is_a_leftover() {
        for leftover in ["kerrera_jobs_due_index_ccnew", "kerrera_jobs_due_index_ccold12"] {
            assert_eq!(origin(leftover), Some("kerrera_jobs_due_index"), "{leftover}");
        }
        for index in ["kerrera_jobs_due_index", "kerrera_jobs_2", "_ccnew_mine"] {
            assert_eq!(origin(index), None, "{index}");
        }
    }
}

//! Unique jobs: the statements of their insertion, and the sweep of what they have claimed.

use std::sync::{Arc, LazyLock};

use kerrera_core::executor::{Dialect, InsertPlan, UniqueSql};
use kerrera_core::storage::{ClaimMark, Inserted, Swept};
use kerrera_core::{Result, Timestamp, ValidJob};
use rusqlite::{Connection, named_params};

use crate::executor::follow;

/// What to run to insert jobs, in a transaction of the application's or of ours.
pub(crate) fn plan(now: Option<Timestamp>, jobs: &[ValidJob]) -> Result<InsertPlan> {
    static SQL: LazyLock<UniqueSql> = LazyLock::new(|| UniqueSql {
        lock: Some((filled(include_str!("sql/unique_lock.sql")), String::new())),
        look: filled(include_str!("sql/unique_look.sql")),
        insert: filled(include_str!("sql/insert_json.sql")),
        claim: filled(include_str!("sql/unique_claim.sql")),
        replace: filled(include_str!("sql/unique_replace.sql")),
    });
    if jobs.iter().all(|job| job.unique.is_none()) {
        return InsertPlan::plain(Dialect::Sqlite, SQL.insert.clone(), jobs, now);
    }
    InsertPlan::unique(Dialect::Sqlite, SQL.clone(), jobs.to_vec(), now)
}

/// Inserts jobs of which some are unique.
pub(crate) fn insert(
    connection: &Connection,
    now: Timestamp,
    jobs: &[ValidJob],
) -> Result<Vec<Inserted>> {
    let call = kerrera_core::executor::Call::new(Dialect::Sqlite, plan(Some(now), jobs), Ok);
    follow(connection, call)
}

/// Forgets claims whose jobs are gone. Under the one write lock no transaction can have seen them and
/// go on, so none has to stay for a while.
pub(crate) fn sweep(
    connection: &Connection,
    after: Option<ClaimMark>,
    limit: u32,
) -> rusqlite::Result<Swept> {
    let after = after.unwrap_or_default();
    let mut look = connection.prepare_cached(include_str!("sql/unique_sweep.sql"))?;
    let stretch = named_params! {":key": after.key, ":turn": after.turn, ":limit": limit};
    let claims = look.query_map(stretch, |row| {
        let mark = ClaimMark { key: row.get(0)?, turn: row.get(1)? };
        Ok((mark, row.get::<_, bool>(2)?))
    })?;
    let claims: Vec<(ClaimMark, bool)> = claims.collect::<rusqlite::Result<_>>()?;
    let mut forget = connection.prepare_cached(include_str!("sql/unique_forget.sql"))?;
    let mut forgotten = 0;
    for (ClaimMark { key, turn }, gone) in &claims {
        if *gone {
            forget.execute(named_params! {":key": key, ":turn": turn})?;
            forgotten += 1;
        }
    }
    let more = claims.len() as u64 >= u64::from(limit);
    let last = claims.into_iter().next_back().map(|(mark, _)| mark);
    Ok(Swept { forgotten, next: last.filter(|_| more) })
}

/// A statement with the columns of a job as a JSON object.
fn filled(sql: &str) -> Arc<str> {
    let object = include_str!("sql/job_object.sql");
    let (_, object) = object.split_once('\n').unwrap_or_default();
    sql.replace("{job}", object).into()
}

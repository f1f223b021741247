//! Making due jobs available.

use std::collections::BTreeSet;
use std::sync::Arc;

use kerrera_core::Timestamp;
use kerrera_core::storage::Staged;
use rusqlite::{Connection, named_params};
use serde_json::Value;

use crate::queues;

/// Stages due jobs, and looks which of the watched queues have work.
pub(crate) fn stage(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
    watched: &[Arc<str>],
) -> rusqlite::Result<Staged> {
    let mut statement = connection.prepare_cached(include_str!("sql/stage.sql"))?;
    let staged = statement
        .query_map(named_params! {":now": now.as_micros(), ":limit": limit}, |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?))
        })?;
    let mut count = 0;
    let mut ready = BTreeSet::new();
    for job in staged {
        let (queue, claimable) = job?;
        count += 1;
        if claimable {
            ready.insert(queue);
        }
    }
    let unseen: Vec<&str> =
        watched.iter().map(AsRef::as_ref).filter(|queue| !ready.contains(*queue)).collect();
    if !unseen.is_empty() {
        let mut statement = connection.prepare_cached(include_str!("sql/ready.sql"))?;
        let watched = Value::from(unseen).to_string();
        let found = statement.query_map(named_params! {":watched": watched}, |row| row.get(0))?;
        ready.extend(found.collect::<rusqlite::Result<Vec<String>>>()?);
    }
    let revision = queues::revision(connection)?;
    Ok(Staged { revision, count, ready: ready.into_iter().collect() })
}

//! What only tests ask of a storage.

use kerrera_core::Timestamp;
use rusqlite::{Connection, named_params};

/// Makes the jobs of a queue available before their time.
pub(crate) fn bring_forward(
    connection: &Connection,
    queue: &str,
    until: Option<Timestamp>,
) -> rusqlite::Result<u64> {
    let until = until.unwrap_or(Timestamp::MAX).as_micros();
    let mut statement = connection.prepare_cached(include_str!("sql/bring_forward.sql"))?;
    let changed = statement.execute(named_params! {":queue": queue, ":until": until})?;
    Ok(changed as u64)
}

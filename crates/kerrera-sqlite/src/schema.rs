//! The tables: made, brought up to date, checked.

use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::{Error, Result, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use crate::connection;
use crate::options::Place;
use crate::refusal::told;

/// Every migration, in order; the version of a file is the number of the last one applied to it.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_jobs.sql"),
    include_str!("migrations/0002_leaders.sql"),
    include_str!("migrations/0003_queues.sql"),
    include_str!("migrations/0004_unique.sql"),
    include_str!("migrations/0005_crons.sql"),
    include_str!("migrations/0006_audit.sql"),
    include_str!("migrations/0007_ended.sql"),
    include_str!("migrations/0008_metrics.sql"),
    include_str!("migrations/0009_errors.sql"),
    include_str!("migrations/0010_operations.sql"),
];

/// What a file is to us, found without writing to it.
enum Found {
    /// It has our tables, up to this version.
    Ours(usize),
    /// It has none of our tables; any others may be there.
    Nothing,
}

/// Refuses a file that this version must not write to. Reads only.
///
/// # Errors
///
/// `ForeignSchema` for tables that are newer or not ours.
pub(crate) fn check(connection: &Connection, place: &Place) -> Result<()> {
    found(connection, place).map(drop)
}

/// Refuses a file whose tables are missing or old. Reads only.
///
/// # Errors
///
/// `Unmigrated`, or those of [`check`].
pub(crate) fn require_current(connection: &Connection, place: &Place) -> Result<()> {
    let message = match found(connection, place)? {
        Found::Ours(version) if version == MIGRATIONS.len() => return Ok(()),
        Found::Ours(version) => format!(
            "the tables in {place} are of version {version}, and this program needs {}: open it \
             with migrations",
            MIGRATIONS.len()
        ),
        Found::Nothing => {
            format!("the database {place} has no tables of Kerrera: open it with migrations")
        }
    };
    Err(Error::new(Kind::Unmigrated, message))
}

/// Adds what is missing, all or nothing.
///
/// # Errors
///
/// Those of [`check`], or SQLite's.
pub(crate) fn migrate(
    connection: &Connection,
    place: &Place,
    patience: Duration,
    now: Timestamp,
) -> Result<()> {
    if require_current(connection, place).is_ok() {
        return Ok(());
    }
    let refused = |error| told("make the tables", place, error);
    let tx = connection::begin(connection, place, patience)?;
    // Looked at under the lock: another process may be doing the same.
    let version = match found(&tx, place)? {
        Found::Ours(version) => version,
        Found::Nothing => 0,
    };
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        tx.execute_batch(migration).map_err(refused)?;
        let applied = (index as i64 + 1, now.as_micros());
        tx.execute("INSERT INTO kerrera_schema (version, applied_at) VALUES (?1, ?2)", applied)
            .map_err(refused)?;
    }
    tx.commit().map_err(refused)
}

fn found(connection: &Connection, place: &Place) -> Result<Found> {
    let version = version(connection).map_err(|error| told("read the tables", place, error))?;
    let newest = MIGRATIONS.len();
    if let Some(version) = version {
        return usize::try_from(version).ok().filter(|&version| version <= newest).map_or_else(
            || {
                Err(foreign(format!(
                    "the tables in {place} are of version {version}, made by a newer Kerrera; this \
                     one knows {newest} and leaves them alone: use the newer program"
                )))
            },
            |version| Ok(Found::Ours(version)),
        );
    }
    let times = type_of_times(connection).map_err(|error| told("read the tables", place, error))?;
    match times.as_deref() {
        None => Ok(Found::Nothing),
        Some("TEXT" | "TEXT_DATETIME") => Err(foreign(format!(
            "the database {place} was made by Oban's Lite engine for Elixir, which keeps times as \
             text; Kerrera shares PostgreSQL databases with Oban, not SQLite files: give it a file \
             of its own"
        ))),
        Some(_) => Err(foreign(format!(
            "the database {place} has a table oban_jobs that Kerrera did not make: give Kerrera a \
             file of its own"
        ))),
    }
}

/// The version of our tables; `None` if there are none.
fn version(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let ours = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'kerrera_schema'";
    if !connection.prepare(ours)?.exists([])? {
        return Ok(None);
    }
    connection.query_row("SELECT max(version) FROM kerrera_schema", [], |row| row.get(0))
}

/// As what the times of jobs are declared; `None` if there is no table of jobs.
fn type_of_times(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT coalesce(
                   (SELECT type FROM pragma_table_info('oban_jobs') WHERE name = 'scheduled_at'), '')
               FROM sqlite_schema WHERE name = 'oban_jobs'";
    connection.query_row(sql, [], |row| row.get(0)).optional()
}

fn foreign(message: String) -> Error {
    Error::new(Kind::ForeignSchema, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plan of a statement, with null for every parameter.
    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let (mut rows, mut plan) = (statement.raw_query(), String::new());
        while let Some(row) = rows.next().unwrap() {
            plan.push_str(row.get_ref(3).unwrap().as_str().unwrap());
            plan.push('\n');
        }
        plan
    }

    #[test]
    fn statements_use_the_indexes_that_they_name() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, &Place::Memory, Duration::ZERO, Timestamp::MIN).unwrap();
        let statements = [
            (include_str!("sql/claim.sql"), "kerrera_available (queue=? AND (priority,"),
            (include_str!("sql/stage.sql"), "kerrera_due (scheduled_at<?)"),
            (include_str!("sql/ready.sql"), "kerrera_available (queue=?)"),
            (include_str!("sql/orphans.sql"), "kerrera_executing"),
            (include_str!("sql/remove_idle.sql"), "kerrera_executing"),
            (include_str!("sql/foreign.sql"), "kerrera_executing"),
        ];
        for (sql, index) in statements {
            let plan = plan(&connection, sql);
            assert!(plan.contains(&format!("USING INDEX {index}")), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "nothing is sorted: {plan}");
            assert!(!plan.contains("SCAN oban_jobs\n"), "{plan}");
        }
    }

    #[test]
    fn lists_and_tallies_go_along_indexes() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, &Place::Memory, Duration::ZERO, Timestamp::MIN).unwrap();
        let page = |conditions: &str, order: &str| {
            let page = include_str!("sql/page.sql");
            page.replace("<conditions>", conditions).replace("<order>", order)
        };
        let state = |states: &str| include_str!("sql/tally_state.sql").replace("<states>", states);
        let due = "state IN ('scheduled', 'retryable')";
        let statements = [
            (page("TRUE", "id DESC"), "SCAN oban_jobs"),
            (
                page("id > 1 AND id <= 9 AND worker = 'w'", "id"),
                "PRIMARY KEY (rowid>? AND rowid<?)",
            ),
            (page(due, "scheduled_at, id"), "kerrera_due"),
            (
                page(
                    "state = 'discarded' AND (discarded_at, id) < (1, 1)",
                    "discarded_at DESC, id DESC",
                ),
                "kerrera_discarded (discarded_at<?)",
            ),
            (
                page("state = 'cancelled' AND cancelled_at IS NOT NULL", "cancelled_at, id"),
                "kerrera_cancelled (cancelled_at>?)",
            ),
            (
                page(
                    "state = 'available' AND queue = 'q' AND priority = 1 AND scheduled_at > 1",
                    "scheduled_at, id",
                ),
                "kerrera_available (queue=? AND priority=? AND scheduled_at>?)",
            ),
            (state(due), "kerrera_due"),
            (state("state = 'executing'"), "kerrera_executing"),
            (state("state = 'discarded'"), "COVERING INDEX kerrera_discarded"),
            (state("state = 'cancelled'"), "COVERING INDEX kerrera_cancelled"),
            (include_str!("sql/worker_tallies.sql").to_owned(), "USING INDEX kerrera_executing"),
            (
                include_str!("sql/tally_available.sql").to_owned(),
                "COVERING INDEX kerrera_available",
            ),
        ];
        for (sql, expected) in statements {
            let plan = plan(&connection, &sql);
            assert!(plan.contains(expected), "{expected}: {plan}");
            let is_sorted = sql.contains("ORDER BY") && plan.contains("TEMP B-TREE");
            assert!(!is_sorted, "nothing is sorted: {plan}");
        }
        let pairs = plan(&connection, include_str!("sql/pairs.sql"));
        for line in pairs.lines().filter(|line| line.contains("oban_jobs") || line.contains(" a "))
        {
            assert!(line.contains("kerrera_available"), "{line}");
        }
        let sample = include_str!("sql/sample.sql").replace("<conditions>", "TRUE");
        let sample = ["<first>", "<count>", "<stretch>"]
            .iter()
            .fold(sample, |sql, name| sql.replace(name, "9"));
        assert!(
            plan(&connection, &sample)
                .contains("SEARCH oban_jobs USING INTEGER PRIMARY KEY (rowid=?)")
        );
    }

    #[test]
    fn statements_for_the_crontab_find_their_rows_by_their_keys() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, &Place::Memory, Duration::ZERO, Timestamp::MIN).unwrap();
        let (entry, slots) = ("(name=?)", "(name=? AND slot");
        let statements: [(&str, &[&str]); 7] = [
            (include_str!("sql/crontab.sql"), &["INTEGER PRIMARY KEY (rowid=?)", slots]),
            (include_str!("sql/pause_cron.sql"), &[entry]),
            (include_str!("sql/edit_cron.sql"), &[entry]),
            (include_str!("sql/cron_slots.sql"), &[slots]),
            (include_str!("sql/forget_slots.sql"), &[slots]),
            (include_str!("sql/remove_slots.sql"), &[entry]),
            (include_str!("sql/remove_cron.sql"), &[entry]),
        ];
        for (sql, keys) in statements {
            let plan = plan(&connection, sql);
            for key in keys {
                assert!(plan.contains(key), "{key}: {plan}");
            }
            let scanned = ["oban_jobs", "kerrera_cron_slots", "s\n", "kerrera_crons"];
            for table in scanned {
                assert!(!plan.contains(&format!("SCAN {table}")), "{plan}");
            }
            assert!(!plan.contains("TEMP B-TREE"), "nothing is sorted: {plan}");
        }
    }
}

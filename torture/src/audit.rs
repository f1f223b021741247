//! Every change of every job, written down by triggers.

use serde::de::DeserializeOwned;

use crate::database::Database;
use crate::history::{Change, Row};

/// Installs the audit in a database whose tables are there and empty.
///
/// # Panics
///
/// When the database fails.
pub fn install(database: &Database) {
    match database {
        Database::Postgres(_) => database.run(include_str!("sql/audit_postgres.sql")),
        Database::Sqlite(_) => {
            let audit = include_str!("sql/audit_sqlite.sql");
            database
                .run(&audit.replace("{old}", &standing("old")).replace("{new}", &standing("new")));
        }
    }
}

/// The changes of every job, each job's in their order.
///
/// # Panics
///
/// When the database fails.
pub fn changes(database: &Database) -> Vec<Change> {
    match database {
        Database::Postgres(_) => read(database, include_str!("sql/changes_postgres.sql")),
        Database::Sqlite(_) => folded(read(database, include_str!("sql/changes_sqlite.sql"))),
    }
}

/// The jobs as they are.
///
/// # Panics
///
/// When the database fails.
pub fn rows(database: &Database) -> Vec<Row> {
    match database {
        Database::Postgres(_) => read(database, include_str!("sql/rows_postgres.sql")),
        Database::Sqlite(_) => {
            let rows = include_str!("sql/rows_sqlite.sql");
            read(database, &rows.replace("{standing}", &standing("oban_jobs")))
        }
    }
}

/// The rows of the application, by the keys of the jobs that were inserted with them.
///
/// # Panics
///
/// When the database fails.
pub fn app_rows(database: &Database) -> Vec<String> {
    database.rows("SELECT key FROM torture_app ORDER BY key")
}

/// On SQLite a move is several statements in a row under one lock: the state, then what is kept
/// beside it. Here they become one change again. Whatever comes later has other numbers between, or
/// changes the state, and is judged by itself.
fn folded(changes: Vec<Change>) -> Vec<Change> {
    let mut folded: Vec<Change> = Vec::with_capacity(changes.len());
    let mut last_seq = None;
    for change in changes {
        let follows = last_seq == Some(change.seq - 1);
        last_seq = Some(change.seq);
        if let Some(last) = folded.last_mut()
            && follows
            && last.job == change.job
            && last.old.as_ref().is_some_and(|old| changes_state(old, last.new.as_ref()))
            && change.old == last.new
            && change.old.as_ref().is_some_and(|old| !changes_state(old, change.new.as_ref()))
        {
            last.new = change.new;
        } else {
            folded.push(change);
        }
    }
    folded
}

fn changes_state(old: &crate::history::Standing, new: Option<&crate::history::Standing>) -> bool {
    new.is_none_or(|new| new.state != old.state)
}

fn standing(row: &str) -> String {
    include_str!("sql/standing_sqlite.sql")
        .lines()
        .filter(|line| !line.starts_with("--"))
        .collect::<Vec<_>>()
        .join("\n")
        .replace("{row}", row)
}

fn read<T: DeserializeOwned>(database: &Database, sql: &str) -> Vec<T> {
    let rows = database.rows(sql);
    let parsed = rows
        .iter()
        .map(|row| serde_json::from_str(row).unwrap_or_else(|error| panic!("{error} in {row}")));
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use kerrera::State;

    use super::*;
    use crate::history::Standing;

    fn standing(state: State, errors: usize) -> Standing {
        let by = vec!["a".to_owned(), "producer".to_owned(), "k:1".to_owned()];
        Standing { state, by, attempt: 1, max_attempts: 3, errors, rescued: 0, snoozed: 0 }
    }

    fn change(seq: i64, old: Standing, new: Standing) -> Change {
        Change { seq, job: 1, old: Some(old), new: Some(new), at: seq }
    }

    #[test]
    fn the_parts_of_a_move_are_one_change_and_what_comes_later_is_another() {
        let running = standing(State::Executing, 0);
        let [moved, failed] = [0, 1].map(|errors| standing(State::Retryable, errors));
        let disowned = Standing { by: failed.by[..2].to_vec(), ..failed.clone() };
        let parts = [
            change(5, running.clone(), moved.clone()),
            change(6, moved.clone(), failed.clone()),
            change(7, failed.clone(), disowned.clone()),
        ];
        let whole = Change { new: Some(disowned.clone()), ..parts[0].clone() };
        assert_eq!(folded(parts.to_vec()), [whole]);

        let late = [parts[0].clone(), change(7, moved.clone(), failed.clone())];
        assert_eq!(folded(late.to_vec()), late, "something else came between");
        let due = [parts[0].clone(), change(6, moved.clone(), standing(State::Available, 0))];
        assert_eq!(folded(due.to_vec()), due, "another move");
    }
}

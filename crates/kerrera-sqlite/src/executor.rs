//! Inserting in a transaction of the application's own.

use kerrera_core::executor::{Call, Dialect, Executor, refused};
use rusqlite::{Connection, Savepoint, Transaction};

/// The adapter of rusqlite. Whoever uses it never names it.
#[derive(Debug)]
pub enum ByRusqlite {}

impl Executor<ByRusqlite> for Transaction<'_> {
    const DIALECT: Dialect = Dialect::Sqlite;
    type Reply<'a, T: Send + 'a>
        = kerrera_core::Result<T>
    where
        Self: 'a;

    fn run<'a, T: Send + 'a>(&'a mut self, call: Call<T>) -> kerrera_core::Result<T> {
        follow(self, call)
    }
}

impl Executor<ByRusqlite> for Savepoint<'_> {
    const DIALECT: Dialect = Dialect::Sqlite;
    type Reply<'a, T: Send + 'a>
        = kerrera_core::Result<T>
    where
        Self: 'a;

    fn run<'a, T: Send + 'a>(&'a mut self, call: Call<T>) -> kerrera_core::Result<T> {
        follow(self, call)
    }
}

/// Runs the statements of a call.
pub(crate) fn follow<T>(connection: &Connection, mut call: Call<T>) -> kerrera_core::Result<T> {
    while let Some(statement) = call.statement()? {
        let rows = connection
            .prepare_cached(statement.sql)
            .and_then(|mut prepared| {
                prepared.query_map([statement.json], |row| row.get(0))?.collect()
            })
            .map_err(refused)?;
        call.answer(rows)?;
    }
    call.finish()
}

//! The database of a scenario, seen from beside the engine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// A database of a scenario, reached without any code of the storages.
///
/// Everything waits for its answer: this is for tests, which have nothing else to do.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A URL.
    Postgres(String),
}

impl Database {
    /// The URL for the engine.
    pub fn url(&self) -> String {
        match self {
            Database::Sqlite(path) => format!("sqlite:{}", path.display()),
            Database::Postgres(url) => url.clone(),
        }
    }

    /// Whether somebody holds the one write lock of a file at this moment.
    ///
    /// # Panics
    ///
    /// When the file cannot be opened.
    pub fn is_being_written(&self) -> bool {
        match self {
            Database::Sqlite(path) => {
                let connection = connect(path);
                connection.busy_timeout(Duration::ZERO).unwrap();
                connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_err()
            }
            Database::Postgres(_) => false,
        }
    }

    /// Runs statements.
    ///
    /// # Panics
    ///
    /// When one fails.
    pub fn run(&self, sql: &str) {
        match self {
            Database::Sqlite(path) => connect(path).execute_batch(sql).unwrap(),
            Database::Postgres(_) => drop(self.rows(sql)),
        }
    }

    /// The rows of a query of one column, as text.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        match self {
            Database::Sqlite(path) => {
                let connection = connect(path);
                let mut statement = connection.prepare(sql).unwrap();
                let text = |row: &rusqlite::Row<'_>| {
                    Ok(match row.get_ref(0)? {
                        rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                        other => other.as_str()?.to_owned(),
                    })
                };
                let rows = statement.query_map([], text).unwrap();
                rows.map(Result::unwrap).collect()
            }
            Database::Postgres(url) => {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(ask(url, sql)).unwrap_or_else(|error| panic!("{error:?} in {sql}"))
            }
        }
    }

    /// The one number that a query gives.
    ///
    /// # Panics
    ///
    /// When it fails, or gives something else.
    pub fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0].parse().unwrap()
    }
}

fn connect(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(30)).unwrap();
    connection
}

async fn ask(url: &str, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let driver = tokio::spawn(connection);
    let messages = client.simple_query(sql).await?;
    drop(client);
    let _ = driver.await;
    let texts = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    });
    Ok(texts.collect())
}

//! A file.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use rusqlite::{Connection, OptionalExtension as _, named_params};
use serde_json::{Value, json};

use super::{Fill, QUEUE, Size, Tally, WORKER};

/// A file, by one connection of the benchmark's own.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    /// As `sqlite.synchronous` has it.
    synchronous: String,
    /// Opened when the file is there.
    connection: Option<Connection>,
}

impl Sqlite {
    pub(super) fn at(url: &str, settings: &[String]) -> anyhow::Result<Sqlite> {
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(':') {
            bail!("nodes are processes of their own: they need a file, as in sqlite:bench.db");
        }
        let set = settings
            .iter()
            .rev()
            .find_map(|setting| setting.strip_prefix("sqlite.synchronous=").map(str::trim));
        let synchronous = set.unwrap_or("full").to_owned();
        Ok(Sqlite { path: path.into(), synchronous, connection: None })
    }

    /// A connection with the settings that Kerrera's own writer has.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    pub fn connect(&self) -> anyhow::Result<Connection> {
        let connection = Connection::open(&self.path)
            .with_context(|| format!("opening {}", self.path.display()))?;
        connection.busy_timeout(std::time::Duration::from_secs(30))?;
        connection.pragma_update(None, "synchronous", &self.synchronous)?;
        Ok(connection)
    }

    pub(super) fn others(&mut self) -> anyhow::Result<bool> {
        if !self.path.exists() {
            return Ok(false);
        }
        let connection = self.open()?;
        let there = "SELECT 1 FROM sqlite_schema WHERE name = 'oban_jobs'";
        if connection.query_row(there, [], |_| Ok(())).optional()?.is_none() {
            return Ok(false);
        }
        let sql = format!("SELECT EXISTS (SELECT 1 FROM oban_jobs WHERE NOT {})", ours());
        Ok(connection.query_row(&sql, [], |row| row.get(0))?)
    }

    pub(super) fn clear(&mut self, _others: bool) -> anyhow::Result<()> {
        let sql = format!(
            "DELETE FROM oban_jobs WHERE {}; \
             DELETE FROM kerrera_queues WHERE node LIKE '{QUEUE}%'; \
             DELETE FROM kerrera_producers WHERE node LIKE '{QUEUE}%'; VACUUM",
            ours()
        );
        self.open()?.execute_batch(&sql).context("deleting what earlier measurements left")
    }

    pub(super) fn fill(&mut self, fill: Fill) -> anyhow::Result<()> {
        let Fill { jobs, queues, retained, waiting, unknown } = fill;
        let connection = self.open()?;
        let tx = connection.unchecked_transaction()?;
        tx.execute(
            include_str!("../sql/sqlite/retain.sql"),
            named_params! {":queue": QUEUE, ":count": i64::try_from(retained)?},
        )?;
        for (count, worker, priority) in
            [(unknown, "KerreraBenchUnknown", 0), (jobs, WORKER, 0), (waiting, WORKER, 9)]
        {
            tx.execute(
                include_str!("../sql/sqlite/add.sql"),
                named_params! {
                    ":queue": QUEUE,
                    ":queues": i64::try_from(queues)?,
                    ":worker": worker,
                    ":priority": priority,
                    ":count": i64::try_from(count)?,
                },
            )?;
        }
        tx.commit()?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    pub(super) fn is_working(&mut self) -> anyhow::Result<bool> {
        let mut statement =
            self.open()?.prepare_cached(include_str!("../sql/sqlite/working.sql"))?;
        Ok(statement.query_row([WORKER], |row| row.get(0))?)
    }

    pub(super) fn tally(&mut self) -> anyhow::Result<Tally> {
        let sql = include_str!("../sql/sqlite/tally.sql");
        Ok(self.open()?.query_row(sql, [WORKER], |row| {
            let count = |at| Ok::<u64, rusqlite::Error>(row.get::<_, i64>(at)?.unsigned_abs());
            Ok(Tally { jobs: count(0)?, completed_once: count(1)?, untouched: count(2)? })
        })?)
    }

    pub(super) fn size(&mut self) -> anyhow::Result<Size> {
        let connection = self.open()?;
        let pragma = |name: &str| {
            connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
        };
        let (pages, free, bytes) =
            (pragma("page_count")?, pragma("freelist_count")?, pragma("page_size")?);
        Ok(Size { table_bytes: (pages - free) * bytes, index_bytes: 0, dead_rows: 0 })
    }

    pub(super) fn facts(&mut self) -> anyhow::Result<Value> {
        let connection = self.open()?;
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        Ok(json!({
            "database": "sqlite",
            "server_version": rusqlite::version(),
            "settings": {"journal_mode": mode, "synchronous": self.synchronous},
        }))
    }

    fn open(&mut self) -> anyhow::Result<&Connection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        Ok(self.connection.insert(connection))
    }
}

fn ours() -> String {
    format!("(queue = '{QUEUE}' OR queue LIKE '{QUEUE}\\_%' ESCAPE '\\')")
}

//! Where the file is and how it is used.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::{Clock, Error, Result};

use crate::sqlite::Sqlite;

/// How a SQLite database is opened. [`Sqlite::open`] has the defaults.
#[derive(Clone, Debug)]
#[must_use = "nothing is opened until `open` is called"]
pub struct SqliteOptions {
    pub(crate) place: Place,
    pub(crate) synchronous: Synchronous,
    pub(crate) clock: Clock,
    pub(crate) patience: Duration,
    pub(crate) read_only: bool,
}

/// When a commit counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Synchronous {
    /// When the disk has it: what was committed survives a loss of power.
    #[default]
    Full,
    /// When the operating system has it: what was committed survives the death of the process, and a
    /// loss of power may cost the last commits, though never the file. Several times faster for
    /// single inserts.
    Normal,
}

impl Synchronous {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        }
    }
}

impl SqliteOptions {
    /// How long a write waits while *other processes* hold the write lock: a minute.
    pub const PATIENCE: Duration = Duration::from_secs(60);

    /// A database in this file, which need not exist yet.
    pub fn file(path: impl Into<PathBuf>) -> SqliteOptions {
        let path = path.into();
        if path.as_os_str() == MEMORY {
            return SqliteOptions::in_memory();
        }
        SqliteOptions::at(Place::File(path))
    }

    /// A database in memory, gone with the last clone of its [`Sqlite`].
    pub fn in_memory() -> SqliteOptions {
        SqliteOptions::at(Place::Memory)
    }

    /// A database by its URL: `sqlite:jobs.db`, `sqlite:///var/lib/app/jobs.db`, `sqlite::memory:`,
    /// with `?synchronous=normal` where that is wanted. `%20` stands for a space, and so on.
    ///
    /// # Errors
    ///
    /// When it is not such a URL.
    pub fn from_url(url: &str) -> Result<SqliteOptions> {
        let wrong = |why: &str| {
            let message = format!(
                "{url:?} is not the URL of an SQLite database: {why}; write sqlite:jobs.db or \
                 sqlite:///absolute/path/jobs.db"
            );
            Error::new(Kind::Config, message)
        };
        let rest = url.strip_prefix("sqlite:").ok_or_else(|| wrong("it begins otherwise"))?;
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = decode_percent(path).ok_or_else(|| wrong("its path is not UTF-8"))?;
        if path.is_empty() {
            return Err(wrong("it names no file"));
        }
        let mut options = SqliteOptions::file(path);
        for setting in query.split('&').filter(|setting| !setting.is_empty()) {
            options.synchronous = match setting {
                "synchronous=full" => Synchronous::Full,
                "synchronous=normal" => Synchronous::Normal,
                _ => return Err(wrong(&format!("it knows no setting {setting:?}"))),
            };
        }
        Ok(options)
    }

    /// Sets when a commit counts as written.
    pub fn synchronous(mut self, synchronous: Synchronous) -> SqliteOptions {
        self.synchronous = synchronous;
        self
    }

    /// Sets the clock; a manual one is for tests.
    pub fn clock(mut self, clock: Clock) -> SqliteOptions {
        self.clock = clock;
        self
    }

    /// Sets how long a write waits while other processes hold the write lock.
    ///
    /// Behind a transaction of this same process it waits five seconds, or less if this is less: it
    /// may well be waiting for itself.
    pub fn patience(mut self, patience: Duration) -> SqliteOptions {
        self.patience = patience;
        self
    }

    /// Opens the file such that nothing can be written to it, and migrates nothing. The log and the
    /// shared memory that belong to it are made beside it if they are missing and can be; if they cannot,
    /// as on a disk that is read only, the file is taken for one that nobody changes.
    pub fn read_only(mut self, read_only: bool) -> SqliteOptions {
        self.read_only = read_only;
        self
    }

    /// Starts the threads of the storage. Nothing is read or written yet: that comes with
    /// [`Operations::open`](kerrera_core::storage::Operations::open).
    ///
    /// # Errors
    ///
    /// When the path is empty, or no thread can be started.
    pub fn open(self) -> Result<Sqlite> {
        Sqlite::start(self)
    }

    fn at(place: Place) -> SqliteOptions {
        SqliteOptions {
            place,
            synchronous: Synchronous::default(),
            clock: Clock::database(),
            patience: SqliteOptions::PATIENCE,
            read_only: false,
        }
    }
}

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    Memory,
}

impl Place {
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Place::File(path) => Some(path),
            Place::Memory => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path) => fmt::Display::fmt(&path.display(), f),
            Place::Memory => f.write_str(MEMORY),
        }
    }
}

/// SQLite's own name for a database in memory.
const MEMORY: &str = ":memory:";

fn decode_percent(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Place {
        SqliteOptions::from_url(url).unwrap().place
    }

    #[test]
    fn a_url_names_a_file_or_memory() {
        let file = |path: &str| Place::File(path.into());
        assert_eq!(place("sqlite:jobs.db"), file("jobs.db"));
        assert_eq!(place("sqlite://jobs.db"), file("jobs.db"));
        assert_eq!(place("sqlite:///var/jobs.db"), file("/var/jobs.db"));
        assert_eq!(place("sqlite:my%20jobs%3f.db"), file("my jobs?.db"));
        assert_eq!(place("sqlite:100%.db"), file("100%.db"));
        assert_eq!(place("sqlite::memory:"), Place::Memory);
        assert_eq!(SqliteOptions::file(":memory:").place, Place::Memory);
    }

    #[test]
    fn a_url_can_ask_for_less_durability() {
        let options = SqliteOptions::from_url("sqlite:jobs.db?synchronous=normal").unwrap();
        assert_eq!(options.synchronous, Synchronous::Normal);
        assert_eq!(SqliteOptions::file("jobs.db").synchronous, Synchronous::Full);
    }

    #[test]
    fn another_url_is_refused_with_an_example() {
        for url in ["postgres://host/db", "sqlite:", "sqlite:jobs.db?mode=rwc"] {
            let error = SqliteOptions::from_url(url).unwrap_err();
            assert!(error.is_config(), "{error}");
            assert!(error.to_string().contains("write sqlite:jobs.db"), "{error}");
        }
    }
}

//! Opening the file.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use kerrera_core::error::Kind;
use kerrera_core::{Error, JobId, Result};
use rusqlite::types::Value;
use rusqlite::vtab::array::{self, Array};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::options::{Place, Synchronous};
use crate::query;
use crate::refusal::{self, Holder, told};

/// How long one try waits for a lock. Behind a transaction of this process it is the only one.
const ONE_TRY: Duration = Duration::from_secs(5);

/// How many statements a connection keeps prepared: more than there are.
const STATEMENTS: usize = 128;

/// Opens the connection that writes, unless the file is to be read only. A file that is missing is made
/// only if `create`.
pub(crate) fn open_writer(place: &Place, create: bool, read_only: bool) -> Result<Connection> {
    let opened = match place {
        Place::Memory => Connection::open_in_memory(),
        Place::File(path) if read_only && path.exists() => open_to_read(path),
        Place::File(path) => {
            let create = create && !read_only;
            if create {
                make_file(path, place)?;
            } else if !path.exists() {
                return Err(missing(place));
            }
            Connection::open_with_flags(path, flags())
        }
    };
    opened.and_then(prepare).map_err(|error| told("open the database", place, error))
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(path: &Path, read_only: bool) -> rusqlite::Result<Connection> {
    let opened = match read_only {
        true => open_to_read(path),
        false => Connection::open_with_flags(path, flags()),
    };
    let connection = prepare(opened?)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens a file that is not to be written.
fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let looked = connection.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0));
    let cannot_open = |error: &rusqlite::Error| {
        error.sqlite_error_code() == Some(rusqlite::ErrorCode::CannotOpen)
    };
    match looked {
        // There is no shared memory, and it cannot be made: nobody has the file open, nor can write it.
        Err(error) if cannot_open(&error) && !beside(path, "-wal").exists() => {
            let path: String = path.to_string_lossy().chars().map(in_address).collect();
            let address = format!("file:{path}?immutable=1");
            Connection::open_with_flags(address, flags | OpenFlags::SQLITE_OPEN_URI)
        }
        _ => Ok(connection),
    }
}

/// A character of a path, as it stands in an address.
fn in_address(character: char) -> String {
    match character {
        '?' => "%3f".to_owned(),
        '#' => "%23".to_owned(),
        '%' => "%25".to_owned(),
        other => other.to_string(),
    }
}

/// Sets how commits reach the disk; the file is ours to write from here on.
pub(crate) fn set_durability(
    connection: &Connection,
    place: &Place,
    synchronous: Synchronous,
) -> Result<()> {
    let set = || -> rusqlite::Result<String> {
        // SQLite does not wait by itself for the locks that a change of the journal takes.
        let mode = patiently(|| {
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        })?;
        connection.pragma_update(None, "synchronous", synchronous.as_str())?;
        // Where a plain sync stops short of the disk (macOS) and the promise is the disk.
        connection.pragma_update(None, "fullfsync", synchronous == Synchronous::Full)?;
        // A burst must not leave a log of its size behind for ever: 64 MiB.
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        Ok(mode)
    };
    let mode = set().map_err(|error| told("set up the journal", place, error))?;
    if mode == "wal" || *place == Place::Memory {
        return Ok(());
    }
    let message = format!(
        "{place} cannot have a write-ahead log (its journal stays {mode:?}): put it on a local disk"
    );
    Err(Error::new(Kind::Config, message))
}

/// Runs something again while it is refused a lock, as long as [`ONE_TRY`].
fn patiently<T>(mut work: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let start = Instant::now();
    loop {
        match work() {
            Err(error) if refusal::is_busy(&error) && start.elapsed() < ONE_TRY => {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

/// Begins a transaction that writes, however long others do so, within reason.
pub(crate) fn begin<'c>(
    connection: &'c Connection,
    place: &Place,
    patience: Duration,
) -> Result<Transaction<'c>> {
    let start = Instant::now();
    loop {
        match Transaction::new_unchecked(connection, TransactionBehavior::Immediate) {
            Ok(tx) => return Ok(tx),
            Err(error) if refusal::is_busy(&error) => {}
            Err(error) => return Err(told("begin a transaction", place, error)),
        }
        // SQLite has waited for one try. Behind a transaction of this process more would be in vain
        // if that transaction waits for us.
        let holder = place.path().map_or(Holder::Unknown, holder);
        let limit = match holder {
            Holder::ThisProcess | Holder::Unknown => ONE_TRY,
            Holder::AnotherProcess | Holder::Nobody => patience,
        };
        let waited = start.elapsed();
        if waited >= limit {
            return Err(refusal::locked(place, waited, holder));
        }
    }
}

/// Who holds the write lock of the database at `path`, as far as the system tells.
///
/// In a write-ahead log's shared memory, byte 120 is the write lock; Linux lists who holds it.
fn holder(path: &Path) -> Holder {
    let memory = path.canonicalize().ok().and_then(|path| inode(&beside(&path, "-shm")));
    let Some(inode) = memory else { return Holder::Unknown };
    let Ok(locks) = std::fs::read_to_string("/proc/locks") else { return Holder::Unknown };
    let process = std::process::id().to_string();
    for line in locks.lines() {
        // 7: POSIX  ADVISORY  WRITE 4711 fd:01:786439 120 120
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, "WRITE", holder, file, "120", "120"] = words[..] else { continue };
        if file.rsplit(':').next() == Some(inode.as_str()) {
            let ours = holder == process;
            return if ours { Holder::ThisProcess } else { Holder::AnotherProcess };
        }
    }
    Holder::Nobody
}

/// The path of a file that stands beside the database: `jobs.db-wal`.
pub(crate) fn beside(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(unix)]
fn inode(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| file.ino().to_string())
}

#[cfg(not(unix))]
fn inode(_: &Path) -> Option<String> {
    None
}

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn prepare(connection: Connection) -> rusqlite::Result<Connection> {
    #[allow(unused_mut, reason = "the older ones of the range take a shared reference")]
    let mut connection = connection;
    connection.busy_handler(Some(wait_for_lock as fn(i32) -> bool))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "trusted_schema", false)?;
    // What a savepoint keeps, to be undone, would be written to a file of its own.
    connection.pragma_update(None, "temp_store", "memory")?;
    array::load_module(&connection)?;
    query::teach(&connection)?;
    Ok(connection)
}

/// Numbers of jobs, for `rarray`.
pub(crate) fn numbers(ids: impl Iterator<Item = JobId>) -> Array {
    Array::new(ids.map(Value::Integer).collect())
}

/// What SQLite calls when a lock is held by another: sleeps a little, and says whether to try again.
///
/// SQLite's own waits grow to 100 ms, and one process among busy ones may never find the lock free.
fn wait_for_lock(tries: i32) -> bool {
    const STEP: Duration = Duration::from_millis(1);
    thread::sleep(STEP);
    STEP * tries.unsigned_abs() < ONE_TRY
}

/// Makes an empty file that only its owner can read; SQLite gives its companions the same mode.
fn make_file(path: &Path, place: &Place) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            let kind = match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Kind::AccessDenied
                }
                _ => Kind::Unreachable,
            };
            let message = format!(
                "could not make the database {place}: {error}; its folder must exist and be \
                 writable"
            );
            Err(Error::new(kind, message).caused_by(error))
        }
    }
}

fn missing(place: &Place) -> Error {
    let message = format!(
        "there is no database {place}: check the path, or open it with migrations, which make it"
    );
    Error::new(Kind::Unmigrated, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_holder_of_the_write_lock_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.db");
        let place = Place::File(path.clone());
        let mut connection = open_writer(&place, true, false).unwrap();
        set_durability(&connection, &place, Synchronous::Full).unwrap();
        connection.execute_batch("CREATE TABLE t (x)").unwrap();

        assert_eq!(holder(&path), Holder::Nobody);
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        assert_eq!(holder(&path), Holder::ThisProcess);
        tx.commit().unwrap();
        assert_eq!(holder(&path), Holder::Nobody);
    }
}

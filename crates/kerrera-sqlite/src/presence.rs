//! Whether a process lives: a file that it keeps locked for as long as it does.
//!
//! The operating system frees the lock when the process ends, however it ends, and not before: a
//! process that is merely stopped keeps it. The file stands beside the database, named after it and
//! a number that no other process ever has: `jobs.db.<process>.lock`. Programs that the process starts
//! do not inherit the lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kerrera_core::error::Kind;
use kerrera_core::{Error, Result, Uuid};

use crate::connection::beside;

/// This process, as others see it.
#[derive(Debug)]
pub(crate) struct Presence {
    process: Uuid,
    database: Option<PathBuf>,
    held: Mutex<Option<Held>>,
}

/// The lock; freed, and its file removed, when dropped.
#[derive(Debug)]
struct Held {
    path: PathBuf,
    file: Option<File>,
}

impl Presence {
    /// The presence of a process that nobody sees yet. A database in memory has no others to see it.
    pub(crate) fn new(database: Option<PathBuf>) -> Presence {
        Presence { process: Uuid::new_v4(), database, held: Mutex::new(None) }
    }

    /// The number of this process.
    pub(crate) fn process(&self) -> Uuid {
        self.process
    }

    /// Makes this process seen, if it is not. Belongs before the first producer is written.
    pub(crate) fn show(&self) -> Result<()> {
        let Some(database) = &self.database else { return Ok(()) };
        let mut held = self.held();
        let path =
            lock_file(database, self.process).map_err(|error| unlockable(database, error))?;
        // Somebody who tidies up may have taken the file away: then others take us for dead.
        if held.as_ref().is_some_and(|held| held.path == path && path.exists()) {
            return Ok(());
        }
        // Let go of first: it would take the new file away with it.
        *held = None;
        let file = take(&path).map_err(|error| unlockable(&path, error))?;
        *held = Some(Held { path, file: Some(file) });
        Ok(())
    }

    /// Lets nobody see this process any more. Belongs after its last producer is gone.
    pub(crate) fn hide(&self) {
        *self.held() = None;
    }

    /// Whether the process of that number has ended. One that cannot be told to have ended lives.
    pub(crate) fn has_ended(&self, process: Uuid) -> bool {
        let Some(database) = self.database.as_deref().filter(|_| process != self.process) else {
            return false;
        };
        let Ok(path) = lock_file(database, process) else { return false };
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file.try_lock().is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Removes what a process that has ended left behind.
    pub(crate) fn bury(&self, process: Uuid) {
        if let Some(path) = self.database.as_deref().and_then(|db| lock_file(db, process).ok()) {
            // It is harmless where it cannot be removed.
            let _ = std::fs::remove_file(path);
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closed first, since some systems remove no open file.
        self.file = None;
        let _ = std::fs::remove_file(&self.path);
    }
}

fn take(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Links are followed, so that all who share the database look in the same folder.
fn lock_file(database: &Path, process: Uuid) -> io::Result<PathBuf> {
    Ok(beside(&database.canonicalize()?, &format!(".{process}.lock")))
}

fn unlockable(path: &Path, error: io::Error) -> Error {
    let message = format!(
        "could not lock a file beside the database ({}): {error}; by it other processes see that \
         this one lives",
        path.display()
    );
    Error::new(Kind::AccessDenied, message).caused_by(error)
}

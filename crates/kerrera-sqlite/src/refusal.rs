//! Errors of SQLite, told to people.

use std::time::Duration;

use kerrera_core::Error;
use kerrera_core::error::Kind;
use rusqlite::ErrorCode;

use crate::options::Place;

/// Why a piece of work did not succeed: SQLite refused, or we did.
#[derive(Debug)]
pub(crate) enum Refusal {
    Sqlite(rusqlite::Error),
    Ours(Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Refusal {
        Refusal::Sqlite(error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Ours(error)
    }
}

impl Refusal {
    /// The error of a call that was to do `what`, for example "insert jobs".
    pub(crate) fn told(self, what: &str, place: &Place) -> Error {
        match self {
            Refusal::Sqlite(error) => told(what, place, error),
            Refusal::Ours(error) => error,
        }
    }
}

/// Whether somebody else holds a lock that would be free later.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// An error of SQLite, with what was to be done and what to do next.
pub(crate) fn told(what: &str, place: &Place, error: rusqlite::Error) -> Error {
    let cause = match &error {
        // Without the statement, which says nothing to whoever did not write it.
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let (kind, advice) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (Kind::Timeout, "; another connection held its lock for too long")
        }
        Some(ErrorCode::OperationInterrupted) => {
            (Kind::Timeout, "; it took longer than the time that it was given")
        }
        Some(ErrorCode::CannotOpen) => {
            (Kind::Unreachable, "; is the folder there, and may this user write in it?")
        }
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            (Kind::AccessDenied, "; this user must be able to write the file and its folder")
        }
        Some(ErrorCode::NotADatabase) => {
            (Kind::ForeignSchema, "; give the path of an SQLite database, or of no file at all")
        }
        Some(ErrorCode::DiskFull) => (Kind::Database, "; make room on the disk"),
        Some(ErrorCode::DatabaseCorrupt) => {
            (Kind::Database, "; the file is damaged: restore it from a backup")
        }
        _ if cause.contains("no such table: oban_jobs") => {
            (Kind::Unmigrated, "; the tables are missing: open it with migrations")
        }
        _ => (Kind::Database, ""),
    };
    Error::new(kind, format!("could not {what} in {place}: {cause}{advice}")).caused_by(error)
}

/// The write lock was not to be had in time.
pub(crate) fn locked(place: &Place, waited: Duration, holder: Holder) -> Error {
    let seconds = waited.as_secs_f32();
    let message = match holder {
        Holder::AnotherProcess | Holder::Nobody => format!(
            "nothing was written to {place}: other processes have held its write lock for \
             {seconds:.0} s"
        ),
        Holder::ThisProcess | Holder::Unknown => format!(
            "nothing was written to {place}: a transaction has held its write lock for \
             {seconds:.0} s. If it is one of this program, which itself waits for this call, then \
             insert in it, with `within(&mut tx)`, or let `transaction` run it"
        ),
    };
    Error::new(Kind::Timeout, message)
}

/// Who holds the write lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    ThisProcess,
    AnotherProcess,
    /// Not any more.
    Nobody,
    /// The system does not tell.
    Unknown,
}

/// A closure of the application's waits for a write that can only come after it.
pub(crate) fn within_itself(place: &Place) -> Error {
    let message = format!(
        "a call of {place} was made within its own `transaction`, and would wait for itself: insert \
         with `within(tx)` there"
    );
    Error::new(Kind::Config, message)
}

/// The storage has been closed.
pub(crate) fn closed(place: &Place) -> Error {
    Error::new(Kind::Closed, format!("the storage {place} has been closed"))
}

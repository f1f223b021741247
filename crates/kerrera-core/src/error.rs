//! The one error type.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::new_job::Violation;

/// A result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error's cause, of any type.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// What went wrong, with which value, and what to do next.
///
/// The type is opaque; ask it with the predicates. No message holds a password.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: Cow<'static, str>,
    violations: Vec<Violation>,
    cause: Option<Cause>,
}

/// What sort of error it is; asked through the predicates of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A job breaks the rules of insertion, or a change to one would.
    InvalidJob,
    /// A setting or a call cannot work: an unknown queue, a worker name used twice, a bad URL.
    Config,
    /// The database cannot be reached, or the connection broke.
    Unreachable,
    /// The database refused the user, the password or the certificate.
    AccessDenied,
    /// The database has not been migrated, or not far enough.
    Unmigrated,
    /// The database belongs to a newer version, or to something else.
    ForeignSchema,
    /// The database took too long, or a lock was not to be had in time.
    Timeout,
    /// The transaction lost against a concurrent one and may be run again.
    Conflict,
    /// The database refused the statement.
    Database,
    /// The client or the engine has been shut down.
    Closed,
    /// A job failed, and the caller had asked to be told.
    JobFailed,
}

impl Error {
    /// Makes an error; the message says what happened, with which value, and what to do next.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            violations: Vec::new(),
            cause: None,
        }))
    }

    /// Adds what caused it.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Cause>) -> Error {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds to the message what else there is to know; it remains the same error.
    #[must_use]
    pub fn adding(mut self, more: impl fmt::Display) -> Error {
        self.0.message = format!("{}; {more}", self.0.message).into();
        self
    }

    pub(crate) fn invalid_job(worker: &str, violations: Vec<Violation>) -> Error {
        let rules: Vec<String> = violations.iter().map(ToString::to_string).collect();
        let message = format!("the job for {worker:?} was not inserted: {}", rules.join("; "));
        let mut error = Error::new(Kind::InvalidJob, message);
        error.0.violations = violations;
        error
    }

    pub(crate) fn invalid_change(violations: Vec<Violation>) -> Error {
        let rules: Vec<String> = violations.iter().map(ToString::to_string).collect();
        let message = format!("the job was not changed: {}", rules.join("; "));
        let mut error = Error::new(Kind::InvalidJob, message);
        error.0.violations = violations;
        error
    }

    /// What sort of error it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// A job breaks the rules of insertion; [`violations`](Error::violations) lists every one.
    pub fn is_invalid_job(&self) -> bool {
        self.0.kind == Kind::InvalidJob
    }

    /// The rules that the job broke; empty for every other error.
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// A setting or a call cannot work as it is.
    pub fn is_config(&self) -> bool {
        self.0.kind == Kind::Config
    }

    /// The database cannot be reached, or the connection broke.
    pub fn is_unreachable(&self) -> bool {
        self.0.kind == Kind::Unreachable
    }

    /// The database refused the user, the password or the certificate.
    pub fn is_access_denied(&self) -> bool {
        self.0.kind == Kind::AccessDenied
    }

    /// The database has not been migrated, or not far enough.
    pub fn is_unmigrated(&self) -> bool {
        self.0.kind == Kind::Unmigrated
    }

    /// The database belongs to a newer version of Kerrera, or to something else.
    pub fn is_foreign_schema(&self) -> bool {
        self.0.kind == Kind::ForeignSchema
    }

    /// The database took too long, or a lock was not to be had in time.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == Kind::Timeout
    }

    /// The transaction lost against a concurrent one (SQLSTATE 40001 or 40P01); run it again.
    pub fn is_conflict(&self) -> bool {
        self.0.kind == Kind::Conflict
    }

    /// The client or the engine has been shut down.
    pub fn is_closed(&self) -> bool {
        self.0.kind == Kind::Closed
    }

    /// A job failed, and the caller had asked to be told: see `kerrera::testing::Drain::with_safety`.
    pub fn is_job_failed(&self) -> bool {
        self.0.kind == Kind::JobFailed
    }

    /// Whether the same call may succeed later without anybody changing anything.
    ///
    /// After an unreachable database or a timeout the outcome of a write is unknown: the job may
    /// have been inserted.
    pub fn is_transient(&self) -> bool {
        matches!(self.0.kind, Kind::Unreachable | Kind::Timeout | Kind::Conflict)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Error");
        text.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(cause) = &self.0.cause {
            text.field("cause", cause);
        }
        text.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

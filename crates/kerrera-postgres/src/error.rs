//! The driver's errors as ours: what happened, where, and what to do next.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};
use std::io;
use std::time::Duration;

use kerrera_core::Error;
use kerrera_core::error::Kind;
use kerrera_core::executor::{lost, refused};
use tokio_postgres::Error as DriverError;
use tokio_postgres::error::{DbError, SqlState};

/// The error for a connection that was not to be had. `place` names host and port.
pub(crate) fn connecting(error: DriverError, place: &str, login: &str) -> Error {
    if let Some(refusal) = error.as_db_error() {
        let (kind, message) = turned_away(refusal, place, login);
        return Error::new(kind, message).caused_by(Refusal::from(refusal));
    }
    let reason = kerrera_core::failure::describe(&error);
    let (kind, message) = if reason.contains("password missing") {
        let advice = "put the password into the URL or into PGPASSWORD";
        (Kind::AccessDenied, format!("{place} asks {login} for a password: {advice}"))
    } else if is_tls(&error) {
        let advice = "check sslmode and sslrootcert, and the server's certificate";
        (Kind::AccessDenied, format!("no TLS with {place}: {}; {advice}", told(&error)))
    } else if reason.contains("authentication error") {
        (Kind::AccessDenied, format!("{place} did not let {login} in: {}", told(&error)))
    } else if reason.contains("invalid configuration") {
        (Kind::Config, format!("the settings for {place} cannot be used: {}", told(&error)))
    } else {
        let advice = "check that it runs there and that a firewall lets you through";
        (Kind::Unreachable, format!("{place} cannot be reached: {}; {advice}", told(&error)))
    };
    Error::new(kind, message).caused_by(error)
}

/// The error for a connection that took too long.
pub(crate) fn connecting_took_too_long(place: &str, limit: Duration) -> Error {
    let message = format!(
        "{place} cannot be reached: it did not answer within {} s; check that it runs there and \
         that a firewall lets you through",
        limit.as_secs_f64()
    );
    Error::new(Kind::Unreachable, message)
}

/// The error for a statement that failed. `doing` is the subject of the sentence "… failed".
pub(crate) fn running(error: DriverError, doing: &str, place: &str, remedy: &str) -> Error {
    let Some(refusal) = error.as_db_error() else {
        let broke = error.is_closed() || causes(&error).any(<dyn StdError>::is::<io::Error>);
        let (kind, message) = if broke {
            let message = format!(
                "{doing} failed: the connection to {place} broke ({}); whether it was done is not \
                 known",
                told(&error)
            );
            (Kind::Unreachable, message)
        } else {
            (Kind::Database, format!("{doing} failed: {}", told(&error)))
        };
        return Error::new(kind, message).caused_by(error);
    };
    let code = refusal.code();
    let (kind, advice) = match code.code() {
        "40001" | "40P01" => (Kind::Conflict, "it lost against a concurrent one; run it again"),
        "55P03" => (Kind::Timeout, "a lock was not to be had in time"),
        "57014" => (Kind::Timeout, "it took longer than the statement time-out"),
        "57P01" | "57P02" | "57P03" => (Kind::Unreachable, "the server is stopping or starting"),
        "25006" => (
            Kind::Unreachable,
            "this server only reads; of several hosts, target_session_attrs=read-write in the URL \
             takes the one that writes",
        ),
        "53300" => (Kind::Unreachable, "the server has no connection left"),
        "42501" => {
            (Kind::AccessDenied, "grant the rights on the tables and the schema to this role")
        }
        "42P01" | "42703" | "42704" | "42883" | "3F000" => (Kind::Unmigrated, remedy),
        code if code.starts_with("08") => (Kind::Unreachable, "the connection broke"),
        _ => (Kind::Database, "the database refused the statement"),
    };
    let message = format!("{doing} failed: {} ({}): {advice}", said(refusal), code.code());
    Error::new(kind, message).caused_by(Refusal::from(refusal))
}

/// The error of a transaction that somebody else owns.
pub(crate) fn in_transaction(error: DriverError) -> Error {
    match error.as_db_error() {
        Some(refusal) if is_lost(refusal.code().code()) => lost(Refusal::from(refusal)),
        Some(refusal) => refused(Refusal::from(refusal)),
        None => refused(error),
    }
}

fn is_lost(code: &str) -> bool {
    matches!(code, "40001" | "40P01")
}

/// Whether the whole transaction was undone because of others, so that it can be run again at once.
pub(crate) fn lost_to_others(error: &Error) -> bool {
    sqlstate(error).is_some_and(|code| is_lost(code) || code == "55P03")
}

/// Whether the values themselves were refused, so that only others would do: data that is not of the
/// right form or breaks a constraint, a limit of the server's, an exception raised by a trigger.
pub(crate) fn is_about_the_data(error: &Error) -> bool {
    sqlstate(error)
        .and_then(|code| code.get(..2))
        .is_some_and(|class| matches!(class, "22" | "23" | "54" | "P0"))
}

/// Whether it was the handshake that failed.
pub(crate) fn is_tls(error: &DriverError) -> bool {
    causes(error).any(<dyn StdError>::is::<rustls::Error>) || error.to_string().contains("TLS")
}

/// Whether the session is of no more use after it.
pub(crate) fn ends_the_session(error: &Error) -> bool {
    error.is_unreachable()
}

/// Whether the server gave up because the statement took too long.
pub(crate) fn took_too_long(error: &Error) -> bool {
    sqlstate(error) == Some("57014")
}

/// The SQLSTATE behind an error, if the server sent one.
fn sqlstate(error: &Error) -> Option<&str> {
    error.source()?.downcast_ref::<Refusal>().map(|refusal| refusal.code.code())
}

fn turned_away(refusal: &DbError, place: &str, login: &str) -> (Kind, String) {
    let said = said(refusal);
    match refusal.code().code() {
        "28P01" => (
            Kind::AccessDenied,
            format!(
                "{place} refused the password of {login}: {said}; check the URL and PGPASSWORD"
            ),
        ),
        "28000" => (
            Kind::AccessDenied,
            format!(
                "{place} did not let {login} in: {said}; check the user's name and the server's \
                 pg_hba.conf"
            ),
        ),
        "3D000" => (
            Kind::Config,
            format!("{place} has no such database: {said}; create it or correct the URL"),
        ),
        "53300" => (
            Kind::Unreachable,
            format!("{place} has no connection left: {said}; raise max_connections or close some"),
        ),
        "57P01" | "57P02" | "57P03" => {
            (Kind::Unreachable, format!("{place} is starting or stopping: {said}"))
        }
        code => (Kind::Unreachable, format!("{place} did not let {login} in: {said} ({code})")),
    }
}

/// What the server said, as the cause of an error: without its detail, which shows values of rows.
#[derive(Debug)]
struct Refusal {
    code: SqlState,
    said: String,
}

impl From<&DbError> for Refusal {
    fn from(refusal: &DbError) -> Refusal {
        Refusal { code: refusal.code().clone(), said: said(refusal) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.said, self.code.code())
    }
}

impl StdError for Refusal {}

/// What the server said. Its detail stays out: it shows values of rows.
fn said(refusal: &DbError) -> String {
    let mut said = kerrera_core::failure::sanitise(refusal.message());
    if let Some(constraint) = refusal.constraint() {
        let _ = write!(said, " (constraint {constraint})");
    }
    said
}

/// The cause of a driver's error, without the driver's own words before it.
fn told(error: &DriverError) -> String {
    error.source().map_or_else(|| error.to_string(), kerrera_core::failure::describe)
}

fn causes(error: &DriverError) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause| {
        let cause: &(dyn StdError + 'static) = *cause;
        // An I/O error hides what it was made of from `source`.
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => cause.source(),
        }
    })
}

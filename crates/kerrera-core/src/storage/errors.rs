//! Failures that are alike, and how many there were.

use std::sync::Arc;
use std::time::Duration;

use super::{Pending, Seat};
use crate::error::{Error, Kind, Result};
use crate::fingerprint::Fingerprint;
use crate::job::JobId;
use crate::time::Timestamp;

/// For how long it is known when how many failures were alike: a week, and a little more.
pub const COUNTS_KEPT_FOR: Duration = Duration::from_secs(8 * 86_400);

/// How long the spans are in which failures are counted together.
pub const COUNTED_TOGETHER: Duration = Duration::from_secs(600);

/// Failures that are alike, and how many there were.
///
/// A group is a row of `kerrera_errors`, and each ten minutes in which it met a failure are one of
/// `kerrera_error_counts`. Nodes gather what they see, and write it every few seconds: no statement
/// belongs to one failure.
pub trait Errors: Send + Sync {
    /// Adds failures to their groups, which are made where there are none, as met just now.
    fn note_errors(&self, tallies: Vec<ErrorTally>) -> Pending<'_, ()>;

    /// The groups of a query.
    fn errors(&self, query: ErrorQuery) -> Pending<'_, Vec<ErrorGroup>>;

    /// How many failures groups met in each ten minutes of the time since then, by group and the oldest
    /// first; those in which there was none are left out.
    fn error_counts(
        &self,
        fingerprints: Vec<Fingerprint>,
        window: Duration,
    ) -> Pending<'_, Vec<(Fingerprint, Timestamp, u64)>>;

    /// Removes groups that have met nothing for this long, and counts that are no longer kept, at most
    /// `limit` of each, while the seat is held; says how many rows.
    fn prune_errors(&self, seat: Seat, age: Duration, limit: u32) -> Pending<'_, u64>;
}

/// Failures that are alike, to be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorTally {
    /// What they have in common.
    pub fingerprint: Fingerprint,
    /// Their worker.
    pub worker: String,
    /// What the last of them said; already [sanitised](crate::failure::sanitise).
    pub message: String,
    /// The node that ran it.
    pub node: Arc<str>,
    /// Its job.
    pub job: JobId,
    /// How many they are.
    pub count: u64,
}

/// Failures that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorGroup {
    /// What they have in common.
    pub fingerprint: Fingerprint,
    /// Their worker.
    pub worker: String,
    /// What the last of them said.
    pub message: String,
    /// The node that ran it.
    pub node: String,
    /// Its job; it may have been removed since.
    pub last_job: JobId,
    /// When the first was met, to a few seconds.
    pub first_seen: Timestamp,
    /// When the last was met, to a few seconds.
    pub last_seen: Timestamp,
    /// How many there were in all.
    pub total: u64,
    /// How many there were in the last hour, counted in spans of ten minutes.
    pub hour: u64,
    /// How many there were in the last day.
    pub day: u64,
    /// How many there were in the last week.
    pub week: u64,
}

impl ErrorGroup {
    /// A group that has met nothing; made by storages.
    pub fn new(fingerprint: Fingerprint, worker: String, message: String) -> ErrorGroup {
        ErrorGroup {
            fingerprint,
            worker,
            message,
            node: String::new(),
            last_job: 0,
            first_seen: Timestamp::MIN,
            last_seen: Timestamp::MIN,
            total: 0,
            hour: 0,
            day: 0,
            week: 0,
        }
    }
}

/// Which groups of failures are meant, and in which order.
///
/// ```
/// use std::time::Duration;
/// use kerrera_core::storage::{ErrorOrder, ErrorQuery};
///
/// let day = Duration::from_secs(86_400);
/// let worst = ErrorQuery::new().worker("Mailer").order(ErrorOrder::Frequent(day)).limit(10);
/// # let _ = worst;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a query does nothing until it is used"]
pub struct ErrorQuery {
    /// This one alone.
    pub fingerprint: Option<Fingerprint>,
    /// Those of this worker.
    pub worker: Option<String>,
    /// In which order.
    pub order: ErrorOrder,
    /// Those that follow this place, in the order of the last: the next page.
    pub after: Option<(Timestamp, Fingerprint)>,
    /// How many at most.
    pub limit: u32,
}

/// The order in which groups of failures are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorOrder {
    /// Those that met a failure last come first.
    #[default]
    Recent,
    /// Those that met most failures within this time come first, and those that met none are left
    /// out; at most eight days.
    Frequent(Duration),
}

impl Default for ErrorQuery {
    fn default() -> ErrorQuery {
        ErrorQuery::new()
    }
}

impl ErrorQuery {
    /// How many come at most, whatever is asked for.
    pub const MOST: u32 = 1_000;

    /// The fifty that met a failure last.
    pub fn new() -> ErrorQuery {
        ErrorQuery {
            fingerprint: None,
            worker: None,
            order: ErrorOrder::Recent,
            after: None,
            limit: 50,
        }
    }

    /// This one alone.
    pub fn fingerprint(mut self, fingerprint: Fingerprint) -> ErrorQuery {
        self.fingerprint = Some(fingerprint);
        self
    }

    /// Those of this worker.
    pub fn worker(mut self, worker: impl Into<String>) -> ErrorQuery {
        self.worker = Some(worker.into());
        self
    }

    /// In which order.
    pub fn order(mut self, order: ErrorOrder) -> ErrorQuery {
        self.order = order;
        self
    }

    /// Those that follow this one in the order of the last: the next page.
    pub fn after(mut self, group: &ErrorGroup) -> ErrorQuery {
        self.after = Some((group.last_seen, group.fingerprint));
        self
    }

    /// How many at most, up to [`MOST`](ErrorQuery::MOST).
    pub fn limit(mut self, limit: u32) -> ErrorQuery {
        self.limit = limit;
        self
    }

    /// Checks it, and makes it ready for a storage.
    ///
    /// # Errors
    ///
    /// [`Error::is_config`] when the limit is 0, the worker's name has a NUL in it, or a page is to
    /// follow in an order that has none.
    pub fn validate(mut self) -> Result<ErrorQuery> {
        let wrong = |what: &str| Err(Error::new(Kind::Config, format!("the query {what}")));
        if self.limit == 0 {
            return wrong("has the limit 0: make it at least 1");
        }
        if self.worker.as_ref().is_some_and(|worker| worker.contains('\0')) {
            return wrong("asks for a worker with the character NUL in its name: there is none");
        }
        if let ErrorOrder::Frequent(window) = &mut self.order {
            if self.after.is_some() {
                return wrong(
                    "asks for the next page by frequency, which changes meanwhile: raise the limit",
                );
            }
            *window = (*window).min(COUNTS_KEPT_FOR);
        }
        self.limit = self.limit.min(ErrorQuery::MOST);
        Ok(self)
    }
}

//! What became of runs over time, and how full queues were: numbers for each minute, kept in the
//! database by the engine.
//!
//! - [`Histogram`]: how long things took, in buckets of fixed bounds.
//! - [`Runs`] and [`Gauge`]: what is known of a minute; [`Cells`] is several of them in a few bytes.
//! - [`MetricRow`] and [`Packing`]: how they are stored.
//! - [`SeriesQuery`] and [`Series`]: lines over time. [`SummaryQuery`] and [`Summary`]: one number for a
//!   whole window.

mod cells;
mod histogram;
mod packing;
mod series;
mod summary;

use std::fmt;

use serde::Serialize;

pub use cells::{Cells, Gauge, Gauged, Runs, Slot};
pub use histogram::{BUCKETS, Histogram, Percentiles};
pub use packing::{MetricKey, MetricRow, Packing, Tier};
pub use series::{Group, Line, Metric, Series, SeriesQuery, Statistic};
pub use summary::{Summary, SummaryQuery};

/// The name of the worker to which runs are counted where a node has met more workers than it keeps
/// apart.
pub const OTHER: &str = "(other)";

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RunEnd {
    /// It is done.
    Completed,
    /// It failed, and is tried again.
    Failed,
    /// It was given up: by the run, or because its attempts are used up.
    Discarded,
    /// The run cancelled the job, or somebody did while it ran.
    Cancelled,
    /// It wants to run again later.
    Snoozed,
    /// It was told to stop, and given back.
    Released,
    /// Its claim was no longer this node's: nothing was written.
    Lost,
}

impl RunEnd {
    /// All of them, in the order in which they are stored.
    pub const ALL: [RunEnd; 7] = [
        RunEnd::Completed,
        RunEnd::Failed,
        RunEnd::Discarded,
        RunEnd::Cancelled,
        RunEnd::Snoozed,
        RunEnd::Released,
        RunEnd::Lost,
    ];

    /// Its name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            RunEnd::Completed => "completed",
            RunEnd::Failed => "failed",
            RunEnd::Discarded => "discarded",
            RunEnd::Cancelled => "cancelled",
            RunEnd::Snoozed => "snoozed",
            RunEnd::Released => "released",
            RunEnd::Lost => "lost",
        }
    }

    /// Whether something went wrong with the job's own work.
    pub fn is_failure(self) -> bool {
        matches!(self, RunEnd::Failed | RunEnd::Discarded)
    }
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

//! Numbers over time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Pending, Seat};
use crate::metrics::{Gauge, MetricRow, Tier};
use crate::time::Timestamp;

/// For how long after a minute has begun its fresh rows are left alone: until then the processes that
/// count write them again.
pub const FRESH_FOR: Duration = Duration::from_secs(6 * 60);

/// Numbers over time.
///
/// A process writes what it has counted in a minute whole, again and again, under its own name: a write
/// of which nobody knows whether it was done can be done again. The leader then puts the minutes of all
/// processes together.
pub trait Metrics: Send + Sync {
    /// Writes rows in the place of those with the same keys, in one statement, and gives back the
    /// storage's time; with no rows, that alone.
    fn write_metrics(&self, rows: Vec<MetricRow>) -> Pending<'_, Timestamp>;

    /// The rows of a time and what they are to be read for; in a transaction that only reads, and that
    /// the database ends after `within`.
    fn read_metrics(&self, range: MetricRange, within: Duration) -> Pending<'_, MetricRows>;

    /// How full each queue is: what its producers may run, how many jobs it has, counted along an index
    /// and no further than `most` for a state, and how long the oldest available one has been waiting.
    fn gauge_queues(&self, most: u32, within: Duration) -> Pending<'_, BTreeMap<String, Gauge>>;

    /// Takes the oldest fresh rows, of one hour at most and of minutes that began [`FRESH_FOR`] ago, and
    /// [packs](crate::metrics::Packing) them, in one transaction; then forgets what is too old.
    fn pack_metrics(&self, pack: Pack) -> Pending<'_, Packed>;
}

/// Which rows are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricRange {
    /// Of this tier, and fresh ones.
    pub tier: Tier,
    /// Those that have something at this time or later,
    pub from: Timestamp,
    /// and earlier than this.
    pub to: Timestamp,
    /// Rows of runs; otherwise rows of queues that were looked at. Those that say that a node was there
    /// to report come with both.
    pub runs: bool,
    /// Only of this queue.
    pub queue: Option<String>,
    /// Only of this worker.
    pub worker: Option<String>,
}

impl MetricRange {
    /// Which tiers are read, and when the first row of each begins.
    pub fn begins(&self) -> [(Tier, Timestamp); 2] {
        [Tier::Fresh, self.tier].map(|tier| (tier, tier.place(self.from).0))
    }
}

/// Rows, and when they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricRows {
    /// The storage's time.
    pub now: Timestamp,
    /// In no order.
    pub rows: Vec<MetricRow>,
}

/// Fresh rows are to be packed, and old ones forgotten.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Under which seat.
    pub seat: Seat,
    /// How long the rows of each tier of [`Tier::PACKED`] are kept.
    pub keep: [Duration; 3],
}

/// What packing did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// How many fresh rows were packed.
    pub fresh: u64,
    /// How many rows were forgotten.
    pub forgotten: u64,
}

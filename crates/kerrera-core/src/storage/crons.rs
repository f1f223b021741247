//! Jobs at times of the clock.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Inserted, Pending};
use crate::cron::{CronEntry, Occasion, Position};
use crate::job::JobId;
use crate::time::Timestamp;

/// How many of an entry's last slots are kept at least, for people to look at.
pub const SLOTS_KEPT: u32 = 100;

/// For how long slots are kept at least: a clock that is put back by less finds them there.
pub const SLOTS_KEPT_FOR: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Jobs at times of the clock.
///
/// An entry is a row of `kerrera_crons`, and each of its slots one of `kerrera_cron_slots`, whose
/// primary key keeps it from being fired twice.
pub trait Crons: Send + Sync {
    /// Writes the entries that a starting node brings.
    ///
    /// An entry that is there is replaced only if it was last brought in another shape. So the node
    /// that started last decides, and what a person edited stays until the program's own entry is
    /// changed. Slots begin now where the expression or the time zone is new. Listeners hear of it
    /// ([`Hint::Crontab`](super::Hint::Crontab)) if anything is written.
    fn declare_crons(&self, entries: Vec<CronEntry>) -> Pending<'_, ()>;

    /// The entries and where they stand; those with these names, or all. Entries that this version
    /// cannot read are among the unreadable.
    fn crontab(&self, names: Option<Vec<String>>) -> Pending<'_, Crontab>;

    /// Looks at an entry, and writes what [`decide`](crate::cron::decide) says, in one transaction: a
    /// slot's row, and its job only if the row is new. `None` if there is no such entry.
    ///
    /// Locks the entry's row until it is committed; one entry's slots are fired by one node at a
    /// time. Forgets slots that are older than needed.
    fn fire_cron(&self, firing: CronFiring) -> Pending<'_, Option<Vec<FiredSlot>>>;

    /// Pauses an entry or lets it go on, and tells the listeners; false if there is none. When it goes
    /// on its slots begin anew: what it missed is not made up for.
    fn pause_cron(&self, name: String, paused: bool) -> Pending<'_, bool>;

    /// Replaces an entry, and tells the listeners; false if there is none. Its slots begin anew if the
    /// expression or the time zone is new.
    fn edit_cron(&self, entry: CronEntry) -> Pending<'_, bool>;

    /// Adds an entry that no starting node brings, and tells the listeners; false if there is one of this
    /// name. Every node fires it, and none that starts removes it; one that brings an entry of this name
    /// makes it its own.
    fn add_cron(&self, entry: CronEntry) -> Pending<'_, bool>;

    /// Removes an entry and its history, and tells the listeners; false if there is none.
    fn remove_cron(&self, name: String) -> Pending<'_, bool>;

    /// The slots of an entry that were fired and are still kept, the newest first, before one of them if
    /// that is given; at most `limit`.
    fn cron_slots(
        &self,
        name: String,
        before: Option<Timestamp>,
        limit: u32,
    ) -> Pending<'_, Vec<CronSlot>>;

    /// The nodes that work queues, as far as they can be seen, but for the one with these producers.
    ///
    /// On one that has not been heard of since `since` there is no judgement.
    fn other_nodes(&self, ours: Vec<Uuid>, since: Timestamp) -> Pending<'_, OtherNodes>;
}

/// Entries, and when they were read.
#[derive(Debug)]
pub struct Crontab {
    /// The storage's time.
    pub now: Timestamp,
    /// By name.
    pub crons: Vec<StoredCron>,
    /// Entries that this version cannot read, by name, and why.
    pub unreadable: Vec<(String, crate::Error)>,
}

/// An entry and where it stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredCron {
    /// The entry.
    pub entry: CronEntry,
    /// Where it stands.
    pub position: Position,
    /// Its last job, by a slot or by hand; it may have been removed since.
    pub last_job: Option<JobId>,
    /// When it was last written by a node or a person.
    pub updated_at: Timestamp,
    /// Whether it was [added](Crons::add_cron) while nodes ran, and no node brings it.
    pub is_added: bool,
}

impl StoredCron {
    /// An entry that a node brings, and where it stands.
    pub fn new(
        entry: CronEntry,
        position: Position,
        last_job: Option<JobId>,
        updated_at: Timestamp,
    ) -> StoredCron {
        StoredCron { entry, position, last_job, updated_at, is_added: false }
    }

    /// The same, added while nodes ran or not.
    #[must_use]
    pub fn added(self, is_added: bool) -> StoredCron {
        StoredCron { is_added, ..self }
    }
}

/// An entry to be looked at.
#[derive(Clone, Debug)]
pub struct CronFiring {
    /// Which one.
    pub name: String,
    /// By which node.
    pub node: Arc<str>,
    /// Why.
    pub occasion: Occasion,
    /// What is to travel with its jobs, in their meta.
    pub meta: Map<String, Value>,
}

/// A slot that was fired.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CronSlot {
    /// Its time.
    pub at: Timestamp,
    /// Its job; `None` if that would have overlapped. It may have been removed since.
    pub job: Option<JobId>,
    /// The node that fired it.
    pub node: String,
    /// When.
    pub fired_at: Timestamp,
}

impl CronSlot {
    /// A slot that a node fired; made by storages.
    pub fn new(at: Timestamp, job: Option<JobId>, node: String, fired_at: Timestamp) -> CronSlot {
        CronSlot { at, job, node, fired_at }
    }
}

/// A slot that was fired just now.
#[derive(Clone, Debug)]
pub struct FiredSlot {
    /// Its time; `None` if it was fired by hand.
    pub at: Option<Timestamp>,
    /// Its job; `None` if that would have overlapped.
    pub job: Option<Inserted>,
}

/// The nodes that work queues, but for one.
#[derive(Clone, Debug, Default)]
pub struct OtherNodes {
    /// When the producers of that one were made known.
    pub ours: Option<Timestamp>,
    /// The others' producers.
    pub others: Vec<OtherNode>,
}

/// A producer of another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherNode {
    /// Its node.
    pub node: String,
    /// When it was made known.
    pub started_at: Timestamp,
    /// Whether it lives; `None` if that cannot be told yet.
    pub lives: Option<bool>,
}

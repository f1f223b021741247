//! Jobs at times of the clock: expressions, time zones, entries, and which of their slots are due.
//!
//! - [`CronExpression`]: `0 7 * * MON-FRI`, and the instants that it stands for.
//! - [`Timezone`]: where the clock hangs.
//! - [`Cron`]: an entry as it is set up; [`CronEntry`] one that obeys every rule.
//! - [`decide`]: which slots of an entry are to be fired now. Storages carry it out, each entry in one
//!   transaction, and decide nothing themselves.
//!
//! A *slot* is one of the instants that an entry's expression stands for. Whatever happens to nodes
//! and clocks, each slot of an entry is fired at most once, by the primary key of a table.

mod decision;
mod entry;
mod expression;
mod field;
mod policy;
mod zone;

pub use decision::{Decision, Occasion, Position, Slot, decide};
pub use entry::{Cron, CronChange, CronEntry};
pub use expression::{CronExpression, CronProblem, NotACronExpression};
pub use policy::{Misfire, NotAPolicy, Overlap};
pub use zone::{NotATimezone, Timezone};

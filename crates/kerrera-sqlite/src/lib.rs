//! The SQLite storage of [Kerrera](https://docs.rs/kerrera).
//!
//! Applications use the crate `kerrera`, which re-exports what they need of this one.
//!
//! ```
//! use kerrera_sqlite::{Sqlite, SqliteOptions, Synchronous};
//!
//! # fn main() -> kerrera_core::Result<()> {
//! let plain = Sqlite::open("jobs.db")?;
//! let same = Sqlite::from_url("sqlite:jobs.db")?;
//! let tuned = SqliteOptions::file("jobs.db").synchronous(Synchronous::Normal).open()?;
//! # let _ = (plain, same, tuned);
//! # Ok(()) }
//! ```
//!
//! # Layout
//!
//! - [`Sqlite`] is the storage; `storage` has the traits that it implements, one line a verb. Each
//!   verb has a module of its own, named like it (`insert`, `claim`, `ack`, `stage`, `crons`,
//!   `liveness`, `queues`, `operations`), and its SQL in `sql/`. `query` makes SQL of queries.
//! - `writer` owns the only connection that writes, and commits what waits for it in groups.
//!   `reader` answers questions beside it.
//! - `schema` makes and checks the tables, `connection` opens the file.
//! - `presence` is the lock by which other processes see that this one lives.
//! - `lookout` notices what other connections commit.

mod ack;
mod audit;
mod bulk_operations;
mod claim;
mod connection;
mod crons;
mod directory;
mod errors;
mod executor;
mod insert;
mod liveness;
mod lookout;
mod maintenance;
mod metrics;
mod moves;
mod operations;
mod options;
mod presence;
mod query;
mod queues;
mod reader;
mod reading;
mod refusal;
mod rehearsal;
mod row;
mod schema;
mod sqlite;
mod stage;
mod storage;
mod unique;
mod writer;

pub use executor::ByRusqlite;
pub use options::{SqliteOptions, Synchronous};
pub use sqlite::Sqlite;

/// The SQLite driver, in the version that this crate was built with: the type of the transactions
/// that [`Sqlite::transaction`] lends.
pub use rusqlite;

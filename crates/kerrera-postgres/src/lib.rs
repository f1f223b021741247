//! Kerrera on PostgreSQL: Oban's tables, by tokio-postgres.
//!
//! [`Postgres`] implements the traits of [`kerrera_core::storage`]. Every verb has a file of its own,
//! and its SQL lies in `sql/` under the same name:
//!
//! - `insert`, `claim`, `ack`, `stage`: jobs on their way.
//! - `crons`: jobs at times of the clock.
//! - `liveness`: heartbeats, presence locks, rescue.
//! - `signals`: LISTEN and NOTIFY; `wire` is what travels in them.
//! - `queues`: steering queues while nodes run.
//! - `metrics`: numbers over time; `directory`: which nodes and workers there are.
//! - `operations`: opening, looking, counting.
//! - [`migrate`]: bringing a database to shape; `schema` finds out what is there.
//!
//! Below them:
//!
//! - `config`, `target`, `tls`: what a URL and the `PG*` variables say.
//! - `server`, `process_id`: how a session begins, and whether a pooler stands between.
//! - `connection`, `pool`: who may use a session, and for how long.
//! - `statements`, `rows`, `error`: SQL, values and errors.

mod ack;
mod audit;
mod bulk;
mod bulk_operations;
mod claim;
mod config;
mod connection;
mod crons;
mod directory;
mod error;
mod errors;
mod gathering;
mod insert;
mod liveness;
mod maintenance;
mod metrics;
pub mod migrate;
mod neighbours;
mod operations;
mod pool;
mod process_id;
mod query;
mod queues;
mod reading;
mod rehearsal;
mod rows;
mod schema;
mod server;
mod signals;
mod stage;
mod statements;
mod storage;
mod target;
mod tls;
mod wire;

pub use config::Config;
pub use insert::ByTokioPostgres;
pub use storage::Postgres;

/// The PostgreSQL driver, in the version that this crate was built with: what
/// [`Config::connect`] gives, and whose transactions take jobs.
pub use tokio_postgres;

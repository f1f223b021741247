//! Background jobs for Rust: what [Oban](https://hexdocs.pm/oban) is for Elixir.
//!
//! A job is a row in the application's own database. A worker is a type whose fields are the job's
//! args. An engine claims the jobs of its queues, runs them, tries them again when they fail, and
//! leaves their history to look at. One API runs from an embedded SQLite file to many nodes on one
//! PostgreSQL.
//!
//! ```
//! use kerrera::prelude::*;
//!
//! struct App { greeting: &'static str }
//!
//! /// The fields are the job's args; the type is its worker.
//! #[derive(Serialize, Deserialize, Worker)]
//! #[worker(queue = "mailers", max_attempts = 3)]
//! struct SendWelcomeEmail { user_id: i64 }
//!
//! impl Perform<App> for SendWelcomeEmail {
//!     async fn perform(&self, cx: &Context<App>) -> JobResult {
//!         println!("{} to user {}", cx.state().greeting, self.user_id);
//!         done()
//!     }
//! }
//!
//! # #[tokio::main] async fn main() -> kerrera::Result<()> {
//! let kerrera = Kerrera::builder("sqlite::memory:")
//!     .state(App { greeting: "welcome" })
//!     .queue("default", 10)
//!     .queue("mailers", 20)
//!     .worker::<SendWelcomeEmail>()
//!     .start()
//!     .await?;
//!
//! kerrera.insert(SendWelcomeEmail { user_id: 7 }).await?;
//! kerrera.insert(SendWelcomeEmail { user_id: 8 }.schedule_in(1.hour())).await?;
//! kerrera.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! # What is where
//!
//! - [`Worker`] and [`Perform`]: what a job is, and what is done with it; [`Context`] is what a run is
//!   given, [`done`], [`snooze`], [`cancel`], [`discard`] and any error are what it ends with.
//! - [`Kerrera`] and its [`Builder`]: a running engine.
//! - [`Client`]: inserting, also within the application's own transaction; and cancelling, retrying,
//!   deleting and changing jobs, one by its number or all of a [`JobQuery`]; which [nodes](Client::nodes) and
//!   [workers](Client::known_workers) there are.
//! - [`Filter`]: which jobs are meant, as a person types it.
//! - [`Reader`]: lists of many jobs, page by page, and how many there are, without harm to the database.
//! - [`Queue`]: pausing, scaling, starting and stopping queues while nodes run.
//! - [`Unique`]: which jobs count as the same ([`until_started`], [`until_finished`], [`once_per`]), so
//!   that only one of them is inserted, and [`Inserted`], which says so.
//! - [`NewJob`] and [`Job`]: a job before it is inserted, and as it is stored; [`State`] its life.
//! - [`Pruner`] and [`Keep`]: how long ended jobs are kept; [`Reindexer`]: when indexes are built anew.
//! - [`cron`]: jobs at times of the clock.
//! - [`metrics`]: what became of runs over time, and how full queues were; [`Metrics`] says what is kept.
//! - [`Tuning`] and [`Limits`]: what rarely needs to be changed.
//! - [`testing`]: what an application's tests need for its workers.
//! - [`telemetry`]: what an engine tells about itself, and to whom.
//!
//! # Features
//!
//! - `sqlite` (default): jobs in a SQLite file.
//! - `postgres`: jobs in PostgreSQL.
//! - `macros` (default): `#[derive(Worker)]`.
//! - `config`: settings from a TOML file and the environment.
//! - `jiff`, `chrono`, `time`: [`schedule_at`](NewJob::schedule_at) takes the instants of these crates.
//!
//! A feature only adds; none changes what the others do.

mod acting;
mod builder;
mod bulk;
mod bulk_operations;
mod cancellation;
mod client;
#[cfg(feature = "config")]
mod config;
mod crons;
mod database;
mod directory;
mod engine;
mod errors;
mod kerrera;
mod maintenance;
mod measuring;
mod operations;
mod perform;
mod pruner;
mod queues;
mod reader;
mod registry;
mod reindexer;
mod runtime;
pub mod telemetry;
pub mod testing;
#[cfg(feature = "sqlite")]
mod transaction;
mod tuning;

pub use builder::Builder;
pub use bulk_operations::{BulkPreview, BulkRequest};
pub use cancellation::{Cancellation, Reason};
pub use client::{Client, Within};
#[cfg(feature = "config")]
pub use config::Config;
pub use database::Database;
pub use directory::NodeInfo;
pub use engine::sonar::Connectivity;
pub use kerrera::{Kerrera, RunningJob, Stopped};
pub use measuring::Metrics;
pub use operations::Affected;
pub use perform::{Context, Perform};
pub use pruner::{Keep, Pruner};
pub use queues::{Queue, QueueCheck};
pub use reader::Reader;
pub use reindexer::Reindexer;
pub use runtime::supervisor::{HealthReport, LoopHealth};
pub use tuning::Tuning;

/// The storage on PostgreSQL, for settings that a URL cannot say.
#[cfg(feature = "postgres")]
pub use kerrera_postgres as postgres;
/// The storage on SQLite, for settings that a URL cannot say.
#[cfg(feature = "sqlite")]
pub use kerrera_sqlite as sqlite;

pub use kerrera_core::audit;
pub use kerrera_core::bulk_operation::{BulkAction, BulkFailure, BulkOperation, BulkState};
pub use kerrera_core::cron::{self, Cron, Misfire, Overlap};
pub use kerrera_core::directory::{
    Connections, KnownNode, KnownWorker, LoopCard, NodeCard, Release, WorkerCard,
};
pub use kerrera_core::executor;
pub use kerrera_core::filter::{self, Filter};
pub use kerrera_core::job_query::Condition;
pub use kerrera_core::metrics;
pub use kerrera_core::outcome::{
    AndThen, JobError, JobResult, OrElse, Outcome, cancel, discard, done, snooze,
};
pub use kerrera_core::storage::{
    Count, CronSlot, Crontab, Enrolled, ErrorGroup, ErrorOrder, ErrorQuery, Inserted, Leader,
    Setting, Standing, StoredCron, Updated,
};
pub use kerrera_core::unique::{
    ReplaceField, Unique, UniqueField, UniqueTimestamp, once_per, until_finished, until_started,
};
pub use kerrera_core::{
    AttemptError, ClaimToken, Clock, Cursor, Error, Fingerprint, Job, JobChange, JobId, JobOrder,
    JobQuery, JobRow, JobTime, Json, Limits, ListOrder, Listing, NewJob, OldestJob, Page, Place,
    Progress, Quality, QueueTally, Result, Schedule, State, Tally, Timestamp, Units, Uuid, Worker,
    WorkerTally, backoff,
};

/// The derive of [`Worker`](trait@Worker).
#[cfg(feature = "macros")]
pub use kerrera_macros::Worker;

/// The examples of the README, in both languages, and of the guides are compiled with those of the
/// crate.
#[cfg(all(doctest, feature = "sqlite", feature = "macros"))]
mod readme {
    #[doc = include_str!("../../../README.md")]
    pub struct English;
    #[doc = include_str!("../../../README.ko.md")]
    pub struct Korean;
    #[doc = include_str!("../../../docs/maintenance.md")]
    pub struct Maintenance;
    #[doc = include_str!("../../../docs/queues.md")]
    pub struct Queues;
    #[doc = include_str!("../../../docs/metrics.md")]
    pub struct Metrics;
    #[doc = include_str!("../../../docs/operations.md")]
    pub struct Operations;
    #[doc = include_str!("../../../docs/filters.md")]
    pub struct Filters;
    #[doc = include_str!("../../../docs/testing.md")]
    pub struct Testing;
    #[doc = include_str!("../../../docs/unique.md")]
    pub struct UniqueJobs;
}

/// And those of the documents beside them.
#[cfg(all(doctest, feature = "sqlite", feature = "macros"))]
mod documents {
    #[doc = include_str!("../../../docs/audit.md")]
    pub struct Audit;
    #[doc = include_str!("../../../docs/cron.md")]
    pub struct Cron;
    #[doc = include_str!("../../../docs/errors.md")]
    pub struct Errors;
    #[doc = include_str!("../../../docs/bulk-operations.md")]
    pub struct BulkOperations;
    #[doc = include_str!("../../../docs/telemetry.md")]
    pub struct Telemetry;
    #[cfg(feature = "config")]
    #[doc = include_str!("../../../docs/configuration.md")]
    pub struct Configuration;
}

/// Everything that a file with workers needs.
pub mod prelude {
    pub use crate::{
        AndThen as _, Client, Context, Job, JobError, JobResult, Kerrera, NewJob, OrElse as _,
        Perform, State, Units as _, Worker, cancel, discard, done, once_per, snooze,
        until_finished, until_started,
    };
    pub use serde::{Deserialize, Serialize};
}

//! The nouns, the state machine and the storage traits of [Kerrera](https://docs.rs/kerrera).
//!
//! Applications use the crate `kerrera`, which re-exports what they need. This crate is for the
//! authors of storages and adapters; it has no driver and does no I/O.
//!
//! # Layout
//!
//! A job's life, in the order in which it happens:
//!
//! - [`worker`]: what a worker declares about its jobs (name, queue, attempts, back-off).
//! - [`new_job`]: a job before it is inserted, and the rules that it must obey.
//! - [`unique`]: which jobs count as the same, and for how long.
//! - [`job`]: a job as it is stored.
//! - [`job_query`]: which jobs are meant; [`filter`]: the same, as a person types it. [`job_change`]: what is to be changed of one.
//! - [`listing`]: pages of many jobs, as [`job_row`]s; [`tally`]: how many there are.
//! - [`metrics`]: what became of runs over time, and how full queues were.
//! - [`directory`]: what nodes say about themselves and their workers.
//! - [`state`]: the states, and the one function that decides every change of state.
//! - [`outcome`]: what a run of a job ends with.
//! - [`backoff`]: how long a failed job waits.
//! - [`cron`]: jobs at times of the clock.
//! - [`failure`]: the one place where the text of a failure is made safe to store.
//! - [`token`]: the random token of a claim, by which every later write is fenced.
//!
//! And what carries it:
//!
//! - [`storage`]: the traits that a storage implements, and the batches that they take.
//! - [`executor`]: inserting inside a transaction that the application owns.
//! - [`time`]: instants, units and the clock of the storage.
//! - [`json`]: JSON text that is kept as it is.
//! - [`audit`]: who did what.
//! - [`bulk_operation`]: what is done to many jobs, over hours if need be.
//! - [`fingerprint`]: which failures are alike.
//! - [`error`]: the one error type.

pub mod audit;
pub mod backoff;
pub mod bulk_operation;
pub mod cron;
pub mod directory;
pub mod error;
pub mod executor;
pub mod failure;
pub mod filter;
pub mod fingerprint;
pub mod job;
pub mod job_change;
pub mod job_query;
pub mod job_row;
pub mod json;
pub mod listing;
pub mod metrics;
pub mod nearest;
pub mod new_job;
pub mod outcome;
pub mod state;
pub mod storage;
pub mod tally;
pub mod task;
pub mod time;
pub mod token;
pub mod unique;
pub mod worker;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use bulk_operation::{BulkAction, BulkOperation, BulkState};
pub use error::{Error, Result};
pub use fingerprint::Fingerprint;
pub use job::{AttemptError, Job, JobId, Progress};
pub use job_change::{JobChange, ValidChange};
pub use job_query::{JobOrder, JobQuery, JobTime, Place, ValidQuery};
pub use job_row::JobRow;
pub use json::Json;
pub use listing::{Cursor, ListOrder, Listing, Page};
pub use new_job::{Limits, NewJob, Schedule, ValidJob};
pub use outcome::{JobError, JobResult, Outcome};
pub use state::State;
pub use tally::{OldestJob, Quality, QueueTally, Tally, WorkerTally};
pub use time::{Clock, Timestamp, Units};
pub use token::ClaimToken;
pub use unique::Unique;
pub use worker::Worker;

/// The crate that the storages' types are made of, for implementors.
pub use uuid::Uuid;

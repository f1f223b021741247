//! Real processes, killed and stopped, and a checker of what they did.
//!
//! The program of this crate is a node that runs a [`load`] of jobs, and a producer that inserts it.
//! Tests start some of each, kill and stop them, restart the database, and let everything come to
//! rest. What happened is in four places that no one process could falsify:
//!
//! - the producers' [`log`]s: what was tried, and what was promised;
//! - the nodes' logs: every run of a job, when it began and how it ended;
//! - the [`audit`]: every change of every job, written by triggers in the transaction that made it;
//! - the jobs as they are at the end.
//!
//! Together they are a [`history`], and the [`checker`] says what in it must not be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code: a panic is how it reports that a test cannot go on"
)]

pub mod audit;
pub mod checker;
pub mod database;
pub mod history;
pub mod load;
pub mod log;

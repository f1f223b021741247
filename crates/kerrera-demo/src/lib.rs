//! The registration program that `kerrera demo` runs: a small web application with real parts, and
//! the background jobs behind it.
//!
//! Visitors sign up over HTTP. The handler stores the user and enqueues two jobs in one transaction.
//! Workers send mail over SMTP to a server that refuses some of it, import a CSV file with the help
//! of a service that often fails, and write a report that reschedules itself. What fails does so at
//! a rate that a seed fixes, so that retries, snoozes, cancels and discards all happen; at the end
//! the numbers of the database, the mail server and the visitors are held against each other.
//!
//! ```no_run
//! # async fn run() -> anyhow::Result<()> {
//! let report = kerrera_demo::run(kerrera_demo::Options::default()).await?;
//! println!("{report}");
//! assert!(report.adds_up());
//! # Ok(()) }
//! ```
//!
//! # What is where
//!
//! What an application has, and what to read first:
//!
//! - `workers`: the jobs, one file a worker.
//! - `signup`: the endpoint, and the transaction that enqueues.
//! - `app`: the state that workers are given. `store`: its own tables, on SQLite and PostgreSQL.
//! - `mailer`, `geocoder`: the services that it depends on. `stats`: how its jobs are.
//!
//! What makes it a demonstration:
//!
//! - `scenario`, `deck`: who signs up, and what fails. `pace`: how much time is shortened.
//! - `visitors`: those who sign up. `smtp_sink`: the mail server.
//! - `dashboard`: the jobs in a browser. `progress`, `audit`, `summary`: what is shown, and whether it adds up.
//! - `demo`: one run, from beginning to end. `encore`: what goes on after it, while somebody looks.
//!   `signals`: what ends them.

mod app;
mod audit;
mod dashboard;
mod deck;
mod demo;
mod encore;
mod geocoder;
mod mailer;
mod pace;
mod progress;
mod scenario;
pub mod signals;
mod signup;
mod smtp_sink;
mod stats;
mod store;
mod summary;
mod visitors;
mod workers;

pub use demo::{Options, run};
pub use summary::{Ending, Report};

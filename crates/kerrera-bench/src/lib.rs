//! What `kerrera bench` measures, and the database on which it does so.
//!
//! A figure belongs to a machine and an hour: compare only what ran side by side. Every run looks in
//! the database whether each job finished once, and fails if one did not. Nodes are processes of
//! their own, as they are in production, started from the program that calls [`run`]; it must
//! therefore pass `bench …` on to [`run`] as `kerrera` does.
//!
//! # What is where
//!
//! - `arguments`: what can be typed. `report`: what is told.
//! - `drain`, `insert`, `latency`, `steady` (which also soaks), `idle`: one file a measurement.
//! - [`ground`]: the database: cleared, filled, looked at; the only place with SQL.
//! - `node`: one process of the measured kind. `team`: all of them. `job`: what they do.
//! - `spread`: percentiles. `usage`: processor time and memory.

mod arguments;
mod drain;
pub mod ground;
mod idle;
mod insert;
mod job;
mod latency;
mod node;
mod report;
mod spread;
mod steady;
mod team;
mod usage;

use std::io::Write as _;

use arguments::Measurement;
pub use arguments::{Arguments, Where};
pub use report::{Report, median};
pub use spread::Spread;

/// Measures, and prints what came of it on standard output: for people, or as one JSON object on the
/// last line.
///
/// Gives back whether every job finished once, as the database has it.
///
/// # Errors
///
/// When the database cannot be reached or holds the jobs of others, and when a node fails or stalls.
pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let json = arguments.json();
    let report = match arguments.measurement {
        Measurement::Insert(arguments) => insert::run(arguments).await?,
        Measurement::Drain(arguments) => drain::run(arguments).await?,
        Measurement::Latency(arguments) => latency::run(arguments).await?,
        Measurement::Steady(arguments) => steady::run(arguments).await?,
        Measurement::Soak(arguments) => steady::soak(arguments).await?,
        Measurement::Idle(arguments) => idle::run(arguments).await?,
        Measurement::Node { order } => {
            node::run(serde_json::from_str(&order)?).await?;
            return Ok(true);
        }
    };
    let mut out = std::io::stdout().lock();
    match json {
        true => writeln!(out, "{}", report.json())?,
        false => write!(out, "{report}")?,
    }
    if let Some(wrong) = report.wrong() {
        writeln!(std::io::stderr(), "error: {wrong}")?;
    }
    Ok(report.wrong().is_none())
}

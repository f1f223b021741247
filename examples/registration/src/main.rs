//! A registration service with background jobs, on an SQLite file or on the PostgreSQL database that
//! is given: `cargo run -p registration -- postgres://localhost/kerrera_demo`.
//!
//! The program itself is the crate `kerrera-demo`; its `workers` are what to read first.

use std::io::Write as _;
use std::process::ExitCode;

use kerrera_demo::Options;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let database_url = std::env::args().nth(1);
    let report = kerrera_demo::run(Options { database_url, ..Options::default() }).await?;
    write!(std::io::stdout(), "{report}")?;
    Ok(if report.adds_up() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! The processes that the scenarios start, stop and kill.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a part of tests: it prints what they wait for"
)]

mod node;
mod producer;

use std::process::ExitCode;

use clap::Parser;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A process of the torture rig.
#[derive(Parser)]
enum Process {
    /// Runs jobs until it is told to stop, or killed.
    Node(node::Options),
    /// Inserts jobs until it is told to stop, or killed.
    Producer(producer::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| "kerrera=info".into()))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let ended = match Process::parse() {
        Process::Node(options) => node::run(options).await,
        Process::Producer(options) => producer::run(options).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

//! What the database itself can do, beside what Kerrera does with it, in one run.
//!
//! The same work is done by bare SQL, on the same tables (made by Kerrera's own migrations) with the
//! same indexes and the same durability, and by `kerrera bench`; in turns, so that both see the same
//! machine. Bare means: the cheapest statements that keep every row with its final state. No token, no
//! guard, no producer that is looked up, two elements in `attempted_by` as Oban has them; and of some
//! sizes of batches and numbers of connections those that turn out best.
//!
//! - `pair`: both sides in turns, and what came of them.
//! - `postgres`, `sqlite`: the bare side.
//! - `dashboard`: what its pages cost.
//! - `instructions`: what a job costs the node, counted instead of timed.
//! - `growth`: how cost grows with nodes, rows and queues. `page`: tables and plots for the
//!   documentation, from what the others printed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for developers, which talks to their terminal"
)]

mod crowd;
mod dashboard;
mod growth;
mod instructions;
mod page;
mod pair;
mod postgres;
mod sqlite;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use kerrera_bench::Where;

use dashboard::DashboardArguments;
use growth::GrowthArguments;
use instructions::{CountedArguments, InstructionsArguments};
use page::PageArguments;

/// What the database itself can do, beside what Kerrera does with it, in one run.
///
/// Build it with --release. The database must hold nothing but what these measurements leave there.
#[derive(Parser)]
#[command(max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Work a backlog of jobs that do nothing
    Drain {
        #[command(flatten)]
        pair: PairArguments,
        /// The queue's limit, on Kerrera's side
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        concurrency: u64,
    },
    /// Insert many jobs at once: with the rows given back, and on PostgreSQL by COPY as well
    Insert {
        #[command(flatten)]
        pair: PairArguments,
    },
    /// Insert jobs one by one; PostgreSQL only
    Single {
        #[command(flatten)]
        pair: PairArguments,
        /// How many tasks do so at once, each awaiting its own
        #[arg(long, value_name = "N", default_value_t = 1)]
        tasks: u64,
    },
    /// The time from an insertion to the start, beside a notification and a claim; PostgreSQL only
    Latency {
        #[command(flatten)]
        pair: PairArguments,
    },
    /// How cost grows: with nodes, waiting rows, finished rows and queues
    Growth(GrowthArguments),
    /// What the dashboard's pages cost on a table as it is after months; PostgreSQL only
    Dashboard(DashboardArguments),
    /// How many instructions a job costs the node, counted by valgrind
    Instructions(InstructionsArguments),
    /// The drain whose instructions are counted
    #[command(hide = true)]
    Counted(CountedArguments),
    /// Fill the tables and plots of docs/performance.md from files of JSON lines
    Page(PageArguments),
    /// What `kerrera bench` is
    #[command(hide = true)]
    Bench(Box<kerrera_bench::Arguments>),
}

#[derive(Args)]
struct PairArguments {
    #[command(flatten)]
    place: Where,
    /// How many jobs
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    jobs: u64,
    /// How often each side has its turn
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: u64,
    /// The bare side's batch, instead of the best of 500, 1,000, 2,000 and 5,000
    #[arg(long, value_name = "N")]
    batch: Option<u64>,
    /// The bare side's connections, instead of the best of 1, 2 and 4
    #[arg(long, value_name = "N")]
    connections: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Drain { pair, concurrency } => pair::drain(&pair, concurrency).await,
        Command::Insert { pair } => pair::insert(&pair).await,
        Command::Single { pair, tasks } => pair::single(&pair, tasks).await,
        Command::Latency { pair } => pair::latency(&pair).await,
        Command::Growth(arguments) => growth::run(&arguments).await,
        Command::Dashboard(arguments) => dashboard::run(&arguments).await,
        Command::Instructions(arguments) => instructions::run(&arguments).await,
        Command::Counted(arguments) => instructions::drain(&arguments).await,
        Command::Page(arguments) => page::run(&arguments),
        Command::Bench(arguments) => match kerrera_bench::run(*arguments).await? {
            true => Ok(()),
            false => anyhow::bail!("not every job finished once"),
        },
    }
}

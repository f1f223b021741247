//! What can be typed.

use clap::{Args, Subcommand, ValueEnum};

/// Measures how fast jobs are inserted, worked and started on a database of yours.
///
/// The database is migrated and filled, and the benchmark's own jobs of earlier runs are deleted: use one
/// that holds nothing else. It is refused if it holds jobs that are not the benchmark's. Nodes are
/// processes of this program, connected and ready before the clock starts. In the end the database is
/// asked whether every job finished exactly once; if not, the exit status is 1.
///
/// Figures belong to a machine and an hour: compare only what ran side by side.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    pub(crate) measurement: Measurement,
}

const EXAMPLES: &str = "\
Examples:
  createdb bench && kerrera bench drain --database-url postgres://localhost/bench
  kerrera bench drain --database-url sqlite:/tmp/bench.db --jobs 50000 --concurrency 100
  kerrera bench insert bulk --database-url postgres://localhost/bench --json
  kerrera bench steady --rate 5000 --seconds 60 --database-url postgres://localhost/bench

Exit status: 0 when every job finished exactly once, 1 when not, 2 when what was typed makes no sense.";

impl Arguments {
    pub(crate) fn json(&self) -> bool {
        self.place().is_some_and(|place| place.json)
    }

    /// The database that was typed, for a warning of passwords.
    pub fn database_url(&self) -> Option<&str> {
        self.place().map(|place| &*place.database_url)
    }

    fn place(&self) -> Option<&Where> {
        Some(match &self.measurement {
            Measurement::Insert(arguments) => &arguments.place,
            Measurement::Drain(arguments) => &arguments.place,
            Measurement::Latency(arguments) => &arguments.place,
            Measurement::Steady(arguments) => &arguments.place,
            Measurement::Soak(arguments) => &arguments.steady.place,
            Measurement::Idle(arguments) => &arguments.place,
            Measurement::Node { .. } => return None,
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Measurement {
    /// Insert jobs that nobody works
    ///
    /// Measured from the word to begin, which connected clients wait for, until the last insertion has
    /// returned, and with it is committed.
    Insert(InsertArguments),
    /// Work a backlog of jobs that do nothing
    ///
    /// The backlog is filled by SQL, vacuumed and checkpointed. Measured from the word to begin, which
    /// nodes with paused queues wait for, so before the first claim, until the database shows no job
    /// that has not ended, so after the last ack is durable.
    Drain(DrainArguments),
    /// Insert one job after the other, and see when each starts; nothing else is done meanwhile
    ///
    /// Measured from before the insertion is called to the first line of the worker, in one process,
    /// which both inserts and works.
    Latency(LatencyArguments),
    /// Insert at a fixed rate and work at once
    ///
    /// A start is measured from before the insertion is called, by the machine's clock, to the first
    /// line of the worker in a node's process.
    Steady(SteadyArguments),
    /// As steady, for long: what grows? Finished jobs are pruned meanwhile
    Soak(SoakArguments),
    /// Do nothing, with many queues
    Idle(IdleArguments),
    /// One node; the others start it
    #[command(hide = true)]
    Node { order: String },
}

/// Which database, and what is there before the measurement begins.
#[derive(Args, Clone, Debug)]
pub struct Where {
    /// A database of its own for this: postgres://user@host/database, sqlite:bench.db
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// Finished jobs that are in the table already
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub retained: u64,
    /// Change a setting by its name in docs/configuration.md, as in tuning.claim_batch=500; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// Measure although the database holds jobs that are not the benchmark's; they are left alone
    #[arg(long)]
    pub beside_other_jobs: bool,
    /// Print one JSON object, on the last line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct InsertArguments {
    /// How
    #[arg(value_enum)]
    pub(crate) form: Form,
    #[command(flatten)]
    pub(crate) place: Where,
    /// How many jobs
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = at_least_one())]
    pub(crate) jobs: u64,
    /// How many processes insert
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = nodes())]
    pub(crate) nodes: u64,
    /// How many tasks of each process insert at once [default: 1 single, 32 concurrent, 2 bulk and stream]
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub(crate) tasks: Option<u64>,
    /// How many jobs one call inserts, in bulk
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = at_least_one())]
    pub(crate) batch: u64,
    /// How often; the median counts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one())]
    pub(crate) rounds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// One task, which awaits each insertion
    Single,
    /// Many tasks, each of which awaits its insertions one by one
    Concurrent,
    /// insert_all, which gives the rows back
    Bulk,
    /// insert_bulk, which takes an iterator and gives a count back; by COPY on PostgreSQL
    Stream,
}

#[derive(Args, Debug)]
pub(crate) struct DrainArguments {
    #[command(flatten)]
    pub(crate) place: Where,
    /// How many jobs
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = at_least_one())]
    pub(crate) jobs: u64,
    /// How many jobs of a queue a node runs at once: the queue's limit
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = limit())]
    pub(crate) concurrency: u64,
    /// How many nodes, each a process
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = nodes())]
    pub(crate) nodes: u64,
    /// Over how many queues the jobs are spread
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = queues())]
    pub(crate) queues: u64,
    /// How many jobs of a lower priority wait behind them all the while
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) waiting: u64,
    /// How many jobs of a worker that no node knows stand in front of them
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) unknown: u64,
    /// How often; the median counts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one())]
    pub(crate) rounds: u64,
}

#[derive(Args, Debug)]
pub(crate) struct LatencyArguments {
    #[command(flatten)]
    pub(crate) place: Where,
    /// How many jobs, 10 to 33 ms apart
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = at_least_one())]
    pub(crate) jobs: u64,
    /// The queue's limit
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = limit())]
    pub(crate) concurrency: u64,
    /// Through what they are inserted
    #[arg(long, value_enum, default_value_t = From::Engine)]
    pub(crate) from: From,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// The engine that works them
    Engine,
    /// A connection that the engine knows nothing of; on PostgreSQL as Oban's other clients do it
    Connection,
}

#[derive(Args, Debug)]
pub(crate) struct SteadyArguments {
    #[command(flatten)]
    pub(crate) place: Where,
    /// How many jobs a second
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = at_least_one())]
    pub(crate) rate: u64,
    /// For how many seconds
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = at_least_one())]
    pub(crate) seconds: u64,
    /// How many jobs one call inserts; 1 for a call of its own for each
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one())]
    pub(crate) batch: u64,
    /// How many jobs of the queue a node runs at once: the queue's limit
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    pub(crate) concurrency: u64,
    /// How many nodes, each a process; another process inserts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = nodes())]
    pub(crate) nodes: u64,
}

#[derive(Args, Debug)]
pub(crate) struct SoakArguments {
    #[command(flatten)]
    pub(crate) steady: SteadyArguments,
    /// How many seconds finished jobs are kept; those that are pruned cannot be looked at in the end
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = at_least_one())]
    pub(crate) keep: u64,
    /// How many seconds lie between two looks at what has grown
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one())]
    pub(crate) every: u64,
}

#[derive(Args, Debug)]
pub(crate) struct IdleArguments {
    #[command(flatten)]
    pub(crate) place: Where,
    /// How many queues each node works
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = queues())]
    pub(crate) queues: u64,
    /// How many nodes, each a process
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = nodes())]
    pub(crate) nodes: u64,
    /// For how many seconds
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = at_least_one())]
    pub(crate) seconds: u64,
}

fn at_least_one() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..)
}

fn limit() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=i32::MAX as u64)
}

fn nodes() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=64)
}

fn queues() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=10_000)
}

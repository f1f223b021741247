//! What can be typed.

pub(crate) mod jobs;
pub(crate) mod web;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use kerrera::Timestamp;

use jobs::JobsArguments;
use web::WebArguments;

/// Background jobs in SQLite and PostgreSQL: what Oban is for Elixir.
#[derive(Debug, Parser)]
#[command(name = "kerrera", version, max_term_width = 100, after_help = STATUSES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const STATUSES: &str = "\
Exit status: 0 all is well, 1 something failed, 2 what was typed makes no sense, 130 ended by a
signal. RUST_LOG decides what is logged, for example RUST_LOG=kerrera=debug.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Bench(Box<kerrera_bench::Arguments>),
    Cron(CronArguments),
    Demo(DemoArguments),
    Migrate(MigrateArguments),
    Queues(QueuesArguments),
    Jobs(Box<JobsArguments>),
    Web(Box<WebArguments>),
}

/// Which database, for commands that look into one or change it; what is typed goes before DATABASE_URL and the variables KERRERA_*, and those
/// before the file.
#[derive(Args, Debug)]
pub(crate) struct DatabaseArguments {
    /// The database: postgres://user@host/database, sqlite:jobs.db
    ///
    /// What it leaves out is taken from the PG* variables. Leave a password to PGPASSWORD, or put
    /// the URL into DATABASE_URL: what is typed here can be seen by other users.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// The schema of the tables, on PostgreSQL [default: public]
    #[arg(long, value_name = "NAME")]
    pub(crate) schema: Option<String>,
    /// A TOML file with the settings of the program that uses the database
    ///
    /// DATABASE_URL and the variables KERRERA_* go before it, and what is typed before those.
    #[arg(long, value_name = "FILE", env = "KERRERA_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// Shows how queues are worked, and pauses, resumes or scales them while nodes run.
///
/// An order is written to the database. Nodes follow it at once, or within a second where they are not
/// told of it, and after a restart as well. The newest order for a queue and a node decides.
#[derive(Args, Debug)]
#[command(after_help = QUEUES_EXAMPLES)]
pub(crate) struct QueuesArguments {
    #[command(subcommand)]
    pub(crate) command: QueuesCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueuesCommand {
    /// Shows which nodes work which queues, and what has been ordered
    List {
        #[command(flatten)]
        database: DatabaseArguments,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Claims no more jobs; what runs goes on
    Pause {
        #[command(flatten)]
        target: QueueTarget,
        /// For how long, as in 90s, 10m, 2h 30m; else until it is resumed
        #[arg(long = "for", value_name = "TIME", value_parser = span)]
        span: Option<Duration>,
        /// Until when, as in 2026-11-22T12:00:00Z, by the database's clock
        #[arg(long, value_name = "TIME", conflicts_with = "span")]
        until: Option<Timestamp>,
    },
    /// Claims jobs again
    Resume {
        #[command(flatten)]
        target: QueueTarget,
    },
    /// Runs at most so many jobs at once on each node
    Scale {
        #[command(flatten)]
        target: QueueTarget,
        /// How many
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
        limit: u32,
    },
    /// Forgets what was ordered, so that what nodes are configured with holds again
    Reset {
        #[command(flatten)]
        target: QueueTarget,
    },
}

/// Which queue, where, and who says so.
#[derive(Args, Debug)]
pub(crate) struct QueueTarget {
    /// The queue
    #[arg(value_name = "QUEUE", required_unless_present = "all")]
    pub(crate) queue: Option<String>,
    /// All queues
    #[arg(long, conflicts_with = "queue")]
    pub(crate) all: bool,
    /// On this node only
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
    /// Why, for those who look later
    #[arg(long, value_name = "WORDS")]
    pub(crate) reason: Option<String>,
    /// Who says so; by default the user of this machine
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    pub(crate) by: Option<String>,
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const QUEUES_EXAMPLES: &str = "\
Examples:
  kerrera queues list --database-url postgres://app@db.internal/app
  kerrera queues pause mailers --reason \"the mail server is down\" --for 30m
  kerrera queues resume --all
  kerrera queues scale reports --limit 2 --node web-1

The database can be given as DATABASE_URL.";

fn span(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(span).map_err(|_| "it lies in the past".to_owned())
}

/// Runs a small registration service with real jobs, and shows what becomes of them.
///
/// Visitors sign up over HTTP; each sign-up stores a user and enqueues jobs in one transaction. The
/// jobs send mail over SMTP, import a file of airports and write reports. Some fail on purpose, so
/// that retries, snoozes, cancels and discards happen. Meanwhile the dashboard is served on this
/// machine, for everybody on it: its address is the first thing that is told. In the end the numbers of the database, the
/// mail server and the visitors are held against each other.
///
/// Without --database-url the jobs are in a new SQLite file, which is left to be looked at. With
/// PostgreSQL, the database is migrated, the jobs are in its default schema, and the program's own
/// tables in the schema kerrera_demo; the next run removes both. A database with jobs of other
/// programs is refused.
#[derive(Args, Debug)]
#[command(after_help = DEMO_EXAMPLES)]
pub(crate) struct DemoArguments {
    /// Where the jobs are to be: sqlite:demo.db, postgres://user@host/database
    ///
    /// Leave a password to PGPASSWORD: what is typed here can be seen by other users.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// How many visitors sign up
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) users: u32,
    /// How many seconds it may take
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) seconds: u32,
    /// What decides who signs up and what fails
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(crate) seed: u64,
    /// Do not serve the dashboard
    #[arg(long)]
    pub(crate) no_web: bool,
    /// Go on at the end, with the dashboard open, until Ctrl-C
    #[arg(long, conflicts_with = "no_web")]
    pub(crate) stay: bool,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  kerrera demo
  kerrera demo --users 1000 --seed 42
  kerrera demo --stay
  kerrera demo --database-url sqlite:demo.db
  createdb kerrera_demo && kerrera demo --database-url postgres://localhost/kerrera_demo

Exit status: 0 when every job that was expected has ended and the numbers add up, 1 when not, 2 when
what was typed makes no sense, 130 when a signal ended it.";

/// Brings a database to the shape that this version needs.
///
/// An SQLite file is brought there whenever it is opened, and has nothing to go back to. Of
/// PostgreSQL nothing is changed that Oban for Elixir or Python relies on.
#[derive(Args, Debug)]
#[command(after_help = MIGRATE_EXAMPLES)]
pub(crate) struct MigrateArguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Print the SQL that would be run, and run nothing
    #[arg(long, conflicts_with = "down")]
    pub(crate) plan: bool,
    /// Stop at this migration, instead of the newest
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u32>,
    /// Take migrations back down to this one; 0 takes back all, and removes the jobs
    #[arg(long, value_name = "N", conflicts_with = "to")]
    pub(crate) down: Option<u32>,
    /// Really take migrations back
    #[arg(long, requires = "down")]
    pub(crate) yes: bool,
}

const MIGRATE_EXAMPLES: &str = "\
Examples:
  kerrera migrate --database-url postgres://app@db.internal/app --plan
  DATABASE_URL=postgres://app@db.internal/app kerrera migrate
  kerrera migrate --config kerrera.toml
  kerrera migrate --database-url postgres://localhost/app --down 0 --yes

Exit status: 0 when the database is as it should be, 1 when not, 2 when what was typed makes no
sense.";

/// Shows and manages the jobs that are inserted at times of the clock.
///
/// Programs bring the entries; here they are listed, paused, resumed, run now and removed. Running
/// nodes notice within a minute.
#[derive(Args, Debug)]
#[command(after_help = CRON_EXAMPLES)]
pub(crate) struct CronArguments {
    #[command(subcommand)]
    pub(crate) action: CronAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CronAction {
    /// List the entries, and when they come next
    List {
        #[command(flatten)]
        database: DatabaseArguments,
    },
    /// Fire an entry no more, on any node, until it is resumed
    Pause {
        /// The entry's name
        name: String,
        #[command(flatten)]
        database: DatabaseArguments,
    },
    /// Let a paused entry go on; what it missed is not made up for
    Resume {
        /// The entry's name
        name: String,
        #[command(flatten)]
        database: DatabaseArguments,
    },
    /// Insert an entry's job now, paused or not
    Run {
        /// The entry's name
        name: String,
        #[command(flatten)]
        database: DatabaseArguments,
    },
    /// Remove an entry that no program brings any more, and its history; its jobs stay
    Remove {
        /// The entry's name
        name: String,
        #[command(flatten)]
        database: DatabaseArguments,
    },
}

const CRON_EXAMPLES: &str = "\
Examples:
  kerrera cron list --database-url sqlite:jobs.db
  DATABASE_URL=postgres://app@db.internal/app kerrera cron pause 'daily report'
  kerrera cron run 'daily report' --database-url postgres://localhost/app

Exit status: 0 when it is done, 1 when not, 2 when what was typed makes no sense.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_contradict_nothing() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("2h 30m", 9_000), ("1 hour", 3_600)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "soon", "-1h", "10"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_program() {
        let Command::Demo(demo) = Arguments::parse_from(["kerrera", "demo"]).command else {
            panic!("another command");
        };
        let options = kerrera_demo::Options::default();
        assert_eq!((demo.users, demo.seed), (options.users, options.seed));
        assert_eq!(u64::from(demo.seconds), options.limit.as_secs());
        assert_eq!((!demo.no_web, demo.stay), (options.web, options.stay));
    }
}

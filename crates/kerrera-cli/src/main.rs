//! The program `kerrera`.
//!
//! - `arguments`: what can be typed.
//! - `commands`: what is done, one file a command.
//! - `database`: how a command comes to its database.
//! - `failure`: what is told when it fails. `log`: what is logged.
//! - `settings`: which database.
//! - `password`: a warning of passwords that others can see.
//!
//! Its exit statuses are fixed: 0 when all is well, 1 when something failed, 2 when what was typed
//! makes no sense, 130 when a signal ended it.

mod arguments;
mod commands;
mod database;
mod failure;
mod log;
mod password;
mod settings;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log::start();
    match run(arguments) {
        Ok(status) => status,
        // Who has closed the output has seen enough.
        Err(error) if failure::is_broken_pipe(&error) => ExitCode::SUCCESS,
        // What was typed makes no sense, as only the settings showed.
        Err(error) if error.is::<clap::Error>() => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(2)
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {}", failure::told(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Bench(arguments) => commands::bench::run(*arguments).await,
            Command::Cron(arguments) => commands::cron::run(arguments).await,
            Command::Demo(arguments) => commands::demo::run(arguments).await,
            Command::Migrate(arguments) => commands::migrate::run(arguments).await,
            Command::Queues(arguments) => commands::queues::run(arguments).await,
            Command::Jobs(arguments) => commands::jobs::run(*arguments).await,
            Command::Web(arguments) => commands::web::run(*arguments).await,
        }
    })
}

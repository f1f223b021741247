//! `kerrera demo`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use kerrera_demo::{Ending, Options};

use crate::arguments::DemoArguments;
use crate::{log, password};

pub(crate) async fn run(arguments: DemoArguments) -> anyhow::Result<ExitCode> {
    let DemoArguments { database_url, users, seconds, seed, no_web, stay } = arguments;
    if let Some(url) = &database_url {
        password::warn_of(url);
    }
    let limit = Duration::from_secs(seconds.into());
    // Log lines and bars would write over each other.
    let plain = log::is_wanted();
    let options = Options { database_url, users, limit, seed, web: !no_web, stay, plain };
    let mut report = kerrera_demo::run(options).await?;
    write!(std::io::stdout(), "{report}")?;
    if let Some(url) = report.dashboard() {
        writeln!(std::io::stdout(), "The dashboard is open until Ctrl-C: {url}")?;
    }
    report.stay().await?;
    Ok(match report.ending() {
        Ending::Interrupted => ExitCode::from(130),
        _ if report.adds_up() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

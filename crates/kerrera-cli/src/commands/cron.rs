//! `kerrera cron`.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::bail;
use kerrera::Timestamp;
use kerrera_web::service::{CronStatus, CrontabStatus, Error, InsertedJob, Service};

use crate::arguments::{CronAction, CronArguments};
use crate::database::Instance;

/// How many of the next times are listed.
const NEXT: usize = 3;

pub(crate) async fn run(CronArguments { action }: CronArguments) -> anyhow::Result<ExitCode> {
    let mut output = io::stdout();
    match action {
        CronAction::List { database } => {
            let Instance { service, place } = Instance::of(&database, None).await?;
            write!(output, "{place}\n{}", listed(&service.crontab().await?))?;
        }
        CronAction::Pause { name, database } => {
            let Instance { service, .. } = Instance::of(&database, None).await?;
            found(service.pause_cron(&name, true).await, &service, &name).await?;
            writeln!(output, "paused {name}")?;
        }
        CronAction::Resume { name, database } => {
            let Instance { service, .. } = Instance::of(&database, None).await?;
            found(service.pause_cron(&name, false).await, &service, &name).await?;
            writeln!(output, "resumed {name}")?;
        }
        CronAction::Run { name, database } => {
            let Instance { service, .. } = Instance::of(&database, None).await?;
            match found(service.run_cron(&name).await, &service, &name).await? {
                InsertedJob::New(id) => writeln!(output, "inserted job {id}")?,
                InsertedJob::Existing(id) => {
                    writeln!(
                        output,
                        "inserted nothing: job {id} is there, which counts as the same"
                    )?;
                }
            }
        }
        CronAction::Remove { name, database } => {
            let Instance { service, .. } = Instance::of(&database, None).await?;
            found(service.remove_cron(&name).await, &service, &name).await?;
            writeln!(output, "removed {name}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What became of something that was done to an entry; says which there are, if there is no such one.
async fn found<T>(done: Result<T, Error>, service: &Service, name: &str) -> anyhow::Result<T> {
    match done {
        Err(Error::NotFound) => {}
        done => return Ok(done?),
    }
    let CrontabStatus { crons, unreadable, .. } = service.crontab().await?;
    let names = crons.into_iter().map(|cron| cron.name);
    let names = names.chain(unreadable.into_iter().map(|(name, _)| name));
    let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
    if names.is_empty() {
        bail!("there are no cron entries: a program that has some writes them when it starts");
    }
    bail!("there is no cron entry named {name:?}: there are {}", names.join(", "));
}

fn listed(crontab: &CrontabStatus) -> String {
    let mut text = String::new();
    for cron in &crontab.crons {
        let _ = writeln!(text, "{}", told(cron, crontab.now));
    }
    for (name, error) in &crontab.unreadable {
        let _ = writeln!(text, "  {name}\n    {error}");
    }
    if text.is_empty() {
        text.push_str("  no entries: a program that has some writes them when it starts\n");
    }
    text
}

fn told(cron: &CronStatus, now: Timestamp) -> String {
    let CronStatus { name, expression, timezone, worker, queue, misfire, overlap, .. } = cron;
    let mut text = format!(
        "  {name}\n    {expression} in {timezone}: {worker} in the queue {queue}; misfire {misfire}, \
         overlap {overlap}"
    );
    if let Some((slot, node)) = &cron.last {
        let _ = write!(text, "\n    last {} by {node}", minute(*slot));
    }
    if let Some((job, state)) = &cron.last_job {
        let state = state.map_or_else(|| "removed since".to_owned(), |state| state.to_string());
        let _ = write!(text, "\n    last job {job}, {state}");
    }
    let next: Vec<String> = cron.next_times(now, NEXT).times.into_iter().map(minute).collect();
    let next = match next.as_slice() {
        _ if cron.is_paused => "paused".to_owned(),
        [] if expression.is_reboot() => "when a node starts and no other is alive".to_owned(),
        [] => "never".to_owned(),
        next => format!("next {}", next.join(", ")),
    };
    let _ = write!(text, "\n    {next}");
    text
}

/// A slot without its seconds, of which it has none.
fn minute(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{}Z", text.get(..16).unwrap_or(&text))
}

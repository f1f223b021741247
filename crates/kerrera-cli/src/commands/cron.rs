//! `kerrera cron`.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use kerrera::{Crontab, StoredCron, Timestamp};

use crate::arguments::{CronAction, CronArguments};
use crate::database::{connect, connect_to_act};

/// How many of the next times are listed.
const NEXT: usize = 3;

pub(crate) async fn run(CronArguments { action }: CronArguments) -> anyhow::Result<ExitCode> {
    let mut output = io::stdout();
    match action {
        CronAction::List { database } => {
            let client = connect(&database).await?;
            write!(output, "{}\n{}", client.location(), listed(&client.crons().await?))?;
        }
        CronAction::Pause { name, database } => {
            connect_to_act(&database).await?.pause_cron(&name).await?;
            writeln!(output, "paused {name}")?;
        }
        CronAction::Resume { name, database } => {
            connect_to_act(&database).await?.resume_cron(&name).await?;
            writeln!(output, "resumed {name}")?;
        }
        CronAction::Run { name, database } => {
            let job = connect_to_act(&database).await?.run_cron(&name).await?.into_job();
            writeln!(output, "inserted job {} into the queue {}", job.id, job.queue)?;
        }
        CronAction::Remove { name, database } => {
            connect_to_act(&database).await?.remove_cron(&name).await?;
            writeln!(output, "removed {name}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(crontab: &Crontab) -> String {
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

fn told(StoredCron { entry, position, last_job, .. }: &StoredCron, now: Timestamp) -> String {
    let mut text = format!(
        "  {}\n    {} in {}: {} in the queue {}; misfire {}, overlap {}",
        entry.name,
        entry.expression,
        entry.timezone,
        entry.job.worker,
        entry.job.queue,
        entry.misfire,
        entry.overlap,
    );
    if let Some((slot, node)) = &position.last {
        let _ = write!(text, "\n    last {} by {node}", minute(*slot));
    }
    if let Some(job) = last_job {
        let _ = write!(text, "\n    last job {job}");
    }
    let next: Vec<String> = entry.next_times(now, NEXT).into_iter().map(minute).collect();
    let next = match next.as_slice() {
        _ if position.paused => "paused".to_owned(),
        [] if entry.expression.is_reboot() => "when a node starts and no other is alive".to_owned(),
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

//! `kerrera jobs`.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::bail;
use clap::CommandFactory as _;
use clap::error::ErrorKind;
use kerrera::audit::AuditEntry;
use kerrera::{Affected, Client, Job, JobId, JobQuery, State};
use kerrera_core::storage::Operation;
use serde_json::{Map, Value, json};

use crate::arguments::Arguments;
use crate::arguments::jobs::{
    Access, JobsArguments, JobsCommand, ListArguments, ManageArguments, ShowArguments,
};
use crate::database::{connect, operator};

pub(crate) async fn run(arguments: JobsArguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        JobsCommand::List(arguments) => list(arguments).await,
        JobsCommand::Show(arguments) => show(arguments).await,
        JobsCommand::Cancel(arguments) => manage(Operation::Cancel, arguments).await,
        JobsCommand::Retry(arguments) => manage(Operation::Retry, arguments).await,
        JobsCommand::Discard(arguments) => manage(Operation::Discard, arguments).await,
        JobsCommand::Delete(arguments) => manage(Operation::Delete, arguments).await,
    }
}

async fn list(arguments: ListArguments) -> anyhow::Result<ExitCode> {
    let ListArguments { text, access, filter, limit, order, after } = arguments;
    let mut query = filter.with(text).query(Vec::new()).order(order.into()).limit(limit);
    if let Some(place) = after {
        query = query.after(place);
    }
    check(&query);
    let client = connect(&access.database).await?;
    let jobs = client.jobs(query.clone()).await?;
    let next = jobs.last().filter(|_| jobs.len() == limit as usize);
    let next = next.map(|last| query.place_of(last).to_string());
    let mut output = io::stdout();
    if access.json {
        writeln!(output, "{}", json!({"jobs": jobs, "next": next}))?;
    } else {
        write!(output, "{}", table(&jobs))?;
        if let Some(next) = next {
            writeln!(io::stderr(), "there may be more: --after {next}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(arguments: ShowArguments) -> anyhow::Result<ExitCode> {
    let ShowArguments { id, access } = arguments;
    let client = connect(&access.database).await?;
    let Some(job) = client.job(id).await? else {
        bail!("there is no job {id} in {}", client.location());
    };
    let mut output = io::stdout();
    if access.json {
        writeln!(output, "{}", serde_json::to_string(&job)?)?;
    } else {
        write!(output, "{}", portrait(&job))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn manage(operation: Operation, arguments: ManageArguments) -> anyhow::Result<ExitCode> {
    let ManageArguments { ids, access, filter, all, limit, reason, dry_run, yes } = arguments;
    let mut named = ids.clone();
    named.sort_unstable();
    named.dedup();
    let mut query = filter.query(ids);
    match (query.is_everything(), all) {
        (true, false) => nonsense("name jobs by their numbers or by what they are, or say --all"),
        (false, true) => nonsense("--all means every job: leave it out, or all else"),
        _ => {}
    }
    if let Some(limit) = limit {
        query = query.limit(limit);
    }
    check(&query);
    let client = connect(&access.database).await?;
    let Words { verb, done, .. } = words(operation);
    let asks = !yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    if dry_run || asks {
        let counts = counts(&client, operation, &query).await?;
        let count: u64 = counts.iter().map(|(_, count)| count).sum();
        let count = limit.map_or(count, |limit| count.min(limit.into()));
        if dry_run {
            tell(&access, operation, true, count, &counts, &[])?;
            return Ok(ExitCode::SUCCESS);
        }
        if count > 1 && !confirmed(&client, verb, count, &counts)? {
            bail!("nothing was {done}: nobody confirmed it");
        }
    }
    let mut entry = AuditEntry::by(operator());
    if let Some(reason) = reason {
        entry = entry.reason(reason);
    }
    let client = client.audited(entry);
    let affected = match operation {
        Operation::Cancel => client.cancel_jobs(query).await?,
        Operation::Retry => client.retry_jobs(query).await?,
        Operation::Discard => client.discard_jobs(query).await?,
        Operation::Delete => client.delete_jobs(query).await?,
    };
    let left = left_alone(&named, &affected);
    let left = if limit.is_some() { Vec::new() } else { left };
    let states = State::ALL.map(|state| (state, affected.count_of(state) as u64));
    let states: Vec<_> = states.into_iter().filter(|(_, count)| *count > 0).collect();
    tell(&access, operation, false, affected.count() as u64, &states, &left)?;
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How what is done to jobs is called.
struct Words {
    verb: &'static str,
    done: &'static str,
    /// Why it was not done to a job.
    unless: &'static str,
}

fn words(operation: Operation) -> Words {
    match operation {
        Operation::Cancel => {
            Words { verb: "cancel", done: "cancelled", unless: "there is none, or it has ended" }
        }
        Operation::Retry => Words {
            verb: "retry",
            done: "made available",
            unless: "there is none, or it is available or runs",
        },
        Operation::Discard => Words {
            verb: "discard",
            done: "discarded",
            unless: "there is none, it runs, or it has ended",
        },
        Operation::Delete => {
            Words { verb: "delete", done: "deleted", unless: "there is none, or it runs" }
        }
    }
}

/// How many jobs would be touched, by the states that they are in.
async fn counts(
    client: &Client,
    operation: Operation,
    query: &JobQuery,
) -> anyhow::Result<Vec<(State, u64)>> {
    let mut counts = Vec::new();
    for state in State::ALL.into_iter().filter(|state| operation.applies_to(*state)) {
        let count = client.count_jobs(query.clone().states([state])).await?;
        if count > 0 {
            counts.push((state, count));
        }
    }
    Ok(counts)
}

fn confirmed(
    client: &Client,
    verb: &str,
    count: u64,
    states: &[(State, u64)],
) -> anyhow::Result<bool> {
    let (jobs, place) = (jobs(count, states), client.location());
    write!(io::stderr(), "{verb} {jobs} in {place}? [y/N] ")?;
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn tell(
    access: &Access,
    operation: Operation,
    dry_run: bool,
    count: u64,
    states: &[(State, u64)],
    left: &[JobId],
) -> anyhow::Result<()> {
    let Words { verb, done, unless } = words(operation);
    let mut output = io::stdout();
    if access.json {
        let states: Map<String, Value> =
            states.iter().map(|(state, count)| (state.to_string(), json!(count))).collect();
        let told = json!({
            "operation": verb, "dry_run": dry_run, "count": count, "states": states,
            "left_alone": left,
        });
        writeln!(output, "{told}")?;
        return Ok(());
    }
    let would = if dry_run { "would be " } else { "" };
    writeln!(output, "{would}{done}: {}", jobs(count, states))?;
    for id in left {
        writeln!(io::stderr(), "job {id} was not {done}: {unless}")?;
    }
    Ok(())
}

/// `3 jobs (1 scheduled, 2 executing)`
fn jobs(count: u64, states: &[(State, u64)]) -> String {
    let mut text = format!("{count} job{}", if count == 1 { "" } else { "s" });
    if !states.is_empty() {
        let parts: Vec<String> =
            states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let _ = write!(text, " ({})", parts.join(", "));
    }
    text
}

/// Those that were named and not touched.
fn left_alone(named: &[JobId], affected: &Affected) -> Vec<JobId> {
    let touched: std::collections::BTreeSet<JobId> = affected.ids().collect();
    named.iter().copied().filter(|id| !touched.contains(id)).collect()
}

/// Ends the program over a query that nobody can mean.
fn check(query: &JobQuery) {
    if let Err(error) = query.clone().validate() {
        nonsense(&error.to_string());
    }
}

fn nonsense(what: &str) -> ! {
    Arguments::command().error(ErrorKind::ValueValidation, what).exit()
}

/// A line a job.
fn table(jobs: &[Job]) -> String {
    let head = ["NUMBER", "STATE", "QUEUE", "WORKER", "ATTEMPT", "PRIORITY", "SCHEDULED"];
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(jobs.iter().map(|job| {
        [
            job.id.to_string(),
            job.state.to_string(),
            safe(&job.queue),
            safe(&job.worker),
            format!("{}/{}", job.attempt, job.max_attempts),
            job.priority.to_string(),
            job.scheduled_at.to_string(),
        ]
    }));
    let width = |column: usize| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        let cells: Vec<String> = cells.collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// All of a job, for people.
fn portrait(job: &Job) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<13} {value}");
    };
    line("number", job.id.to_string());
    line("state", job.state.to_string());
    line("queue", safe(&job.queue));
    line("worker", safe(&job.worker));
    line("attempt", format!("{} of {}", job.attempt, job.max_attempts));
    line("priority", job.priority.to_string());
    if !job.tags.is_empty() {
        line("tags", safe(&job.tags.join(", ")));
    }
    if let Some(progress) = job.progress() {
        let note = safe(&progress.note);
        line("progress", format!("{} of {} {note}", progress.done, progress.total));
    }
    line("args", safe(job.args.as_str()));
    line("meta", safe(job.meta.as_str()));
    for time in kerrera::JobTime::ALL {
        if let Some(at) = time.of(job) {
            line(time.column().trim_end_matches("_at"), at.to_string());
        }
    }
    if let [node, ..] = &job.attempted_by[..] {
        line("last on", safe(node));
    }
    for error in &job.errors {
        let at = error.at.map(|at| format!(" at {at}")).unwrap_or_default();
        let _ = writeln!(text, "\nattempt {} failed{at}\n  {}", error.attempt, {
            kerrera_core::failure::sanitise(&error.error).replace('\n', "\n  ")
        });
    }
    text
}

/// One line that no terminal obeys.
fn safe(text: &str) -> String {
    kerrera_core::failure::sanitise(text).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_cells_and_obeys_no_terminal() {
        let mut job = Job::blank(2_147_483_649);
        job.queue = "a\u{1b}[31m\nb".to_owned();
        job.worker = "W".to_owned();
        let text = table(&[job.clone()]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[1].starts_with("2147483649  available  a\u{fffd}[31m b  W       0/0"));
        assert!(!portrait(&job).contains('\u{1b}'));
    }

    #[test]
    fn counts_are_told_in_words() {
        assert_eq!(jobs(0, &[]), "0 jobs");
        let states = [(State::Scheduled, 1), (State::Executing, 2)];
        assert_eq!(jobs(3, &states), "3 jobs (1 scheduled, 2 executing)");
    }
}

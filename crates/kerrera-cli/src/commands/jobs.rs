//! `kerrera jobs`.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::bail;
use clap::CommandFactory as _;
use clap::error::ErrorKind;
use kerrera::{Affected, BulkAction, Job, JobId, JobQuery, State};
use kerrera_web::service::{Error, Service};
use serde_json::{Map, Value, json};

use crate::arguments::Arguments;
use crate::arguments::jobs::{
    Access, JobsArguments, JobsCommand, ListArguments, ManageArguments, ShowArguments,
};
use crate::database::Instance;

pub(crate) async fn run(arguments: JobsArguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        JobsCommand::List(arguments) => list(arguments).await,
        JobsCommand::Show(arguments) => show(arguments).await,
        JobsCommand::Cancel(arguments) => manage(BulkAction::Cancel, arguments).await,
        JobsCommand::Retry(arguments) => manage(BulkAction::Retry, arguments).await,
        JobsCommand::Discard(arguments) => manage(BulkAction::Discard, arguments).await,
        JobsCommand::Delete(arguments) => manage(BulkAction::Delete, arguments).await,
    }
}

async fn list(arguments: ListArguments) -> anyhow::Result<ExitCode> {
    let ListArguments { text, access, filter, limit, order, after, reveal } = arguments;
    let mut query = filter.with(text).query(Vec::new()).order(order.into()).limit(limit);
    if let Some(place) = after {
        query = query.after(place);
    }
    check(&query);
    let Instance { service, .. } = Instance::of(&access.database, None).await?;
    let jobs = if reveal {
        let jobs = service.reveal_jobs(query.clone()).await?;
        jobs.into_iter().map(|job| (job, false)).collect()
    } else {
        service.find_jobs(query.clone()).await?
    };
    let next = jobs.last().filter(|_| jobs.len() == limit as usize);
    let next = next.map(|(last, _)| query.place_of(last).to_string());
    let mut output = io::stdout();
    if access.json {
        let jobs: Vec<Value> = jobs.iter().map(|(job, hidden)| as_json(job, *hidden)).collect();
        writeln!(output, "{}", json!({"jobs": jobs, "next": next}))?;
    } else {
        write!(output, "{}", table(jobs.iter().map(|(job, _)| job)))?;
        if let Some(next) = next {
            writeln!(io::stderr(), "there may be more: --after {next}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(arguments: ShowArguments) -> anyhow::Result<ExitCode> {
    let ShowArguments { id, access, reveal } = arguments;
    let Instance { service, place } = Instance::of(&access.database, None).await?;
    let found = match reveal {
        true => service.reveal_job(id).await.map(|job| (job, false)),
        false => service.job(id).await.map(|view| (view.job, view.is_redacted)),
    };
    let (job, is_redacted) = match found {
        Err(Error::NotFound) => bail!("there is no job {id} in {place}"),
        found => found?,
    };
    let mut output = io::stdout();
    if access.json {
        writeln!(output, "{}", as_json(&job, is_redacted))?;
    } else {
        write!(output, "{}", portrait(&job))?;
        if is_redacted {
            writeln!(io::stderr(), "what is private is hidden: --reveal shows it, and is audited")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn manage(action: BulkAction, arguments: ManageArguments) -> anyhow::Result<ExitCode> {
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
    let instance = Instance::of(&access.database, None).await?.because(reason.as_deref());
    let Instance { service, place } = &instance;
    let Words { verb, done, .. } = words(action);
    let asks = !yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    if dry_run || asks {
        let counts = counts(service, action, &query).await?;
        let count: u64 = counts.iter().map(|(_, count)| count).sum();
        let count = limit.map_or(count, |limit| count.min(limit.into()));
        if dry_run {
            tell(&access, action, true, count, &counts, &[])?;
            return Ok(ExitCode::SUCCESS);
        }
        if count > 1 && !confirmed(place, verb, count, &counts)? {
            bail!("nothing was {done}: nobody confirmed it");
        }
    }
    let affected = service.manage_jobs(action, query).await?;
    let left = left_alone(&named, &affected);
    let left = if limit.is_some() { Vec::new() } else { left };
    let states = State::ALL.map(|state| (state, affected.count_of(state) as u64));
    let states: Vec<_> = states.into_iter().filter(|(_, count)| *count > 0).collect();
    tell(&access, action, false, affected.count() as u64, &states, &left)?;
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How what is done to jobs is called.
struct Words {
    verb: &'static str,
    done: &'static str,
    /// Why it was not done to a job.
    unless: &'static str,
}

fn words(action: BulkAction) -> Words {
    match action {
        BulkAction::Cancel => {
            Words { verb: "cancel", done: "cancelled", unless: "there is none, or it has ended" }
        }
        BulkAction::Retry => Words {
            verb: "retry",
            done: "made available",
            unless: "there is none, or it is available or runs",
        },
        BulkAction::Discard => Words {
            verb: "discard",
            done: "discarded",
            unless: "there is none, it runs, or it has ended",
        },
        _ => Words { verb: "delete", done: "deleted", unless: "there is none, or it runs" },
    }
}

/// How many jobs would be touched, by the states that they are in.
async fn counts(
    service: &Service,
    action: BulkAction,
    query: &JobQuery,
) -> anyhow::Result<Vec<(State, u64)>> {
    let mut counts = Vec::new();
    for state in State::ALL.into_iter().filter(|state| action.applies_to(*state)) {
        let count = service.count_jobs(query.clone().states([state])).await?;
        if count > 0 {
            counts.push((state, count));
        }
    }
    Ok(counts)
}

fn confirmed(place: &str, verb: &str, count: u64, states: &[(State, u64)]) -> anyhow::Result<bool> {
    let jobs = jobs(count, states);
    write!(io::stderr(), "{verb} {jobs} in {place}? [y/N] ")?;
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn tell(
    access: &Access,
    action: BulkAction,
    dry_run: bool,
    count: u64,
    states: &[(State, u64)],
    left: &[JobId],
) -> anyhow::Result<()> {
    let Words { verb, done, unless } = words(action);
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

/// A job, for programs.
fn as_json(job: &Job, is_redacted: bool) -> Value {
    let mut value = json!(job);
    value["is_redacted"] = is_redacted.into();
    value
}

/// A line a job.
fn table<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> String {
    let head = ["NUMBER", "STATE", "QUEUE", "WORKER", "ATTEMPT", "PRIORITY", "SCHEDULED"];
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(jobs.into_iter().map(|job| {
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

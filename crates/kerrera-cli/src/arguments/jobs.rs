//! What can be typed after `kerrera jobs`.

use clap::{Args, Subcommand, ValueEnum};
use kerrera::cron::Timezone;
use kerrera::{Filter, JobId, JobOrder, JobQuery, JobTime, Place, State, Timestamp};
use serde_json::Value;

use super::DatabaseArguments;

/// Looks at jobs, and cancels, retries, discards or deletes them.
#[derive(Args, Debug)]
pub(crate) struct JobsArguments {
    #[command(subcommand)]
    pub(crate) command: JobsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Lists jobs, the newest first
    List(ListArguments),
    /// Shows everything that is known of a job
    Show(ShowArguments),
    /// Cancels jobs that have not ended; running ones are told to stop, on whatever node
    Cancel(ManageArguments),
    /// Makes jobs available again that wait or have ended, with an attempt left
    Retry(ManageArguments),
    /// Gives up jobs that wait, for good, as those that have failed too often
    Discard(ManageArguments),
    /// Removes jobs that do not run
    Delete(ManageArguments),
}

/// Which database, and for whom the answer is.
#[derive(Args, Debug)]
pub(crate) struct Access {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Write JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which jobs are meant. All that is given must hold; of what is given more than once, one will do.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Which jobs")]
pub(crate) struct FilterArguments {
    /// As one text: 'state:retryable worker:Send* args.user.id:7 finished:>-1h -tag:test'; its days and
    /// times are in UTC
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    filter: Option<Filter>,
    /// In this state: suspended, scheduled, available, executing, retryable, completed, discarded,
    /// cancelled; more with commas
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<State>,
    /// In this queue
    #[arg(long, value_name = "NAME")]
    queue: Vec<String>,
    /// Of this worker
    #[arg(long, value_name = "NAME")]
    worker: Vec<String>,
    /// With this priority; more with commas
    #[arg(long, value_name = "N", value_delimiter = ',')]
    priority: Vec<i32>,
    /// With this many attempts begun; more with commas
    #[arg(long, value_name = "N", value_delimiter = ',')]
    attempt: Vec<i32>,
    /// With this tag; given more than once, with all of them
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Whose args contain this JSON object
    #[arg(long, value_name = "JSON", value_parser = json)]
    args: Option<Value>,
    /// Whose meta contains this JSON object
    #[arg(long, value_name = "JSON", value_parser = json)]
    meta: Option<Value>,
    /// Not before: inserted=2026-11-22T12:00:00Z; also scheduled, attempted, completed, discarded,
    /// cancelled
    #[arg(long, value_name = "WHAT=TIME", value_parser = bound)]
    since: Vec<(JobTime, Timestamp)>,
    /// Before: inserted=2026-11-22T12:00:00Z
    #[arg(long, value_name = "WHAT=TIME", value_parser = bound)]
    before: Vec<(JobTime, Timestamp)>,
}

impl FilterArguments {
    /// The same, with a filter that was typed elsewhere.
    pub(crate) fn with(self, text: Option<Filter>) -> FilterArguments {
        FilterArguments { filter: text.or(self.filter), ..self }
    }

    /// The query that was typed, with these numbers as well.
    pub(crate) fn query(self, ids: Vec<JobId>) -> JobQuery {
        let FilterArguments {
            filter,
            state,
            queue,
            worker,
            priority,
            attempt,
            tag,
            args,
            meta,
            since,
            before,
        } = self;
        let mut query = match filter {
            Some(filter) => filter.query(Timestamp::now(), &Timezone::utc()),
            None => JobQuery::new(),
        };
        if !ids.is_empty() {
            query = query.ids(ids);
        }
        if !state.is_empty() {
            query = query.states(state);
        }
        if !queue.is_empty() {
            query = query.queues(queue);
        }
        if !worker.is_empty() {
            query = query.workers(worker);
        }
        if !priority.is_empty() {
            query = query.priorities(priority);
        }
        if !attempt.is_empty() {
            query = query.attempts(attempt);
        }
        query = tag.into_iter().fold(query, JobQuery::tagged);
        if let Some(args) = args {
            query = query.args(args);
        }
        if let Some(meta) = meta {
            query = query.meta(meta);
        }
        query = since.into_iter().fold(query, |query, (time, at)| query.since(time, at));
        before.into_iter().fold(query, |query, (time, at)| query.before(time, at))
    }
}

#[derive(Args, Debug)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct ListArguments {
    /// Which jobs, as --filter takes it
    #[arg(value_name = "FILTER", allow_hyphen_values = true, conflicts_with = "filter")]
    pub(crate) text: Option<Filter>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) filter: FilterArguments,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    /// In which order
    #[arg(long, value_name = "ORDER", default_value = "newest")]
    pub(crate) order: Orders,
    /// Those that follow this place, which the list before ended with
    #[arg(long, value_name = "PLACE")]
    pub(crate) after: Option<Place>,
    /// Show what is private as well, with --json; the audit log tells who looked
    #[arg(long, requires = "json")]
    pub(crate) reveal: bool,
}

const LIST_EXAMPLES: &str = "\
Examples:
  kerrera jobs list 'state:retryable worker:Send* -tag:test'
  kerrera jobs list --state retryable,discarded --queue mailers
  kerrera jobs list --worker SendWelcomeEmail --args '{\"user_id\": 7}' --json
  kerrera jobs list --since inserted=2026-11-22T00:00:00Z --order scheduled

Exit status: 0 when the jobs were listed, also if there were none; 1 when something failed; 2 when
what was typed makes no sense.";

/// The orders of a list.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Orders {
    /// By number, the greatest first
    Newest,
    /// By number, the smallest first
    Oldest,
    /// By when they may run, the earliest first
    Scheduled,
    /// By when they were last claimed, the latest first
    Attempted,
}

impl From<Orders> for JobOrder {
    fn from(order: Orders) -> JobOrder {
        match order {
            Orders::Newest => JobOrder::Newest,
            Orders::Oldest => JobOrder::Oldest,
            Orders::Scheduled => JobOrder::Earliest(JobTime::Scheduled),
            Orders::Attempted => JobOrder::Latest(JobTime::Attempted),
        }
    }
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 when the job was shown, 1 when there is none or something failed."
)]
pub(crate) struct ShowArguments {
    /// The job's number
    #[arg(value_name = "NUMBER")]
    pub(crate) id: JobId,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Show what is private as well; the audit log tells who looked
    #[arg(long)]
    pub(crate) reveal: bool,
}

#[derive(Args, Debug)]
#[command(after_help = MANAGE_EXAMPLES)]
pub(crate) struct ManageArguments {
    /// The numbers of the jobs
    #[arg(value_name = "NUMBER")]
    pub(crate) ids: Vec<JobId>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) filter: FilterArguments,
    /// All jobs that allow it
    #[arg(long)]
    pub(crate) all: bool,
    /// How many at most, the oldest first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask, on a terminal, before more than one job is touched
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

const MANAGE_EXAMPLES: &str = "\
Examples:
  kerrera jobs cancel 4711
  kerrera jobs retry --state discarded --worker SendWelcomeEmail --dry-run
  kerrera jobs retry --filter 'state:discarded worker:Send* finished:>-1h'
  kerrera jobs delete --state completed --before completed=2026-11-01T00:00:00Z --yes

Exit status: 0 when it was done, also if no job matched; 1 when a job that was named by its number did
not allow it, nobody confirmed, or something failed; 2 when what was typed makes no sense.";

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))
}

fn bound(text: &str) -> Result<(JobTime, Timestamp), String> {
    let (name, time) = text.split_once('=').ok_or("write it as inserted=2026-11-22T12:00:00Z")?;
    let known = |time: &JobTime| time.column().strip_suffix("_at") == Some(name);
    let what = JobTime::ALL.into_iter().find(known).ok_or_else(|| {
        let names: Vec<&str> =
            JobTime::ALL.iter().filter_map(|time| time.column().strip_suffix("_at")).collect();
        format!("a job has no time {name:?}; it has {}", names.join(", "))
    })?;
    time.parse().map(|time| (what, time)).map_err(|error| format!("{error}"))
}

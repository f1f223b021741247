//! What the macros call; not for use by itself.

use std::fmt::Write as _;
use std::time::Duration;

use kerrera_core::{Job, JobOrder, JobQuery, Result, State, Timestamp};
use tokio::time::{Instant, sleep};

use super::filter::Filter;
use crate::client::Client;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// How many jobs a message shows.
const SHOWN: usize = 20;

/// The enqueued jobs that a filter means: available, scheduled and suspended ones, the newest first.
///
/// One statement, which reads every enqueued job.
///
/// # Errors
///
/// When the database fails.
pub async fn all_enqueued(client: &Client, filter: Filter) -> Result<Vec<Job>> {
    Ok(look(client, &filter).await?.fitting)
}

/// The newest enqueued job that a filter means; or what to say if there is none.
///
/// # Errors
///
/// The message.
pub async fn find(client: &Client, filter: Filter) -> Result<Job, String> {
    let began = Instant::now();
    loop {
        let seen = look(client, &filter).await.map_err(|error| error.to_string())?;
        match seen.fitting.into_iter().next() {
            Some(job) => return Ok(job),
            None if began.elapsed() < filter.patience() => sleep(PAUSE).await,
            None => {
                let waited = waited(filter.patience());
                let message = format!("expected an enqueued job{waited}, and found none:");
                return Err(tell(&message, &filter, &seen.enqueued));
            }
        }
    }
}

/// Finds that no enqueued job is meant by a filter; or what to say if there is one.
///
/// # Errors
///
/// The message.
pub async fn refute(client: &Client, filter: Filter) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let seen = look(client, &filter).await.map_err(|error| error.to_string())?;
        if !seen.fitting.is_empty() {
            let message = format!("expected no enqueued job, and found {}:", seen.fitting.len());
            return Err(tell(&message, &filter, &seen.enqueued));
        }
        if began.elapsed() >= filter.patience() {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}

struct Seen {
    enqueued: Vec<Job>,
    fitting: Vec<Job>,
}

async fn look(client: &Client, filter: &Filter) -> Result<Seen> {
    let states = [State::Available, State::Scheduled, State::Suspended];
    let query = JobQuery::new().states(states).order(JobOrder::Newest);
    let enqueued = client.jobs(query).await?;
    let now = client.storage().clock().shows().unwrap_or_else(Timestamp::now);
    let fitting = enqueued.iter().filter(|job| filter.fits(job, now)).cloned().collect();
    Ok(Seen { enqueued, fitting })
}

fn waited(patience: Duration) -> String {
    if patience.is_zero() { String::new() } else { format!(" within {patience:?}") }
}

fn tell(message: &str, filter: &Filter, enqueued: &[Job]) -> String {
    let mut text = format!("{message}\n\n");
    for line in filter.to_string().lines() {
        let _ = writeln!(text, "    {line}");
    }
    text.push('\n');
    text.push_str(&match enqueued.len() {
        0 => "nothing is enqueued\n".to_owned(),
        1 => "one job is enqueued:\n\n".to_owned(),
        count => format!("{count} jobs are enqueued, the newest first:\n\n"),
    });
    for job in enqueued.iter().take(SHOWN) {
        let Job { id, worker, queue, state, .. } = job;
        let _ = write!(text, "    {id} {worker} in {queue}, {state}");
        if job.state == State::Scheduled {
            let _ = write!(text, " for {}", job.scheduled_at);
        }
        if job.priority != 0 {
            let _ = write!(text, ", priority {}", job.priority);
        }
        if !job.tags.is_empty() {
            let _ = write!(text, ", tags {}", job.tags.join(", "));
        }
        let _ = write!(text, ", args {}", job.args);
        if job.meta.as_str() != "{}" {
            let _ = write!(text, ", meta {}", job.meta);
        }
        text.push('\n');
    }
    if let more @ 1.. = enqueued.len().saturating_sub(SHOWN) {
        let _ = writeln!(text, "    and {more} more");
    }
    text
}

//! Inserting at a fixed rate, and working at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kerrera::{Client, NewJob};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::arguments::{SoakArguments, SteadyArguments};
use crate::drain::{all_once, until_written};
use crate::ground::{self, Fill, Ground, Tally};
use crate::job::Nothing;
use crate::node::{Order, Role, Work};
use crate::report::Report;
use crate::team::Team;
use crate::usage;

pub(crate) async fn run(arguments: SteadyArguments) -> anyhow::Result<Report> {
    measure("steady", &arguments, None, Duration::from_secs(1)).await
}

pub(crate) async fn soak(arguments: SoakArguments) -> anyhow::Result<Report> {
    let SoakArguments { steady, keep, every } = arguments;
    measure("soak", &steady, Some(keep), Duration::from_secs(every)).await
}

async fn measure(
    name: &str,
    arguments: &SteadyArguments,
    keep: Option<u64>,
    every: Duration,
) -> anyhow::Result<Report> {
    let SteadyArguments { place, rate, seconds, batch, concurrency, nodes } = arguments;
    let mut ground = Ground::open(place).await?;
    ground.fill(Fill { retained: place.retained, ..Fill::default() }).await?;
    let mut report = Report::of(name);
    report.note_ground(ground.facts().await?, place);
    for (name, value) in [
        ("rate", rate),
        ("seconds", seconds),
        ("batch", batch),
        ("concurrency", concurrency),
        ("nodes", nodes),
    ] {
        report.note(name, *value);
    }
    let jobs = rate * seconds;
    let order = |_| Order {
        settings: place.settings.clone(),
        role: Role::Work(Work { queues: 1, concurrency: *concurrency, jobs, timed: true, keep }),
    };
    let mut team = Team::start(&place.database_url, (0..*nodes).map(order).collect()).await?;
    let client = ground::client(&place.database_url, &place.settings).await?;

    let before = (ground.processor(), usage::processor());
    let begun = Instant::now();
    team.begin().await?;
    let feed = tokio::spawn(feed(client, *rate, jobs, *batch));
    let mut samples = Vec::new();
    let mut next = every;
    while !feed.is_finished() {
        sleep(Duration::from_millis(20)).await;
        if begun.elapsed() >= next {
            let inserted = (begun.elapsed().as_secs_f64() * *rate as f64) as u64;
            samples.push(sample(&mut ground, &team, begun.elapsed(), inserted.min(jobs)).await?);
            next += every;
        }
    }
    let fed = begun.elapsed();
    feed.await.context("inserting")??;
    let backlog = jobs.saturating_sub(team.did());
    team.have_done(jobs).await?;
    let ended = until_written(&mut ground).await?;
    let after = (ground.processor(), usage::processor());
    let sum = team.end().await?;

    report.note_number("inserted_per_second", Some(jobs as f64 / fed.as_secs_f64()));
    report.note_rates(jobs, &[ended - begun]);
    report.note("backlog_at_end", backlog);
    report.note("start", sum.times.json());
    if keep.is_some() {
        for what in ["table_bytes", "index_bytes", "rss_kib"] {
            report.note_number(&format!("{what}_grew_percent"), grew(&samples, what));
        }
    }
    report.note("samples", samples);
    sum.note(&mut report, jobs);
    let used = |before: Option<Duration>, after: Option<Duration>| {
        let used = before.zip(after).and_then(|(before, after)| after.checked_sub(before));
        crate::team::each(used, jobs)
    };
    report.note_number("inserter_cpu_us_per_job", used(before.1, after.1));
    report.note_number("server_cpu_us_per_job", used(before.0, after.0));
    let tally = ground.tally().await?;
    report.note_verified(match keep {
        None => all_once(tally, sum.did, jobs),
        Some(_) => the_rest_once(tally, sum.did, jobs),
    });
    Ok(report)
}

/// Inserts as many a second as it is told to, a batch a call. One that is late is not left out.
async fn feed(client: Client, rate: u64, jobs: u64, batch: u64) -> anyhow::Result<()> {
    /// More calls at once than this help no server.
    const AT_ONCE: usize = 256;
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut calls = JoinSet::new();
    let begun = Instant::now();
    let mut next = 0;
    while next < jobs {
        let upto = jobs.min(next + batch);
        let due = begun + Duration::from_secs_f64(next as f64 / rate as f64);
        tokio::time::sleep_until(due.into()).await;
        let room = room.clone().acquire_owned().await?;
        let client = client.clone();
        calls.spawn(async move {
            let job = |n: u64| NewJob::from(Nothing::begun_now(n.cast_signed()));
            match upto - next {
                1 => drop(client.insert(job(next)).await?),
                _ => drop(client.insert_all((next..upto).map(job)).await?),
            }
            drop(room);
            Ok::<(), kerrera::Error>(())
        });
        while let Some(done) = calls.try_join_next() {
            done??;
        }
        next = upto;
    }
    while let Some(done) = calls.join_next().await {
        done??;
    }
    Ok(())
}

/// What has grown by now.
async fn sample(ground: &mut Ground, team: &Team, at: Duration, due: u64) -> anyhow::Result<Value> {
    let size = ground.size().await?;
    let did = team.did();
    let memory = team.ids().into_iter().filter_map(usage::memory_of).max();
    Ok(json!({
        "at_seconds": at.as_secs_f64().round(),
        "ran": did,
        // What was to be inserted by now, and has not run.
        "behind": due.saturating_sub(did),
        "table_bytes": size.table_bytes,
        "index_bytes": size.index_bytes,
        "dead_rows": size.dead_rows,
        "rss_kib": memory,
    }))
}

/// By how much it is more at the end than in the middle, when all that is pruned has reached its age.
fn grew(samples: &[Value], what: &str) -> Option<f64> {
    let at = |sample: Option<&Value>| sample?[what].as_f64();
    let (middle, end) = (at(samples.get(samples.len() / 2))?, at(samples.last())?);
    (middle > 0.0).then(|| 100.0 * (end - middle) / middle)
}

/// What is wrong with the jobs that have not been pruned, and with how many were run.
fn the_rest_once(tally: Tally, ran: u64, jobs: u64) -> Option<String> {
    let right = tally.jobs == tally.completed_once && tally.jobs <= jobs && ran == jobs;
    (!right).then(|| {
        format!(
            "workers ran {ran} of {jobs} jobs; of {} that were not pruned {} completed at their \
             first attempt",
            tally.jobs, tally.completed_once
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_that_of_the_second_half() {
        let samples = [1.0, 100.0, 110.0, 150.0].map(|bytes| json!({ "table_bytes": bytes }));
        assert_eq!(grew(&samples[..3], "table_bytes"), Some(10.0));
        assert_eq!(grew(&samples[..3], "index_bytes"), None);
        assert_eq!(grew(&[], "table_bytes"), None);
    }
}

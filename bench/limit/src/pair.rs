//! Both sides in turns, and what came of them.

use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use kerrera_bench::ground::{Fill, Ground, QUEUE};
use kerrera_bench::{Report, Where, median};
use serde_json::Value;
use tokio::process::Command;
use uuid::Uuid;

use crate::PairArguments;
use crate::{postgres, sqlite};

/// The sizes of batches that the bare side tries.
const BATCHES: &[u64] = &[500, 1_000, 2_000, 5_000];

/// How many connections the bare side tries.
const CONNECTIONS: &[u64] = &[1, 2, 4];

/// How the bare side goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) form: Form,
    pub(crate) batch: u64,
    pub(crate) connections: u64,
}

/// Who claimed a job, as Oban writes it: a node, and a producer of it.
pub(crate) fn attempted_by() -> [String; 2] {
    [format!("{QUEUE}.{}", std::process::id()), Uuid::new_v4().to_string()]
}

/// What the bare side does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Claims and completes.
    Drain,
    /// Inserts arrays, and has all columns given back.
    Rows,
    /// Copies in binary, and has the count given back.
    Copy,
    /// Inserts one by one, each caller on a connection of its own.
    Direct,
    /// Inserts what many callers want in one statement, and gives each its own number.
    Together,
}

pub(crate) async fn drain(pair: &PairArguments, concurrency: u64) -> anyhow::Result<()> {
    let concurrency = concurrency.to_string();
    let jobs = pair.jobs.to_string();
    let ours = ["drain", "--jobs", &jobs, "--concurrency", &concurrency];
    compare("drain", pair, &ways(pair, Form::Drain), &ours, 1).await
}

pub(crate) async fn insert(pair: &PairArguments) -> anyhow::Result<()> {
    let jobs = pair.jobs.to_string();
    let ours = ["insert", "bulk", "--jobs", &jobs];
    compare("insert_rows", pair, &ways(pair, Form::Rows), &ours, 1).await?;
    if is_postgres(&pair.place) {
        let ours = ["insert", "stream", "--jobs", &jobs];
        compare("insert_copy", pair, &ways(pair, Form::Copy), &ours, 1).await?;
    }
    Ok(())
}

pub(crate) async fn single(pair: &PairArguments, tasks: u64) -> anyhow::Result<()> {
    only_postgres(&pair.place)?;
    let (jobs, count) = (pair.jobs.to_string(), tasks.to_string());
    let form = if tasks == 1 { "single" } else { "concurrent" };
    let ours = ["insert", form, "--jobs", &jobs, "--tasks", &count];
    let way = |form, connections| Way { form, batch: 1, connections };
    let ways = match tasks {
        1 => vec![way(Form::Direct, 1)],
        _ => vec![
            way(Form::Direct, 8),
            way(Form::Direct, 16),
            way(Form::Together, 1),
            way(Form::Together, 2),
        ],
    };
    compare("single", pair, &ways, &ours, tasks).await
}

pub(crate) async fn latency(pair: &PairArguments) -> anyhow::Result<()> {
    only_postgres(&pair.place)?;
    let PairArguments { place, rounds, .. } = pair;
    // A hundred thousand would take an hour.
    let jobs = pair.jobs.min(300);
    let mut ground = Ground::open(place).await?;
    let mut report = begun("latency", &mut ground, pair).await?;
    report.note("jobs", jobs);
    let (mut bare, mut whole, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..*rounds {
        ground.fill(Fill { retained: place.retained, ..Fill::default() }).await?;
        let times = postgres::latency(&place.database_url, jobs).await?;
        bare.push(times.notify_and_claim.json());
        whole.push(times.insert_notify_and_claim.json());
        let answer = kerrera(place, &["latency", "--jobs", &jobs.to_string()]).await?;
        ours.push(answer["start"].clone());
    }
    let middle =
        |rounds: &[Value], share: &str| median(rounds.iter().filter_map(|r| r[share].as_f64()));
    for share in ["p50_ms", "p95_ms", "p99_ms"] {
        report.note_number(&format!("bare_{share}"), middle(&bare, share));
        report.note_number(&format!("bare_with_insert_{share}"), middle(&whole, share));
        report.note_number(&format!("kerrera_{share}"), middle(&ours, share));
    }
    let ratio = middle(&ours, "p50_ms").zip(middle(&bare, "p50_ms"));
    report.note_number("times_the_limit", ratio.map(|(ours, bare)| ours / bare));
    report.note("bare_rounds", bare);
    report.note("kerrera_rounds", ours);
    show(&report, place);
    Ok(())
}

/// All ways of this form, or those that were asked for.
fn ways(pair: &PairArguments, form: Form) -> Vec<Way> {
    let batches = pair.batch.map_or(BATCHES.to_vec(), |batch| vec![batch]);
    let connections = match (pair.connections, is_postgres(&pair.place)) {
        (Some(connections), true) => vec![connections],
        (None, true) => CONNECTIONS.to_vec(),
        // It has one writer.
        (_, false) => vec![1],
    };
    let each = |batch| connections.iter().map(move |&connections| Way { form, batch, connections });
    batches.into_iter().flat_map(each).collect()
}

async fn compare(
    name: &str,
    pair: &PairArguments,
    ways: &[Way],
    ours: &[&str],
    tasks: u64,
) -> anyhow::Result<()> {
    let PairArguments { place, jobs, rounds, .. } = pair;
    let mut ground = Ground::open(place).await?;
    let mut report = begun(name, &mut ground, pair).await?;
    report.note("jobs", *jobs);
    report.note("tasks", tasks);

    let mut best: Option<(Way, f64)> = None;
    for way in ways {
        // What cannot be another is not tried.
        let rate = if ways.len() == 1 { 0.0 } else { bare(&mut ground, pair, *way, tasks).await? };
        if best.is_none_or(|(_, fastest)| rate > fastest) {
            best = Some((*way, rate));
        }
    }
    let (way, _) = best.context("there is no way to do it")?;
    let (mut limit, mut reached, mut last) = (Vec::new(), Vec::new(), Value::Null);
    for _ in 0..*rounds {
        limit.push(bare(&mut ground, pair, way, tasks).await?);
        last = kerrera(place, ours).await?;
        reached.push(last["jobs_per_second"].as_f64().context("no jobs_per_second")?);
    }
    report.note("bare_way", way.to_string());
    let (bare, ours) = (median(limit.iter().copied()), median(reached.iter().copied()));
    report.note_number("bare_jobs_per_second", bare);
    report.note_number("kerrera_jobs_per_second", ours);
    let percent = ours.zip(bare).map(|(ours, bare)| 100.0 * ours / bare);
    report.note_number("percent_of_limit", percent);
    report.note("bare_rounds", limit);
    report.note("kerrera_rounds", reached);
    for name in ["client_cpu_us_per_job", "server_cpu_us_per_job", "peak_rss_kib"] {
        report.note(&format!("kerrera_{name}"), last[name].clone());
    }
    show(&report, place);
    Ok(())
}

/// One turn of the bare side, in jobs a second.
async fn bare(
    ground: &mut Ground,
    pair: &PairArguments,
    way: Way,
    tasks: u64,
) -> anyhow::Result<f64> {
    let PairArguments { place, jobs, .. } = pair;
    let drains = way.form == Form::Drain;
    let fill =
        Fill { jobs: if drains { *jobs } else { 0 }, retained: place.retained, ..Fill::default() };
    ground.fill(fill).await?;
    let url = &place.database_url;
    let took: Duration = match (&*ground, way.form) {
        (Ground::Postgres(_), Form::Drain) => postgres::drain(url, way).await?,
        (Ground::Postgres(_), Form::Rows) => postgres::insert_rows(url, way, *jobs).await?,
        (Ground::Postgres(_), Form::Copy) => postgres::insert_copy(url, way, *jobs).await?,
        (Ground::Postgres(_), Form::Direct) => postgres::insert_each(url, way, *jobs).await?,
        (Ground::Postgres(_), Form::Together) => {
            postgres::insert_together(url, way, *jobs, tasks).await?
        }
        (Ground::Sqlite(file), Form::Drain) => sqlite::drain(&file.connect()?, way)?,
        (Ground::Sqlite(file), Form::Rows) => sqlite::insert(&file.connect()?, way, *jobs)?,
        (Ground::Sqlite(_), form) => bail!("SQLite has no {form:?}"),
    };
    let tally = ground.tally().await?;
    let done = if drains { tally.completed_once } else { tally.untouched };
    if done != *jobs {
        bail!("the bare side left {done} of {jobs} jobs as they should be: {tally:?}");
    }
    Ok((*jobs as f64 / took.as_secs_f64()).round())
}

/// One turn of `kerrera bench`.
pub(crate) async fn kerrera(place: &Where, arguments: &[&str]) -> anyhow::Result<Value> {
    let retained = place.retained.to_string();
    let output = Command::new(std::env::current_exe()?)
        .arg("bench")
        .args(arguments)
        .args(["--json", "--retained", &retained])
        .args(place.settings.iter().flat_map(|setting| ["--set", setting]))
        .args(place.beside_other_jobs.then_some("--beside-other-jobs"))
        .env("DATABASE_URL", &place.database_url)
        .stderr(Stdio::inherit())
        .output()
        .await?;
    if !output.status.success() {
        bail!("kerrera bench {} ended with {}", arguments.join(" "), output.status);
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(text.lines().last().context("kerrera bench printed nothing")?)?)
}

async fn begun(name: &str, ground: &mut Ground, pair: &PairArguments) -> anyhow::Result<Report> {
    let mut report = Report::of("limit");
    report.note("work", name);
    report.note_ground(ground.facts().await?, &pair.place);
    Ok(report)
}

fn show(report: &Report, place: &Where) {
    match place.json {
        true => println!("{}", report.json()),
        false => println!("{report}"),
    }
}

fn is_postgres(place: &Where) -> bool {
    place.database_url.starts_with("postgres")
}

fn only_postgres(place: &Where) -> anyhow::Result<()> {
    if !is_postgres(place) {
        bail!("this is measured on PostgreSQL only: use --database-url postgres://…");
    }
    Ok(())
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Way { form, batch, connections } = self;
        match form {
            Form::Direct => write!(f, "one by one on {connections} connections"),
            Form::Together => write!(f, "callers together, {connections} connections"),
            _ => write!(f, "batches of {batch} on {connections} connections"),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_server_is_tried_with_several_connections_and_a_file_with_one() {
        let pair = |words: &[&str]| {
            let words = ["limit", "drain", "--database-url"].iter().chain(words);
            match crate::Arguments::parse_from(words).command {
                crate::Command::Drain { pair, .. } => pair,
                _ => panic!("another command"),
            }
        };
        assert_eq!(ways(&pair(&["postgres://h/d"]), Form::Drain).len(), 12);
        assert_eq!(ways(&pair(&["sqlite:f"]), Form::Drain).len(), 4);
        let asked = pair(&["postgres://h/d", "--batch", "7", "--connections", "3"]);
        let way = Way { form: Form::Drain, batch: 7, connections: 3 };
        assert_eq!(ways(&asked, Form::Drain), [way]);
    }
}

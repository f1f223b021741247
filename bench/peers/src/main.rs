//! How fast others are, on this machine and beside us.
//!
//! Installs each peer from its registry, runs all of them in turns, each on a fresh database of the same
//! server, and prints the medians. README.md has the rules.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod catalogue;
mod ground;
mod install;
mod measure;
mod table;
mod work;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::catalogue::{PEERS, Peer};
use crate::ground::{Place, Server};
use crate::install::Installed;
use crate::measure::Runner;
use crate::table::{Cell, Findings};
use crate::work::{Concurrency, What, Work};

/// Measures Kerrera's peers and Kerrera, in turns, on the same server.
#[derive(Debug, Parser)]
struct Arguments {
    /// A PostgreSQL server on which databases may be made: postgres://user@host:port
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// How often each is measured; the medians count
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// Whom to measure, by the names that --list shows [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// What to measure [default: all]
    #[arg(long, value_delimiter = ',', value_enum)]
    what: Vec<What>,
    /// How many handlers run at once in a drain: numbers, and `best` for each one's own
    #[arg(long, value_delimiter = ',', default_value = "best,10,50")]
    concurrency: Vec<Concurrency>,
    /// How long a run should take; the numbers of jobs are chosen for it before the first round
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// How many jobs the latency is taken of
    #[arg(long, default_value_t = 300)]
    samples: u64,
    /// Where the figures go as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A program `kerrera` to measure in place of one that is built from this tree
    #[arg(long, value_name = "FILE")]
    kerrera: Option<PathBuf>,
    /// Only install
    #[arg(long)]
    install: bool,
    /// Only show the names
    #[arg(long)]
    list: bool,
}

/// How many jobs the first try has, and how many any.
const TRY: u64 = 1_000;
const MOST: u64 = 2_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.list {
        PEERS.iter().for_each(|peer| println!("{:<24}{}", peer.name, peer.place.title()));
        return Ok(());
    }
    let peers = chosen(&arguments.only)?;
    let server = arguments.database_url.as_deref().map(Server::at).transpose()?;
    if server.is_none() && peers.iter().any(|peer| peer.place == Place::Postgres) {
        bail!("--database-url says on which PostgreSQL server databases may be made");
    }

    let begun = Instant::now();
    let mut findings = Findings::default();
    let mut installed = Installed::new(arguments.kerrera.clone())?;
    let mut ready = Vec::new();
    for peer in peers {
        eprintln!("installing what {} needs", peer.name);
        match installed.install(peer) {
            Ok(measure) => ready.push((peer, measure)),
            Err(error) => {
                eprintln!("{} cannot be installed: {error:#}", peer.name);
                findings.missing.push((peer.name, format!("not installed: {error:#}")));
            }
        }
    }
    if arguments.install {
        return Ok(());
    }
    if let Some(server) = &server {
        findings.head.push(format!("PostgreSQL: {}", server.describe().await?));
    }
    findings.head.push(format!(
        "{} cores, {}, medians of {} interleaved rounds",
        std::thread::available_parallelism()?,
        std::env::consts::ARCH,
        arguments.rounds
    ));

    let (installed, server) = (&installed, server.as_ref());
    let runner = |(peer, measure)| Runner { peer, measure, installed, server };
    let runners: Vec<Runner<'_>> = ready.into_iter().map(runner).collect();
    let whats = match arguments.what.is_empty() {
        true => vec![What::Drain, What::Insert, What::Latency],
        false => arguments.what.clone(),
    };
    let works: Vec<Work> =
        whats.into_iter().flat_map(|what| what.works(&arguments.concurrency)).collect();
    measure(&runners, &works, &arguments, &mut findings).await;
    findings.head.push(format!("took {:.0} minutes", begun.elapsed().as_secs_f64() / 60.0));

    println!("{}", findings.markdown());
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&findings.json())?;
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn chosen(only: &[String]) -> Result<Vec<&'static Peer>> {
    if let Some(unknown) = only.iter().find(|name| PEERS.iter().all(|peer| peer.name != **name)) {
        bail!("there is no peer {unknown:?}; --list shows the names");
    }
    let is_chosen = |peer: &&Peer| only.is_empty() || only.iter().any(|name| name == peer.name);
    Ok(PEERS.iter().filter(is_chosen).collect())
}

async fn measure(
    runners: &[Runner<'_>],
    works: &[Work],
    arguments: &Arguments,
    findings: &mut Findings,
) {
    let mut planned = Vec::new();
    for work in works {
        for runner in runners {
            let (jobs, failures) = match jobs(runner, *work, arguments).await {
                Ok(jobs) => (jobs, vec![]),
                Err(error) => {
                    eprintln!("{} {}: {error:#}", runner.peer.name, work.name());
                    (0, vec![format!("{error:#}")])
                }
            };
            eprintln!("{} {}: {jobs} jobs", runner.peer.name, work.name());
            let outcomes = vec![];
            let cell = Cell { peer: runner.peer, work: *work, jobs, outcomes, failures };
            planned.push((runner, cell));
        }
    }
    for round in 1..=arguments.rounds {
        for (runner, cell) in planned.iter_mut().filter(|(_, cell)| cell.jobs > 0) {
            let what = format!("round {round}, {} {}", cell.peer.name, cell.work.name());
            match runner.run(cell.work, cell.jobs).await {
                Ok(outcome) => {
                    let said = match (outcome.p50_ms, outcome.jobs_per_second) {
                        (Some(p50), _) => format!("p50 {p50:.2} ms"),
                        (None, rate) => format!("{:.0} jobs/s", rate.unwrap_or_default()),
                    };
                    eprintln!("{what}: {said}");
                    cell.outcomes.push(outcome);
                }
                Err(error) => {
                    eprintln!("{what}: {error:#}");
                    cell.failures.push(format!("{error:#}"));
                }
            }
        }
    }
    findings.cells.extend(planned.into_iter().map(|(_, cell)| cell));
}

/// How many jobs make a run take about as long as asked for, by trying; the tries also warm what can be
/// warmed.
async fn jobs(runner: &Runner<'_>, work: Work, arguments: &Arguments) -> Result<u64> {
    if work == Work::Latency {
        return Ok(arguments.samples);
    }
    let mut jobs = TRY;
    for _ in 0..4 {
        let outcome = runner.run(work, jobs).await?;
        let rate = outcome.jobs_per_second.context("it says no jobs_per_second")?;
        let took = jobs as f64 / rate;
        let wanted = rounded(rate * arguments.seconds).clamp(100, MOST);
        // A short try says little: never more than twentyfold at once.
        if took >= arguments.seconds / 2.0 || wanted <= jobs {
            return Ok(wanted);
        }
        jobs = wanted.min(jobs * 20);
    }
    Ok(jobs)
}

/// To two digits.
fn rounded(number: f64) -> u64 {
    let unit = 10f64.powf((number.max(1.0).log10() - 1.0).floor());
    ((number / unit).round() * unit) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_jobs_have_two_digits() {
        assert_eq!(rounded(123_456.0), 120_000);
        assert_eq!(rounded(987.0), 990);
        assert_eq!(rounded(7.4), 7);
    }

    #[test]
    fn names_are_unique_and_checked() {
        for peer in &PEERS {
            assert_eq!(PEERS.iter().filter(|other| other.name == peer.name).count(), 1);
        }
        assert_eq!(chosen(&["awa".to_owned()]).unwrap().len(), 1);
        assert_eq!(chosen(&[]).unwrap().len(), PEERS.len());
        assert!(chosen(&["sidekiq".to_owned()]).is_err());
    }
}

//! How many instructions a job costs the node that works it.
//!
//! Times are noise on a machine that does other things as well; what a program executes is not. A drain
//! of few jobs and one of many run under valgrind's callgrind, each in a process of its own, and the
//! difference is what the further jobs cost: starting up, shutting down and the fill are in neither. The
//! server of PostgreSQL is another process and is not counted.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use kerrera::prelude::*;
use kerrera_bench::Where;
use kerrera_bench::ground::{Fill, Ground, QUEUE};
use tokio::process::Command;
use tokio::sync::Notify;

use crate::pair::{Form, Way};
use crate::{postgres, sqlite};

#[derive(Args)]
pub(crate) struct InstructionsArguments {
    /// Databases of their own for this: sqlite:bench.db, postgres://user@host/database
    #[arg(required = true, value_name = "URL")]
    databases: Vec<String>,
    /// How many jobs the shorter drain has
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    few: u64,
    /// How many jobs the longer drain has
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    many: u64,
    /// How many threads run jobs; with more than one, which of them does what is another each time
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: u64,
    /// How many of the most expensive functions are told
    #[arg(long, value_name = "N", default_value_t = 10)]
    functions: usize,
    /// Count the bare side as well
    #[arg(long)]
    bare: bool,
}

/// The drain that is counted.
#[derive(Args)]
pub(crate) struct CountedArguments {
    database: String,
    jobs: u64,
    #[arg(long)]
    bare: bool,
}

/// Counts, and prints instructions for each job with the functions that take most of them.
#[allow(clippy::print_stdout, reason = "this is what it is for")]
pub(crate) async fn run(arguments: &InstructionsArguments) -> anyhow::Result<()> {
    ensure!(arguments.few < arguments.many, "--few must be less than --many");
    for url in &arguments.databases {
        let sides = if arguments.bare { &[false, true][..] } else { &[false] };
        for &bare in sides {
            let few = count(arguments, url, arguments.few, bare).await?;
            let many = count(arguments, url, arguments.many, bare).await?;
            let jobs = (arguments.many - arguments.few) as f64;
            let per_job = |many: u64, few: u64| (many as f64 - few as f64) / jobs;
            let database = url.split(':').next().unwrap_or_default();
            let side = if bare { "bare" } else { "kerrera" };
            println!(
                "{database}, {side}: {:.0} instructions a job",
                per_job(many.total, few.total)
            );
            let mut functions: Vec<(&str, f64)> = many
                .functions
                .iter()
                .map(|(name, count)| {
                    (&**name, per_job(*count, few.functions.get(name).copied().unwrap_or(0)))
                })
                .collect();
            functions.sort_by(|a, b| b.1.total_cmp(&a.1));
            for (name, count) in functions.iter().take(arguments.functions) {
                println!("{count:>10.0}  {name}");
            }
        }
    }
    Ok(())
}

/// What one process executed.
struct Counted {
    total: u64,
    functions: HashMap<String, u64>,
}

async fn count(
    arguments: &InstructionsArguments,
    url: &str,
    jobs: u64,
    bare: bool,
) -> anyhow::Result<Counted> {
    let place = Where {
        database_url: url.to_owned(),
        retained: 0,
        settings: Vec::new(),
        beside_other_jobs: false,
        json: false,
    };
    let mut ground = Ground::open(&place).await?;
    ground.fill(Fill { jobs, ..Fill::default() }).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("callgrind.out");
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe()?)
        .args(["counted", url, &jobs.to_string()])
        .args(bare.then_some("--bare"))
        .env("TOKIO_WORKER_THREADS", arguments.threads.to_string())
        .stdin(Stdio::null())
        .status()
        .await
        .context("valgrind counts the instructions: install it, as in apt-get install valgrind")?;
    ensure!(status.success(), "the drain of {jobs} jobs ended with {status}");
    let tally = ground.tally().await?;
    if tally.completed_once != jobs {
        bail!("{} of {jobs} jobs are completed: {tally:?}", tally.completed_once);
    }
    read(&file).await
}

/// Reads what callgrind wrote, each function's own instructions, by its name.
async fn read(file: &Path) -> anyhow::Result<Counted> {
    let output = Command::new("callgrind_annotate")
        .args(["--threshold=100", "--auto=no", "--show-percs=no"])
        .arg(file)
        .output()
        .await
        .context("callgrind_annotate comes with valgrind, and needs perl")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut counted = Counted { total: 0, functions: HashMap::new() };
    for line in text.lines() {
        let Some((count, name)) = line.trim_start().split_once(' ') else { continue };
        let Ok(count) = count.replace(',', "").parse::<u64>() else { continue };
        if name.trim() == "PROGRAM TOTALS" {
            counted.total = count;
        } else if let Some((_, function)) = name.split_once(':') {
            // One that has others inlined is there once for each of their files.
            let function = function.split(" [").next().unwrap_or(function);
            *counted.functions.entry(function.trim_start_matches(':').to_owned()).or_default() +=
                count;
        }
    }
    ensure!(counted.total > 0, "callgrind_annotate said nothing of {}", file.display());
    Ok(counted)
}

/// Drains in this process, and ends.
pub(crate) async fn drain(
    CountedArguments { database, jobs, bare }: &CountedArguments,
) -> anyhow::Result<()> {
    if *bare {
        let way = Way { form: Form::Drain, batch: 1_000, connections: 1 };
        let connection = database.strip_prefix("sqlite:").map(rusqlite::Connection::open);
        match connection {
            Some(connection) => sqlite::drain(&connection?, way)?,
            None => postgres::drain(database, way).await?,
        };
        return Ok(());
    }
    let left = Arc::new(Left { jobs: AtomicU64::new(*jobs), none: Notify::new() });
    let kerrera = Kerrera::builder(database.as_str())
        .state(left.clone())
        .node(QUEUE)
        .never_prune()
        .queue(QUEUE, 1_000)
        .worker::<Nothing>()
        .start()
        .await?;
    left.none.notified().await;
    kerrera.shutdown().await;
    Ok(())
}

/// What is left to do.
struct Left {
    jobs: AtomicU64,
    none: Notify,
}

/// A job that does nothing: those that the ground is filled with.
#[derive(Serialize, Deserialize, Worker)]
#[worker(name = "KerreraBench", queue = "kerrera_bench")]
struct Nothing {
    n: i64,
}

impl Perform<Arc<Left>> for Nothing {
    async fn perform(&self, cx: &Context<Arc<Left>>) -> JobResult {
        if cx.state().jobs.fetch_sub(1, Ordering::Relaxed) == 1 {
            cx.state().none.notify_one();
        }
        done()
    }
}

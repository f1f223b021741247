//! One measurement of one peer.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::catalogue::{Peer, Program};
use crate::ground::{Ground, Place, Server, Synchronous};
use crate::install::{Installed, Measure};
use crate::work::Work;

/// A run that takes longer is ended, and counts as failed.
const PATIENCE: Duration = Duration::from_secs(240);
/// As many as each program's tasks that insert.
const INSERTERS: u64 = 32;

/// What a run came to.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) seconds: Option<f64>,
    pub(crate) jobs_per_second: Option<f64>,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) cpu_us_per_job: Option<f64>,
    pub(crate) peak_rss_mb: Option<f64>,
    pub(crate) settings: Option<String>,
    pub(crate) version: Option<String>,
}

/// A peer that can run.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    pub(crate) peer: &'static Peer,
    pub(crate) measure: Measure,
    pub(crate) installed: &'a Installed,
    pub(crate) server: Option<&'a Server>,
}

impl Runner<'_> {
    /// Runs it once on a fresh database.
    pub(crate) async fn run(&self, work: Work, jobs: u64) -> Result<Outcome> {
        let (scratch, redis) = (self.installed.scratch(), self.installed.redis.as_ref());
        let ground = Ground::fresh(self.peer.place, self.server, redis, &scratch).await?;
        let outcome = self.run_on(&ground, work, jobs).await;
        let left = ground.leave().await;
        let outcome = outcome?;
        left?;
        Ok(outcome)
    }

    async fn run_on(&self, ground: &Ground<'_>, work: Work, jobs: u64) -> Result<Outcome> {
        if self.peer.program == Program::Kerrera {
            return self.run_kerrera(ground, work, jobs).await;
        }
        let concurrency = work.concurrency(self.peer).to_string();
        let jobs = jobs.to_string();
        let arguments = |what| {
            let arguments = ["--what", what, "--jobs", &jobs, "--concurrency", &concurrency];
            let arguments = arguments.into_iter().chain(["--database-url", ground.url()]);
            let arguments = arguments.chain(self.synchronous());
            arguments.map(str::to_owned).collect::<Vec<_>>()
        };
        if let Work::Drain(_) = work {
            self.call(&arguments("load")).await?;
            ground.settle().await?;
        }
        let line = self.call(&arguments(work.what())).await?;
        let mut outcome: Outcome = serde_json::from_value(line)?;
        outcome.version = outcome.version.or_else(|| self.measure.version.clone());
        Ok(outcome)
    }

    /// `kerrera bench` fills and settles the database itself, and checks it.
    async fn run_kerrera(&self, ground: &Ground<'_>, work: Work, jobs: u64) -> Result<Outcome> {
        let jobs_text = jobs.to_string();
        let concurrency = work.concurrency(self.peer).to_string();
        let tasks = INSERTERS.to_string();
        let mut arguments = vec!["bench"];
        match work {
            Work::Drain(_) => arguments.extend(["drain", "--concurrency", &concurrency]),
            Work::Insert => arguments.extend(["insert", "concurrent", "--tasks", &tasks]),
            Work::Latency => arguments.extend(["latency", "--concurrency", &concurrency]),
        }
        arguments.extend(["--jobs", &jobs_text, "--database-url", ground.url(), "--json"]);
        if self.peer.place == Place::Sqlite(Synchronous::Normal) {
            arguments.extend(["--set", "sqlite.synchronous=normal"]);
        }
        let line = self.call(&arguments).await?;
        if line["verified"] == false {
            bail!("not every job finished once: {}", line["wrong"]);
        }
        // The names are its own where they mean more than the peers' do.
        let number = |pointers: &[&str]| {
            pointers.iter().find_map(|pointer| line.pointer(pointer).and_then(Value::as_f64))
        };
        let peak_rss_kib = number(&["/peak_rss_kib"]);
        Ok(Outcome {
            seconds: number(&["/seconds"]),
            jobs_per_second: number(&["/jobs_per_second"]),
            p50_ms: number(&["/p50_ms", "/start/p50_ms"]),
            p99_ms: number(&["/p99_ms", "/start/p99_ms"]),
            cpu_us_per_job: number(&["/cpu_us_per_job", "/client_cpu_us_per_job"]),
            peak_rss_mb: number(&["/peak_rss_mb"]).or(peak_rss_kib.map(|kib| kib * 1_024.0 / 1e6)),
            settings: Some("shipped settings".to_owned()),
            version: self.measure.version.clone(),
        })
    }

    fn synchronous(&self) -> Vec<&'static str> {
        match self.peer.place {
            Place::Sqlite(Synchronous::Full) => vec!["--synchronous", "full"],
            Place::Sqlite(Synchronous::Normal) => vec!["--synchronous", "normal"],
            _ => vec![],
        }
    }

    /// Starts the program, and gives back the last line that it writes.
    async fn call<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Result<Value> {
        let mut command = Command::new(&self.measure.program);
        command
            .current_dir(&self.measure.folder)
            .args(&self.measure.first)
            .args(arguments)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NODE_ENV", "production")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = output.with_context(|| format!("not ended after {PATIENCE:?}"))??;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
            let last = last[last.len().saturating_sub(3)..].join(" / ");
            bail!("ended with {}: {last}", output.status);
        }
        let said = String::from_utf8(output.stdout)?;
        let line = said.lines().last().context("it wrote nothing")?;
        serde_json::from_str(line).with_context(|| format!("its last line is no JSON: {line}"))
    }
}

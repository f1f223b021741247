//! The workers that Kerrera and Oban for Python both have, for the tests that run them beside each
//! other: see `python/workers.py`.

use std::time::Duration;

use kerrera::prelude::*;
use tokio::sync::mpsc::UnboundedSender;

/// Where a node says what it runs.
pub type Runs = UnboundedSender<Run>;

/// What a run was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The job's number.
    pub id: i64,
    /// Which attempt it is.
    pub attempt: i32,
    /// How often the job has been snoozed.
    pub snoozed: i32,
    /// The last line of each error that it has met so far.
    pub errors: Vec<String>,
}

/// Of Kerrera alone; does what its args say.
#[derive(Clone, Debug, Serialize, Deserialize, Worker)]
#[worker(name = "company.Obey", queue = "rust", max_attempts = 3, backoff = at_once)]
pub struct Obey {
    act: String,
    #[serde(default)]
    seconds: f64,
}

/// Known to both sides; does what its args say.
#[derive(Clone, Debug, Serialize, Deserialize, Worker)]
#[worker(name = "workers.Both", queue = "both", max_attempts = 5, backoff = at_once)]
pub struct Both {
    act: String,
    #[serde(default)]
    seconds: f64,
}

impl Obey {
    /// A job that does this.
    pub fn new(act: &str) -> Obey {
        Obey { act: act.to_owned(), seconds: 0.0 }
    }
}

impl Both {
    /// A job that does this.
    pub fn new(act: &str) -> Both {
        Both { act: act.to_owned(), seconds: 0.0 }
    }

    /// A job that waits this long in its first attempt.
    pub fn waits(seconds: f64) -> Both {
        Both { act: "wait_once".to_owned(), seconds }
    }
}

impl Perform<Runs> for Obey {
    async fn perform(&self, cx: &Context<Runs>) -> JobResult {
        obey(&self.act, self.seconds, cx).await
    }
}

impl Perform<Runs> for Both {
    async fn perform(&self, cx: &Context<Runs>) -> JobResult {
        obey(&self.act, self.seconds, cx).await
    }
}

async fn obey(act: &str, seconds: f64, cx: &Context<Runs>) -> JobResult {
    let job = cx.job();
    let last_line = |text: &str| text.trim().lines().last().unwrap_or_default().to_owned();
    let errors = job.errors.iter().map(|error| last_line(&error.error)).collect();
    let run = Run { id: job.id, attempt: job.attempt, snoozed: job.snoozed(), errors };
    // Nobody may want to know.
    let _ = cx.state().send(run);
    match act {
        "done" | "tell" => done(),
        "fail" => Err(format!("broken by Kerrera in attempt {}", job.attempt).into()),
        "snooze" => snooze(Duration::from_secs_f64(seconds)),
        "cancel" => cancel("unwanted by Kerrera"),
        "wait" => wait(seconds).await,
        "wait_once" if job.attempt == 1 => wait(seconds).await,
        "wait_once" => done(),
        act => Err(format!("unknown act {act:?}").into()),
    }
}

async fn wait(seconds: f64) -> JobResult {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    done()
}

fn at_once(_: &Job) -> Duration {
    Duration::ZERO
}

//! What happened before anybody looked: jobs that ended, failures, and numbers over time.

use std::path::Path;
use std::time::Duration;

use kerrera::prelude::*;
use kerrera::{Fingerprint, Timestamp};
use kerrera_core::metrics::{Cells, Gauge, MetricKey, MetricRow, RunEnd, Runs, Slot, Tier};
use kerrera_core::storage::{ErrorTally, Errors as _, Metrics as _};
use kerrera_core::{Clock, JobId};
use kerrera_sqlite::{SqliteOptions, rusqlite};
use serde_json::json;
use uuid::Uuid;

/// How a worker did, of late.
struct Habit {
    worker: &'static str,
    queue: &'static str,
    /// Runs in a minute.
    runs: u64,
    /// How long one takes, in milliseconds.
    takes: u64,
    /// Of a thousand runs, how many fail.
    fails: u64,
    error: &'static str,
}

const HABITS: &[Habit] = &[
    Habit {
        worker: "SendWelcomeEmail",
        queue: "mailers",
        runs: 38,
        takes: 180,
        fails: 4,
        error: "smtp 451 4.7.1: greylisted, try again later",
    },
    Habit {
        worker: "SendInvoice",
        queue: "mailers",
        runs: 14,
        takes: 420,
        fails: 9,
        error: "cannot render invoice: the address has no country",
    },
    Habit {
        worker: "ChargeCard",
        queue: "payments",
        runs: 11,
        takes: 640,
        fails: 12,
        error: "the card gateway did not answer within 10 s: api.cards.example",
    },
    Habit {
        worker: "ResizeImage",
        queue: "media",
        runs: 22,
        takes: 1_350,
        fails: 21,
        error: "cannot decode image/heic: no such codec",
    },
    Habit { worker: "SyncInventory", queue: "default", runs: 1, takes: 2_300, fails: 0, error: "" },
];

/// How many minutes are told of.
const MINUTES: u64 = 100;
/// When the gateway was down, in minutes ago.
const OUTAGE: std::ops::Range<u64> = 12..27;

const MINUTE: Duration = Duration::from_secs(60);
const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// Writes it beside the nodes that run.
pub(super) async fn write(path: &Path) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let failed = write_jobs(path, now)?;
    SqliteOptions::file(path).open()?.write_metrics(numbers(now)).await?;
    for ago in (0..48).rev() {
        let clock = Clock::manual(now - HALF_AN_HOUR * ago);
        let tallies: Vec<ErrorTally> = HABITS
            .iter()
            .zip(&failed)
            .filter_map(|(habit, job)| habit.tally(ago.into(), *job))
            .collect();
        SqliteOptions::file(path).clock(clock).open()?.note_errors(tallies).await?;
    }
    Ok(())
}

impl Habit {
    /// Whether its counterpart does not answer in that minute.
    fn is_out(&self, ago: u64) -> bool {
        self.queue == "payments" && OUTAGE.contains(&ago)
    }

    /// How many runs ended in that minute, and how many of them failed.
    fn minute(&self, ago: u64) -> (u64, u64) {
        let wave = 1.0 + 0.35 * (ago as f64 / 9.0).sin() + 0.12 * (ago as f64 * 2.3).cos();
        let runs = (self.runs as f64 * wave).round().max(1.0) as u64;
        let failed = match self.is_out(ago) {
            true => runs * 7 / 10,
            false => (runs * self.fails + (ago * 613) % 1_000) / 1_000,
        };
        (runs, failed)
    }

    /// What failed in that half of an hour, the last time in this job.
    fn tally(&self, halves_ago: u64, job: JobId) -> Option<ErrorTally> {
        let minutes = halves_ago * 30..halves_ago * 30 + 30;
        let count = minutes.map(|ago| self.minute(ago).1).sum();
        (count > 0 && !self.error.is_empty()).then(|| ErrorTally {
            fingerprint: Fingerprint::of(self.worker, self.error),
            worker: self.worker.to_owned(),
            message: self.error.to_owned(),
            node: "web-2".into(),
            job,
            count,
        })
    }
}

/// Writes jobs that have ended or wait to be tried again; gives one that failed, for each habit.
fn write_jobs(path: &Path, now: Timestamp) -> anyhow::Result<Vec<JobId>> {
    let mut connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    let transaction = connection.transaction()?;
    let mut failed = vec![0; HABITS.len()];
    for ago in (0..30_u64).rev() {
        for (habit, failed) in HABITS.iter().zip(&mut failed) {
            let many = habit.runs.div_ceil(12).max(u64::from(habit.is_out(ago)) * 2);
            for n in 0..many {
                let fails = habit.is_out(ago)
                    || habit.fails > 0 && (ago * 7 + n * 3 + habit.runs) % 17 == 0;
                let state = match (fails, ago % 2) {
                    (false, _) => State::Completed,
                    (true, 0) => State::Discarded,
                    (true, _) => State::Retryable,
                };
                let id = write_job(
                    &transaction,
                    habit,
                    state,
                    now - MINUTE * ago as u32 - Duration::from_millis(1 + n * 7_100),
                )?;
                if fails {
                    *failed = id;
                }
            }
        }
    }
    transaction.commit()?;
    Ok(failed)
}

fn write_job(
    connection: &rusqlite::Connection,
    habit: &Habit,
    state: State,
    ended: Timestamp,
) -> anyhow::Result<JobId> {
    let began = ended - Duration::from_millis(habit.takes);
    let inserted = began - Duration::from_millis(80);
    let micros = ended.as_micros();
    let number = micros / 7_100_000 % 9_000 + 1_000;
    let args = match habit.worker {
        "SendWelcomeEmail" => json!({ "user_id": number }),
        "ChargeCard" => json!({ "order_id": number, "cents": number * 7 % 20_000 + 990 }),
        "ResizeImage" => json!({ "image": number * 5, "width": 1_280 }),
        "SyncInventory" => json!({ "warehouse": "BUS-1" }),
        _ => json!({ "order_id": number }),
    };
    let is_done = state == State::Completed;
    let (attempt, most) = match state {
        State::Completed => (1, 5),
        State::Discarded => (3, 3),
        _ => (2, 5),
    };
    let failures = (1..=attempt).map(|attempt| {
        let at = ended - MINUTE * u32::try_from(most - attempt).unwrap_or(0);
        let print = Fingerprint::of(habit.worker, habit.error).to_string();
        json!({
            "at": at.to_string(), "attempt": attempt, "error": habit.error,
            "k_node": "web-2", "k_ms": habit.takes, "k_fp": print,
        })
    });
    let failures: Vec<_> = failures.filter(|_| !is_done).collect();
    // The next attempt is some minutes away: nobody is to see it happen.
    let scheduled = if state == State::Retryable { ended + MINUTE * 45 } else { inserted };
    let at = |is_so: bool| is_so.then_some(micros);
    let discarded = at(state == State::Discarded);
    let node = format!("[\"web-{}\"]", micros % 2 + 1);
    connection
        .prepare_cached(
            "INSERT INTO oban_jobs (state, queue, worker, args, errors, attempt, max_attempts, attempted_by,
                 inserted_at, scheduled_at, attempted_at, completed_at, discarded_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            state.as_str(), habit.queue, habit.worker, args.to_string(),
            serde_json::Value::from(failures).to_string(), attempt, most, node,
            inserted.as_micros(), scheduled.as_micros(), began.as_micros(), at(is_done), discarded,
        ))?;
    Ok(connection.last_insert_rowid())
}

/// The row of each minute, queue and worker.
fn numbers(now: Timestamp) -> Vec<MetricRow> {
    let source = Uuid::new_v4();
    let minute = i64::try_from(MINUTE.as_micros()).unwrap_or(i64::MAX);
    let this = Timestamp::from_micros(now.as_micros() / minute * minute);
    let mut rows = Vec::new();
    for ago in 0..MINUTES {
        let at = this - MINUTE * u32::try_from(ago).unwrap_or(0);
        let mut add = |queue: &str, worker: &str, slot| {
            let (queue, worker) = (queue.to_owned(), worker.to_owned());
            let key = MetricKey { tier: Tier::Fresh, at, queue, worker, source };
            rows.push(MetricRow { key, cells: Cells::one(slot).encode() });
        };
        add("", "", Slot::Mark);
        for habit in HABITS {
            let (ended, failed) = habit.minute(ago);
            let mut runs = Runs::default();
            for run in 0..ended {
                let end = match run < failed {
                    true if run % 4 == 3 => RunEnd::Discarded,
                    true => RunEnd::Failed,
                    false => RunEnd::Completed,
                };
                let slow = if habit.is_out(ago) { 8 } else { 1 };
                let spread = 60 + (run * 37 + ago * 11) % 120;
                let waited = Duration::from_millis(spread * slow / 4);
                runs.note(end, waited, Duration::from_millis(habit.takes * spread * slow / 100));
            }
            add(habit.queue, habit.worker, Slot::Runs(runs));
        }
        for (queue, limit, available, executing) in [
            ("default", 20, 0, 1),
            ("mailers", 40, 6 + ago % 7, 9 + ago % 5),
            (
                "payments",
                16,
                if OUTAGE.contains(&ago) { 40 + 9 * (27 - ago) } else { 2 + ago % 3 },
                8,
            ),
            ("media", 8, 14 + (ago * 5) % 11, 8),
            ("imports", 2, 2, 2),
            ("reports", 6, if ago < 40 { (40 - ago) / 2 } else { 0 }, 0),
        ] {
            let mut gauge = Gauge::empty();
            gauge.limit = limit.into();
            gauge.available = available.into();
            gauge.executing = executing.into();
            gauge.retryable = if queue == "payments" { 12 } else { 3 }.into();
            gauge.scheduled = if queue == "mailers" { 7 } else { 0 }.into();
            add(queue, "", Slot::Gauge(gauge));
        }
    }
    rows
}

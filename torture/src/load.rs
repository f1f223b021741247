//! The jobs that the scenarios run: a mix of everything that can become of one.

use std::time::Duration;

use fastrand::Rng;
use kerrera::prelude::*;
use kerrera::{JobId, Outcome};
use kerrera_core::state::SNOOZED;

use crate::history::{End, Run, Stamp};
use crate::log::Log;

/// The queue of most jobs.
pub const QUEUE: &str = "load";
/// The queue of those that take long.
pub const LONG_QUEUE: &str = "long";

/// A job of the rig.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Act {
    /// Unique among all that the producers insert; follow-ups have their parent's, and a mark.
    pub key: String,
    /// What it does.
    pub kind: Kind,
    /// How long it takes.
    pub ms: u64,
    /// The job that it follows.
    pub parent: Option<JobId>,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It takes its time, and is done.
    Work,
    /// The same, inserted together with a row of the application's.
    Together,
    /// It is followed by another job.
    Chain,
    /// It fails the first time.
    FailOnce,
    /// It fails every time, and has two attempts.
    Fail,
    /// It panics the first time.
    Panic,
    /// It wants to run again later, the first time.
    Snooze,
    /// It finds that it is not needed.
    Cancel,
    /// It takes long, in a queue of its own, and does not heed the wish that it stop. Once it has
    /// been interrupted, it takes a tenth of that, so that a scenario comes to rest soon.
    Long,
    /// It has one attempt: if its node dies, it is discarded.
    Once,
}

impl Kind {
    /// The mix of the load L1, in percent.
    const MIX: [(Kind, u8); 10] = [
        (Kind::Work, 70),
        (Kind::Together, 8),
        (Kind::Chain, 6),
        (Kind::FailOnce, 6),
        (Kind::Snooze, 4),
        (Kind::Long, 2),
        (Kind::Fail, 1),
        (Kind::Panic, 1),
        (Kind::Cancel, 1),
        (Kind::Once, 1),
    ];
}

impl Act {
    /// The next job of the load L1.
    pub fn draw(rng: &mut Rng, key: String) -> Act {
        let mut point = rng.u8(..100);
        let drawn = Kind::MIX.into_iter().find(|(_, share)| {
            let here = point < *share;
            point = point.saturating_sub(*share);
            here
        });
        let kind = drawn.map_or(Kind::Work, |(kind, _)| kind);
        let ms = match kind {
            Kind::Long => rng.u64(1_000..3_000),
            _ => rng.u64(5..=20),
        };
        Act { key, kind, ms, parent: None }
    }

    /// A job that takes this long.
    pub fn work(key: String, ms: u64) -> Act {
        Act { key, kind: Kind::Work, ms, parent: None }
    }

    /// The job to insert.
    pub fn into_job(self) -> NewJob {
        match self.kind {
            Kind::Long => self.queue(LONG_QUEUE),
            Kind::Fail => self.max_attempts(2),
            Kind::Once => self.max_attempts(1),
            _ => self.job(),
        }
    }

    async fn act(&self, job: &Job) -> JobResult {
        let shorter = if self.kind == Kind::Long && job.attempt > 1 { 10 } else { 1 };
        tokio::time::sleep(Duration::from_millis(self.ms / shorter)).await;
        let is_first = job.errors.is_empty();
        let snoozed = || {
            let meta: serde_json::Value = job.meta.decode().unwrap_or_default();
            meta.get(SNOOZED).is_some()
        };
        match self.kind {
            Kind::Work | Kind::Together | Kind::Long | Kind::Once => done(),
            Kind::Chain => {
                let (key, parent) = (format!("{}/next", self.key), Some(job.id));
                done().then(Act { parent, ..Act::work(key, self.ms) }.into_job())
            }
            Kind::FailOnce if !is_first => done(),
            Kind::FailOnce | Kind::Fail => Err("as it was meant to".into()),
            Kind::Panic if !is_first => done(),
            Kind::Panic => panic!("as it was meant to"),
            Kind::Snooze if snoozed() => done(),
            Kind::Snooze => snooze(300.milliseconds()),
            Kind::Cancel => cancel("it is not needed"),
        }
    }
}

impl Worker for Act {
    const NAME: &'static str = "Act";
    const QUEUE: &'static str = QUEUE;

    /// Short, so that a scenario comes to rest soon.
    fn backoff(_: &Job) -> Duration {
        Duration::from_millis(fastrand::u64(200..500))
    }
}

impl Perform<Recorder> for Act {
    async fn perform(&self, cx: &Context<Recorder>) -> JobResult {
        let running = cx.state().begin(cx);
        let result = self.act(cx.job()).await;
        running.end(&result);
        result
    }
}

/// What a node needs to write down its runs.
#[derive(Debug)]
pub struct Recorder {
    /// The node's log.
    pub log: Log<Run>,
    /// The node's name.
    pub node: String,
}

impl Recorder {
    fn begin<'a>(&'a self, cx: &Context<Recorder>) -> Running<'a> {
        let (job, token) = (cx.job().id, cx.claim_token().to_string());
        self.log.write(&Run::Start {
            at: Stamp::now(),
            node: self.node.clone(),
            pid: std::process::id(),
            queue: cx.job().queue.clone(),
            job,
            attempt: cx.job().attempt,
            token: token.clone(),
        });
        Running { recorder: self, job, token, end: End::Stopped }
    }
}

/// A run whose end is written when this is dropped, however it ends.
struct Running<'a> {
    recorder: &'a Recorder,
    job: JobId,
    token: String,
    end: End,
}

impl Running<'_> {
    fn end(mut self, result: &JobResult) {
        self.end = match result {
            Ok(Outcome::Done(_)) => End::Done,
            Ok(Outcome::Snooze(_)) => End::Snoozed,
            Ok(Outcome::Cancel(_)) => End::Cancelled,
            _ => End::Failed,
        };
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let end = if std::thread::panicking() { End::Panicked } else { self.end };
        let (job, token) = (self.job, std::mem::take(&mut self.token));
        self.recorder.log.write(&Run::End { at: Stamp::now(), job, token, end });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_load_in_the_shares_of_the_mix() {
        assert_eq!(Kind::MIX.iter().map(|(_, share)| u32::from(*share)).sum::<u32>(), 100);
        let draw = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..20_000).map(|n| Act::draw(&mut rng, n.to_string())).collect::<Vec<_>>()
        };
        let mut counts: HashMap<Kind, u32> = HashMap::new();
        for act in draw(7) {
            *counts.entry(act.kind).or_default() += 1;
        }
        for (kind, share) in Kind::MIX {
            let found = f64::from(counts[&kind]) / 200.0;
            assert!((found - f64::from(share)).abs() < 1.5, "{kind:?}: {found} %");
        }
        let texts = |acts: Vec<Act>| serde_json::to_string(&acts).unwrap();
        assert_eq!(texts(draw(7)), texts(draw(7)));
        assert_ne!(texts(draw(7)), texts(draw(8)));
    }
}

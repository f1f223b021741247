//! Inserts jobs at times of the clock: the storage's clock, wherever the nodes' are.

use std::sync::Arc;

use kerrera_core::Error;
use kerrera_core::cron::Occasion;
use kerrera_core::error::Kind;
use kerrera_core::storage::{CronFiring, Crontab, FiredSlot};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;

use super::{Node, panics};
use crate::engine::cron::{Crons, Effect, Event};
use crate::telemetry::{CronFailed, CronFire, CronOverlap};

pub(crate) const NAME: &str = "cron";

/// The entries that a node brings, and the machine that sees to them.
pub(crate) struct Shell {
    node: Arc<Node>,
    names: Vec<String>,
    crons: Mutex<Crons>,
}

/// How a round went.
#[derive(Default)]
struct Round {
    failure: Option<Error>,
    /// Trying again soon may help.
    again: bool,
}

impl Shell {
    pub(crate) fn new(node: Arc<Node>, names: Vec<String>) -> Shell {
        let crons = Crons::new(Instant::now().into_std());
        Shell { node, names, crons: Mutex::new(crons) }
    }

    pub(crate) async fn run(self: Arc<Self>) {
        let mut crons = self.crons.lock().await;
        loop {
            tokio::select! {
                () = sleep_until(Instant::from_std(crons.wakes_at())) => {}
                () = self.node.crontab.notified() => {
                    crons.step(now(), Event::Changed);
                    continue;
                }
                () = self.node.stop.loops.cancelled() => return,
            }
            let mut round = Round::default();
            if let Err(error) = self.round(&mut crons, &mut round).await {
                // Nothing is known of when to wake without it.
                round.note(error);
                round.again = true;
            }
            let event = match round {
                Round { again: true, .. } => Event::Failed { jitter: fastrand::f64() },
                Round { .. } => Event::Done,
            };
            crons.step(now(), event);
            match round.failure {
                Some(error) => self.node.health.ill(NAME, error),
                None => self.node.health.well(NAME),
            }
        }
    }

    async fn round(&self, crons: &mut Crons, round: &mut Round) -> kerrera_core::Result<()> {
        let storage = self.node.storage();
        let mut crontab = storage.crontab(None).await?;
        let is_ours = |name: &str| self.names.iter().any(|ours| ours == name);
        // Those of programs that run elsewhere, or no more, are theirs to fire and to complain of.
        crontab.crons.retain(|cron| cron.is_added || is_ours(&cron.entry.name));
        for (name, error) in crontab.unreadable.drain(..) {
            if is_ours(&name) {
                round.note(error);
            }
        }
        for effect in crons.step(now(), Event::Read(&crontab)) {
            match effect {
                Effect::Fire(name, occasion) => self.fire(name, occasion, &crontab, round).await,
                Effect::Look(since) => self.look(since, crons, &crontab, round).await?,
            }
        }
        Ok(())
    }

    /// Looks whether this node is the one that fires the entries for `@reboot`.
    async fn look(
        &self,
        since: kerrera_core::Timestamp,
        crons: &mut Crons,
        crontab: &Crontab,
        round: &mut Round,
    ) -> kerrera_core::Result<()> {
        let ours = self.node.queues().iter().map(|queue| queue.producer()).collect();
        let nodes = self.node.storage().other_nodes(ours, since).await?;
        for effect in crons.step(now(), Event::Looked(&nodes, crontab)) {
            if let Effect::Fire(name, occasion) = effect {
                self.fire(name, occasion, crontab, round).await;
            }
        }
        Ok(())
    }

    /// Fires an entry; one that fails keeps no other from being fired.
    async fn fire(&self, name: String, occasion: Occasion, crontab: &Crontab, round: &mut Round) {
        let node = self.node.name.clone();
        // Nobody else's span is there: the trace of what the entry inserts begins here.
        let span = tracing::info_span!(target: "kerrera", "cron", entry = name);
        let meta = span.in_scope(|| self.travels(&name, crontab, round));
        let firing = CronFiring { name: name.clone(), node, occasion, meta };
        match self.node.storage().fire_cron(firing).instrument(span).await {
            Ok(fired) => self.tell(&name, fired.unwrap_or_default()),
            Err(error) => {
                let failed = CronFailed { name, error: error.to_string() };
                self.node.telemetry().emit(failed);
                round.note(error);
            }
        }
    }

    /// What is to travel with the jobs of an entry. Whoever cannot say it keeps no job from coming.
    fn travels(&self, name: &str, crontab: &Crontab, round: &mut Round) -> Map<String, Value> {
        let Some(cron) = crontab.crons.iter().find(|cron| cron.entry.name == name) else {
            return Map::new();
        };
        let client = &self.node.client;
        panics::catch(|| client.travels(&cron.entry.job.meta)).unwrap_or_else(|words| {
            let message = format!("the propagator failed for the cron entry {name:?}: {words}");
            round.note(Error::new(Kind::Config, message));
            Map::new()
        })
    }

    fn tell(&self, name: &str, fired: Vec<FiredSlot>) {
        for FiredSlot { at, job } in &fired {
            let (name, slot) = (name.to_owned(), *at);
            match job {
                Some(job) => {
                    let id = job.job().id;
                    self.node.telemetry().emit(CronFire { name, slot, id });
                }
                None => self.node.telemetry().emit(CronOverlap { name, slot }),
            }
        }
        let inserted: Vec<_> = fired.into_iter().filter_map(|slot| slot.job).collect();
        self.node.client.woken_by(&inserted);
    }
}

impl Round {
    fn note(&mut self, error: Error) {
        self.again |= error.is_transient();
        self.failure.get_or_insert(error);
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

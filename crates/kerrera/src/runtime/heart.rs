//! Signs of life, and the rescue of other nodes' jobs.
//!
//! The heart has a thread and a runtime of its own: work that blocks every thread of the
//! application's runtime does not make the node look dead. It begins first and ends last.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kerrera_core::error::Kind;
use kerrera_core::failure::sanitise;
use kerrera_core::state::{Event as StateEvent, decide};
use kerrera_core::storage::{Ack, Beat, Failure, Producer, Pulse, Sighting};
use kerrera_core::{ClaimToken, Error, Fingerprint, JobId, Result, State, Uuid};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::acker::Ended;
use super::supervisor::supervise;
use super::{Node, Queue, herald, prompter};
use crate::cancellation::Reason;
use crate::engine::heart::{Effect, Event, Heart};
use crate::engine::queues::Settings;
use crate::engine::rescuer::Rescuer;
use crate::telemetry::{
    Ending, FailureKind, JobAbandoned, JobGone, JobOverdue, JobReclaimed, NodeDoubt, NodeTrust,
    ProducerLost, Ran, RescueJob, RescueProducer, RetireFailed,
};

const HEART: &str = "heart";
const RESCUER: &str = "rescuer";
const REFRESHER: &str = "refresher";

/// How many jobs one transaction frees.
const RESCUE_BATCH: u32 = 500;

/// Begins to beat: makes the producers known, and returns when they are.
pub(crate) async fn start(node: Arc<Node>) -> Result<Thread> {
    let (enrolled, answer) = oneshot::channel();
    let (ended, end) = oneshot::channel();
    let application = Handle::current();
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(live(node, application, enrolled)),
            Err(error) => {
                let message = format!("no runtime for the heart's thread: {error}");
                let _ = enrolled.send(Err(Error::new(Kind::Config, message)));
            }
        }
        let _ = ended.send(());
    };
    let spawned = std::thread::Builder::new().name("kerrera-heart".into()).spawn(body);
    spawned.map_err(|error| {
        let message = format!("the heart's thread could not be started: {error}");
        Error::new(Kind::Config, message)
    })?;
    let gone = || Error::new(Kind::Config, "the heart's thread ended before it began to beat");
    answer.await.map_err(|_| gone())??;
    Ok(Thread { end })
}

/// The heart's thread.
pub(crate) struct Thread {
    end: oneshot::Receiver<()>,
}

impl Thread {
    /// Waits until it has ended.
    pub(crate) async fn ended(self) {
        let _ = self.end.await;
    }
}

async fn live(node: Arc<Node>, application: Handle, enrolled: oneshot::Sender<Result<()>>) {
    let queues = node.queues();
    let producers = queues.iter().map(|queue| identity(&node, queue, queue.producer()));
    let result = node.storage().enroll(producers.collect()).await;
    let began = result.is_ok();
    let _ = enrolled.send(result);
    if !began {
        return;
    }
    let beating = node.clone();
    let beats = supervise(HEART.into(), node.health.clone(), move || beat(beating.clone()));
    let judging = node.clone();
    let looks = supervise(RESCUER.into(), node.health.clone(), move || judge(judging.clone()));
    let aging = node.clone();
    let refreshes =
        supervise(REFRESHER.into(), node.health.clone(), move || refresh(aging.clone()));
    let telling = node.clone();
    let words =
        supervise(herald::NAME.into(), node.health.clone(), move || herald::run(telling.clone()));
    let prompting = node.clone();
    let prompts = supervise(prompter::NAME.into(), node.health.clone(), move || {
        prompter::run(prompting.clone(), application.clone())
    });
    node.stop.loops.cancelled().await;
    let _ = (beats.await, looks.await, refreshes.await, words.await, prompts.await);

    let producers = node.queues().iter().map(|queue| queue.producer()).collect();
    if let Err(error) = node.storage().retire(producers).await {
        // The others will notice.
        node.telemetry().emit(RetireFailed { error: error.to_string() });
    }
    let gone = node.storage().depart(node.process, node.identity.workers.clone()).await;
    if let Err(error) = gone {
        node.telemetry().emit(RetireFailed { error: error.to_string() });
    }
}

pub(crate) fn identity(node: &Node, queue: &Queue, uuid: Uuid) -> Producer {
    let limit = queue.settings().limit;
    Producer { uuid, node: node.name.clone(), queue: queue.name.clone(), limit }
}

async fn beat(node: Arc<Node>) {
    let ttl = node.storage().silence_is_death().then_some(node.tuning.ttl);
    let mut heart = Heart::new(Instant::now(), node.tuning.beat, ttl);
    let mut event = Event::Tick;
    loop {
        for effect in heart.step(Instant::now(), std::mem::replace(&mut event, Event::Tick)) {
            match effect {
                Effect::Doubt => doubt(&node),
                Effect::Trust => trust(&node),
                Effect::Beat => {
                    let sent = Instant::now();
                    event = match send(&node).await {
                        Ok(()) => Event::Answered { sent },
                        Err(error) => {
                            node.health.ill(HEART, error);
                            Event::Failed
                        }
                    };
                }
            }
        }
        watch_the_clock(&node);
        if !matches!(event, Event::Tick) {
            continue;
        }
        // Not longer than a second, to see which runs are late.
        let wake = heart.wakes_at().min(Instant::now() + Duration::from_secs(1));
        tokio::select! {
            () = tokio::time::sleep_until(wake.into()) => {}
            () = node.news.notified() => event = Event::Hurry,
            () = node.doubts.notified() => event = Event::Hinted,
            () = node.stop.loops.cancelled() => return,
        }
    }
}

/// Sends a beat and follows the answer.
async fn send(node: &Node) -> Result<()> {
    let queues = node.queues();
    let beats = queues.iter().map(|queue| {
        let Settings { limit, paused } = queue.settings();
        Beat {
            producer: queue.producer(),
            paused: paused || queue.is_stopping(),
            limit,
            running: queue.running().keys().copied().collect(),
        }
    });
    let Pulse { dead, gone, freed, has_operation } = node.storage().beat(beats.collect()).await?;
    node.health.well(HEART);
    if has_operation {
        node.operations.notify_one();
    }
    for queue in &*queues {
        queue.settle(&node.acks, &freed);
        if dead.contains(&queue.producer()) {
            revive(node, queue).await?;
        }
        stop(node, queue, &gone);
    }
    if freed.is_empty() { Ok(()) } else { reclaim(node, freed).await }
}

/// Takes back what a neighbour freed although it runs here. Meanwhile the ends of these runs are kept:
/// written to a row that is not yet ours again they would be lost, and the row taken back for nobody.
async fn reclaim(node: &Node, freed: Vec<(JobId, ClaimToken)>) -> Result<()> {
    let queues = node.queues();
    let contested = queues.iter().flat_map(|queue| queue.contest(&freed));
    let contested: Vec<(JobId, ClaimToken)> = contested.collect();
    if contested.is_empty() {
        return Ok(());
    }
    // Without an answer they stay contested until the next beat says how they stand.
    let ours = node.storage().reclaim(contested.clone()).await?;
    for (id, _) in &ours {
        node.telemetry().emit(JobReclaimed { id: *id });
    }
    let lost: Vec<_> = contested.into_iter().filter(|claim| !ours.contains(claim)).collect();
    for queue in &*queues {
        stop(node, queue, &lost);
        queue.settle(&node.acks, &[]);
    }
    Ok(())
}

/// Makes the jobs that run for long look young to neighbours, who judge by that.
async fn refresh(node: Arc<Node>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(node.tuning.refresh) => {}
            () = node.stop.loops.cancelled() => return,
        }
        let now = Instant::now();
        let mut long = Vec::new();
        for queue in &*node.queues() {
            for (claim, run) in queue.running().iter_mut() {
                if now - run.started >= node.tuning.refresh {
                    run.refreshed = true;
                    long.push(*claim);
                }
            }
        }
        if long.is_empty() {
            continue;
        }
        match node.storage().refresh(long).await {
            Ok(()) => node.health.well(REFRESHER),
            Err(error) => node.health.ill(REFRESHER, error),
        }
    }
}

/// This node was declared dead in a queue: its jobs there belong to others now. It begins again
/// under a new name.
async fn revive(node: &Node, queue: &Queue) -> Result<()> {
    node.telemetry().emit(ProducerLost { queue: queue.name.clone() });
    for run in queue.running().values() {
        // Until somebody frees them they still carry our token: what stops now is given back.
        run.cancellation.cancel(Reason::Doubt);
    }
    queue.clear_stock(&node.acks);
    if queue.is_stopping() {
        return Ok(());
    }
    let fresh = Uuid::new_v4();
    node.storage().enroll(vec![identity(node, queue, fresh)]).await?;
    queue.renew(fresh);
    queue.inbox.wake();
    Ok(())
}

fn stop(node: &Node, queue: &Queue, gone: &[(JobId, ClaimToken)]) {
    let running = queue.running();
    for claim in gone {
        if let Some(run) = running.get(claim) {
            node.telemetry().emit(JobGone { job: run.job.clone() });
            run.cancellation.cancel(Reason::Gone);
        }
    }
}

/// The lease is nearly over, and others may take the running jobs: start none, and stop these.
fn doubt(node: &Node) {
    node.telemetry().emit(NodeDoubt { node: node.name.clone() });
    for queue in &*node.queues() {
        queue.trusted.send_replace(false);
    }
    node.cancel_all(Reason::Doubt);
}

fn trust(node: &Node) {
    node.telemetry().emit(NodeTrust { node: node.name.clone() });
    for queue in &*node.queues() {
        queue.trusted.send_replace(true);
        queue.inbox.wake();
    }
}

/// Says which runs are late, and gives up those whose worker allows it.
fn watch_the_clock(node: &Node) {
    let now = Instant::now();
    for queue in &*node.queues() {
        let mut running = queue.running();
        let mut given_up = Vec::new();
        for ((id, token), run) in running.iter_mut() {
            let late = run.due.is_some_and(|due| now > due + node.tuning.cancel_grace * 2);
            if late && !run.reported {
                run.reported = true;
                node.telemetry().emit(JobOverdue { job: run.job.clone() });
            }
            if run.abandoned.is_some_and(|time| now > time) && !run.contested {
                given_up.push((*id, *token));
            }
        }
        for claim in given_up {
            if let Some(run) = running.remove(&claim) {
                abandon(node, queue, claim, run, now);
            }
        }
    }
}

/// Takes slot and claim from a run that goes on, since its worker said so.
fn abandon(
    node: &Node,
    queue: &Queue,
    (id, token): (JobId, ClaimToken),
    run: super::Run,
    now: Instant,
) {
    node.telemetry().emit(JobAbandoned { job: run.job.clone() });
    let position = run.job.position();
    let event = StateEvent::Failed { retry_in: run.backoff };
    let Ok(outcome) = decide(position, event) else { return };
    let worker = run.worker;
    let words =
        format!("** (TimeoutError) {worker} did not end and was given up; it may still run");
    let failure = Failure {
        attempt: position.attempt,
        error: sanitise(&words),
        node: node.name.clone(),
        ran: now - run.started,
        fingerprint: Some(Fingerprint::of(&run.job.worker, &words)),
    };
    let (meta, then, began) = (None, Vec::new(), run.began());
    let (attempt, failure) = (position.attempt, Some(failure));
    let ack = Ack { id, token, attempt, outcome, failure, meta, then, began };
    let ran = Ran {
        duration: now - run.started,
        ending: Ending::of(event, outcome.to),
        failed: Some(FailureKind::Timeout),
        job: run.job,
    };
    node.acks.hand_in(vec![Ended { ack, position, ran: Some(ran), slot: None }]);
    queue.inbox.ended();
}

async fn judge(node: Arc<Node>) {
    let mut rescuer = Rescuer::new(node.tuning.ttl, node.tuning.look);
    loop {
        tokio::select! {
            () = tokio::time::sleep(node.tuning.look) => {}
            () = node.stop.loops.cancelled() => return,
        }
        let rescued = match node.storage().look().await {
            Ok(look) => match rescuer.looked(Instant::now(), &look) {
                Some(dead) => rescue(&node, dead).await,
                None => Ok(()),
            },
            Err(error) => Err(error),
        };
        match rescued {
            Ok(()) => node.health.well(RESCUER),
            Err(error) => {
                rescuer.blinded();
                node.health.ill(RESCUER, error);
            }
        }
    }
}

async fn rescue(node: &Node, mut dead: Vec<Sighting>) -> Result<()> {
    loop {
        let rescue = node.storage().rescue(std::mem::take(&mut dead), RESCUE_BATCH).await?;
        for producer in &rescue.removed {
            node.telemetry().emit(RescueProducer { producer: *producer });
        }
        for (id, queue, state) in &rescue.jobs {
            let (id, queue, state) = (*id, queue.clone(), *state);
            node.telemetry().emit(RescueJob { id, queue, state });
        }
        let available = rescue.jobs.iter().filter(|(.., state)| *state == State::Available);
        node.client.wake_all(available.map(|(_, queue, _)| queue.as_str()));
        if rescue.jobs.len() < RESCUE_BATCH as usize {
            return Ok(());
        }
    }
}

//! Claims the jobs of one queue and starts them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kerrera_core::error::Kind;
use kerrera_core::storage::{Claim, Floor};
use kerrera_core::task::let_others;
use kerrera_core::{ClaimToken, Error, Job, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::crew::Crew;
use super::panics::Caught;
use super::supervisor::supervise;
use super::{Node, Queue, executor, lock};
use crate::engine::producer::{Claimed, Event, Order, Producer, Slots};
use crate::engine::queues::Settings;
use crate::engine::stock::Offer;
use crate::registry::Registry;
use crate::runtime;
use crate::telemetry::{self, WorkerUnknown};

/// The shell of a [`Producer`].
pub(crate) struct Shell<S> {
    pub(crate) node: Arc<Node>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) registry: Arc<Registry<S>>,
    pub(crate) state: Arc<S>,
}

/// A claim that came back.
struct Answer {
    token: ClaimToken,
    order: Order,
    sent: Instant,
    jobs: Result<Vec<Job>>,
}

/// The name of a queue's loop.
pub(crate) fn name(queue: &Queue) -> String {
    format!("producer.{}", queue.name)
}

impl<S: Send + Sync + 'static> Shell<S> {
    /// Begins to work the queue.
    pub(crate) fn spawn(self) {
        let (node, queue) = (self.node.clone(), self.queue.clone());
        node.client.add_local(&queue.name, queue.inbox.clone());
        let shell = Arc::new(self);
        let task = supervise(name(&queue), node.health.clone(), move || shell.clone().run());
        *lock(&queue.task) = Some(task);
    }

    /// Claims and starts jobs until the queue claims no more.
    async fn run(self: Arc<Self>) {
        let queue = &self.queue;
        let batch = self.node.tuning.claim_batch;
        let mut settings = queue.settings.subscribe();
        let Settings { limit, paused } = *settings.borrow_and_update();
        let mut producer = Producer::new(limit, batch, paused);
        let mut trusted = queue.trusted.subscribe();
        let mut claims: JoinSet<Answer> = JoinSet::new();
        queue.inbox.wake();
        loop {
            let wake = producer.wakes_at().into_iter().chain(queue.stock().wakes_at()).min();
            let wake = wake.map(Instant::from_std);
            let mut answer = None;
            tokio::select! {
                // A claim is caught when it panics, so a task that fails has ended with the runtime.
                Some(joined) = claims.join_next() => answer = joined.ok(),
                // Where one run ends, others are about to: those that can run now are waited for, so that
                // a thousand that end at once are one round and not a thousand.
                () = queue.inbox.rung() => {
                    if !queue.inbox.is_woken() {
                        let_others().await;
                    }
                }
                _ = trusted.changed() => {}
                _ = settings.changed() => {}
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
                // What a claim under way brings must not be lost, so it is waited for.
                () = queue.halt.claims.cancelled(), if claims.is_empty() => {
                    queue.clear_stock(&self.node.acks);
                    return;
                }
            }

            let now = Instant::now().into_std();
            let Settings { limit, paused } = *settings.borrow_and_update();
            let paused = paused || !*trusted.borrow_and_update();
            let mut starting = self.work_off_stock(now);
            let woken = queue.inbox.take_woken().then_some(Event::Wake);
            let answered = answer.map(|answer| self.answered(now, answer, &mut starting));
            let stop = queue.is_stopping().then_some(Event::Stop);
            let events = [Some(Event::Pause(paused)), Some(Event::Scale(limit))];
            for event in events.into_iter().chain([woken, answered, stop]).flatten() {
                producer.hear(now, event);
            }
            producer.hear(now, Event::Slots(self.slots(now, limit, starting.len())));
            queue.has_room.store(producer.has_room(), Ordering::Relaxed);
            while let Some(order) = producer.order(now) {
                claims.spawn(self.clone().claim(order));
            }
            // Only now: behind a thousand jobs the claim would wait for its turn on the runtime.
            self.start(starting, Instant::now());
        }
    }

    fn slots(&self, now: std::time::Instant, limit: u32, starting: usize) -> Slots {
        let (running, stock) = (self.running() + count(starting), self.queue.stock());
        // What a kept slot waits for must not be claimed ahead either.
        let takes = self.queue.pace.mean().filter(|_| !self.queue.keeps_a_slot());
        let size = stock.size(now, limit, takes);
        Slots { running, in_stock: stock.len(), stock: size }
    }

    fn running(&self) -> u32 {
        self.queue.occupied()
    }

    /// Whether a job may be started now, if there is a slot for it.
    fn may_start(&self) -> bool {
        let queue = &self.queue;
        !queue.is_stopping() && !queue.settings().paused && *queue.trusted.borrow()
    }

    /// How many more jobs may be started now.
    fn free(&self) -> u32 {
        let limit = if self.may_start() { self.queue.settings().limit } else { 0 };
        limit.saturating_sub(self.running())
    }

    /// Takes out of stock what is to be started in the slots that are free; gives back what waits too
    /// long, and all of it if the queue was stopped, paused or scaled down.
    fn work_off_stock(&self, now: std::time::Instant) -> Vec<runtime::Claimed> {
        let (queue, acks) = (&self.queue, &self.node.acks);
        let mut stock = queue.stock();
        if stock.len() == 0 {
            return Vec::new();
        }
        if !self.may_start() || self.running() > queue.settings().limit {
            drop(stock);
            queue.clear_stock(acks);
            return Vec::new();
        }
        while let Some((job, token)) = stock.overdue(now) {
            acks.release(&job, token);
        }
        (0..self.free()).map_while(|_| stock.take()).collect()
    }

    async fn claim(self: Arc<Self>, order: Order) -> Answer {
        let token = ClaimToken::random();
        let sent = Instant::now();
        let claim = Claim {
            queue: self.queue.name.clone(),
            producer: self.queue.producer(),
            node: self.node.name.clone(),
            token,
            limit: order.limit,
            excluded: self.queue.excluded(),
            floor: order.floor,
        };
        let jobs = Caught::new(self.node.storage().claim(claim)).await;
        let jobs = jobs.unwrap_or_else(|words| Err(Error::new(Kind::Unreachable, words)));
        Answer { token, order, sent, jobs }
    }

    fn answered(
        &self,
        now: std::time::Instant,
        answer: Answer,
        starting: &mut Vec<runtime::Claimed>,
    ) -> Event {
        let name = name(&self.queue);
        let Answer { token, order, sent, jobs } = answer;
        let asked = order.limit;
        let jobs = match jobs {
            Ok(jobs) => jobs,
            Err(error) => {
                self.node.health.ill(&name, error);
                return Event::Failed { asked, jitter: fastrand::f64() };
            }
        };
        self.node.health.well(&name);
        let (got, last) = (count(jobs.len()), jobs.last().map(Floor::from));
        let (start, took) = (order.start, sent.elapsed());
        self.node.telemetry().emit(telemetry::Claim {
            queue: self.queue.name.clone(),
            asked,
            got,
            duration: took,
        });
        let kept = self.distribute(now, jobs, token, starting);
        Event::Claimed(Claimed { asked, got, start, kept, last, took })
    }

    /// Decides which jobs are to be started, puts others in stock, or gives them back; says how many
    /// were not given back.
    fn distribute(
        &self,
        now: std::time::Instant,
        jobs: Vec<Job>,
        token: ClaimToken,
        starting: &mut Vec<runtime::Claimed>,
    ) -> u32 {
        // While the claim was under way the queue may have been stopped, paused or scaled down.
        let (mut free, mut kept) = (self.free().saturating_sub(count(starting.len())), 0);
        let limit = if self.may_start() { self.queue.settings().limit } else { 0 };
        let mut stock = self.queue.stock();
        for job in jobs {
            let job = Arc::new(job);
            let Some(handler) = self.registry.get(&job.worker) else {
                self.leave(&job, token);
                continue;
            };
            if free > 0 {
                free -= 1;
                kept += 1;
                starting.push((job, token));
                continue;
            }
            let offer = Offer {
                place: Floor::from(&*job),
                takes: handler.policy().pace.mean(),
                is_last_attempt: job.attempt >= job.max_attempts,
            };
            match stock.put(now, limit, offer, (job, token)) {
                Ok(()) => kept += 1,
                Err((job, token)) => self.node.acks.release(&job, token),
            }
        }
        kept
    }

    /// Gives back a job whose worker this node does not know.
    fn leave(&self, job: &Job, token: ClaimToken) {
        let queue = &self.queue;
        if queue.exclude(&job.worker) {
            self.node.telemetry().emit(WorkerUnknown {
                queue: queue.name.clone(),
                worker: job.worker.clone(),
                id: job.id,
            });
        }
        self.node.acks.release(job, token);
    }

    /// Gives jobs their slots and runs them: short ones in turns, each other in a task of its own.
    fn start(&self, starting: Vec<runtime::Claimed>, started: Instant) {
        let (node, queue, state) = (&self.node, &self.queue, &self.state);
        let (mut short, mut others, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        for (job, token) in starting {
            let Some(handler) = self.registry.get(&job.worker) else {
                self.leave(&job, token);
                continue;
            };
            let is_short = Crew::<S>::takes(handler.policy().pace.mean());
            let claim = (job.id, token);
            let (begun, run) = executor::begin(handler, (job, token), started);
            slots.push((claim, run));
            if is_short { short.push(begun) } else { others.push(begun) }
        }
        if slots.is_empty() {
            return;
        }
        queue.running().extend(slots);
        node.begun.notify_one();
        Crew::spawn(node, queue, state, short);
        for begun in others {
            executor::spawn(node, queue, executor::run(node, queue, state, begun));
        }
    }
}

fn count(jobs: usize) -> u32 {
    u32::try_from(jobs).unwrap_or(u32::MAX)
}

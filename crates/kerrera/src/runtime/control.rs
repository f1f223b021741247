//! Follows the orders for queues: what they make of the queues of this node, and which are begun and
//! ended.

use std::collections::VecDeque;
use std::sync::Arc;

use kerrera_core::Result;
use kerrera_core::storage::{Action, Signal};
use tokio::time::{Instant, sleep_until, timeout};

use super::desk::News;
use super::drain::{drain, none_runs};
use super::{Node, Queue, heart, producer};
use crate::engine::queues::{Audience, Command, Event, Ledger, Origin, Settings};
use crate::engine::retry::Retry;
use crate::registry::Registry;
use crate::telemetry::{
    self as events, QueueLeft, QueueSettings, QueueShutdown, QueueStart, QueueStop, RetireFailed,
};

pub(crate) const NAME: &str = "control";

/// The shell of a [`Ledger`].
pub(crate) struct Control<S> {
    pub(crate) node: Arc<Node>,
    pub(crate) registry: Arc<Registry<S>>,
    pub(crate) state: Arc<S>,
    pub(crate) ledger: tokio::sync::Mutex<Ledger>,
}

/// What could not be done yet, because the database did not answer.
enum Task {
    /// Orders have ended: others are to be told.
    End,
    Follow(Command),
    Record(Signal, Audience),
}

impl<S: Send + Sync + 'static> Control<S> {
    /// Follows orders until the node claims no more.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut ledger = self.ledger.lock().await;
        let mut tasks = VecDeque::from_iter(ledger.has_ended().then_some(Task::End));
        let mut retry = Retry::default();
        loop {
            while let Some(task) = tasks.front() {
                if let Err(error) = self.tackle(task, &mut ledger).await {
                    let is_hopeless = !error.is_transient();
                    self.node.health.ill(NAME, error);
                    if is_hopeless {
                        tasks.pop_front();
                        continue;
                    }
                    let wait = retry.failed(fastrand::f64());
                    tokio::select! {
                        () = tokio::time::sleep(wait) => continue,
                        () = self.node.stop.claims.cancelled() => return,
                    }
                }
                retry.succeeded();
                tasks.pop_front();
            }
            let wake = ledger.wakes_at().map(Instant::from_std);
            let news = tokio::select! {
                biased;
                () = self.node.stop.claims.cancelled() => return,
                news = self.node.desk.next() => Some(news),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => None,
            };
            let now = Instant::now().into_std();
            match news {
                Some(News::Ordered) => drop(ledger.step(now, Event::Ordered)),
                Some(News::Changed) => drop(ledger.step(now, Event::Changed)),
                Some(News::Revision(revision)) => {
                    drop(ledger.step(now, Event::Revision(revision)));
                }
                Some(News::Signal(signal)) => {
                    // What was ordered before it is to be known before it.
                    if ledger.wakes_at().is_some_and(|time| time <= now) {
                        tasks.extend(self.read(&mut ledger).await);
                    }
                    tasks.extend(self.heed(signal, &ledger));
                }
                None => tasks.extend(self.read(&mut ledger).await),
            }
        }
    }

    /// Reads the orders and settles the queues; gives back what else is to be done.
    async fn read(&self, ledger: &mut Ledger) -> Vec<Task> {
        let read = self.node.storage().orders().await;
        let now = Instant::now().into_std();
        let commands = match read {
            Ok(orders) => {
                self.node.health.well(NAME);
                ledger.step(now, Event::Read(orders))
            }
            Err(error) => {
                self.node.health.ill(NAME, error);
                ledger.step(now, Event::Failed { jitter: fastrand::f64() })
            }
        };
        self.settle(ledger);
        let end = ledger.has_ended().then_some(Task::End);
        commands.into_iter().map(Task::Follow).chain(end).collect()
    }

    fn settle(&self, ledger: &Ledger) {
        for queue in &*self.node.queues() {
            let settings = ledger.settle(&queue.name, &queue.origin);
            let has_changed = queue
                .settings
                .send_if_modified(|current| std::mem::replace(current, settings) != settings);
            if has_changed {
                let Settings { limit, paused } = settings;
                let queue = queue.name.clone();
                self.node.telemetry().emit(QueueSettings { queue, limit, paused });
                self.node.news.notify_one();
            }
        }
    }

    /// What is to be done about a signal of another implementation.
    fn heed(&self, signal: Signal, ledger: &Ledger) -> Option<Task> {
        let Node { name, instance, .. } = &*self.node;
        let audience = Audience::of(signal.ident.as_deref(), instance, name);
        if audience == Audience::Others {
            return None;
        }
        self.node.telemetry().emit(events::Signal {
            action: format!("{:?}", signal.action),
            queue: signal.queue.clone().unwrap_or_else(|| "*".to_owned()),
        });
        let queue = signal.queue.as_deref().map(Arc::from);
        Some(match (signal.action, queue) {
            (Action::Start { limit, paused }, Some(queue)) => {
                let (settings, since) = (Settings { limit, paused }, ledger.newest());
                Task::Follow(Command::Start { queue, settings, since })
            }
            (Action::Stop, queue) => Task::Follow(Command::Stop { queue }),
            (action, _) => Task::Record(Signal { action, ..signal }, audience),
        })
    }

    async fn tackle(&self, task: &Task, ledger: &mut Ledger) -> Result<()> {
        match task {
            Task::End => self.node.storage().end_orders(self.node.instance.clone()).await,
            Task::Record(signal, audience) => {
                let node = (*audience == Audience::Us).then(|| self.node.name.clone());
                let seen = ledger.newest();
                self.node.storage().record(signal.clone(), node, seen).await?;
                ledger.step(Instant::now().into_std(), Event::Ordered);
                Ok(())
            }
            Task::Follow(Command::Start { queue, settings, since }) => {
                let origin = Origin { settings: *settings, since: *since };
                self.start(queue, origin, ledger).await
            }
            Task::Follow(Command::Stop { queue: name }) => {
                for queue in &*self.node.queues() {
                    let is_meant = name.as_deref().is_none_or(|name| *name == *queue.name);
                    if is_meant && !queue.is_stopping() {
                        queue.halt.claims.cancel();
                        tokio::spawn(stop(self.node.clone(), queue.clone()));
                    }
                }
                Ok(())
            }
        }
    }

    /// Begins to work a queue, unless it is worked.
    async fn start(&self, name: &Arc<str>, origin: Origin, ledger: &Ledger) -> Result<()> {
        let node = &self.node;
        if node.queue(name).is_some() {
            return Ok(());
        }
        let settings = ledger.settle(name, &origin);
        let queue =
            Arc::new(Queue::new(&node.stop, name.clone(), origin, settings, node.tuning.prefetch));
        let identity = heart::identity(node, &queue, queue.producer());
        node.storage().enroll(vec![identity]).await?;
        node.add_queue(queue.clone());
        let Settings { limit, paused } = settings;
        node.telemetry().emit(QueueStart { queue: name.clone(), limit, paused });
        self.work(queue);
        node.news.notify_one();
        Ok(())
    }

    /// Begins to claim.
    pub(crate) fn work(&self, queue: Arc<Queue>) {
        let (node, registry) = (self.node.clone(), self.registry.clone());
        let state = self.state.clone();
        producer::Shell { node, queue, registry, state }.spawn();
    }
}

/// Ends a queue, once what runs there has ended.
async fn stop(node: Arc<Node>, queue: Arc<Queue>) {
    let begun = std::time::Instant::now();
    let queues = std::slice::from_ref(&queue);
    let left = drain(&node, queues).await;
    let name = || queue.name.clone();
    let (elapsed, orphaned) = (begun.elapsed(), left.clone());
    node.telemetry().emit(QueueShutdown { queue: name(), elapsed, orphaned });
    node.client.remove_local(&queue.name, &queue.inbox);
    if !left.is_empty() {
        node.telemetry().emit(QueueLeft { queue: name(), jobs: left });
        none_runs(queues).await;
    }
    // The producer must be known until what it ran is written.
    let _ = timeout(node.tuning.grace, node.acks.all_written()).await;
    node.remove_queue(&queue);
    if node.queue(&queue.name).is_none() {
        node.health.forget(&producer::name(&queue));
    }
    if let Err(error) = node.storage().retire(vec![queue.producer()]).await {
        // The others will notice.
        node.telemetry().emit(RetireFailed { error: error.to_string() });
    }
    node.telemetry().emit(QueueStop { queue: name() });
}

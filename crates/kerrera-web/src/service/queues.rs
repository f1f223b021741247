//! Queues as they stand, and steering them.

use std::collections::BTreeMap;
use std::time::Duration;

use kerrera::{Enrolled, JobQuery, OldestJob, Queue, Setting, Standing, State, Tally, Timestamp};

use super::{Error, Result, Service};
use crate::access::{Permission, Scope};

/// A queue, as it stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QueueStatus {
    /// Its name.
    pub name: String,
    /// How many jobs it has, by state; states without any are left out.
    pub jobs: Vec<(State, Tally)>,
    /// Its oldest available job, if it has one.
    pub oldest: Option<OldestJob>,
    /// Who works it, by node.
    pub producers: Vec<Enrolled>,
    /// What has been ordered that is for it, the newest first.
    pub orders: Vec<Standing>,
}

/// Whether jobs of a queue are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueState {
    /// Every node that works it claims.
    Running,
    /// No node that works it claims.
    Paused,
    /// Some nodes that work it claim, and some do not.
    PartlyPaused,
    /// No node works it.
    Unworked,
}

impl QueueStatus {
    /// One of which nothing is known but its name.
    pub(super) fn named(name: &str) -> QueueStatus {
        QueueStatus {
            name: name.to_owned(),
            jobs: Vec::new(),
            oldest: None,
            producers: Vec::new(),
            orders: Vec::new(),
        }
    }

    /// How many jobs are in a state.
    pub fn jobs_in(&self, state: State) -> Tally {
        self.jobs.iter().filter(|(of, _)| *of == state).map(|(_, jobs)| *jobs).sum()
    }

    /// How many jobs run at once at most, on all nodes together.
    pub fn limit(&self) -> u64 {
        self.producers.iter().map(|producer| u64::from(producer.limit)).sum()
    }

    /// On how many nodes it is worked.
    pub fn nodes(&self) -> usize {
        let mut nodes: Vec<&str> = self.producers.iter().map(|one| one.node.as_str()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.len()
    }

    /// Whether its jobs are claimed.
    pub fn state(&self) -> QueueState {
        let paused = self.producers.iter().filter(|producer| producer.paused).count();
        match paused {
            _ if self.producers.is_empty() => QueueState::Unworked,
            0 => QueueState::Running,
            paused if paused == self.producers.len() => QueueState::Paused,
            _ => QueueState::PartlyPaused,
        }
    }

    /// The order that decides whether it is paused on a node, or on nodes that are not named.
    pub fn pause_order(&self, node: Option<&str>) -> Option<&Standing> {
        let mut orders = self.orders.iter();
        orders.find(|order| {
            matches!(order.setting, Setting::Paused(_))
                && order.node.as_deref().is_none_or(|of| Some(of) == node)
        })
    }

    /// Who paused it, and why: of the orders that make it claim nothing somewhere, the newest.
    pub fn paused_by(&self) -> Option<&Standing> {
        let nodes = self.producers.iter().filter(|producer| producer.paused);
        let nodes = nodes.map(|producer| Some(producer.node.as_str()));
        let nodes: Vec<_> = if self.producers.is_empty() { vec![None] } else { nodes.collect() };
        let orders = nodes.into_iter().filter_map(|node| self.pause_order(node));
        orders.filter(|order| order.setting == Setting::Paused(true)).max_by_key(|order| order.id)
    }
}

impl QueueStatus {
    /// A pause or its end that was ordered just now and that nodes have not followed yet: whether they
    /// are to be paused.
    pub fn pending(&self, now: Timestamp) -> Option<bool> {
        let newest = self.orders.iter().find_map(|order| match order.setting {
            Setting::Paused(paused) => Some((order, paused)),
            _ => None,
        });
        let (order, paused) = newest.filter(|(order, _)| now.since(order.at) < FOLLOWED_WITHIN)?;
        let mut meant = self
            .producers
            .iter()
            .filter(|producer| order.node.as_deref().is_none_or(|node| node == producer.node));
        meant.any(|producer| producer.paused != paused).then_some(paused)
    }
}

/// For how long it is no wonder that a node does not follow an order: its next sign of life tells.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(10);

/// For which queue an order is, and on which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// Which queue; all if there is none.
    pub queue: Option<&'a str>,
    /// On which node; on every one if there is none.
    pub node: Option<&'a str>,
}

/// When a pause ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseEnd {
    /// When somebody resumes it.
    Never,
    /// When this long has passed.
    In(Duration),
    /// At that time.
    At(Timestamp),
}

impl Service {
    /// The queues that have jobs, are worked, or of which something was ordered, by name.
    ///
    /// # Errors
    ///
    /// Without [`Permission::QueuesView`], and when the database fails.
    pub async fn queues(&self) -> Result<Vec<QueueStatus>> {
        self.viewer.may(Permission::QueuesView)?;
        self.assembled(None).await
    }

    /// One queue.
    ///
    /// # Errors
    ///
    /// Without [`Permission::QueuesView`], [`Error::NotFound`] if nothing is known of it, and when the
    /// database fails.
    pub async fn queue(&self, name: &str) -> Result<QueueStatus> {
        self.viewer.may(Permission::QueuesView)?;
        self.may_know(Scope::Queue(name))?;
        self.assembled(Some(name)).await?.pop().ok_or(Error::NotFound)
    }

    /// The orders that hold and that the viewer may know of, the newest first.
    ///
    /// # Errors
    ///
    /// Without [`Permission::QueuesView`], and when the database fails.
    pub async fn queue_orders(&self) -> Result<Vec<Standing>> {
        self.viewer.may(Permission::QueuesView)?;
        self.visible_orders().await
    }

    /// Pauses a queue or all of them, on one node or on every one.
    ///
    /// # Errors
    ///
    /// Without [`Permission::QueuesPause`], or [`Permission::NodesControl`] for all queues of a node;
    /// [`Error::NotFound`] if nothing is known of the queue, unless the service is [ordering
    /// ahead](Service::ordering_ahead); when the reason is too long; and when the
    /// database fails.
    pub async fn pause(&self, target: Target<'_>, end: PauseEnd, reason: &str) -> Result<()> {
        for queue in self.steered(target, Permission::QueuesPause).await? {
            let queue = match reason.trim() {
                "" => queue,
                reason => queue.reason(reason),
            };
            match end {
                PauseEnd::Never => queue.pause().await?,
                PauseEnd::In(span) => queue.pause_for(span).await?,
                PauseEnd::At(time) => queue.pause_until(time).await?,
            }
        }
        Ok(())
    }

    /// Resumes a queue or all of them, on one node or on every one.
    ///
    /// # Errors
    ///
    /// As for [`pause`](Service::pause).
    pub async fn resume(&self, target: Target<'_>) -> Result<()> {
        for queue in self.steered(target, Permission::QueuesPause).await? {
            queue.resume().await?;
        }
        Ok(())
    }

    /// Runs at most this many jobs of a queue at once on each node.
    ///
    /// # Errors
    ///
    /// Without [`Permission::QueuesScale`]; otherwise as for [`pause`](Service::pause).
    pub async fn scale(&self, target: Target<'_>, limit: u32) -> Result<()> {
        for queue in self.steered(target, Permission::QueuesScale).await? {
            queue.scale(limit).await?;
        }
        Ok(())
    }

    /// Works a queue on nodes that do not work it.
    ///
    /// # Errors
    ///
    /// Without [`Permission::QueuesStop`]; otherwise as for [`pause`](Service::pause).
    pub async fn start(&self, target: Target<'_>, limit: u32, paused: bool) -> Result<()> {
        for queue in self.steered(target, Permission::QueuesStop).await? {
            match paused {
                true => queue.start_paused(limit).await?,
                false => queue.start(limit).await?,
            }
        }
        Ok(())
    }

    /// Works a queue no more, until nodes start again.
    ///
    /// # Errors
    ///
    /// Without [`Permission::QueuesStop`]; otherwise as for [`pause`](Service::pause).
    pub async fn stop(&self, target: Target<'_>) -> Result<()> {
        for queue in self.steered(target, Permission::QueuesStop).await? {
            queue.stop().await?;
        }
        Ok(())
    }

    /// Forgets what was ordered for a queue and node, and for fewer, so that what is configured holds.
    ///
    /// # Errors
    ///
    /// Without the permission for each order that is forgotten; otherwise as for
    /// [`pause`](Service::pause).
    pub async fn forget_orders(&self, target: Target<'_>) -> Result<()> {
        let queues = self.steered(target, Permission::QueuesPause).await?;
        for order in self.forgotten_with(target).await? {
            match order.setting {
                Setting::Limit(_) => self.viewer.may(Permission::QueuesScale)?,
                Setting::Started { .. } | Setting::Stopped => {
                    self.viewer.may(Permission::QueuesStop)?;
                }
                _ => {}
            }
        }
        for queue in queues {
            queue.reset().await?;
        }
        Ok(())
    }

    /// The orders that [`forget_orders`](Service::forget_orders) forgets.
    ///
    /// # Errors
    ///
    /// Without [`Permission::QueuesView`], and when the database fails.
    pub async fn forgotten_with(&self, target: Target<'_>) -> Result<Vec<Standing>> {
        let mut orders = self.queue_orders().await?;
        orders.retain(|order| {
            target.queue.is_none_or(|queue| order.queue.as_deref() == Some(queue))
                && target.node.is_none_or(|node| order.node.as_deref() == Some(node))
        });
        Ok(orders)
    }

    /// What is to be steered, in the name of the viewer.
    ///
    /// All queues are each that they know of, by its name, where there is one that they do not know of or
    /// in which nothing is changed.
    async fn steered(&self, target: Target<'_>, needs: Permission) -> Result<Vec<Queue>> {
        let needs = match target {
            Target { queue: None, node: Some(_) } => Permission::NodesControl,
            _ => needs,
        };
        self.viewer.may(needs)?;
        let client = self.acting();
        let queues = match target.queue {
            Some(name) => {
                self.may_know(Scope::Queue(name))?;
                if !self.orders_ahead && !self.is_known(name).await? {
                    return Err(Error::NotFound);
                }
                self.viewer.may_within(needs, name)?;
                vec![client.queue(name)]
            }
            None => {
                let known = self.known_queues().await?;
                let all = known.len();
                let is_meant = |name: &String| {
                    self.viewer.sees(Scope::Queue(name)) && !self.viewer.freezes(name)
                };
                let meant: Vec<String> = known.into_iter().filter(is_meant).collect();
                // What is ordered for all holds in those that come later as well.
                match meant.len() == all && !self.viewer.freezes_any() {
                    true => vec![client.queues()],
                    false => meant.into_iter().map(|name| client.queue(name)).collect(),
                }
            }
        };
        let by: String = self.viewer.actor().name.chars().take(LONGEST_NAME).collect();
        let named = queues.into_iter().map(|queue| {
            let queue = match self.reason.as_deref() {
                Some(reason) => queue.reason(reason),
                None => queue,
            };
            let queue = if by.trim().is_empty() { queue } else { queue.by(by.clone()) };
            match target.node {
                Some(node) => queue.node(node),
                None => queue,
            }
        });
        Ok(named.collect())
    }

    /// Queues with what is known of them: all, or one.
    async fn assembled(&self, only: Option<&str>) -> Result<Vec<QueueStatus>> {
        let is_meant = |name: &str| match only {
            Some(only) => name == only,
            None => self.viewer.sees(Scope::Queue(name)),
        };
        let mut queues: BTreeMap<String, QueueStatus> = BTreeMap::new();
        for tally in self.counts().await?.iter() {
            if is_meant(&tally.queue) {
                at(&mut queues, &tally.queue).jobs.push((tally.state, tally.jobs));
            }
        }
        for oldest in self.all_oldest().await? {
            if is_meant(&oldest.queue) {
                let name = oldest.queue.clone();
                at(&mut queues, &name).oldest = Some(oldest);
            }
        }
        for producer in self.all_producers().await? {
            if is_meant(&producer.queue) {
                at(&mut queues, &producer.queue.clone()).producers.push(producer);
            }
        }
        let orders = self.visible_orders().await?;
        for name in orders.iter().filter_map(|order| order.queue.as_deref()) {
            if is_meant(name) {
                at(&mut queues, name);
            }
        }
        for queue in queues.values_mut() {
            let concerns =
                |order: &&Standing| order.queue.as_deref().is_none_or(|name| name == queue.name);
            queue.orders = orders.iter().filter(concerns).cloned().collect();
        }
        Ok(queues.into_values().collect())
    }

    async fn visible_orders(&self) -> Result<Vec<Standing>> {
        let mut orders = self.all_orders().await?;
        orders.reverse();
        orders.retain(|order| {
            order.queue.as_deref().is_none_or(|name| self.viewer.sees(Scope::Queue(name)))
        });
        Ok(orders)
    }

    /// The names of all queues that are worked or of which something was ordered or that have jobs.
    async fn known_queues(&self) -> Result<Vec<String>> {
        let tallies = self.reader().tallies(1).await?;
        let counted = tallies.into_iter().map(|tally| tally.queue);
        let worked = self.client.producers().await?.into_iter().map(|producer| producer.queue);
        let orders = self.client.queue_orders().await?;
        let ordered = orders.into_iter().filter_map(|order| order.queue);
        let mut names: Vec<String> = counted.chain(worked).chain(ordered).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Whether there is such a queue, without counting anything.
    async fn is_known(&self, name: &str) -> Result<bool> {
        let producers = self.client.producers().await?;
        if producers.iter().any(|producer| producer.queue == name) {
            return Ok(true);
        }
        let orders = self.client.queue_orders().await?;
        if orders.iter().any(|order| order.queue.as_deref() == Some(name)) {
            return Ok(true);
        }
        // Of these states there is an index.
        let waiting = [State::Available, State::Scheduled, State::Retryable, State::Executing];
        let any = JobQuery::new().queues([name]).states(waiting).limit(1);
        Ok(self.client.count_jobs(any).await? > 0)
    }
}

/// How much of a name an order keeps.
const LONGEST_NAME: usize = 500;

fn at<'q>(queues: &'q mut BTreeMap<String, QueueStatus>, name: &str) -> &'q mut QueueStatus {
    queues.entry(name.to_owned()).or_insert_with(|| QueueStatus::named(name))
}

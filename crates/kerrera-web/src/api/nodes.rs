//! Nodes, and steering them.

use kerrera::{Connections, KnownNode, LoopCard};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::json::{After, At, Json, Sent};
use super::queues::Producer;
use super::schema::{Id, Nothing, Time};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{NodeStatus, PauseEnd, RunningJob, Target};
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::NodesView, routes!(nodes));
    routes.data(Permission::NodesView, routes!(node));
    routes.data(Permission::NodesControl, routes!(pause));
    routes.data(Permission::NodesControl, routes!(resume));
}

/// Which node.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct Named {
    /// The name of the node.
    node: String,
}

/// All nodes.
#[derive(Serialize, ToSchema)]
struct Nodes {
    items: Vec<Node>,
    /// Whether there are more running jobs than were read, so that what runs is only a part.
    is_partial: bool,
}

/// A node, as it stands.
#[derive(Serialize, ToSchema)]
struct Node {
    name: String,
    /// Whether it is known to live. One that is not may still have jobs that are said to run on it,
    /// until they are rescued.
    lives: bool,
    /// Whether it claims no jobs at all.
    paused: bool,
    /// Since when it works queues.
    started_at: Option<Time>,
    /// Since when it leads, if it does.
    leads_since: Option<Time>,
    /// How many jobs it runs at once at most.
    limit: u64,
    /// How many jobs run on it.
    running: u64,
    /// What its newest process says about itself, if any has within a day.
    process: Option<Process>,
    /// The queues that it works.
    producers: Vec<Producer>,
    /// The jobs that run on it, those that have run longest first; none without `jobs:view`.
    jobs: Vec<Running>,
}

/// What a process says about itself.
#[derive(Serialize, ToSchema)]
struct Process {
    /// Whether it is still there; otherwise it ended without a word, or cannot reach the database.
    lives: bool,
    started_at: Time,
    /// When it was last heard of.
    seen_at: Time,
    /// The application, if it has said so.
    application: Option<String>,
    /// Of which release that is.
    release: Option<String>,
    /// The version of Kerrera.
    version: String,
    /// The machine's name.
    host: String,
    /// The operating system and the processor.
    system: String,
    pid: u32,
    /// Whether hints of other nodes arrive: `unknown`, `isolated`, `solitary`, `clustered`, `embedded`.
    connectivity: String,
    /// What it does in the background.
    loops: Vec<Loop>,
    /// Its connections with the database.
    connections: Vec<Pool>,
    /// The workers that it has.
    workers: Vec<String>,
    /// What it has met and cannot run, and leaves for others.
    unknown_workers: Vec<Met>,
}

/// Something that a process does again and again.
#[derive(Serialize, ToSchema)]
struct Loop {
    name: String,
    /// How many seconds before it was last heard of it did this last.
    idle_seconds: u64,
    /// Why it could not when it last tried.
    failure: Option<String>,
}

/// Connections that are for the same.
#[derive(Serialize, ToSchema)]
struct Pool {
    name: String,
    /// How many there are at most.
    most: u32,
    /// How many calls run on them or wait for them.
    calls: u32,
}

/// Jobs of a worker that a process does not have.
#[derive(Serialize, ToSchema)]
struct Met {
    queue: String,
    worker: String,
}

/// A job that runs.
#[derive(Serialize, ToSchema)]
struct Running {
    id: Id,
    worker: String,
    queue: String,
    attempt: i32,
    max_attempts: i32,
    /// Since when it runs.
    since: Option<Time>,
}

/// Why.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NodePause {
    /// Why, for those who look later.
    reason: Option<String>,
}

/// All nodes that are there, those on which jobs are said to run, and those that went silent
#[utoipa::path(get, path = "/nodes", tag = "nodes", responses((status = 200, body = Nodes)))]
async fn nodes(visit: Visit) -> Result<Json<Nodes>, Refusal> {
    let nodes = visit.service().nodes().await?;
    let items = nodes.nodes.into_iter().map(Node::from).collect();
    Ok(Json(Nodes { items, is_partial: nodes.is_partial }))
}

/// One node
#[utoipa::path(get, path = "/nodes/{node}", tag = "nodes", params(Named),
    responses((status = 200, body = Node)))]
async fn node(visit: Visit, At(named): At<Named>) -> Result<Json<Node>, Refusal> {
    Ok(Json(visit.service().node(&named.node).await?.into()))
}

/// Claims no more jobs on a node; what runs goes on
#[utoipa::path(post, path = "/nodes/{node}/pause", tag = "nodes", params(Named),
    request_body = NodePause, responses((status = 200, body = Node),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn pause(
    visit: Visit,
    At(named): At<Named>,
    Sent(sent): Sent<NodePause>,
) -> Result<After<Node>, Refusal> {
    let service = visit.service();
    // What is not there cannot be paused.
    service.node(&named.node).await?;
    let target = Target { queue: None, node: Some(&named.node) };
    service.pause(target, PauseEnd::Never, sent.reason.as_deref().unwrap_or_default()).await?;
    Ok(After(service.node(&named.node).await.map(Node::from)))
}

/// Claims jobs on a node again
#[utoipa::path(post, path = "/nodes/{node}/resume", tag = "nodes", params(Named),
    request_body = Nothing, responses((status = 200, body = Node),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn resume(
    visit: Visit,
    At(named): At<Named>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<After<Node>, Refusal> {
    let service = visit.service();
    service.node(&named.node).await?;
    service.resume(Target { queue: None, node: Some(&named.node) }).await?;
    Ok(After(service.node(&named.node).await.map(Node::from)))
}

impl From<NodeStatus> for Node {
    fn from(node: NodeStatus) -> Node {
        Node {
            lives: node.lives(),
            paused: node.is_paused(),
            started_at: node.started_at().map(Time),
            leads_since: node.leads_since.map(Time),
            limit: node.limit(),
            running: node.running_jobs(),
            name: node.name,
            process: node.known.map(Process::from),
            producers: node.producers.into_iter().map(Producer::from).collect(),
            jobs: node.jobs.into_iter().map(Running::from).collect(),
        }
    }
}

impl From<KnownNode> for Process {
    fn from(node: KnownNode) -> Process {
        let card = node.card;
        let (application, release) = card.release.map(|it| (it.name, it.version)).unzip();
        let pool = |one: Connections| Pool { name: one.name, most: one.most, calls: one.calls };
        let looping =
            |one: LoopCard| Loop { name: one.name, idle_seconds: one.idle, failure: one.failure };
        Process {
            lives: node.lives,
            started_at: Time(node.started_at),
            seen_at: Time(node.seen_at),
            application,
            release,
            version: card.version,
            host: card.host,
            system: card.system,
            pid: card.pid,
            connectivity: card.connectivity,
            loops: card.loops.into_iter().map(looping).collect(),
            connections: card.connections.into_iter().map(pool).collect(),
            workers: card.workers,
            unknown_workers: card
                .unknown_workers
                .into_iter()
                .map(|(queue, worker)| Met { queue, worker })
                .collect(),
        }
    }
}

impl From<RunningJob> for Running {
    fn from(job: RunningJob) -> Running {
        let (attempt, max_attempts) = job.attempt;
        let id = job.id.into();
        let since = job.since.map(Time);
        Running { id, worker: job.worker, queue: job.queue, attempt, max_attempts, since }
    }
}

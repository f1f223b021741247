//! Queues, and steering them.

use std::time::Duration;

use kerrera::{Enrolled, Setting, Standing, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::json::{After, At, Json, Sent};
use super::overview::StateNumber;
use super::schema::{Id, JobState, Time};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{PauseEnd, QueueState, QueueStatus, Target};
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::QueuesView, routes!(queues));
    routes.data(Permission::QueuesView, routes!(queue));
    routes.data(Permission::QueuesPause, routes!(pause));
    routes.data(Permission::QueuesPause, routes!(resume));
    routes.data(Permission::QueuesScale, routes!(scale));
    routes.data(Permission::QueuesStop, routes!(start));
    routes.data(Permission::QueuesStop, routes!(stop));
    routes.data(Permission::QueuesPause, routes!(reset));
}

/// Which queue.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct Named {
    /// The name of the queue.
    queue: String,
}

/// All queues.
#[derive(Serialize, ToSchema)]
struct Queues {
    items: Vec<Queue>,
}

/// A queue, as it stands.
#[derive(Serialize, ToSchema)]
struct Queue {
    name: String,
    /// Whether its jobs are claimed.
    state: Claims,
    /// How many jobs it has; states without any are left out.
    jobs: Vec<StateNumber>,
    /// Since when its oldest available job could have been claimed.
    oldest_available_at: Option<Time>,
    /// How many of its jobs run at once at most, on all nodes together.
    limit: u64,
    /// Who works it.
    producers: Vec<Producer>,
    /// What has been ordered that is for it, the newest first.
    orders: Vec<Order>,
}

/// Whether jobs of a queue are claimed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Claims {
    /// Every node that works it claims.
    Running,
    /// No node that works it claims.
    Paused,
    /// Some nodes that work it claim, and some do not.
    PartlyPaused,
    /// No node works it.
    Unworked,
}

/// A node that works a queue.
#[derive(Serialize, ToSchema)]
pub(super) struct Producer {
    node: String,
    queue: String,
    /// How many jobs it runs at once at most.
    limit: u32,
    /// Whether it claims no jobs.
    paused: bool,
    started_at: Time,
}

/// What was ordered, and holds.
#[derive(Serialize, ToSchema)]
struct Order {
    id: Id,
    /// For which queue; for every one if there is none.
    queue: Option<String>,
    /// For which node; for every one if there is none.
    node: Option<String>,
    setting: OrderSetting,
    /// How many jobs run at once at most, if it says so.
    limit: Option<u32>,
    reason: Option<String>,
    by: Option<String>,
    at: Time,
    /// When it ends by itself.
    until: Option<Time>,
}

/// What an order says.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OrderSetting {
    Paused,
    Resumed,
    Scaled,
    Started,
    Stopped,
    /// Something that a newer version has ordered.
    Other,
}

/// For how long, and why.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Pause {
    /// On this node only.
    node: Option<String>,
    /// Why, for those who look later.
    reason: Option<String>,
    /// For how many seconds; else until it is resumed.
    #[schema(minimum = 1, maximum = 31_536_000)]
    seconds: Option<u64>,
    /// Until when, by the database's clock; else until it is resumed.
    #[schema(value_type = Option<Time>)]
    until: Option<Timestamp>,
}

/// Where.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Where {
    /// On this node only.
    node: Option<String>,
}

/// How many.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Scale {
    /// On this node only.
    node: Option<String>,
    /// How many jobs run at once at most, on each node.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    limit: u32,
}

/// How it is begun.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Start {
    /// On this node only.
    node: Option<String>,
    /// How many jobs run at once at most, on each node.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    limit: u32,
    /// Whether it claims nothing until it is resumed.
    #[serde(default)]
    paused: bool,
}

/// All queues that have jobs, are worked, or of which something was ordered
#[utoipa::path(get, path = "/queues", tag = "queues", responses((status = 200, body = Queues)))]
async fn queues(visit: Visit) -> Result<Json<Queues>, Refusal> {
    let queues = visit.service().queues().await?;
    Ok(Json(Queues { items: queues.into_iter().map(Queue::from).collect() }))
}

/// One queue
#[utoipa::path(get, path = "/queues/{queue}", tag = "queues", params(Named),
    responses((status = 200, body = Queue)))]
async fn queue(visit: Visit, At(named): At<Named>) -> Result<Json<Queue>, Refusal> {
    Ok(Json(visit.service().queue(&named.queue).await?.into()))
}

/// Claims no more jobs of a queue; what runs goes on
#[utoipa::path(post, path = "/queues/{queue}/pause", tag = "queues", params(Named),
    request_body = Pause, responses((status = 200, body = Queue),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn pause(
    visit: Visit,
    At(named): At<Named>,
    Sent(sent): Sent<Pause>,
) -> Result<After<Queue>, Refusal> {
    let end = match (sent.seconds, sent.until) {
        (None, None) => PauseEnd::Never,
        (Some(1..=31_536_000), None) => {
            PauseEnd::In(Duration::from_secs(sent.seconds.unwrap_or_default()))
        }
        (None, Some(until)) => PauseEnd::At(until),
        (Some(_), None) => {
            return Err(invalid("seconds must be from 1 to 31536000, which is a year"));
        }
        (Some(_), Some(_)) => return Err(invalid("give seconds or until, not both")),
    };
    let target = target(&named, sent.node.as_deref());
    visit.service().pause(target, end, sent.reason.as_deref().unwrap_or_default()).await?;
    Ok(after(&visit, &named).await)
}

/// Claims jobs of a queue again
#[utoipa::path(post, path = "/queues/{queue}/resume", tag = "queues", params(Named),
    request_body = Where, responses((status = 200, body = Queue),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn resume(
    visit: Visit,
    At(named): At<Named>,
    Sent(sent): Sent<Where>,
) -> Result<After<Queue>, Refusal> {
    visit.service().resume(target(&named, sent.node.as_deref())).await?;
    Ok(after(&visit, &named).await)
}

/// Runs at most so many jobs of a queue at once on each node
#[utoipa::path(post, path = "/queues/{queue}/scale", tag = "queues", params(Named),
    request_body = Scale, responses((status = 200, body = Queue),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn scale(
    visit: Visit,
    At(named): At<Named>,
    Sent(sent): Sent<Scale>,
) -> Result<After<Queue>, Refusal> {
    let limit = checked(sent.limit)?;
    visit.service().scale(target(&named, sent.node.as_deref()), limit).await?;
    Ok(after(&visit, &named).await)
}

/// Works a queue on nodes that do not work it
#[utoipa::path(post, path = "/queues/{queue}/start", tag = "queues", params(Named),
    request_body = Start, responses((status = 200, body = Queue),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn start(
    visit: Visit,
    At(named): At<Named>,
    Sent(sent): Sent<Start>,
) -> Result<After<Queue>, Refusal> {
    let limit = checked(sent.limit)?;
    visit.service().start(target(&named, sent.node.as_deref()), limit, sent.paused).await?;
    Ok(after(&visit, &named).await)
}

/// Works a queue no more, until nodes start again
#[utoipa::path(post, path = "/queues/{queue}/stop", tag = "queues", params(Named),
    request_body = Where, responses((status = 200, body = Queue),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn stop(
    visit: Visit,
    At(named): At<Named>,
    Sent(sent): Sent<Where>,
) -> Result<After<Queue>, Refusal> {
    visit.service().stop(target(&named, sent.node.as_deref())).await?;
    Ok(after(&visit, &named).await)
}

/// Forgets what was ordered for a queue, so that what nodes are configured with holds again
#[utoipa::path(post, path = "/queues/{queue}/reset", tag = "queues", params(Named),
    request_body = Where, responses((status = 204, description = "It is forgotten.")))]
async fn reset(
    visit: Visit,
    At(named): At<Named>,
    Sent(sent): Sent<Where>,
) -> Result<axum::http::StatusCode, Refusal> {
    visit.service().forget_orders(target(&named, sent.node.as_deref())).await?;
    // Without jobs and nodes there is no such queue any more.
    Ok(axum::http::StatusCode::NO_CONTENT)
}

fn target<'a>(named: &'a Named, node: Option<&'a str>) -> Target<'a> {
    Target { queue: Some(&named.queue), node }
}

fn checked(limit: u32) -> Result<u32, Refusal> {
    match limit {
        1..=2_147_483_647 => Ok(limit),
        _ => Err(invalid("limit must be from 1 to 2147483647")),
    }
}

fn invalid(why: &str) -> Refusal {
    Refusal::Invalid(why.to_owned())
}

/// The queue, as it stands after an order. Nodes follow within a second.
async fn after(visit: &Visit, named: &Named) -> After<Queue> {
    After(visit.service().queue(&named.queue).await.map(Queue::from))
}

impl From<QueueStatus> for Queue {
    fn from(status: QueueStatus) -> Queue {
        let (state, limit) = (status.state(), status.limit());
        let jobs = status.jobs.into_iter();
        Queue {
            name: status.name,
            state: match state {
                QueueState::Running => Claims::Running,
                QueueState::Paused => Claims::Paused,
                QueueState::PartlyPaused => Claims::PartlyPaused,
                QueueState::Unworked => Claims::Unworked,
            },
            jobs: jobs
                .map(|(state, jobs)| StateNumber { state: JobState(state), jobs: jobs.into() })
                .collect(),
            oldest_available_at: status.oldest.map(|oldest| Time(oldest.scheduled_at)),
            limit,
            producers: status.producers.into_iter().map(Producer::from).collect(),
            orders: status.orders.into_iter().map(Order::from).collect(),
        }
    }
}

impl From<Enrolled> for Producer {
    fn from(one: Enrolled) -> Producer {
        let started_at = Time(one.started_at);
        Producer {
            node: one.node,
            queue: one.queue,
            limit: one.limit,
            paused: one.paused,
            started_at,
        }
    }
}

impl From<Standing> for Order {
    fn from(order: Standing) -> Order {
        let (setting, limit) = match order.setting {
            Setting::Paused(true) => (OrderSetting::Paused, None),
            Setting::Paused(false) => (OrderSetting::Resumed, None),
            Setting::Limit(limit) => (OrderSetting::Scaled, Some(limit)),
            Setting::Started { limit, .. } => (OrderSetting::Started, Some(limit)),
            Setting::Stopped => (OrderSetting::Stopped, None),
            _ => (OrderSetting::Other, None),
        };
        Order {
            id: order.id.into(),
            queue: order.queue,
            node: order.node,
            setting,
            limit,
            reason: order.reason,
            by: order.by,
            at: Time(order.at),
            until: order.until.map(Time),
        }
    }
}

//! Lists of jobs: what a filter has, page by page, how many that are, and what a filter could go on with.

use kerrera::{JobRow, ListOrder, Listing, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::json::{Asked, Json};
use super::schema::{Id, JobState, Number, Time};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{self, Suggestions, Typed};
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::JobsView, routes!(jobs));
    routes.data(Permission::JobsView, routes!(count));
    routes.data(Permission::JobsView, routes!(suggest));
}

/// Which jobs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filtered {
    /// A filter, as people type it; all jobs if nothing is said. Times without a zone are in UTC.
    q: Option<String>,
}

/// Which page of which jobs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Paged {
    /// A filter, as people type it; all jobs if nothing is said. Times without a zone are in UTC.
    q: Option<String>,
    /// The one that fits the states of the filter, if nothing is said.
    #[param(inline)]
    order: Option<Order>,
    /// Where the page begins: what another page gave as `next` or `previous`.
    cursor: Option<String>,
    /// How many jobs at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// What of each job is wanted, with commas between: `id,state`. All of it if nothing is said.
    fields: Option<String>,
}

/// In which order.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// The one that has an index for the states that are meant.
    #[default]
    Fitting,
    /// The greatest numbers first.
    Newest,
    /// The smallest numbers first.
    Oldest,
    /// By the time that goes with the state, the earliest first; not of completed and suspended jobs.
    Earliest,
    /// The same, the latest first.
    Latest,
    /// As they will be claimed; of available jobs only.
    Claimed,
}

/// A page of the jobs that a filter has.
#[derive(Serialize, ToSchema)]
struct Jobs {
    items: Vec<ListedJob>,
    /// What to give as `cursor` for the next page; nothing if there is none.
    next: Option<String>,
    /// And for the page before.
    previous: Option<String>,
    /// Whether all was looked through up to the end of this page. If not, looking took too long, and
    /// `next` goes on from there.
    complete: bool,
    /// If it is not complete: the time of the job where the search stopped.
    searched_to: Option<Time>,
    /// How many jobs the filter has; nothing if counting took too long.
    count: Option<Number>,
}

/// How many jobs a filter has.
#[derive(Serialize, ToSchema)]
struct Count {
    /// Nothing if counting took too long.
    count: Option<Number>,
}

/// A job of a list, without what is private. What it has not, or was not asked for, is left out.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) struct ListedJob {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<JobState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    /// The first 512 characters of its args, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    args_text: Option<String>,
    /// How many bytes the text of all its args has.
    #[serde(skip_serializing_if = "Option::is_none")]
    args_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<String>>,
    /// How many attempts have begun; the running one included.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_attempts: Option<i32>,
    /// 0 is claimed first, 9 last.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    /// The node that claimed it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inserted_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempted_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discarded_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<Time>,
}

/// What can be asked for of a listed job.
const FIELDS: [&str; 17] = [
    "id",
    "state",
    "queue",
    "worker",
    "args_text",
    "args_bytes",
    "tags",
    "attempt",
    "max_attempts",
    "priority",
    "node",
    "inserted_at",
    "scheduled_at",
    "attempted_at",
    "completed_at",
    "discarded_at",
    "cancelled_at",
];

/// The jobs that a filter has, page by page
#[utoipa::path(get, path = "/jobs", tag = "jobs", params(Paged),
    responses((status = 200, body = Jobs)))]
async fn jobs(visit: Visit, Asked(paged): Asked<Paged>) -> Result<Json<Jobs>, Refusal> {
    let size = paged.limit.unwrap_or(Listing::SIZE);
    if !(1..=Listing::LARGEST).contains(&size) {
        return Err(Refusal::Invalid(format!("limit must be from 1 to {}", Listing::LARGEST)));
    }
    let fields = wanted(paged.fields.as_deref())?;
    let asked = service::Asked {
        filter: paged.q.unwrap_or_default(),
        order: paged.order.unwrap_or_default().into(),
        cursor: paged.cursor.filter(|cursor| !cursor.is_empty()),
        size,
        now: Timestamp::now(),
        zone: kerrera::cron::Timezone::utc(),
    };
    let list = visit.service().jobs(&asked).await?;
    Ok(Json(Jobs {
        items: list.rows.into_iter().map(|row| ListedJob::of(row, &fields)).collect(),
        next: list.next,
        previous: list.previous,
        complete: list.complete,
        searched_to: list.searched_to.map(Time),
        count: list.total.map(Number::from),
    }))
}

/// How many jobs a filter has
#[utoipa::path(get, path = "/jobs/count", tag = "jobs", params(Filtered),
    responses((status = 200, body = Count)))]
async fn count(visit: Visit, Asked(filtered): Asked<Filtered>) -> Result<Json<Count>, Refusal> {
    let zone = kerrera::cron::Timezone::utc();
    let filter = filtered.q.unwrap_or_default();
    let count = visit.service().count(&filter, Timestamp::now(), &zone).await?;
    Ok(Json(Count { count: count.map(Number::from) }))
}

/// What a filter could go on with
#[utoipa::path(get, path = "/jobs/suggest", tag = "jobs", params(Typed),
    responses((status = 200, body = Suggestions)))]
async fn suggest(visit: Visit, Asked(typed): Asked<Typed>) -> Result<Json<Suggestions>, Refusal> {
    Ok(Json(visit.service().suggest(&typed).await?))
}

/// The fields that are wanted.
fn wanted(fields: Option<&str>) -> Result<Vec<&'static str>, Refusal> {
    let Some(fields) = fields else { return Ok(FIELDS.to_vec()) };
    let known = fields.split(',').map(str::trim).map(|name| {
        let known = FIELDS.iter().find(|known| **known == name).copied();
        known.ok_or_else(|| {
            let known = FIELDS.join(", ");
            Refusal::Invalid(format!("a listed job has no field {name:?}, but {known}"))
        })
    });
    known.collect()
}

impl ListedJob {
    fn of(row: JobRow, fields: &[&str]) -> ListedJob {
        let has = |name: &str| fields.contains(&name);
        let time = |name: &str, time: Option<Timestamp>| time.filter(|_| has(name)).map(Time);
        ListedJob {
            id: has("id").then(|| row.id.into()),
            state: has("state").then_some(JobState(row.state)),
            inserted_at: time("inserted_at", Some(row.inserted_at)),
            scheduled_at: time("scheduled_at", Some(row.scheduled_at)),
            attempted_at: time("attempted_at", row.attempted_at),
            completed_at: time("completed_at", row.completed_at),
            discarded_at: time("discarded_at", row.discarded_at),
            cancelled_at: time("cancelled_at", row.cancelled_at),
            queue: has("queue").then_some(row.queue),
            worker: has("worker").then_some(row.worker),
            args_text: has("args_text").then_some(row.args),
            args_bytes: has("args_bytes").then_some(row.args_bytes),
            tags: has("tags").then_some(row.tags),
            attempt: has("attempt").then_some(row.attempt),
            max_attempts: has("max_attempts").then_some(row.max_attempts),
            priority: has("priority").then_some(row.priority),
            node: row.node.filter(|_| has("node")),
        }
    }
}

impl From<Order> for ListOrder {
    fn from(order: Order) -> ListOrder {
        match order {
            Order::Fitting => ListOrder::Fitting,
            Order::Newest => ListOrder::Newest,
            Order::Oldest => ListOrder::Oldest,
            Order::Earliest => ListOrder::Earliest,
            Order::Latest => ListOrder::Latest,
            Order::Claimed => ListOrder::Claimed,
        }
    }
}

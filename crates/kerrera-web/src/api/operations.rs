//! What is done to many jobs at once.

use kerrera::{BulkAction, BulkState, State, Tally};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::json::{After, Asked, At, Json, Sent};
use super::overview::StateNumber;
use super::schema::{Id, JobState, Nothing, Number, Time};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{BulkForecast, BulkStart, BulkView, BulkWish, Selection};
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::OperationsView, routes!(operations));
    routes.data(Permission::OperationsView, routes!(operation));
    routes.data(Permission::OperationsManage, routes!(preview));
    routes.data(Permission::OperationsManage, routes!(start));
    routes.data(Permission::OperationsManage, routes!(cancel));
}

/// Which operation.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct Numbered {
    /// Its number.
    #[param(value_type = Id)]
    operation: i64,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OperationPage {
    /// Only operations with smaller numbers: the `next` of the page before.
    #[param(value_type = Option<Id>)]
    before: Option<i64>,
}

/// Operations, the newest first.
#[derive(Serialize, ToSchema)]
struct OperationList {
    items: Vec<OneOperation>,
    /// Where the next page begins, if there is one.
    next: Option<Id>,
}

/// Something that is done to many jobs.
#[derive(Serialize, ToSchema)]
struct OneOperation {
    id: Id,
    action: OperationAction,
    state: OperationState,
    /// The filter that has its jobs; none if no filter says the same, or they were selected one by one.
    filter: Option<String>,
    /// How many jobs were selected one by one, if so.
    selected: Option<u64>,
    /// Only jobs with numbers up to this are meant.
    max_id: Id,
    /// Who wants it.
    by: Option<String>,
    reason: Option<String>,
    /// How many jobs allowed it when it was asked for, as far as that was counted.
    total: Option<Number>,
    /// To how many it was done.
    done: u64,
    /// How many did not allow it.
    skipped: u64,
    /// To how many it could not be done.
    failed: u64,
    /// The first of these, and why.
    failures: Vec<OperationFailure>,
    /// Why it cannot be carried out.
    error: Option<String>,
    /// The node that is at it, or was last.
    node: Option<String>,
    created_at: Time,
    started_at: Option<Time>,
    ended_at: Option<Time>,
}

/// A job to which something could not be done.
#[derive(Serialize, ToSchema)]
struct OperationFailure {
    job: Id,
    error: String,
}

/// What is done to each job.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OperationAction {
    /// It is not to run, or to stop.
    Cancel,
    /// It is to run again.
    Retry,
    /// It is given up for good.
    Discard,
    /// It is removed.
    Delete,
    /// If it waits for a time, it is to run now.
    RunNow,
    /// Something that a newer version does; it cannot be asked for.
    #[serde(skip_deserializing)]
    Other,
}

/// Where an operation is in its life.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OperationState {
    /// No node has begun with it.
    Waiting,
    Running,
    /// Every job was looked at.
    Done,
    /// Somebody stopped it; what was done stays so.
    Cancelled,
    /// It cannot be carried out.
    Failed,
}

/// What is to be done, and to which jobs. Give `ids`, or `q`, or say `all`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OperationWish {
    action: OperationAction,
    /// A filter, as in the list of jobs.
    q: Option<String>,
    /// The numbers of jobs, at most 500; up to 100 are dealt with before the answer.
    ids: Option<Vec<String>>,
    /// Whether really all jobs are meant.
    all: Option<bool>,
    /// Why, for those who look later; at most 500 characters.
    reason: Option<String>,
    /// How many jobs are meant, right within a tenth. It has to be said to delete, and for more than 1000
    /// jobs; `preview` tells. If it is said and wrong, nothing is done.
    count: Option<u64>,
}

/// What would be done.
#[derive(Serialize, ToSchema)]
struct OperationForecast {
    /// How many jobs allow it.
    count: Number,
    /// Whether their number has to be said.
    needs_count: bool,
    /// How many allow it, by their state.
    eligible: Vec<StateNumber>,
    /// How many do not and are skipped, by their state.
    skipped: Vec<StateNumber>,
    /// Some of those that allow it, the oldest.
    sample: Vec<OperationSample>,
}

/// One of the jobs.
#[derive(Serialize, ToSchema)]
struct OperationSample {
    id: Id,
    state: JobState,
    queue: String,
    worker: String,
}

/// What is or was done to many jobs, the newest first
#[utoipa::path(get, path = "/operations", tag = "operations", params(OperationPage),
    responses((status = 200, body = OperationList)))]
async fn operations(
    visit: Visit,
    Asked(page): Asked<OperationPage>,
) -> Result<Json<OperationList>, Refusal> {
    let list = visit.service().operations(page.before).await?;
    let items = list.items.into_iter().map(OneOperation::from).collect();
    Ok(Json(OperationList { items, next: list.next.map(Id::from) }))
}

/// One operation, with how far it is
#[utoipa::path(get, path = "/operations/{operation}", tag = "operations", params(Numbered),
    responses((status = 200, body = OneOperation)))]
async fn operation(
    visit: Visit,
    At(numbered): At<Numbered>,
) -> Result<Json<OneOperation>, Refusal> {
    Ok(Json(visit.service().operation(numbered.operation).await?.into()))
}

/// What would be done, as things stand; nothing is changed. Needs `jobs:view` and the action's permission
#[utoipa::path(post, path = "/operations/preview", tag = "operations", request_body = OperationWish,
    responses((status = 200, body = OperationForecast)))]
async fn preview(
    visit: Visit,
    Sent(wish): Sent<OperationWish>,
) -> Result<Json<OperationForecast>, Refusal> {
    let forecast = visit.service().forecast_operation(&wish.read(&visit)?).await?;
    Ok(Json(forecast.into()))
}

/// Begins to do something to many jobs. Needs `jobs:view` and the action's permission as well
#[utoipa::path(post, path = "/operations", tag = "operations", request_body = OperationWish,
    responses((status = 200, body = OneOperation)))]
async fn start(
    visit: Visit,
    Sent(wish): Sent<OperationWish>,
) -> Result<Json<OneOperation>, Refusal> {
    match visit.service().start_operation(&wish.read(&visit)?).await? {
        BulkStart::Begun(view) => Ok(Json((*view).into())),
        BulkStart::Unconfirmed(forecast) => {
            let now = forecast.count().value;
            Err(Refusal::Conflict(format!(
                "it is about {now} jobs: give \"count\": {now} if that is what you mean"
            )))
        }
    }
}

/// Stops an operation; what was done stays done. Needs the action's permission as well
#[utoipa::path(post, path = "/operations/{operation}/cancel", tag = "operations", params(Numbered),
    request_body = Nothing, responses((status = 200, body = OneOperation),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn cancel(
    visit: Visit,
    At(numbered): At<Numbered>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<After<OneOperation>, Refusal> {
    visit.service().cancel_operation(numbered.operation).await?;
    Ok(After(visit.service().operation(numbered.operation).await.map(OneOperation::from)))
}

impl OperationWish {
    fn read(self, visit: &Visit) -> Result<BulkWish, Refusal> {
        let invalid = |why: &str| Err(Refusal::Invalid(why.to_owned()));
        let which = match (self.ids, self.q, self.all.unwrap_or_default()) {
            (Some(ids), None, false) => {
                let numbers: Result<Vec<i64>, _> = ids.iter().map(|id| id.parse()).collect();
                match numbers {
                    Ok(numbers) => Selection::Jobs(numbers),
                    Err(_) => return invalid("ids are numbers of jobs, as strings"),
                }
            }
            (None, Some(q), false) => Selection::Filter(q),
            (None, None, true) => Selection::All,
            _ => return invalid("give ids, or q, or all: one of them"),
        };
        let action = match self.action {
            OperationAction::Cancel => BulkAction::Cancel,
            OperationAction::Retry => BulkAction::Retry,
            OperationAction::Discard => BulkAction::Discard,
            OperationAction::Delete => BulkAction::Delete,
            OperationAction::RunNow => BulkAction::RunNow,
            OperationAction::Other => return invalid("there is no such action"),
        };
        Ok(BulkWish {
            action,
            which,
            reason: self.reason.unwrap_or_default(),
            count: self.count,
            now: visit.now(),
            zone: visit.preferences().timezone(),
        })
    }
}

impl From<BulkView> for OneOperation {
    fn from(view: BulkView) -> OneOperation {
        let BulkView { operation, filter, selected, .. } = view;
        let by = operation.by;
        OneOperation {
            id: operation.id.into(),
            action: match operation.action {
                BulkAction::Cancel => OperationAction::Cancel,
                BulkAction::Retry => OperationAction::Retry,
                BulkAction::Discard => OperationAction::Discard,
                BulkAction::Delete => OperationAction::Delete,
                BulkAction::RunNow => OperationAction::RunNow,
                _ => OperationAction::Other,
            },
            state: match operation.state {
                BulkState::Waiting => OperationState::Waiting,
                BulkState::Running => OperationState::Running,
                BulkState::Done => OperationState::Done,
                BulkState::Cancelled => OperationState::Cancelled,
                _ => OperationState::Failed,
            },
            filter: filter.map(|filter| filter.to_string()),
            selected: selected.map(|selected| selected as u64),
            max_id: operation.max_id.into(),
            by: by.map(|by| if by.label.is_empty() { by.id } else { by.label }),
            reason: operation.reason,
            total: operation.total.map(Number::from),
            done: operation.done,
            skipped: operation.skipped,
            failed: operation.failed,
            failures: operation
                .failures
                .into_iter()
                .map(|failure| OperationFailure { job: failure.job.into(), error: failure.error })
                .collect(),
            error: operation.error,
            node: operation.node,
            created_at: Time(operation.created_at),
            started_at: operation.started_at.map(Time),
            ended_at: operation.ended_at.map(Time),
        }
    }
}

impl From<BulkForecast> for OperationForecast {
    fn from(forecast: BulkForecast) -> OperationForecast {
        let numbers = |list: &[(State, Tally)]| {
            let each = list.iter();
            each.map(|(state, jobs)| StateNumber { state: JobState(*state), jobs: (*jobs).into() })
                .collect()
        };
        let sample = forecast.sample.iter().map(|row| OperationSample {
            id: row.id.into(),
            state: JobState(row.state),
            queue: row.queue.clone(),
            worker: row.worker.clone(),
        });
        OperationForecast {
            count: forecast.count().into(),
            needs_count: forecast.needs_count(),
            eligible: numbers(&forecast.eligible),
            skipped: numbers(&forecast.skipped),
            sample: sample.collect(),
        }
    }
}

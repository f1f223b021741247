//! The crontab: its entries, what became of them, and changing them.

use axum::http::StatusCode;
use kerrera::Timestamp;
use kerrera::cron::{CronExpression, Timezone};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::json::{After, Asked, At, Json, Sent};
use super::schema::{Id, JobState, Nothing, Time};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{CronDraft, CronRun, CronStatus, CronTarget, Drafted, InsertedJob, NextTimes};
use crate::visit::Visit;

/// How many times are told ahead.
const NEXT: usize = 5;

/// How many runs are told at once, if nobody says.
const RUNS: u32 = 50;
const MOST_RUNS: u32 = 500;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::CronsView, routes!(crons));
    routes.data(Permission::CronsView, routes!(cron));
    routes.data(Permission::CronsView, routes!(runs));
    routes.data(Permission::CronsView, routes!(preview));
    routes.data(Permission::CronsInsert, routes!(insert));
    routes.data(Permission::CronsUpdate, routes!(update));
    routes.data(Permission::CronsDelete, routes!(delete));
    routes.data(Permission::CronsRun, routes!(run));
    routes.data(Permission::CronsPause, routes!(pause));
    routes.data(Permission::CronsPause, routes!(resume));
}

/// Which entry.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct Named {
    /// Its name.
    cron: String,
}

/// The crontab.
#[derive(Serialize, ToSchema)]
struct Crontab {
    items: Vec<Cron>,
    /// Entries that this version cannot read.
    unreadable: Vec<Unreadable>,
}

/// An entry that this version cannot read.
#[derive(Serialize, ToSchema)]
struct Unreadable {
    name: String,
    why: String,
}

/// An entry of the crontab.
#[derive(Serialize, ToSchema)]
struct Cron {
    name: String,
    expression: String,
    /// Where the clock hangs, by the name of the IANA database.
    timezone: String,
    worker: String,
    queue: String,
    /// What becomes of times that were missed: `skip`, `once`, or `all` and how many.
    misfire: String,
    /// What becomes of a time while the job before has not ended: `allow` or `skip`.
    overlap: String,
    paused: bool,
    /// Whether people added it, so that no program brings it.
    is_added: bool,
    /// Its next times, if it is not paused.
    next: Vec<Time>,
    /// Its last time that was fired.
    last_at: Option<Time>,
    /// The node that fired it.
    last_node: Option<String>,
    /// A time that came and was not fired, because no node runs that has it.
    missed_at: Option<Time>,
    last_job: Option<CronJob>,
    updated_at: Time,
    /// Whether somebody takes jobs from its queue.
    target: Target,
}

/// Whether somebody takes jobs from the queue of an entry.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Target {
    /// Some node does.
    Worked,
    /// Nodes work it, and all of them have paused it.
    Paused,
    /// No node works it.
    Unworked,
}

/// A job of an entry.
#[derive(Serialize, ToSchema)]
struct CronJob {
    id: Id,
    /// Where it stands, if it is still there.
    state: Option<JobState>,
}

/// The times of an entry that were fired, the newest first.
#[derive(Serialize, ToSchema)]
struct Runs {
    items: Vec<Run>,
    /// What to ask for as `before` to hear of older ones; nothing if there are none.
    next: Option<Time>,
}

/// A time that was fired.
#[derive(Serialize, ToSchema)]
struct Run {
    at: Time,
    fired_at: Time,
    node: String,
    /// Its job; none if it would have overlapped.
    job: Option<CronJob>,
}

/// Which runs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Those before this.
    #[param(value_type = Option<Time>)]
    before: Option<Timestamp>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Of which expression.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Preview {
    /// When, as in `0 7 * * MON-FRI`.
    expression: String,
    /// Where the clock hangs; `Etc/UTC` if nothing is said.
    timezone: Option<String>,
}

/// The next times of an expression.
#[derive(Serialize, ToSchema)]
struct Previewed {
    next: Vec<Time>,
    /// When the clock there is put forward or back at one of its times, within a year.
    shifts: Vec<Shift>,
}

/// A moment at which a clock is put forward or back.
#[derive(Serialize, ToSchema)]
struct Shift {
    at: Time,
    /// By how many seconds it is ahead of UTC before.
    before: i32,
    /// And from then on.
    after: i32,
}

/// A new entry.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCron {
    name: String,
    expression: String,
    /// Where the clock hangs; `Etc/UTC` if nothing is said.
    timezone: Option<String>,
    worker: String,
    /// `default` if nothing is said.
    queue: Option<String>,
    /// An empty object if nothing is said.
    #[schema(value_type = Option<Object>)]
    args: Option<Box<RawValue>>,
    /// 20 if nothing is said.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    max_attempts: Option<u32>,
    misfire: Option<MisfireName>,
    /// How many to make up for, if all.
    #[schema(minimum = 1, maximum = 1000)]
    misfire_most: Option<u32>,
    overlap: Option<OverlapName>,
}

/// What is to be different; the rest stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CronChange {
    expression: Option<String>,
    timezone: Option<String>,
    misfire: Option<MisfireName>,
    /// How many to make up for, if all.
    #[schema(minimum = 1, maximum = 1000)]
    misfire_most: Option<u32>,
    overlap: Option<OverlapName>,
}

/// What becomes of times that were missed.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MisfireName {
    /// They are left out.
    Skip,
    /// The newest of them is fired.
    Once,
    /// They are all fired, the oldest first, up to `misfire_most`.
    All,
}

/// What becomes of a time while the job before has not ended.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OverlapName {
    /// Its job is inserted.
    Allow,
    /// It is left out.
    Skip,
}

/// Whether a job was inserted.
#[derive(Serialize, ToSchema)]
struct Ran {
    /// Whether it is new; a unique job may have been there already.
    is_new: bool,
}

/// The crontab
#[utoipa::path(get, path = "/crons", tag = "crons", responses((status = 200, body = Crontab)))]
async fn crons(visit: Visit) -> Result<Json<Crontab>, Refusal> {
    let crontab = visit.service().crontab().await?;
    let now = crontab.now;
    let unreadable = crontab.unreadable.into_iter();
    Ok(Json(Crontab {
        items: crontab.crons.into_iter().map(|cron| Cron::of(cron, now)).collect(),
        unreadable: unreadable.map(|(name, why)| Unreadable { name, why }).collect(),
    }))
}

/// One entry
#[utoipa::path(get, path = "/crons/{cron}", tag = "crons", params(Named),
    responses((status = 200, body = Cron)))]
async fn cron(visit: Visit, At(named): At<Named>) -> Result<Json<Cron>, Refusal> {
    let cron = visit.service().cron(&named.cron).await?;
    Ok(Json(Cron::of(cron, visit.now())))
}

/// The times of an entry that were fired and are still kept
#[utoipa::path(get, path = "/crons/{cron}/runs", tag = "crons", params(Named, Which),
    responses((status = 200, body = Runs)))]
async fn runs(
    visit: Visit,
    At(named): At<Named>,
    Asked(which): Asked<Which>,
) -> Result<Json<Runs>, Refusal> {
    let limit = which.limit.unwrap_or(RUNS).clamp(1, MOST_RUNS);
    // One more, to know whether there are older ones.
    let mut runs = visit.service().cron_history(&named.cron, which.before, limit + 1).await?;
    let has_more = runs.len() > limit as usize;
    runs.truncate(limit as usize);
    let next = runs.last().filter(|_| has_more).map(|run| Time(run.at));
    Ok(Json(Runs { items: runs.into_iter().map(Run::from).collect(), next }))
}

/// The next times of an expression, before anything is written
#[utoipa::path(get, path = "/cron-preview", tag = "crons", params(Preview),
    responses((status = 200, body = Previewed)))]
async fn preview(visit: Visit, Asked(asked): Asked<Preview>) -> Result<Json<Previewed>, Refusal> {
    let expression = asked.expression.parse::<CronExpression>();
    let expression = expression.map_err(|wrong| Refusal::Invalid(wrong.to_string()))?;
    let timezone = match asked.timezone.as_deref() {
        None | Some("") => Timezone::utc(),
        Some(name) => {
            let timezone = name.parse::<Timezone>();
            timezone.map_err(|wrong| Refusal::Invalid(wrong.to_string()))?
        }
    };
    let next = NextTimes::of(&expression, &timezone, visit.now(), NEXT);
    let shifts = next.shifts.into_iter().map(|shift| {
        let (before, after) = shift.offsets;
        Shift { at: Time(shift.at), before, after }
    });
    Ok(Json(Previewed {
        next: next.times.into_iter().map(Time).collect(),
        shifts: shifts.collect(),
    }))
}

/// Adds an entry that every node fires
#[utoipa::path(post, path = "/crons", tag = "crons", request_body = NewCron,
    responses((status = 200, body = Cron),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn insert(visit: Visit, Sent(sent): Sent<NewCron>) -> Result<After<Cron>, Refusal> {
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let draft = CronDraft {
        name: sent.name.trim().to_owned(),
        expression: sent.expression,
        timezone: sent.timezone.unwrap_or_default(),
        worker: sent.worker,
        queue: sent.queue.unwrap_or_default(),
        args: sent.args.map(|args| args.get().to_owned()).unwrap_or_default(),
        max_attempts: number(sent.max_attempts),
        misfire: sent.misfire.unwrap_or(MisfireName::Once).as_str().to_owned(),
        misfire_most: number(sent.misfire_most),
        overlap: sent.overlap.unwrap_or(OverlapName::Allow).as_str().to_owned(),
    };
    written(visit.service().add_cron(&draft).await?)?;
    Ok(after(&visit, &draft.name).await)
}

/// Changes when an entry comes, where its clock hangs, and its policies; needs `crons:view` as well
#[utoipa::path(patch, path = "/crons/{cron}", tag = "crons", params(Named),
    request_body = CronChange,
    responses((status = 200, body = Cron),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn update(
    visit: Visit,
    At(named): At<Named>,
    Sent(sent): Sent<CronChange>,
) -> Result<After<Cron>, Refusal> {
    let mut draft = CronDraft::of(&visit.service().cron(&named.cron).await?);
    if let Some(expression) = sent.expression {
        draft.expression = expression;
    }
    if let Some(timezone) = sent.timezone {
        draft.timezone = timezone;
    }
    if let Some(misfire) = sent.misfire {
        draft.misfire = misfire.as_str().to_owned();
    }
    if let Some(most) = sent.misfire_most {
        draft.misfire_most = most.to_string();
    }
    if let Some(overlap) = sent.overlap {
        draft.overlap = overlap.as_str().to_owned();
    }
    written(visit.service().edit_cron(&named.cron, &draft).await?)?;
    Ok(after(&visit, &named.cron).await)
}

/// Removes an entry and its history; its jobs stay
#[utoipa::path(delete, path = "/crons/{cron}", tag = "crons", params(Named),
    responses((status = 204, description = "It is removed.")))]
async fn delete(visit: Visit, At(named): At<Named>) -> Result<StatusCode, Refusal> {
    visit.service().remove_cron(&named.cron).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Inserts the job of an entry now, paused or not
#[utoipa::path(post, path = "/crons/{cron}/run", tag = "crons", params(Named),
    request_body = Nothing, responses((status = 200, body = Ran)))]
async fn run(
    visit: Visit,
    At(named): At<Named>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<Json<Ran>, Refusal> {
    let inserted = visit.service().run_cron(&named.cron).await?;
    Ok(Json(Ran { is_new: matches!(inserted, InsertedJob::New(_)) }))
}

/// Fires an entry no more, on any node, until it is resumed
#[utoipa::path(post, path = "/crons/{cron}/pause", tag = "crons", params(Named),
    request_body = Nothing,
    responses((status = 200, body = Cron),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn pause(
    visit: Visit,
    At(named): At<Named>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<After<Cron>, Refusal> {
    visit.service().pause_cron(&named.cron, true).await?;
    Ok(after(&visit, &named.cron).await)
}

/// Lets a paused entry go on; what it missed is not made up for
#[utoipa::path(post, path = "/crons/{cron}/resume", tag = "crons", params(Named),
    request_body = Nothing,
    responses((status = 200, body = Cron),
        (status = 204, description = "It is done, and cannot be shown.")))]
async fn resume(
    visit: Visit,
    At(named): At<Named>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<After<Cron>, Refusal> {
    visit.service().pause_cron(&named.cron, false).await?;
    Ok(after(&visit, &named.cron).await)
}

/// The entry, as it stands after something was done to it.
async fn after(visit: &Visit, name: &str) -> After<Cron> {
    After(visit.service().cron(name).await.map(|cron| Cron::of(cron, visit.now())))
}

fn written(drafted: Drafted) -> Result<(), Refusal> {
    match drafted {
        Drafted::Written => Ok(()),
        Drafted::Wrong(mistakes) => {
            let mistakes = mistakes.iter().map(|(field, why)| format!("{field}: {why}"));
            Err(Refusal::Invalid(mistakes.collect::<Vec<_>>().join("; ")))
        }
    }
}

impl MisfireName {
    fn as_str(self) -> &'static str {
        match self {
            MisfireName::Skip => "skip",
            MisfireName::Once => "once",
            MisfireName::All => "all",
        }
    }
}

impl OverlapName {
    fn as_str(self) -> &'static str {
        match self {
            OverlapName::Allow => "allow",
            OverlapName::Skip => "skip",
        }
    }
}

impl Cron {
    fn of(cron: CronStatus, now: Timestamp) -> Cron {
        let next = match cron.is_paused {
            true => Vec::new(),
            false => cron.next_times(now, NEXT).times.into_iter().map(Time).collect(),
        };
        let (last_at, last_node) = cron.last.map(|(at, node)| (Time(at), node)).unzip();
        let misfire = cron.misfire.to_string();
        Cron {
            name: cron.name,
            expression: cron.expression.to_string(),
            timezone: cron.timezone.to_string(),
            worker: cron.worker,
            queue: cron.queue,
            misfire,
            overlap: cron.overlap.to_string(),
            paused: cron.is_paused,
            is_added: cron.is_added,
            next,
            last_at,
            last_node,
            missed_at: cron.missed.map(Time),
            last_job: cron.last_job.map(CronJob::from),
            updated_at: Time(cron.updated_at),
            target: match cron.target {
                CronTarget::Worked => Target::Worked,
                CronTarget::Paused => Target::Paused,
                CronTarget::Unworked => Target::Unworked,
            },
        }
    }
}

impl From<CronRun> for Run {
    fn from(run: CronRun) -> Run {
        let (at, fired_at) = (Time(run.at), Time(run.fired_at));
        Run { at, fired_at, node: run.node, job: run.job.map(CronJob::from) }
    }
}

impl From<(kerrera::JobId, Option<kerrera::State>)> for CronJob {
    fn from((id, state): (kerrera::JobId, Option<kerrera::State>)) -> CronJob {
        CronJob { id: id.into(), state: state.map(JobState) }
    }
}

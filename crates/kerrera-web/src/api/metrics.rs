//! Numbers over time.

use std::time::Duration;

use kerrera::Timestamp;
use kerrera::metrics::{Group, Line, Metric, Series, SeriesQuery, Statistic};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::errors::LookBack;
use super::json::{Asked, Json};
use super::schema::{HowKnown, Time};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::Window;
use crate::visit::Visit;

pub(super) fn add(routes: &mut Routes) {
    routes.data(Permission::MetricsView, routes!(series));
}

/// Which lines are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// What they show.
    #[param(inline)]
    name: Name,
    /// What there is a line for; one line for everything together if nothing is said.
    #[param(inline)]
    by: Option<By>,
    /// Only this queue.
    queue: Option<String>,
    /// Only this worker.
    worker: Option<String>,
    /// Of lines of times, only those of this number; all four if nothing is said.
    #[param(inline)]
    agg: Option<Agg>,
    /// How far back; an hour if nothing is said. Not beside `from` and `to`.
    #[param(inline)]
    window: Option<LookBack>,
    /// From when; the step that has it is the first.
    #[param(value_type = Option<Time>)]
    from: Option<Timestamp>,
    /// Until when; now if nothing is said.
    #[param(value_type = Option<Time>)]
    to: Option<Timestamp>,
    /// How far apart the points are, in seconds: a number of whole minutes, such that there are at most
    /// 2000. What fits a chart if nothing is said.
    #[param(minimum = 60, maximum = 31_536_000)]
    step: Option<u32>,
}

/// What a line shows.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Name {
    /// How many runs ended.
    Jobs,
    /// How long they ran, in seconds.
    RunTime,
    /// How long jobs could have been claimed before they were, in seconds.
    WaitTime,
    /// How many jobs there were that had not ended, on average.
    Depth,
    /// How long the oldest available job had been waiting, in seconds; the longest.
    OldestAge,
    /// Which part of the slots of all nodes was taken, on average: 1 is all of them.
    Utilisation,
}

/// What there is a line for.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// Each queue.
    Queue,
    /// Each worker; of runs alone.
    Worker,
    /// Each way in which runs end; of `jobs` alone.
    Outcome,
    /// Each state of jobs that have not ended; of `depth` alone.
    State,
}

/// A number that stands for many times.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Agg {
    /// Half of them were no longer.
    P50,
    /// All but one in twenty were no longer.
    P95,
    /// All but one in a hundred were no longer.
    P99,
    /// The longest.
    Max,
}

/// Lines over time.
#[derive(Serialize, ToSchema)]
struct Lines {
    /// When the first step begins.
    from: Time,
    /// How long a step is, in seconds.
    step: u64,
    /// The database's time: the step that has it is not over, and the last ten seconds before it may not
    /// be in yet.
    now: Time,
    /// Whether the runs of some workers were counted together, as those of `(other)`, since a node met
    /// more of them than it keeps apart.
    is_folded: bool,
    lines: Vec<OneLine>,
}

/// A value for each step.
#[derive(Serialize, ToSchema)]
struct OneLine {
    /// The queue, worker, outcome or state; nothing for everything together.
    name: Option<String>,
    /// Of times, which number it is; they are at most 26 % off, but for the longest.
    agg: Option<Agg>,
    /// `null` is a gap: no node was there to report, nobody looked at the queue, or no run ended of which
    /// there could be a time.
    values: Vec<Option<f64>>,
    /// How well they are known, at worst.
    quality: HowKnown,
}

/// What ran, how long it took and waited, and how full queues were, over time
#[utoipa::path(get, path = "/metrics/series", tag = "metrics", params(Wanted),
    responses((status = 200, body = Lines)))]
async fn series(visit: Visit, Asked(wanted): Asked<Wanted>) -> Result<Json<Lines>, Refusal> {
    let series = visit.service().series(&wanted.query()?).await?;
    let mut lines = Lines::from(series);
    lines.lines.retain(|line| wanted.agg.is_none() || line.agg.is_none() || line.agg == wanted.agg);
    Ok(Json(lines))
}

impl Wanted {
    fn query(&self) -> Result<SeriesQuery, Refusal> {
        if self.window.is_some() && (self.from.is_some() || self.to.is_some()) {
            let why = "give either window, or from and to";
            return Err(Refusal::Invalid(why.to_owned()));
        }
        let to = self.to.unwrap_or_else(Timestamp::now);
        let window = Window::from(self.window.unwrap_or(LookBack::Hour));
        let from = self.from.unwrap_or(to - window.span());
        let fits = SeriesQuery::step_for(to.since(from));
        let step = self.step.map_or(fits, |step| Duration::from_secs(step.into()));
        let metric = match self.name {
            Name::Jobs => Metric::Jobs,
            Name::RunTime => Metric::RunTime,
            Name::WaitTime => Metric::WaitTime,
            Name::Depth => Metric::Depth,
            Name::OldestAge => Metric::OldestAge,
            Name::Utilisation => Metric::Utilisation,
        };
        let group = match self.by {
            None => Group::None,
            Some(By::Queue) => Group::Queue,
            Some(By::Worker) => Group::Worker,
            Some(By::Outcome) => Group::Outcome,
            Some(By::State) => Group::State,
        };
        let mut query = SeriesQuery::new(metric, from, to, step).by(group);
        query.queue.clone_from(&self.queue);
        query.worker.clone_from(&self.worker);
        Ok(query)
    }
}

impl From<Series> for Lines {
    fn from(series: Series) -> Lines {
        Lines {
            from: Time(series.from),
            step: series.step.as_secs(),
            now: Time(series.now),
            is_folded: series.is_folded,
            lines: series.lines.into_iter().map(OneLine::from).collect(),
        }
    }
}

impl From<Line> for OneLine {
    fn from(line: Line) -> OneLine {
        let agg = line.statistic.and_then(|statistic| match statistic {
            Statistic::P50 => Some(Agg::P50),
            Statistic::P95 => Some(Agg::P95),
            Statistic::P99 => Some(Agg::P99),
            Statistic::Max => Some(Agg::Max),
            _ => None,
        });
        OneLine { name: line.name, agg, values: line.values, quality: line.quality.into() }
    }
}

//! Lines over time.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::cells::{Gauge, Gauged, Runs, Slot, each};
use super::packing::{MetricRow, Tier, floor};
use super::{OTHER, RunEnd};
use crate::error::{Error, Kind, Result};
use crate::storage::MetricRange;
use crate::tally::Quality;
use crate::time::Timestamp;

/// What a line shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// How many runs ended.
    Jobs,
    /// How long they ran, in seconds.
    RunTime,
    /// How long jobs could have been claimed before they were, in seconds.
    WaitTime,
    /// How many jobs there were that have not ended, on average.
    Depth,
    /// How long the oldest available job had been waiting, in seconds; the longest.
    OldestAge,
    /// Which part of the slots of all nodes was taken, on average: 1 is all of them.
    Utilisation,
}

impl Metric {
    /// Whether it is of runs, and not of queues that were looked at.
    pub fn is_of_runs(self) -> bool {
        matches!(self, Metric::Jobs | Metric::RunTime | Metric::WaitTime)
    }
}

/// What there is a line for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Group {
    /// Everything together.
    #[default]
    None,
    /// Each queue.
    Queue,
    /// Each worker; of runs alone.
    Worker,
    /// Each [`RunEnd`]; of [`Metric::Jobs`] alone.
    Outcome,
    /// Available, scheduled, retryable and executing; of [`Metric::Depth`] alone.
    State,
}

/// A number that stands for many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Statistic {
    /// Half of them were no longer.
    P50,
    /// All but one in twenty were no longer.
    P95,
    /// All but one in a hundred were no longer.
    P99,
    /// The longest.
    Max,
}

impl Statistic {
    /// All of them.
    pub const ALL: [Statistic; 4] =
        [Statistic::P50, Statistic::P95, Statistic::P99, Statistic::Max];
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Statistic::P50 => "p50",
            Statistic::P95 => "p95",
            Statistic::P99 => "p99",
            Statistic::Max => "max",
        })
    }
}

/// Which lines are wanted.
///
/// ```
/// use kerrera_core::metrics::{Group, Metric, SeriesQuery};
/// use kerrera_core::{Timestamp, Units};
///
/// let now = Timestamp::now();
/// let query = SeriesQuery::last(Metric::Jobs, 6.hours(), now).by(Group::Outcome).queue("mailers");
/// assert_eq!(query.step, 5.minutes());
/// assert!(query.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeriesQuery {
    /// What they show.
    pub metric: Metric,
    /// What there is a line for.
    pub group: Group,
    /// Only this queue.
    pub queue: Option<String>,
    /// Only this worker.
    pub worker: Option<String>,
    /// From when; the step that has it is the first.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// How far apart the points are: a number of whole minutes. Steps of whole hours are read of what
    /// is kept of hours, those of whole days of what is kept of days.
    pub step: Duration,
}

impl SeriesQuery {
    /// The most points that a line has.
    pub const MOST_POINTS: u64 = 2_000;

    /// One line from some time to another.
    pub fn new(metric: Metric, from: Timestamp, to: Timestamp, step: Duration) -> SeriesQuery {
        let (group, queue, worker) = (Group::None, None, None);
        SeriesQuery { metric, group, queue, worker, from, to, step }
    }

    /// One line over the last hours, in steps that fit a chart: 60 to 200 of them.
    pub fn last(metric: Metric, window: Duration, now: Timestamp) -> SeriesQuery {
        SeriesQuery::new(metric, now - window, now, SeriesQuery::step_for(window))
    }

    /// The step that fits a window.
    pub fn step_for(window: Duration) -> Duration {
        const MINUTES: [u64; 11] = [1, 2, 5, 15, 30, 60, 120, 360, 720, 1_440, 10_080];
        let minutes = window.as_secs() / 60;
        let fits = |step: &&u64| minutes / **step <= 120;
        Duration::from_secs(60 * MINUTES.iter().find(fits).copied().unwrap_or(10_080))
    }

    /// A line for each.
    #[must_use]
    pub fn by(mut self, group: Group) -> SeriesQuery {
        self.group = group;
        self
    }

    /// Only this queue.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<String>) -> SeriesQuery {
        self.queue = Some(queue.into());
        self
    }

    /// Only this worker.
    #[must_use]
    pub fn worker(mut self, worker: impl Into<String>) -> SeriesQuery {
        self.worker = Some(worker.into());
        self
    }

    /// Checks that there can be an answer.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`]: the step is not of whole minutes, there are too many, the time is empty, or
    /// the metric has no such lines.
    pub fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(Kind::Config, message));
        let SeriesQuery { metric, group, step, from, to, .. } = self;
        if step.is_zero() || !is_whole(*step, Tier::Minutes) {
            return wrong(format!(
                "the step {step:?} is not of whole minutes: give it 60 s or more"
            ));
        }
        if from >= to {
            return wrong(format!("a series from {from} to {to} is empty: turn them round"));
        }
        if self.points() > SeriesQuery::MOST_POINTS {
            let (points, most) = (self.points(), SeriesQuery::MOST_POINTS);
            return wrong(format!("a series of {points} points is too long: at most {most}"));
        }
        let fits = match group {
            Group::None | Group::Queue => true,
            Group::Worker => metric.is_of_runs(),
            Group::Outcome => *metric == Metric::Jobs,
            Group::State => *metric == Metric::Depth,
        };
        if !fits || (self.worker.is_some() && !metric.is_of_runs()) {
            let by = if fits { Group::Worker } else { *group };
            return wrong(format!("there is no {metric:?} by {by:?}"));
        }
        Ok(())
    }

    /// What is to be read for it.
    pub fn range(&self) -> MetricRange {
        MetricRange {
            tier: self.tier(),
            from: floor(self.from, self.step),
            to: self.end(),
            runs: self.metric.is_of_runs(),
            queue: self.queue.clone(),
            worker: self.worker.clone(),
        }
    }

    /// The lines that come of what was read.
    pub fn answer(&self, rows: &[MetricRow], now: Timestamp) -> Series {
        let from = floor(self.from, self.step);
        let points = usize::try_from(self.points()).unwrap_or_default();
        let mut marked = vec![false; points];
        let mut drawing =
            Drawing { query: self, points, runs: BTreeMap::new(), gauges: BTreeMap::new() };
        let mut is_folded = false;
        for MetricRow { key, cells } in rows {
            is_folded |= key.worker == OTHER;
            let _unreadable = each(cells, |offset, slot| {
                let time = key.tier.time(key.at, offset);
                if time < from {
                    return;
                }
                let point = time.since(from).as_nanos() / self.step.as_nanos();
                let Some(point) = usize::try_from(point).ok().filter(|at| *at < points) else {
                    return;
                };
                match slot {
                    Slot::Mark => marked[point] = true,
                    Slot::Runs(runs) => drawing.runs(&key.queue, &key.worker, point, runs),
                    Slot::Gauge(gauge) => drawing.gauge(&key.queue, point, gauge),
                }
            });
        }
        let lines = drawing.lines(&marked);
        Series { from, step: self.step, now, lines, is_folded }
    }

    fn tier(&self) -> Tier {
        let fits = |tier: &&Tier| is_whole(self.step, **tier);
        Tier::PACKED.iter().rev().find(fits).copied().unwrap_or(Tier::Minutes)
    }

    fn end(&self) -> Timestamp {
        let micros = i64::try_from(self.step.as_micros()).unwrap_or(i64::MAX);
        floor(Timestamp::from_micros(self.to.as_micros().saturating_add(micros - 1)), self.step)
    }

    fn points(&self) -> u64 {
        let span = self.end().since(floor(self.from, self.step));
        u64::try_from(span.as_nanos() / self.step.as_nanos().max(1)).unwrap_or(u64::MAX)
    }
}

fn is_whole(step: Duration, tier: Tier) -> bool {
    step.subsec_nanos() == 0 && step.as_secs().is_multiple_of(tier.unit().as_secs())
}

/// Lines over time, each with a value for each step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Series {
    /// When the first step begins.
    pub from: Timestamp,
    /// How long a step is.
    pub step: Duration,
    /// The database's time: the step that has it is not over, and the last ten seconds before it may
    /// not be in yet.
    pub now: Timestamp,
    /// They themselves, by name.
    pub lines: Vec<Line>,
    /// Some node met more workers than it keeps apart, and counted the runs of the others to
    /// [`OTHER`].
    pub is_folded: bool,
}

impl Series {
    /// When a step begins.
    pub fn time(&self, point: usize) -> Timestamp {
        self.from + self.step * u32::try_from(point).unwrap_or(u32::MAX)
    }
}

/// A value for each step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Line {
    /// The queue, worker, outcome or state; `None` for everything together.
    pub name: Option<String>,
    /// Of times, which number it is.
    pub statistic: Option<Statistic>,
    /// The values. `None` is a gap: no node was there to report, nobody looked at the queue, or no run
    /// ended of which there could be a time.
    pub values: Vec<Option<f64>>,
    /// How well they are known, at worst.
    pub quality: Quality,
}

/// What comes together at the points of lines.
struct Drawing<'r> {
    query: &'r SeriesQuery,
    points: usize,
    runs: BTreeMap<Option<&'r str>, Vec<Runs>>,
    /// Of each queue apart: their averages are added up, not their samples.
    gauges: BTreeMap<&'r str, Vec<Option<Gauge>>>,
}

impl<'r> Drawing<'r> {
    fn runs(&mut self, queue: &'r str, worker: &'r str, point: usize, runs: &Runs) {
        let name = match self.query.group {
            Group::Queue => Some(queue),
            Group::Worker => Some(worker),
            _ => None,
        };
        let points = self.points;
        let line = self.runs.entry(name).or_insert_with(|| vec![Runs::default(); points]);
        line[point].add(runs);
    }

    fn gauge(&mut self, queue: &'r str, point: usize, gauge: &Gauge) {
        let points = self.points;
        let line = self.gauges.entry(queue).or_insert_with(|| vec![None; points]);
        match &mut line[point] {
            Some(known) => known.add(gauge),
            none => *none = Some(*gauge),
        }
    }

    fn lines(mut self, marked: &[bool]) -> Vec<Line> {
        match self.query.metric {
            metric if metric.is_of_runs() => {
                if self.query.group == Group::None || self.query.group == Group::Outcome {
                    // There is an answer even if nothing ran: it is zero where nodes were there.
                    self.runs.entry(None).or_insert_with(|| vec![Runs::default(); self.points]);
                }
                let lines = self.runs.iter();
                lines.flat_map(|(name, runs)| self.lines_of(metric, *name, runs, marked)).collect()
            }
            _ => self.gauge_lines(),
        }
    }

    fn lines_of(
        &self,
        metric: Metric,
        name: Option<&str>,
        runs: &[Runs],
        marked: &[bool],
    ) -> Vec<Line> {
        let line = |name: Option<String>, statistic, values| Line {
            name,
            statistic,
            values,
            quality: Quality::Exact,
        };
        let counted = |count: &dyn Fn(&Runs) -> u64| -> Vec<Option<f64>> {
            let value = |(runs, marked): (&Runs, &bool)| {
                // What was counted is known, though the mark of that minute be lost.
                (*marked || runs.total() > 0).then(|| count(runs) as f64)
            };
            runs.iter().zip(marked).map(value).collect()
        };
        match (metric, self.query.group) {
            (Metric::Jobs, Group::Outcome) => RunEnd::ALL
                .into_iter()
                .map(|end| line(Some(end.to_string()), None, counted(&|runs| runs.count(end))))
                .collect(),
            (Metric::Jobs, _) => vec![line(name.map(str::to_owned), None, counted(&Runs::total))],
            _ => Statistic::ALL
                .into_iter()
                .map(|statistic| {
                    let value = |runs: &Runs| {
                        let times = if metric == Metric::RunTime { &runs.run } else { &runs.wait };
                        let time = match statistic {
                            Statistic::P50 => times.quantile(0.50),
                            Statistic::P95 => times.quantile(0.95),
                            Statistic::P99 => times.quantile(0.99),
                            Statistic::Max => times.percentiles().map(|all| all.max),
                        };
                        time.map(|time| time.as_secs_f64())
                    };
                    line(name.map(str::to_owned), Some(statistic), runs.iter().map(value).collect())
                })
                .collect(),
        }
    }

    fn gauge_lines(&self) -> Vec<Line> {
        type Part = (&'static str, fn(&Gauge) -> Gauged);
        const STATES: [Part; 4] = [
            ("available", |gauge| gauge.available),
            ("scheduled", |gauge| gauge.scheduled),
            ("retryable", |gauge| gauge.retryable),
            ("executing", |gauge| gauge.executing),
        ];
        let depth = |part: Part| move |gauge: &Gauge| gauge.mean(part.1(gauge));
        let all: Vec<&[Option<Gauge>]> = self.gauges.values().map(Vec::as_slice).collect();
        let whole = |gauge: &Gauge| STATES.into_iter().map(|part| depth(part)(gauge)).sum();
        let draw = |name: Option<String>, of: &[&[Option<Gauge>]]| match self.query.metric {
            Metric::OldestAge => {
                let age = |gauge: &Gauge| gauge.oldest.max as f64 / 1_000.0;
                self.line(name, of, &age, f64::max)
            }
            Metric::Utilisation => {
                let taken = self.line(name, of, &|gauge| gauge.mean(gauge.executing), plus);
                let slots = self.line(None, of, &|gauge| gauge.mean(gauge.limit), plus);
                let part = |(taken, slots): (Option<f64>, &Option<f64>)| {
                    let slots = slots.filter(|slots| *slots > 0.0)?;
                    Some(taken? / slots)
                };
                let values = taken.values.iter().copied().zip(&slots.values).map(part).collect();
                Line { values, ..taken }
            }
            _ => self.line(name, of, &whole, plus),
        };
        match self.query.group {
            Group::Queue => self
                .gauges
                .iter()
                .map(|(name, line)| draw(Some((*name).to_owned()), &[line]))
                .collect(),
            Group::State => STATES
                .into_iter()
                .map(|part| self.line(Some(part.0.to_owned()), &all, &depth(part), plus))
                .collect(),
            _ => vec![draw(None, &all)],
        }
    }

    /// Puts the lines of several queues together.
    fn line(
        &self,
        name: Option<String>,
        of: &[&[Option<Gauge>]],
        value: &dyn Fn(&Gauge) -> f64,
        join: fn(f64, f64) -> f64,
    ) -> Line {
        let at = |point: usize| of.iter().filter_map(move |line| line[point].as_ref());
        let values = (0..self.points).map(|point| at(point).map(value).reduce(join)).collect();
        let all = of.iter().flat_map(|line| line.iter().flatten());
        let quality = all.map(|gauge| gauge.quality).max().unwrap_or(Quality::Exact);
        Line { name, statistic: None, values, quality }
    }
}

fn plus(one: f64, other: f64) -> f64 {
    one + other
}

#[cfg(test)]
mod tests;

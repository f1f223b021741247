use super::*;
use crate::metrics::{Cells, MetricKey};
use crate::time::Units;
use uuid::Uuid;

fn time(text: &str) -> Timestamp {
    format!("2026-03-04T{text}:00Z").parse().unwrap()
}

fn row(at: &str, queue: &str, worker: &str, slot: Slot) -> MetricRow {
    let (queue, worker) = (queue.to_owned(), worker.to_owned());
    let key =
        MetricKey { tier: Tier::Fresh, at: time(at), queue, worker, source: Uuid::from_u128(1) };
    MetricRow { key, cells: Cells::one(slot).encode() }
}

fn mark(at: &str) -> MetricRow {
    row(at, "", "", Slot::Mark)
}

fn ran(at: &str, queue: &str, worker: &str, ends: &[RunEnd]) -> MetricRow {
    let mut runs = Runs::default();
    ends.iter().for_each(|end| runs.note(*end, 1.seconds(), 20.milliseconds()));
    row(at, queue, worker, Slot::Runs(runs))
}

fn looked(at: &str, queue: &str, available: u64, executing: u64, limit: u64) -> MetricRow {
    let gauge = Gauge {
        available: available.into(),
        executing: executing.into(),
        limit: limit.into(),
        oldest: (available * 1_000).into(),
        ..Gauge::empty()
    };
    row(at, queue, "", Slot::Gauge(gauge))
}

fn series(query: &SeriesQuery, rows: &[MetricRow]) -> Vec<(Option<String>, Vec<Option<f64>>)> {
    query.check().unwrap();
    let series = query.answer(rows, time("13:00"));
    series.lines.into_iter().map(|line| (line.name, line.values)).collect()
}

fn name(name: &str) -> Option<String> {
    Some(name.to_owned())
}

const DONE: RunEnd = RunEnd::Completed;

#[test]
fn a_minute_in_which_nobody_reported_is_a_gap_and_no_zero() {
    let rows = [mark("12:00"), ran("12:00", "a", "W", &[DONE; 3]), mark("12:01"), mark("12:03")];
    let query = SeriesQuery::new(Metric::Jobs, time("12:00"), time("12:04"), 1.minutes());
    let expected = vec![Some(3.0), Some(0.0), None, Some(0.0)];
    assert_eq!(series(&query, &rows), [(None, expected)]);
    let query = SeriesQuery::new(Metric::Jobs, time("12:01"), time("12:05"), 2.minutes());
    let expected = vec![Some(3.0), Some(0.0), None];
    assert_eq!(series(&query, &rows), [(None, expected)], "whole steps, and no gap within one");
    assert_eq!(series(&query, &[]), [(None, vec![None; 3])]);
}

#[test]
fn lines_are_by_queue_worker_and_outcome() {
    let rows = [
        mark("12:00"),
        ran("12:00", "a", "V", &[DONE, RunEnd::Failed]),
        ran("12:00", "a", "W", &[DONE]),
        ran("12:00", "b", "W", &[DONE, DONE]),
    ];
    let query = SeriesQuery::new(Metric::Jobs, time("12:00"), time("12:01"), 1.minutes());
    let one = |value: f64| vec![Some(value)];
    let by = |group| series(&query.clone().by(group), &rows);
    assert_eq!(by(Group::None), [(None, one(5.0))]);
    assert_eq!(by(Group::Queue), [(name("a"), one(3.0)), (name("b"), one(2.0))]);
    assert_eq!(by(Group::Worker), [(name("V"), one(2.0)), (name("W"), one(3.0))]);
    let outcomes = by(Group::Outcome);
    assert_eq!(outcomes.len(), RunEnd::ALL.len());
    assert_eq!(outcomes[..2], [(name("completed"), one(4.0)), (name("failed"), one(1.0))]);
}

#[test]
fn times_are_told_by_statistic_and_have_gaps_where_nothing_ran() {
    let rows = [mark("12:00"), ran("12:00", "a", "W", &[DONE; 9]), mark("12:01")];
    let query = SeriesQuery::new(Metric::RunTime, time("12:00"), time("12:02"), 1.minutes());
    let all = query.answer(&rows, time("13:00"));
    let statistics: Vec<_> = all.lines.iter().filter_map(|line| line.statistic).collect();
    assert_eq!(statistics, Statistic::ALL);
    assert_eq!(all.lines[3].values, [Some(0.02), None]);
    let wait = SeriesQuery { metric: Metric::WaitTime, ..query };
    assert_eq!(wait.answer(&rows, time("13:00")).lines[3].values, [Some(1.0), None]);
}

#[test]
fn depths_are_averages_of_a_queue_and_sums_of_several() {
    let rows = [
        looked("12:00", "a", 10, 2, 4),
        looked("12:01", "a", 20, 4, 4),
        looked("12:00", "b", 1, 1, 1),
        looked("12:02", "a", 0, 0, 4),
    ];
    let query = |metric| SeriesQuery::new(metric, time("12:00"), time("12:04"), 2.minutes());
    let depth = series(&query(Metric::Depth).by(Group::State), &rows);
    assert_eq!(depth[0], (name("available"), vec![Some(16.0), Some(0.0)]));
    assert_eq!(depth[3], (name("executing"), vec![Some(4.0), Some(0.0)]));
    assert_eq!(series(&query(Metric::Depth), &rows), [(None, vec![Some(20.0), Some(0.0)])]);
    let queues = series(&query(Metric::OldestAge).by(Group::Queue), &rows);
    let expected = [(name("a"), vec![Some(20.0), Some(0.0)]), (name("b"), vec![Some(1.0), None])];
    assert_eq!(queues, expected);
    let used = series(&query(Metric::Utilisation), &rows);
    assert_eq!(used, [(None, vec![Some(0.8), Some(0.0)])]);
}

#[test]
fn what_was_folded_is_said() {
    let rows = [ran("12:00", "a", OTHER, &[DONE])];
    let query = SeriesQuery::new(Metric::Jobs, time("12:00"), time("12:01"), 1.minutes());
    assert!(query.answer(&rows, time("12:00")).is_folded);
    assert!(!query.answer(&[], time("12:00")).is_folded);
}

#[test]
fn the_tier_fits_the_step_and_the_step_fits_the_window() {
    let query = |step| SeriesQuery::new(Metric::Jobs, time("12:00"), time("13:00"), step);
    let tiers = [(5.minutes(), Tier::Minutes), (90.minutes(), Tier::Minutes)];
    let tiers = tiers.into_iter().chain([(6.hours(), Tier::Hours), (7.days(), Tier::Days)]);
    for (step, tier) in tiers {
        assert_eq!(query(step).range().tier, tier, "{step:?}");
    }
    let windows = [(1.hour(), 1.minutes()), (24.hours(), 15.minutes()), (90.days(), 1.days())];
    for (window, step) in windows {
        assert_eq!(SeriesQuery::step_for(window), step, "{window:?}");
    }
}

#[test]
fn questions_without_an_answer_are_refused() {
    let good = SeriesQuery::new(Metric::Jobs, time("12:00"), time("13:00"), 1.minutes());
    let bad = [
        SeriesQuery { step: 90.seconds(), ..good.clone() },
        SeriesQuery { step: Duration::ZERO, ..good.clone() },
        SeriesQuery { to: time("11:00"), ..good.clone() },
        SeriesQuery { from: Timestamp::MIN, ..good.clone() },
        SeriesQuery { metric: Metric::Depth, ..good.clone().by(Group::Worker) },
        SeriesQuery { metric: Metric::Depth, ..good.clone().worker("W") },
        SeriesQuery { metric: Metric::RunTime, ..good.clone().by(Group::Outcome) },
        good.clone().by(Group::State),
    ];
    for query in bad {
        assert!(query.check().unwrap_err().is_config(), "{query:?}");
    }
    good.check().unwrap();
}

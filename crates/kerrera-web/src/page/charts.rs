//! The charts of a page: what ran, how long it took and waited, and how full queues were.

use kerrera::State;
use kerrera::metrics::{Line, RunEnd, Series as Lines, Statistic};
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::Permission;
use crate::refusal::Refusal;
use crate::service::{Measured, MeasuredOf, Window};
use crate::text::{Said, Text, texts};
use crate::view::chart::{Chart, Series, chart};
use crate::view::{number, window};
use crate::visit::Visit;

texts! {
    charts: "Over time" | "추이";
    chart_runs: "Runs that ended" | "끝난 실행";
    chart_run_time: "How long runs took" | "실행 시간";
    chart_wait_time: "How long jobs waited" | "대기 시간";
    chart_depth: "Jobs that had not ended" | "끝나지 않은 작업";
    run_completed: "completed" | "완료";
    run_failed: "failed" | "실패";
    run_discarded: "given up" | "폐기";
    run_cancelled: "cancelled" | "취소";
    run_snoozed: "put off" | "연기";
    run_released: "given back" | "반납";
    run_lost: "lost" | "유실";
    time_half: "half of them (p50)" | "중앙값 (p50)";
    time_most: "19 of 20 (p95)" | "상위 5% (p95)";
    time_longest: "longest" | "최댓값";
    charts_folded:
        "There are more workers than are counted apart: the runs of the others are together."
        | "따로 집계하는 수보다 워커가 많아 나머지는 합쳐서 표시합니다.";
}

/// How far back the charts of a page look.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Look {
    window: String,
}

impl Look {
    pub(super) fn window(&self) -> Window {
        Window::named(&self.window).unwrap_or(Window::Hour)
    }
}

/// The charts, with links to other windows at this address; nothing for those who may not see them.
pub(super) async fn charts(
    of: MeasuredOf<'_>,
    window: Window,
    to: &str,
    visit: &Visit,
) -> Result<Markup, Refusal> {
    let text = visit.text();
    let drawn = drawn(of, window, visit).await?;
    Ok(html! {
        @if let Some(drawn) = drawn {
            section #charts .stack aria-labelledby="charts-title" {
                div.row.row-between {
                    h2 #charts-title { (text.charts()) }
                    (window::choice(window, to, visit))
                }
                (drawn)
            }
        }
    })
}

/// The charts alone, for a page that says itself how far back it looks.
pub(super) async fn drawn(
    of: MeasuredOf<'_>,
    window: Window,
    visit: &Visit,
) -> Result<Option<Markup>, Refusal> {
    if visit.viewer().may(Permission::MetricsView).is_err() {
        return Ok(None);
    }
    let measured = visit.service().measured(of, window).await?;
    let text = visit.text();
    let Measured { runs, run_time, wait_time, depth, .. } = &measured;
    Ok(Some(html! {
        div.charts {
            (draw("runs", &text.chart_runs(), runs, ends(runs, text), true, &counted, visit))
            @if let Some(depth) = depth {
                (draw("depth", &text.chart_depth(), depth, states(depth, text), true, &counted, visit))
            }
            (draw("wait-time", &text.chart_wait_time(), wait_time, times(wait_time, text), false, &spans(visit), visit))
            (draw("run-time", &text.chart_run_time(), run_time, times(run_time, text), false, &spans(visit), visit))
        }
        @if runs.is_folded && of == MeasuredOf::All { p.hint { (text.charts_folded()) } }
    }))
}

fn draw(
    name: &str,
    title: &str,
    lines: &Lines,
    series: Vec<Series<'_>>,
    stacked: bool,
    write: &dyn Fn(f64) -> String,
    visit: &Visit,
) -> Markup {
    let points = lines.lines.first().map_or(0, |line| line.values.len());
    let times: Vec<_> = (0..points).map(|point| lines.time(point)).collect();
    // What began less than a step before the database's time is not over.
    let last_is_open = times.last().is_some_and(|last| *last + lines.step > lines.now);
    chart(&Chart { title, name, write, times: &times, series, stacked, last_is_open }, visit)
}

/// How runs ended; of the rare ways only those that happened.
fn ends(series: &Lines, text: Text) -> Vec<Series<'static>> {
    let of = |end: RunEnd| {
        let (name, class): (Said, _) = match end {
            RunEnd::Completed => (text.run_completed(), "state-completed"),
            RunEnd::Failed => (text.run_failed(), "state-retryable"),
            RunEnd::Discarded => (text.run_discarded(), "state-discarded"),
            RunEnd::Cancelled => (text.run_cancelled(), "state-cancelled"),
            RunEnd::Snoozed => (text.run_snoozed(), "state-scheduled"),
            RunEnd::Released => (text.run_released(), "state-available"),
            RunEnd::Lost => (text.run_lost(), "state-suspended"),
            _ => return None,
        };
        let is_common = matches!(end, RunEnd::Completed | RunEnd::Failed);
        let values = named(series, end.as_str())?.values.clone();
        let happened = values.iter().flatten().any(|count| *count > 0.0);
        (is_common || happened).then(|| Series { name: name.into_owned(), class, values })
    };
    RunEnd::ALL.into_iter().filter_map(of).collect()
}

fn states(series: &Lines, text: Text) -> Vec<Series<'static>> {
    const STATES: [(State, &str); 4] = [
        (State::Executing, "state-executing"),
        (State::Available, "state-available"),
        (State::Retryable, "state-retryable"),
        (State::Scheduled, "state-scheduled"),
    ];
    let of = |(state, class): (State, &'static str)| {
        let values = named(series, state.as_str())?.values.clone();
        Some(Series { name: text.state_name(state).into_owned(), class, values })
    };
    STATES.into_iter().filter_map(of).collect()
}

fn times(series: &Lines, text: Text) -> Vec<Series<'static>> {
    let of = |line: &Line| {
        let (name, class): (Said, _) = match line.statistic? {
            Statistic::P50 => (text.time_half(), "series-0"),
            Statistic::P95 => (text.time_most(), "series-2"),
            Statistic::Max => (text.time_longest(), "series-7"),
            _ => return None,
        };
        Some(Series { name: name.into_owned(), class, values: line.values.clone() })
    };
    series.lines.iter().filter_map(of).collect()
}

fn named<'s>(series: &'s Lines, name: &str) -> Option<&'s Line> {
    series.lines.iter().find(|line| line.name.as_deref() == Some(name))
}

/// A number of jobs: on average, there may be parts of one.
fn counted(value: f64) -> String {
    match value {
        small if small < 10.0 && small.fract() > 0.0 => format!("{small:.1}"),
        value => number::grouped(value.round() as u64),
    }
}

fn spans(visit: &Visit) -> impl Fn(f64) -> String {
    let language = visit.language();
    move |seconds| number::span((seconds * 1_000.0).round() as u64, language)
}

#[cfg(test)]
mod tests;

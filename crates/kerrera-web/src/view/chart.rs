//! Charts: drawn on the server as pictures of lines and bars, so that they are there without scripts.
//!
//! Every chart says in a sentence what it shows, has a legend, and the same numbers as a table. Where
//! nothing was counted there is a gap: no data is not zero. The last interval, which is not over, is
//! hatched.

use std::fmt::Write as _;

use kerrera::Timestamp;
use maud::{Markup, html};

use crate::text::texts;
use crate::view::when;
use crate::visit::Visit;

texts! {
    as_table: "As a table" | "표로 보기";
    no_data: "no data" | "데이터 없음";
    nothing_measured: "Nothing has been measured in this time yet." | "이 기간에 측정된 값이 없습니다.";
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 24.0;

/// Numbers over time.
pub(crate) struct Chart<'a> {
    /// What it shows, as a heading.
    pub(crate) title: &'a str,
    /// Its name within the page, for `id`s.
    pub(crate) name: &'a str,
    /// How a number is written.
    pub(crate) write: &'a dyn Fn(f64) -> String,
    /// When each interval begins.
    pub(crate) times: &'a [Timestamp],
    /// One or more lines of numbers, each as long as `times`.
    pub(crate) series: Vec<Series<'a>>,
    /// Whether they are put on top of each other, as bars; lines otherwise.
    pub(crate) stacked: bool,
    /// Whether the last interval is not over.
    pub(crate) last_is_open: bool,
}

/// One of them.
pub(crate) struct Series<'a> {
    /// What it is called.
    pub(crate) name: String,
    /// Its colour: `state-completed`, or `series-0` to `series-7`.
    pub(crate) class: &'a str,
    /// The numbers; none where nothing was measured.
    pub(crate) values: Vec<Option<f64>>,
}

impl Series<'_> {
    fn last(&self) -> Option<f64> {
        self.values.iter().rev().flatten().next().copied()
    }
}

/// Draws it.
pub(crate) fn chart(chart: &Chart<'_>, visit: &Visit) -> Markup {
    let text = visit.text();
    let measured = chart.series.iter().any(|series| series.values.iter().any(Option::is_some));
    html! {
        figure.card.chart-card id={ "chart-" (chart.name) } {
            figcaption.card-head {
                h2 { (chart.title) }
                ul.legend {
                    @for series in &chart.series {
                        li class=(series.class) {
                            span.legend-mark {} (series.name) " "
                            strong.num { (series.last().map_or_else(|| "–".to_owned(), |value| (chart.write)(value))) }
                        }
                    }
                }
            }
            @if measured {
                (drawing(chart, visit))
                details.chart-table {
                    summary { (text.as_table()) }
                    div.table-scroll tabindex="0" { (table(chart, visit)) }
                }
            } @else {
                p.hint { (text.nothing_measured()) }
            }
        }
    }
}

fn drawing(chart: &Chart<'_>, visit: &Visit) -> Markup {
    let count = chart.times.len().max(1);
    let step = (WIDTH - LEFT) / count as f64;
    let top = round_up(highest(chart));
    let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - (value / top).min(1.0));
    let x = |at: usize| LEFT + step * at as f64;
    let ticks = [0.0, top / 2.0, top];
    let marks = time_marks(chart.times.len());
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(summary(chart, visit)) {
            g.chart-grid {
                @for tick in ticks {
                    line x1=(LEFT) x2=(WIDTH) y1=(round(y(tick))) y2=(round(y(tick))) {}
                    text x=(LEFT - 6.0) y=(round(y(tick) + 4.0)) text-anchor="end" { ((chart.write)(tick)) }
                }
                @for at in marks {
                    text x=(round(x(at))) y=(HEIGHT - 6.0) text-anchor=(if at == 0 { "start" } else { "middle" }) {
                        (clock(chart.times[at], visit))
                    }
                }
            }
            @if chart.stacked { (bars(chart, step, &x, &y)) } @else { (lines(chart, step, &x, &y)) }
            // What stands at an instant, for a pointer that rests there.
            g.chart-hits {
                @for (at, time) in chart.times.iter().enumerate() {
                    rect x=(round(x(at))) y=(TOP) width=(round(step)) height=(HEIGHT - TOP - BOTTOM) {
                        title { (at_instant(chart, at, *time, visit)) }
                    }
                }
            }
        }
    }
}

fn bars(chart: &Chart<'_>, step: f64, x: &dyn Fn(usize) -> f64, y: &dyn Fn(f64) -> f64) -> Markup {
    let gap = if step > 4.0 { 1.0 } else { 0.0 };
    let mut base = vec![0.0; chart.times.len()];
    html! {
        @for series in &chart.series {
            g.chart-bars class=(series.class) {
                @for (at, value) in series.values.iter().enumerate() {
                    @if let Some(value) = value.filter(|value| *value > 0.0) {
                        @let below = base[at];
                        @let above = { base[at] += value; base[at] };
                        @let is_open = chart.last_is_open && at + 1 == chart.times.len();
                        rect class=[is_open.then_some("is-open")]
                            x=(round(x(at))) y=(round(y(above))) width=(round(step - gap))
                            height=(round(y(below) - y(above))) {}
                    }
                }
            }
        }
    }
}

fn lines(chart: &Chart<'_>, step: f64, x: &dyn Fn(usize) -> f64, y: &dyn Fn(f64) -> f64) -> Markup {
    let path = |values: &[Option<f64>]| {
        let (mut path, mut is_drawing) = (String::new(), false);
        for (at, value) in values.iter().enumerate() {
            match value {
                None => is_drawing = false,
                Some(value) => {
                    let pen = if is_drawing { 'L' } else { 'M' };
                    let (x, y) = (round(x(at) + step / 2.0), round(y(*value)));
                    let _ = write!(path, "{pen}{x} {y}");
                    // A point alone is a short stroke, or it would not be seen.
                    if !is_drawing && values.get(at + 1).copied().flatten().is_none() {
                        let _ = write!(path, "h{}", round((step * 0.8).max(2.0)));
                    }
                    is_drawing = true;
                }
            }
        }
        path
    };
    html! {
        @for series in &chart.series {
            path.chart-line class=(series.class) d=(path(&series.values)) {}
        }
    }
}

fn table(chart: &Chart<'_>, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        table.list {
            caption.visually-hidden { (chart.title) }
            thead { tr {
                th scope="col" { (text.time()) }
                @for series in &chart.series { th.end scope="col" { (series.name) } }
            } }
            tbody {
                @for (at, time) in chart.times.iter().enumerate().rev() {
                    tr {
                        th scope="row" { (when::absolute(*time, visit)) }
                        @for series in &chart.series {
                            td.end data-label=(series.name) {
                                @match series.values.get(at).copied().flatten() {
                                    Some(value) => ((chart.write)(value)),
                                    None => span.subtle { (text.no_data()) },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What it shows, in a sentence, for those who do not see it.
fn summary(chart: &Chart<'_>, visit: &Visit) -> String {
    let text = visit.text();
    let mut said = chart.title.to_owned();
    for series in &chart.series {
        let most =
            series.values.iter().flatten().copied().fold(None, |most: Option<f64>, value| {
                Some(most.map_or(value, |most| most.max(value)))
            });
        let told = |value: Option<f64>| {
            value.map_or_else(|| text.no_data().into_owned(), |value| (chart.write)(value))
        };
        let _ = write!(
            said,
            ". {}",
            text.series_summary(&series.name, &told(series.last()), &told(most))
        );
    }
    said
}

texts! {
    series_summary(name: &str, last: &str, most: &str):
        "{name}: now {last}, at most {most}" | "{name}: 현재 {last}, 최대 {most}";
}

fn at_instant(chart: &Chart<'_>, at: usize, time: Timestamp, visit: &Visit) -> String {
    let mut said = when::exact(time, &visit.preferences().zone);
    for series in &chart.series {
        let value = series.values.get(at).copied().flatten();
        let value =
            value.map_or_else(|| visit.text().no_data().into_owned(), |value| (chart.write)(value));
        let _ = write!(said, "\n{}: {value}", series.name);
    }
    said
}

/// The hour and the minute, or the day if intervals are long.
fn clock(time: Timestamp, visit: &Visit) -> String {
    let exact = when::exact(time, &visit.preferences().zone);
    exact.get(11..16).unwrap_or_default().to_owned()
}

/// About six instants that are named below, the first among them.
fn time_marks(count: usize) -> impl Iterator<Item = usize> {
    let step = count.div_ceil(6).max(1);
    (0..count).step_by(step).filter(move |at| *at == 0 || at + step / 3 < count)
}

/// The largest number, or the largest sum of those on top of each other.
fn highest(chart: &Chart<'_>) -> f64 {
    let at = |at: usize| {
        let values =
            chart.series.iter().filter_map(|series| series.values.get(at).copied().flatten());
        if chart.stacked { values.sum::<f64>() } else { values.fold(0.0, f64::max) }
    };
    (0..chart.times.len()).map(at).fold(0.0, f64::max)
}

/// The next number that people count in: 1, 2 or 5 with zeros.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let magnitude = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * magnitude);
    steps.into_iter().find(|step| *step >= value).unwrap_or(value)
}

/// A tenth of a pixel is fine enough, and keeps pages small.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A few numbers as a small picture beside a name; decoration, the numbers stand elsewhere.
pub(crate) fn spark(values: &[Option<f64>], class: &str) -> Markup {
    let top = values.iter().flatten().copied().fold(0.0, f64::max);
    let step = 120.0 / values.len().max(1) as f64;
    html! {
        svg.spark class=(class) viewBox="0 0 120 24" aria-hidden="true" focusable="false" {
            @for (at, value) in values.iter().enumerate() {
                @let height = match value {
                    Some(value) if top > 0.0 => (value / top * 22.0).max(1.0),
                    Some(_) => 1.0,
                    None => 0.0,
                };
                @if height > 0.0 {
                    rect x=(round(step * at as f64)) y=(round(24.0 - height))
                        width=(round((step - 1.0).max(0.5))) height=(round(height)) {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_numbers_that_people_count_in() {
        let tops = [0.0, 0.3, 1.0, 1.2, 3.0, 7.0, 10.0, 1_204.0].map(round_up);
        assert_eq!(tops, [1.0, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0, 2_000.0]);
    }

    #[test]
    fn a_few_instants_are_named() {
        assert_eq!(time_marks(60).collect::<Vec<_>>(), [0, 10, 20, 30, 40, 50]);
        assert_eq!(time_marks(1).collect::<Vec<_>>(), [0]);
        assert_eq!(time_marks(0).count(), 0);
    }
}

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

/// In the picture's own units: it is stretched to the place that there is, and what is written stands
/// beside it, so that it can be read on a phone as well.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 160.0;

/// How many instants are named below.
const MARKS: usize = 4;

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
                h3 { (chart.title) }
                @if measured { ul.legend {
                    @for series in &chart.series {
                        li class=(series.class) {
                            span.legend-mark {} (series.name) " "
                            strong.num { (series.last().map_or_else(|| "–".to_owned(), |value| (chart.write)(value))) }
                        }
                    }
                } }
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
    let step = WIDTH / count as f64;
    let top = round_up(highest(chart));
    let y = |value: f64| HEIGHT * (1.0 - (value / top).min(1.0));
    let x = |at: usize| step * at as f64;
    let ticks = [top, top / 2.0, 0.0];
    let mut numbers = ticks.map(|tick| (chart.write)(tick));
    // Rounded to the same, as with half a millisecond, it would only confuse.
    if numbers[1] == numbers[0] {
        numbers[1].clear();
    }
    html! {
        div.chart-frame {
            div.chart-numbers aria-hidden="true" {
                @for number in &numbers { span { (number) } }
            }
            svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none"
                role="img" aria-label=(summary(chart, visit)) {
                g.chart-grid {
                    @for tick in ticks {
                        line x1="0" x2=(WIDTH) y1=(round(y(tick))) y2=(round(y(tick))) {}
                    }
                }
                @if chart.stacked { (bars(chart, step, &x, &y)) } @else { (lines(chart, step, &x, &y)) }
                // What stands at an instant, for a pointer that rests there.
                g.chart-hits {
                    @for (at, time) in chart.times.iter().enumerate() {
                        rect x=(round(x(at))) y="0" width=(round(step)) height=(HEIGHT) {
                            title { (at_instant(chart, at, *time, visit)) }
                        }
                    }
                }
            }
            div.chart-times aria-hidden="true" {
                @for time in marks(chart.times) { span { (clock(time, chart.times, visit)) } }
            }
        }
    }
}

fn bars(chart: &Chart<'_>, step: f64, x: &dyn Fn(usize) -> f64, y: &dyn Fn(f64) -> f64) -> Markup {
    let gap = if step > 4.0 { 1.0 } else { 0.0 };
    let mut base = vec![0.0; chart.times.len()];
    html! {
        @for series in &chart.series {
            g class={ "chart-bars " (series.class) } {
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
            path class={ "chart-line " (series.class) } d=(path(&series.values)) {}
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

/// The hour and the minute, or the day as well if that is far back.
fn clock(time: Timestamp, of: &[Timestamp], visit: &Visit) -> String {
    let exact = when::exact(time, &visit.preferences().zone);
    let span = of.first().zip(of.last()).map(|(first, last)| last.since(*first));
    let is_long = span.is_some_and(|span| span.as_secs() > 2 * 86_400);
    let from = if is_long { 5 } else { 11 };
    exact.get(from..16).unwrap_or_default().to_owned()
}

/// Some instants at equal distances, from the first to the last.
fn marks(times: &[Timestamp]) -> impl Iterator<Item = Timestamp> {
    let last = times.len().saturating_sub(1);
    let marks = MARKS.min(times.len());
    (0..marks).filter_map(move |mark| times.get(last * mark / (marks - 1).max(1)).copied())
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
        svg class={ "spark " (class) } viewBox="0 0 120 24" aria-hidden="true" focusable="false" {
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
        let times: Vec<Timestamp> = (0..61).map(Timestamp::from_micros).collect();
        let named = |count| marks(&times[..count]).map(Timestamp::as_micros).collect::<Vec<_>>();
        assert_eq!(named(61), [0, 20, 40, 60]);
        assert_eq!(named(2), [0, 1]);
        assert_eq!(named(1), [0]);
        assert!(named(0).is_empty());
    }
}

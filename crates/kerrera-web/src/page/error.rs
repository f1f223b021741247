//! Failures that are alike: what one of them said, how often it happens, and which jobs it keeps back.

use axum::extract::{Path, Query};
use kerrera::{Fingerprint, JobRow};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Page, Section};
use crate::access::Permission;
use crate::links::escape;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{FailureDetail, Window, quoted};
use crate::view::chart::{Chart, Series, chart};
use crate::view::empty::empty;
use crate::view::{number, order, state, when, window};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/errors/{fingerprint}", Permission::JobsView, show);
}

/// What can be said in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Look {
    window: String,
}

async fn show(
    visit: Visit,
    Path((_, print)): Path<(String, String)>,
    Query(look): Query<Look>,
) -> Result<Page, Refusal> {
    let fingerprint: Fingerprint = print.parse().map_err(|_| Refusal::NotFound)?;
    let window = Window::named(&look.window).unwrap_or_default();
    let failure = visit.service().failure(fingerprint, window).await?;
    let (text, links) = (visit.text(), visit.links());
    let title = text.error_title(&failure.failures.group.worker);
    let body = html! {
        div.row.row-between {
            h1 { (title) }
            div.row { (actions(&failure, &visit)) }
        }
        p.error-line { (failure.failures.title()) }
        div.columns.columns-7-5 {
            div.stack {
                (sample(&failure, &visit))
                (window::choice(window, &links.to(["errors", &print]), &visit))
                (counts(&failure, &visit))
            }
            div.stack { (facts(&failure, &visit)) }
        }
        (jobs(&failure, &visit))
    };
    Ok(Page::new(&visit, Section::Errors, &title, &body))
}

/// The filter of its jobs.
fn filter(failure: &FailureDetail) -> String {
    let group = &failure.failures.group;
    let worker = quoted(&group.worker);
    format!("worker:{worker} error.fp:{} state:retryable,discarded", group.fingerprint)
}

fn actions(failure: &FailureDetail, visit: &Visit) -> Markup {
    let text = visit.text();
    let to = |action: &str| {
        let new = visit.links().to(["operations", "new"]);
        format!("{new}?action={action}&q={}", escape(&filter(failure)))
    };
    html! {
        (order::door(&to("retry"), &text.retry_all_failed_so(), "retry", Permission::OperationsManage, visit))
        (order::door(&to("cancel"), &text.cancel_all_failed_so(), "cancel", Permission::OperationsManage, visit))
    }
}

/// One of the failures, whole.
fn sample(failure: &FailureDetail, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        section.card #sample aria-labelledby="sample-title" {
            h2 #sample-title { (text.error_sample()) }
            @match &failure.sample {
                None => p.hint { (text.error_no_sample()) },
                Some(sample) => {
                    @let (id, number) = (sample.job.to_string(), sample.attempt.to_string());
                    div.row {
                        a href=(links.to(["jobs", &id, "attempts", &number])) {
                            (text.job()) " #" (id) " · " (text.attempt()) " " (number)
                        }
                        @if let Some(node) = &sample.node { span.muted { (text.ran_on(node)) } }
                        (when::relative_or_dash(sample.at, visit))
                    }
                    pre.error-text tabindex="0" { (sample.error) }
                },
            }
        }
    }
}

fn facts(failure: &FailureDetail, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let group = &failure.failures.group;
    html! {
        section.card aria-labelledby="facts" {
            h2 #facts { (text.facts()) }
            dl.facts {
                dt { (text.worker()) } dd { a href=(links.worker(&group.worker)) { (group.worker) } }
                @if let Some((queue, _)) = &failure.failures.last {
                    dt { (text.queue()) } dd { a href=(links.queue(queue)) { (queue) } }
                }
                dt { (text.node()) } dd {
                    a href=(links.node(&group.node)) {
                        @match &failure.release {
                            Some(release) => {
                                (text.met_on(&group.node, &format!("{} {}", release.name, release.version)))
                            },
                            None => (group.node),
                        }
                    }
                }
                dt { (text.first_seen()) } dd { (when::absolute(group.first_seen, visit)) }
                dt { (text.last_seen()) } dd { (when::absolute(group.last_seen, visit)) }
                @for (said, count) in [
                    (text.in_hour(), group.hour),
                    (text.in_day(), group.day),
                    (text.in_week(), group.week),
                    (text.in_all(), group.total),
                ] { dt { (said) } dd.num { (number::grouped(count)) } }
                dt { (text.jobs_now()) } dd.row {
                    @for (now, jobs) in &failure.jobs {
                        @let filter = format!(
                            "worker:{} error.fp:{} state:{}",
                            quoted(&group.worker), group.fingerprint, now.as_str(),
                        );
                        a.plain-link href=(links.jobs(&filter)) {
                            (state::chip(*now, visit)) " " (number::tally(*jobs, text))
                        }
                    }
                }
                dt { (text.fingerprint()) } dd.mono { (group.fingerprint) }
            }
        }
    }
}

/// The jobs that it keeps back.
fn jobs(failure: &FailureDetail, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        section.card.card-flush #failed-jobs {
            div.card-head {
                h2 { (text.error_jobs()) }
                a href=(links.jobs(&filter(failure))) { (text.error_jobs_all()) }
            }
            @if failure.recent.is_empty() {
                @if failure.complete { (empty("jobs", &text.error_jobs_none(), "", visit)) }
            } @else {
                (rows(&failure.recent, &text.error_jobs(), visit))
            }
            @if !failure.complete { p.hint.pad role="status" { (text.error_jobs_part()) } }
        }
    }
}

/// Jobs in few words, as a page of a worker shows them too.
pub(super) fn rows(jobs: &[JobRow], caption: &str, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (caption) }
            thead { tr {
                th scope="col" { (text.job()) }
                th scope="col" { (text.state()) }
                th scope="col" { (text.queue()) }
                th.end scope="col" { (text.attempt()) }
                th.end scope="col" { (text.jobs_when()) }
            } }
            tbody { @for job in jobs {
                tr id={ "job-" (job.id) } data-row=(links.job(job.id)) {
                    th scope="row" { a href=(links.job(job.id)) { "#" (job.id) } }
                    td data-label=(text.state()) { (state::chip(job.state, visit)) }
                    td data-label=(text.queue()) { (job.queue) }
                    td.end data-label=(text.attempt()) { (job.attempt) " / " (job.max_attempts) }
                    td.end.nowrap data-label=(text.jobs_when()) { (when::relative_or_dash(job.own_time(), visit)) }
                }
            } }
        } }
    }
}

/// How often it happened.
fn counts(failure: &FailureDetail, visit: &Visit) -> Markup {
    let text = visit.text();
    let times: Vec<_> = failure.failures.counts.iter().map(|(time, _)| *time).collect();
    let values = failure.failures.counts.iter().map(|(_, count)| Some(*count as f64)).collect();
    let series =
        Series { name: text.failures_series().into_owned(), class: "state-discarded", values };
    let drawn = Chart {
        title: &text.error_counts(),
        name: "failures",
        write: &|value| number::grouped(value as u64),
        times: &times,
        series: vec![series],
        stacked: true,
        last_is_open: true,
    };
    chart(&drawn, visit)
}

//! Failures that are alike: which there are, how many of each, and since when.

use axum::extract::Query;
use axum::http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Page, Section};
use crate::access::Permission;
use crate::links::escape;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{Error, FailureGroup, FailureList, FailuresAsked, Window};
use crate::view::chart::spark;
use crate::view::empty::{empty, notice};
use crate::view::icon::icon;
use crate::view::{number, state, when, window};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/errors", Permission::JobsView, show);
}

/// How many are on a page.
const SIZE: usize = 50;

/// How much of a message stands in a line.
const LINE: usize = 200;

/// What can be said in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Look {
    search: String,
    worker: String,
    queue: String,
    window: String,
    /// `count`, or by time.
    order: String,
    /// Where the page begins.
    at: String,
}

impl Look {
    fn window(&self) -> Window {
        Window::named(&self.window).unwrap_or_default()
    }

    fn asked(&self) -> FailuresAsked {
        let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        FailuresAsked {
            worker: said(&self.worker),
            queue: said(&self.queue),
            search: self.search.trim().to_owned(),
            window: self.window(),
            by_count: self.order == "count",
            cursor: said(&self.at),
            size: SIZE,
        }
    }

    /// Its address.
    fn link(&self, visit: &Visit) -> String {
        let pairs = [
            ("search", &self.search),
            ("worker", &self.worker),
            ("queue", &self.queue),
            ("window", &self.window),
            ("order", &self.order),
            ("at", &self.at),
        ];
        let said = pairs.iter().filter(|(_, value)| !value.is_empty());
        let said: Vec<String> =
            said.map(|(name, value)| format!("{name}={}", escape(value))).collect();
        let errors = visit.links().to(["errors"]);
        if said.is_empty() { errors } else { format!("{errors}?{}", said.join("&")) }
    }

    fn is_filtered(&self) -> bool {
        [&self.search, &self.worker, &self.queue].iter().any(|text| !text.trim().is_empty())
    }
}

async fn show(visit: Visit, Query(look): Query<Look>) -> Result<Page, Refusal> {
    let text = visit.text();
    let (status, found) = match visit.service().failures(&look.asked()).await {
        Ok(list) => (StatusCode::OK, listed(&list, &look, &visit)),
        Err(Error::Invalid(_)) => {
            let first = Look { at: String::new(), ..look.clone() };
            let said = html! {
                (text.errors_broken_place()) " "
                a href=(first.link(&visit)) { (text.errors_first_page()) }
            };
            (StatusCode::UNPROCESSABLE_ENTITY, notice("warning", "warning", &visit, &said))
        }
        Err(error) => return Err(error.into()),
    };
    let body = html! {
        h1 { (text.errors()) }
        (bar(&look, &visit))
        (found)
    };
    Ok(Page::new(&visit, Section::Errors, &text.errors(), &body).status(status))
}

fn bar(look: &Look, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        form.filter role="search" method="get" action=(links.to(["errors"])) {
            div.filter-box {
                label.visually-hidden for="search" { (text.errors_search()) }
                (icon("search", links.base()))
                input #search type="search" name="search" value=(look.search) maxlength="200"
                    autocomplete="off" placeholder=(text.errors_search());
            }
            label.visually-hidden for="worker" { (text.worker()) }
            input #worker type="search" name="worker" value=(look.worker) maxlength="200"
                autocomplete="off" placeholder=(text.worker());
            label.visually-hidden for="queue" { (text.queue()) }
            input #queue type="search" name="queue" value=(look.queue) maxlength="200"
                autocomplete="off" placeholder=(text.queue());
            label.visually-hidden for="window" { (text.window()) }
            select #window name="window" {
                @for window in Window::ALL {
                    option value=(window.as_str()) selected[window == look.window()] {
                        (window::name(window, text))
                    }
                }
            }
            label.visually-hidden for="order" { (text.errors_order()) }
            select #order name="order" {
                option value="" { (text.errors_by_time()) }
                option value="count" selected[look.order == "count"] { (text.errors_by_count()) }
            }
            button.button.button-primary type="submit" { (text.filter_apply()) }
        }
    }
}

fn listed(list: &FailureList, look: &Look, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        section.card.card-flush #errors {
            @if list.groups.is_empty() {
                @if !list.complete {
                    (empty("search", &text.errors_none_here(), "", visit))
                } @else if look.is_filtered() || look.window() != Window::Week {
                    (empty("errors", &text.errors_none_fit(), &text.errors_none_fit_hint(), visit))
                } @else {
                    (empty("errors", &text.errors_none(), &text.errors_none_hint(), visit))
                }
            } @else {
                (table(&list.groups, visit))
            }
            (pager(list, look, visit))
        }
    }
}

/// Groups, as a page of a worker shows them too.
pub(super) fn table(groups: &[FailureGroup], visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.errors_caption()) }
            thead { tr {
                th scope="col" { (text.error_said()) }
                th scope="col" { (text.error_counts()) }
                th scope="col" { (text.last_job()) }
                th.end scope="col" { (text.in_hour()) }
                th.end scope="col" { (text.in_day()) }
                th.end scope="col" { (text.in_week()) }
                th.end scope="col" { (text.first_seen()) }
                th.end scope="col" { (text.last_seen()) }
            } }
            tbody { @for failures in groups { (row(failures, visit)) } }
        } }
    }
}

fn row(failures: &FailureGroup, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let group = &failures.group;
    let print = group.fingerprint.to_string();
    let link = links.to(["errors", &print]);
    html! {
        tr id={ "error-" (print) } data-row=(link) {
            th scope="row" { div.primary {
                a href=(link) { (line(failures.title())) }
                span.secondary { (group.worker) }
            } }
            td data-label=(text.error_counts()) { (trend(failures)) }
            td data-label=(text.last_job()) {
                @match &failures.last {
                    Some((queue, now)) => {
                        a.plain-link href=(links.job(group.last_job)) title={ "#" (group.last_job) } {
                            (state::chip(*now, visit))
                        }
                        " " a href=(links.queue(queue)) { (queue) }
                    },
                    None => span.subtle { "#" (group.last_job) " " (text.job_gone()) },
                }
            }
            td.end data-label=(text.in_hour()) { (number::count(group.hour, text)) }
            td.end data-label=(text.in_day()) { (number::count(group.day, text)) }
            td.end data-label=(text.in_week()) { (number::count(group.week, text)) }
            td.end.nowrap data-label=(text.first_seen()) { (when::relative(group.first_seen, visit)) }
            td.end.nowrap data-label=(text.last_seen()) { (when::relative(group.last_seen, visit)) }
        }
    }
}

/// How it went, as a small picture; the numbers stand beside it.
fn trend(failures: &FailureGroup) -> Markup {
    let counts = failures.counts.iter();
    let counts: Vec<_> = counts.map(|(_, count)| (*count > 0).then_some(*count as f64)).collect();
    spark(&counts, "state-discarded")
}

/// As much of a message as fits into a line.
fn line(title: &str) -> String {
    match title.char_indices().nth(LINE) {
        // A link needs words.
        None if title.is_empty() => "…".to_owned(),
        None => title.to_owned(),
        Some((end, _)) => format!("{}…", &title[..end]),
    }
}

fn pager(list: &FailureList, look: &Look, visit: &Visit) -> Markup {
    let text = visit.text();
    let to = |cursor: &str| Look { at: cursor.to_owned(), ..look.clone() }.link(visit);
    html! {
        @if !list.complete && list.next.is_none() { p.hint.pad role="status" { (text.errors_cut()) } }
        @if list.next.is_some() || !look.at.is_empty() {
            nav.pager aria-label=(text.errors()) {
                @if !look.at.is_empty() { a.button href=(to("")) { (text.errors_first_page()) } }
                @if let Some(next) = &list.next {
                    a.button rel="next" href=(to(next)) data-key="n" {
                        @if list.complete { (text.next_page()) } @else { (text.errors_search_on()) }
                        (icon("right", visit.links().base()))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

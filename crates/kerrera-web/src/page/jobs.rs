//! The list of jobs: which there are, where each of them is, and which of them something is done to.

mod meaning;
#[cfg(test)]
mod tests;

pub(super) use meaning::{in_words, problem};

use axum::extract::Query;
use axum::http::StatusCode;
use kerrera::filter::{Filter, Subject};
use kerrera::{JobRow, ListOrder, Listing, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Page, Section, job};
use crate::access::Permission;
use crate::links::escape;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{Asked, Error, JobList, Suggestions, Typed, UnfitFilter};
use crate::text::Text;
use crate::view::button::way;
use crate::view::empty::{empty, notice};
use crate::view::icon::icon;
use crate::view::rail::{Stop, rail};
use crate::view::state::LIFE;
use crate::view::{done, number, state, when};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/jobs", Permission::JobsView, show);
    routes.page("/jobs/suggest", Permission::JobsView, suggest);
}

/// What can be said in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Look {
    /// The filter.
    q: String,
    /// The order; the one that fits the states if it is none of those that there are.
    order: String,
    /// Where the page begins.
    at: String,
}

/// Orders that every list has, as they stand in addresses.
const ORDERS: [(&str, ListOrder); 3] =
    [("", ListOrder::Fitting), ("newest", ListOrder::Newest), ("oldest", ListOrder::Oldest)];

/// What the filter could go on with, for the list below its field.
async fn suggest(
    visit: Visit,
    Query(typed): Query<Typed>,
) -> Result<axum::Json<Suggestions>, Refusal> {
    Ok(axum::Json(visit.service().suggest(&typed).await?))
}

async fn show(visit: Visit, Query(look): Query<Look>) -> Result<Page, Refusal> {
    let text = visit.text();
    let order = ORDERS.iter().find(|(name, _)| *name == look.order);
    let asked = Asked {
        filter: look.q.trim().to_owned(),
        order: order.map_or(ListOrder::Fitting, |(_, order)| *order),
        cursor: Some(look.at.clone()).filter(|cursor| !cursor.is_empty()),
        size: Listing::SIZE,
        now: visit.now(),
        zone: visit.preferences().timezone(),
    };
    let answer = visit.service().jobs(&asked).await;
    let (status, body) = match answer {
        Ok(list) => (StatusCode::OK, whole(&list, &look, &visit)),
        Err(Error::Filter(unfit)) => {
            let found = html! { (unfitting(&asked.filter, &unfit, &visit)) };
            (StatusCode::UNPROCESSABLE_ENTITY, without_list(&look, true, &found, &visit))
        }
        Err(Error::Invalid(_)) => {
            let first = Look { at: String::new(), ..look.clone() };
            let said = html! { (text.jobs_broken_place()) " " a href=(first.link(&visit)) { (text.first_page_of_list()) } };
            let found = notice("warning", "warning", &visit, &said);
            (StatusCode::UNPROCESSABLE_ENTITY, without_list(&look, false, &found, &visit))
        }
        Err(Error::Kerrera(error)) if error.is_timeout() => {
            let said = html! { (text.jobs_too_slow()) };
            let found = notice("warning", "warning", &visit, &said);
            (StatusCode::OK, without_list(&look, false, &found, &visit))
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Page::new(&visit, Section::Jobs, &text.jobs(), &body).status(status))
}

fn whole(list: &JobList, look: &Look, visit: &Visit) -> Markup {
    html! {
        (head(Some(list), visit))
        (done::told(visit, &[job::DELETED]))
        (states(Some(list), look, visit))
        (bar(look, false, visit))
        (meaning::meaning(&list.filter, look, visit))
        section.card.card-flush #jobs { (table(list, look, visit)) }
    }
}

/// The page where the list could not be had.
fn without_list(look: &Look, is_wrong: bool, found: &Markup, visit: &Visit) -> Markup {
    html! {
        (head(None, visit))
        (states(None, look, visit))
        (bar(look, is_wrong, visit))
        (found)
    }
}

fn head(list: Option<&JobList>, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.row.row-between {
            div.row {
                h1 { (text.jobs()) }
                @if let Some(list) = list {
                    @match list.total {
                        Some(total) => span.muted #total role="status" {
                            (number::tally(total, text))
                        },
                        None => span.subtle #total { (text.jobs_uncounted()) },
                    }
                }
            }
            (way(&visit.links().to(["jobs", "new"]), &text.new_job(), "plus", Permission::JobsInsert, visit))
        }
    }
}

/// The life of jobs as a strip: each state leads to the same filter with that state.
fn states(list: Option<&JobList>, look: &Look, visit: &Visit) -> Markup {
    let none = Filter::default();
    let filter = list.map_or(&none, |list| &list.filter);
    let counts = list.and_then(|list| list.counts.as_ref());
    let stops = LIFE.map(|state| {
        let jobs = counts.map(|counts| counts.of_state(state));
        let is_current = chosen(filter).is_some_and(|states| states.contains(&state));
        let only = chosen(filter).is_some_and(|states| states == [state]);
        let q = with_state(filter, if only { None } else { Some(state) });
        Stop {
            state,
            count: match jobs {
                Some(jobs) => number::tally(jobs, visit.text()),
                None => html! { span.subtle { "–" } },
            },
            is_empty: jobs.is_none_or(|jobs| jobs.value == 0),
            link: Look { q, at: String::new(), ..look.clone() }.link(visit),
            is_current,
        }
    });
    rail(&stops, visit)
}

/// The states that a filter names.
fn chosen(filter: &Filter) -> Option<Vec<State>> {
    let term = filter.terms.iter().find(|term| term.subject == Subject::State && !term.negated)?;
    let named = |value: &_| match value {
        kerrera::filter::Value::State(state) => Some(*state),
        _ => None,
    };
    term.values.iter().map(named).collect()
}

/// The same filter, for jobs in this state, or in any.
fn with_state(filter: &Filter, state: Option<State>) -> String {
    let others = filter.terms.iter().filter(|term| term.subject != Subject::State);
    let state = state.map(|state| format!("state:{}", state.as_str()));
    let words: Vec<String> = state.into_iter().chain(others.map(ToString::to_string)).collect();
    words.join(" ")
}

fn bar(look: &Look, is_wrong: bool, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        form.filter role="search" method="get" action=(links.to(["jobs"])) {
            div.filter-box {
                label.visually-hidden for="filter" { (text.filter()) }
                (icon("filter", links.base()))
                input #filter type="search" name="q" value=(look.q) autocomplete="off" spellcheck="false"
                    autocapitalize="none" placeholder=(text.filter_placeholder()) maxlength=(Filter::LONGEST)
                    aria-describedby="filter-help" aria-invalid=[is_wrong.then_some("true")]
                    data-suggest=(links.to(["jobs", "suggest"])) data-suggest-label=(text.filter_suggestions());
            }
            label.visually-hidden for="order" { (text.list_order()) }
            select #order name="order" {
                @for (name, _) in ORDERS {
                    option value=(name) selected[name == look.order] { (order_name(name, text)) }
                }
            }
            button.button.button-primary type="submit" { (text.filter_apply()) }
        }
        p.hint #filter-help { (text.filter_help()) }
    }
}

fn order_name(name: &str, text: Text) -> crate::text::Said {
    match name {
        "newest" => text.order_newest(),
        "oldest" => text.order_oldest(),
        _ => text.order_fitting(),
    }
}

/// What is wrong with the filter, and where.
fn unfitting(filter: &str, unfit: &UnfitFilter, visit: &Visit) -> Markup {
    let text = visit.text();
    let (start, end) = (unfit.at.start.min(filter.len()), unfit.at.end.min(filter.len()));
    let parts = (filter.get(..start), filter.get(start..end), filter.get(end..));
    let body = html! {
        strong { (text.filter_wrong()) }
        @if let (Some(before), Some(wrong), Some(after)) = parts {
            p.mono.filter-wrong { (before) mark { (wrong) } (after) }
        }
        p { (problem(unfit, text)) }
    };
    notice("danger", "warning", visit, &body)
}

fn table(list: &JobList, look: &Look, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let is_writing = visit.viewer().why_read_only().is_none();
    let is_filtered = !list.filter.terms.is_empty();
    html! {
        @if list.rows.is_empty() {
            @if !list.complete {
                (empty("search", &text.jobs_none_here(), "", visit))
            } @else if is_filtered {
                (empty("jobs", &text.jobs_none_fit(), &text.jobs_none_fit_hint(), visit))
            } @else {
                (empty("jobs", &text.jobs_none(), &text.jobs_none_hint(), visit))
            }
        } @else {
            form #selection method="get" action=(links.to(["operations", "new"])) {
            input type="hidden" name="from" value="list";
            input type="hidden" name="q" value=(list.filter);
            (verbs(list, visit))
            div.table-scroll { table.list.jobs {
                caption.visually-hidden { (text.jobs_caption()) }
                thead { tr {
                    @if is_writing { th.tight scope="col" { span.visually-hidden { (text.select_column()) } } }
                    th scope="col" { (text.job()) }
                    th scope="col" { (text.state()) }
                    th scope="col" { (text.queue()) }
                    th.end scope="col" { (text.attempt()) }
                    th.end scope="col" { (text.jobs_when()) }
                } }
                tbody { @for job in &list.rows { (row(job, is_writing, visit)) } }
            } }
            }
        }
        (pager(list, look, visit))
    }
}

/// What can be done to the jobs that are selected, or to all that the filter has; each leads to a question.
fn verbs(list: &JobList, visit: &Visit) -> Markup {
    use Permission as P;
    let (text, base) = (visit.text(), visit.links().base());
    let verbs = [
        ("retry", text.retry(), "retry", P::JobsRetry),
        ("run_now", text.run_now(), "run", P::JobsRun),
        ("cancel", text.cancel(), "cancel", P::JobsCancel),
        ("discard", text.discard(), "discarded", P::JobsDiscard),
        ("delete", text.delete(), "trash", P::JobsDelete),
    ];
    html! {
        @if visit.viewer().why_read_only().is_none() {
            div.row.pad.selection {
                @for (action, label, picture, needs) in &verbs {
                    @let denied = visit.viewer().may(P::OperationsManage).and(visit.viewer().may(*needs)).err().map(|denied| text.denied(denied));
                    button.button type="submit" name="action" value=(action) disabled[denied.is_some()]
                        title=[denied] { (icon(picture, base)) (label) }
                }
                label.row {
                    input type="checkbox" name="all" value="on";
                    @match list.total {
                        Some(total) => span { (text.select_all()) " " (number::tally(total, text)) },
                        None => (text.select_all()),
                    }
                }
            }
        }
    }
}

fn row(job: &JobRow, is_writing: bool, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let id = job.id.to_string();
    html! {
        tr id={ "job-" (id) } data-row=(links.job(job.id)) {
            @if is_writing {
                td.tight {
                    @if !visit.viewer().freezes(&job.queue) {
                        input type="checkbox" name="id" value=(id) data-select
                            aria-label=(text.select_job(job.id, &job.worker));
                    }
                }
            }
            th scope="row" {
                div.primary {
                    span {
                        a href=(links.job(job.id)) { (job.worker) } " "
                        span.subtle.num { "#" (id) }
                        @for tag in &job.tags { " " span.tag { (tag) } }
                    }
                    span.secondary.mono { (preview(job)) @if job.args_bytes > ARGS as u64 {
                        " " span.subtle { (text.more_bytes(&number::grouped(job.args_bytes))) }
                    } }
                }
            }
            td data-label=(text.state()) {
                (state::chip(job.state, visit))
                @if let Some(progress) = job.progress.as_ref().filter(|_| job.state == State::Executing) {
                    " " span.subtle.num title=(progress.note) {
                        (number::grouped(progress.done)) " / " (number::grouped(progress.total))
                    }
                }
            }
            td data-label=(text.queue()) { a href=(links.queue(&job.queue)) { (job.queue) } }
            td.end data-label=(text.attempt()) { (job.attempt) " / " (job.max_attempts) }
            td.end.nowrap data-label=(text.jobs_when()) { (when::relative_or_dash(job.own_time(), visit)) }
        }
    }
}

/// How many characters of the args stand in a line.
const ARGS: usize = 160;

pub(super) fn preview(job: &JobRow) -> String {
    match job.args.char_indices().nth(ARGS) {
        None => job.args.clone(),
        Some((end, _)) => format!("{}…", &job.args[..end]),
    }
}

fn pager(list: &JobList, look: &Look, visit: &Visit) -> Markup {
    let text = visit.text();
    let to = |cursor: &String| Look { at: cursor.clone(), ..look.clone() }.link(visit);
    html! {
        @if !list.complete {
            @let until = list.searched_to.map_or_else(String::new, |time| {
                when::exact(time, &visit.preferences().zone)
            });
            p.hint.pad role="status" { (text.jobs_searched(list.searched, &until)) }
        }
        @if list.next.is_some() || list.previous.is_some() {
            nav.pager aria-label=(text.jobs()) {
                @if let Some(previous) = &list.previous {
                    a.button href=(to(&String::new())) { (text.first_page_of_list()) }
                    a.button rel="prev" href=(to(previous)) data-key="p" {
                        (icon("left", visit.links().base())) (text.previous_page())
                    }
                }
                @if let Some(next) = &list.next {
                    a.button rel="next" href=(to(next)) data-key="n" {
                        @if list.complete { (text.next_page()) } @else { (text.jobs_search_on()) }
                        (icon("right", visit.links().base()))
                    }
                }
            }
        }
    }
}

impl Look {
    /// Its address.
    fn link(&self, visit: &Visit) -> String {
        let pairs = [("q", &self.q), ("order", &self.order), ("at", &self.at)];
        let said = pairs.iter().filter(|(_, value)| !value.is_empty());
        let said: Vec<String> =
            said.map(|(name, value)| format!("{name}={}", escape(value))).collect();
        let jobs = visit.links().to(["jobs"]);
        if said.is_empty() { jobs } else { format!("{jobs}?{}", said.join("&")) }
    }
}

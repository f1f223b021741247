//! The question before something is done to many jobs: to how many, what becomes of them, and why.

use axum::extract::{Form, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kerrera::{BulkAction, JobId, JobRow};
use maud::{Markup, html};

use super::{Page, Section, jobs, operations};
use crate::access::Permission;
use crate::links::escape;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{
    BulkForecast, BulkStart, BulkWish, Error, LONGEST_REASON, Selection, permission_for,
};
use crate::text::Said;
use crate::view::empty::{empty, notice};
use crate::view::question::Field;
use crate::view::{done, number, state};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.question("/operations/new", Permission::OperationsManage, ask);
    routes.action("/operations/new", Permission::OperationsManage, start);
}

/// What a form says, or an address: `id` as often as there are jobs.
type Fields = Vec<(String, String)>;

#[derive(Clone, Debug, Default)]
struct Sent {
    action: Option<BulkAction>,
    /// The filter of the list of which it is about.
    q: String,
    /// Whether all are meant that the filter has, although some are selected.
    all: bool,
    ids: Vec<JobId>,
    reason: String,
    /// How many jobs there were when they were shown.
    shown: String,
    /// How many were typed.
    count: Option<String>,
    /// Whether it comes from a list: nothing that is selected is nothing, and not all.
    is_from_list: bool,
}

impl Sent {
    fn of(fields: Fields) -> Sent {
        let mut sent = Sent::default();
        for (name, value) in fields {
            match name.as_str() {
                "action" => sent.action = value.parse().ok(),
                "q" => sent.q = value.trim().to_owned(),
                "all" => sent.all = value == "on",
                // One too many is kept, so that it is told.
                "id" if sent.ids.len() <= Selection::MOST => {
                    sent.ids.extend(value.parse::<JobId>());
                }
                "reason" => sent.reason = value,
                "shown" => sent.shown = value,
                "count" => sent.count = Some(value),
                "from" => sent.is_from_list = value == "list",
                _ => {}
            }
        }
        sent
    }

    /// Which jobs are meant, if any are.
    fn which(&self) -> Option<Selection> {
        match (self.all, self.ids.is_empty(), self.q.is_empty()) {
            (true, _, true) => Some(Selection::All),
            (true, _, false) => Some(Selection::Filter(self.q.clone())),
            (false, false, _) => Some(Selection::Jobs(self.ids.clone())),
            (false, true, false) if !self.is_from_list => Some(Selection::Filter(self.q.clone())),
            (false, true, _) => None,
        }
    }

    fn wish(&self, action: BulkAction, which: Selection, visit: &Visit) -> BulkWish {
        let said = self.count.as_ref().unwrap_or(&self.shown);
        let digits: String = said.chars().filter(|c| !matches!(c, ',' | ' ' | '+')).collect();
        BulkWish {
            action,
            which,
            reason: self.reason.clone(),
            count: digits.parse().ok(),
            now: visit.now(),
            zone: visit.preferences().timezone(),
        }
    }

    /// The same jobs, as an address says them.
    fn link(&self, action: BulkAction, visit: &Visit) -> String {
        let mut link =
            format!("{}?action={}", visit.links().to(["operations", "new"]), action.as_str());
        for (name, value) in self.jobs() {
            link.push_str(&format!("&{name}={}", escape(&value)));
        }
        link
    }

    /// What says which jobs are meant.
    fn jobs(&self) -> Vec<(&'static str, String)> {
        let mut jobs = Vec::new();
        if !self.q.is_empty() {
            jobs.push(("q", self.q.clone()));
        }
        if self.all {
            jobs.push(("all", "on".to_owned()));
        } else {
            jobs.extend(self.ids.iter().map(|id| ("id", id.to_string())));
        }
        jobs
    }

    /// Where one goes who does not want it.
    fn back(&self, visit: &Visit) -> String {
        visit.links().jobs(&self.q)
    }
}

async fn ask(visit: Visit, Query(fields): Query<Fields>) -> Result<Response, Refusal> {
    let sent = Sent::of(fields);
    let Some(which) = sent.which() else { return Ok(nothing(&sent, &visit)) };
    let Some(action) = sent.action else { return Ok(choice(&sent, &visit)) };
    match visit.service().forecast_operation(&sent.wish(action, which, &visit)).await {
        Ok(forecast) => Ok(page(&sent, &forecast, None, &visit).into_response()),
        Err(error) => unforeseen(&sent, error, &visit),
    }
}

async fn start(visit: Visit, Form(fields): Form<Fields>) -> Result<Response, Refusal> {
    let sent = Sent::of(fields);
    let Some(which) = sent.which() else { return Ok(nothing(&sent, &visit)) };
    let Some(action) = sent.action else { return Ok(choice(&sent, &visit)) };
    let wish = sent.wish(action, which, &visit);
    let text = visit.text();
    if sent.reason.trim().chars().count() > LONGEST_REASON {
        let forecast = match visit.service().forecast_operation(&wish).await {
            Ok(forecast) => forecast,
            Err(error) => return unforeseen(&sent, error, &visit),
        };
        let wrong = Wrong { field: "reason", why: text.wrong_words() };
        return Ok(unprocessable(page(&sent, &forecast, Some(&wrong), &visit)));
    }
    match visit.service().start_operation(&wish).await {
        Ok(BulkStart::Begun(view)) => {
            let to = visit.links().operation(view.operation.id);
            Ok(done::redirect(&to, operations::BEGUN).into_response())
        }
        Ok(BulkStart::Unconfirmed(forecast)) => {
            let now = number::tally_words(forecast.count(), text);
            let wrong = match forecast.needs_count() && sent.count.is_some() {
                true => Wrong { field: "count", why: text.bulk_wrong_count(&now) },
                false => Wrong { field: "", why: text.bulk_changed(&now) },
            };
            Ok(unprocessable(page(&sent, &forecast, Some(&wrong), &visit)))
        }
        // None of them allows it by now: that is what the page shows.
        Err(Error::Conflict(_)) => {
            let forecast = visit.service().forecast_operation(&wish).await?;
            let page = page(&sent, &forecast, None, &visit);
            Ok(page.status(StatusCode::CONFLICT).into_response())
        }
        Err(error) => unforeseen(&sent, error, &visit),
    }
}

/// What is wrong, and in which field.
struct Wrong {
    field: &'static str,
    why: Said,
}

fn unprocessable(page: Page) -> Response {
    page.status(StatusCode::UNPROCESSABLE_ENTITY).into_response()
}

fn nothing(sent: &Sent, visit: &Visit) -> Response {
    let text = visit.text();
    let body = html! {
        section.card {
            (empty("jobs", &text.bulk_nothing(), &text.bulk_nothing_hint(), visit))
            p { a.button href=(sent.back(visit)) { (text.bulk_to_jobs()) } }
        }
    };
    unprocessable(Page::new(visit, Section::Operations, &text.bulk_nothing(), &body))
}

/// Which jobs is said, and not what is to be done.
fn choice(sent: &Sent, visit: &Visit) -> Response {
    let text = visit.text();
    let body = html! {
        section.card.question {
            h1 { (text.bulk_choose()) }
            div.row { (others(sent, None, visit)) }
            p { a href=(sent.back(visit)) { (text.bulk_to_jobs()) } }
        }
    };
    unprocessable(Page::new(visit, Section::Operations, &text.bulk_choose(), &body))
}

/// What else can be done to the same jobs, by this viewer.
fn others(sent: &Sent, but: Option<BulkAction>, visit: &Visit) -> Markup {
    let may = |action: &BulkAction| visit.viewer().may(permission_for(*action)).is_ok();
    html! {
        @for action in BulkAction::ALL.into_iter().filter(|one| Some(*one) != but).filter(may) {
            a.button href=(sent.link(action, visit)) { (visit.text().bulk_verb(action)) }
        }
    }
}

/// What would happen could not be found out.
fn unforeseen(sent: &Sent, error: Error, visit: &Visit) -> Result<Response, Refusal> {
    let text = visit.text();
    let (status, said) = match error {
        Error::Filter(unfit) => {
            let said =
                html! { strong { (text.filter_wrong()) } p { (jobs::problem(&unfit, text)) } };
            (StatusCode::UNPROCESSABLE_ENTITY, said)
        }
        Error::Invalid(_) if sent.ids.len() > Selection::MOST => {
            let most = number::grouped(Selection::MOST as u64);
            (StatusCode::UNPROCESSABLE_ENTITY, html! { (text.bulk_too_many(&most)) })
        }
        Error::Kerrera(error) if error.is_timeout() => {
            (StatusCode::OK, html! { (text.bulk_too_slow()) })
        }
        error => return Err(error.into()),
    };
    let body = html! {
        h1 { (text.operations()) }
        (notice("warning", "warning", visit, &said))
        p { a.button href=(sent.back(visit)) { (text.bulk_to_jobs()) } }
    };
    let page = Page::new(visit, Section::Operations, &text.operations(), &body);
    Ok(page.status(status).into_response())
}

fn page(sent: &Sent, forecast: &BulkForecast, wrong: Option<&Wrong>, visit: &Visit) -> Page {
    let (text, action, count) = (visit.text(), forecast.action, forecast.count());
    let title = text.bulk_title(action, &number::tally_words(count, text));
    let body = html! {
        div.stack {
            h1 { (title) }
            p.muted { (text.bulk_consequence(action)) }
            @if let Some(wrong) = wrong.filter(|wrong| wrong.field.is_empty()) {
                (notice("warning", "warning", visit, &html! { (wrong.why) }))
            }
            @if let Some(filter) = forecast.filter.as_ref().filter(|filter| !filter.terms.is_empty()) {
                (jobs::in_words(filter, visit))
            } @else if forecast.filter.is_some() {
                (notice("warning", "warning", visit, &html! { (text.op_all()) }))
            }
            section.card.card-flush { (states(forecast, visit)) }
            @if count.value == 0 {
                (notice("info", "info", visit, &html! { (text.bulk_none()) }))
                p { a.button href=(sent.back(visit)) { (text.bulk_to_jobs()) } }
            } @else {
                section.card { (form(sent, forecast, wrong, visit)) }
            }
            div.row { span.muted { (text.bulk_instead()) } (others(sent, Some(action), visit)) }
            @if !forecast.sample.is_empty() { (sample(&forecast.sample, visit)) }
        }
    };
    Page::new(visit, Section::Operations, &title, &body)
}

/// How many in each state, and what becomes of them.
fn states(forecast: &BulkForecast, visit: &Visit) -> Markup {
    let (text, action) = (visit.text(), forecast.action);
    let becomes = action.operation().event().and(match action {
        BulkAction::Cancel => Some(kerrera::State::Cancelled),
        BulkAction::Discard => Some(kerrera::State::Discarded),
        _ => Some(kerrera::State::Available),
    });
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.bulk_states_caption()) }
            thead { tr {
                th scope="col" { (text.state()) }
                th.end scope="col" { (text.jobs()) }
                th scope="col" { (text.bulk_become()) }
            } }
            tbody {
                @for (of, tally) in &forecast.eligible {
                    tr id={ "of-" (of.as_str()) } {
                        th scope="row" { (state::chip(*of, visit)) }
                        td.end data-label=(text.jobs()) { (number::tally(*tally, text)) }
                        td data-label=(text.bulk_become()) {
                            @match becomes {
                                Some(state) => (state::chip(state, visit)),
                                None => strong { (text.bulk_gone()) },
                            }
                        }
                    }
                }
                @for (of, tally) in &forecast.skipped {
                    tr id={ "of-" (of.as_str()) } {
                        th scope="row" { (state::chip(*of, visit)) }
                        td.end data-label=(text.jobs()) { (number::tally(*tally, text)) }
                        td.muted data-label=(text.bulk_become()) {
                            (text.bulk_stays()) ": " (text.bulk_skipped(action, *of))
                        }
                    }
                }
            }
        } }
    }
}

fn form(sent: &Sent, forecast: &BulkForecast, wrong: Option<&Wrong>, visit: &Visit) -> Markup {
    let (text, action) = (visit.text(), forecast.action);
    let wrong_in =
        |name: &str| wrong.filter(|wrong| wrong.field == name).map(|wrong| wrong.why.clone());
    let count = forecast.count().value.to_string();
    let reason = Field {
        name: "reason",
        label: text.reason(),
        hint: text.bulk_reason_hint(),
        wrong: wrong_in("reason"),
    };
    let typed = Field {
        name: "count",
        label: text.bulk_count(),
        hint: text.bulk_count_hint(&count),
        wrong: wrong_in("count"),
    };
    let class = match action {
        BulkAction::Delete => "button button-danger",
        _ => "button button-primary",
    };
    html! {
        form.form method="post" action=(visit.links().to(["operations", "new"])) {
            input type="hidden" name="action" value=(action.as_str());
            input type="hidden" name="shown" value=(count);
            @for (name, value) in sent.jobs() { input type="hidden" name=(name) value=(value); }
            (reason.input("text", &sent.reason))
            @if forecast.needs_count() { (typed.input("text", sent.count.as_deref().unwrap_or_default())) }
            div.row {
                a.button href=(sent.back(visit)) { (text.close()) }
                button class=(class) type="submit" {
                    (text.bulk_verb(action)) " (" (number::tally_words(forecast.count(), text)) ")"
                }
            }
        }
    }
}

fn sample(rows: &[JobRow], visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        section.card.card-flush {
            h2 { (text.bulk_sample()) }
            div.table-scroll { table.list {
                caption.visually-hidden { (text.bulk_sample()) }
                thead { tr {
                    th scope="col" { (text.job()) }
                    th scope="col" { (text.state()) }
                    th scope="col" { (text.queue()) }
                } }
                tbody { @for job in rows {
                    tr id={ "job-" (job.id) } {
                        th scope="row" { div.primary {
                            span { a href=(visit.links().job(job.id)) { (job.worker) } " " span.subtle.num { "#" (job.id) } }
                            span.secondary.mono { (jobs::preview(job)) }
                        } }
                        td data-label=(text.state()) { (state::chip(job.state, visit)) }
                        td data-label=(text.queue()) { (job.queue) }
                    }
                } }
            } }
        }
    }
}

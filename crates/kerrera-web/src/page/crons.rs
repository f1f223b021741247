//! The crontab: what comes next, what came last, and what is in its way.

use maud::{Markup, html};

use super::{Page, Section, cron};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{CronStatus, CronTarget, CrontabStatus};
use crate::view::empty::{empty, notice};
use crate::view::{done, order, state, when};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("/crons", Permission::CronsView, show);
}

async fn show(visit: Visit) -> Result<Page, Refusal> {
    let crontab = visit.service().crontab().await?;
    let (text, links) = (visit.text(), visit.links());
    let is_empty = crontab.crons.is_empty() && crontab.unreadable.is_empty();
    let body = html! {
        div.row.row-between {
            h1 { (text.crons()) }
            (order::door(&links.to(["crons", "new"]), &text.new_cron(), "plus", Permission::CronsInsert, &visit))
        }
        (done::told(&visit, cron::DONE))
        (attention(&crontab, &visit))
        section.card.card-flush {
            @if is_empty { (empty("crons", &text.no_crons(), &text.no_crons_hint(), &visit)) }
            @else { (table(&crontab, &visit)) }
        }
    };
    Ok(Page::new(&visit, Section::Crons, &text.crons(), &body))
}

/// What keeps entries from being fired.
fn attention(crontab: &CrontabStatus, visit: &Visit) -> Markup {
    let text = visit.text();
    let missed = crontab.crons.iter().filter(|cron| cron.missed.is_some()).count() as u64;
    let has_some = crontab.crons.iter().any(|cron| !cron.is_paused);
    html! {
        @if has_some && !crontab.has_nodes {
            (notice("warning", "warning", visit, &html! { (text.nobody_fires()) }))
        }
        @if missed > 0 {
            (notice("danger", "warning", visit, &html! { (text.missed_some(missed)) }))
        }
    }
}

fn table(crontab: &CrontabStatus, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        div.table-scroll { table.list {
            caption.visually-hidden { (text.crons_caption()) }
            thead { tr {
                th scope="col" { (text.name()) }
                th scope="col" { (text.schedule_header()) }
                th scope="col" { (text.next_run()) }
                th scope="col" { (text.last_run()) }
                th.end scope="col" { (text.actions()) }
            } }
            tbody {
                @for cron in &crontab.crons { (row(cron, visit)) }
                @for (name, why) in &crontab.unreadable { (unreadable(name, why, visit)) }
            }
        } }
    }
}

fn row(cron: &CronStatus, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        tr.is-paused[cron.is_paused] id={ "cron-" (cron.name) } {
            th scope="row" { div.primary {
                a href=(links.cron(&cron.name)) { (cron.name) }
                div.secondary { (cron.worker) " · " (cron.queue) }
                div.row.tight-row { (standing(cron, visit)) }
            } }
            td data-label=(text.schedule_header()) { (schedule(cron, visit)) }
            td data-label=(text.next_run()) {
                @match cron.next {
                    Some(next) => (when::relative(next, visit)),
                    None if cron.is_paused => span.subtle { (text.next_run_off()) },
                    None => span.subtle { "–" },
                }
            }
            td data-label=(text.last_run()) { (last(cron, visit)) }
            td.end.tight { div.row.row-end { (cron::quick_actions(cron, &visit.within(&cron.queue))) } }
        }
    }
}

/// When it comes, in words and as it is written.
pub(super) fn schedule(cron: &CronStatus, visit: &Visit) -> Markup {
    let words = visit.text().schedule(&cron.expression);
    html! {
        div.primary {
            @if let Some(words) = words { span { (words) } }
            span.secondary { code { (cron.expression) } " · " (cron.timezone) }
        }
    }
}

/// What is in its way, if anything.
pub(super) fn standing(cron: &CronStatus, visit: &Visit) -> Markup {
    let text = visit.text();
    let badge = |kind, picture, word: &str| order::badge(kind, picture, word, visit);
    html! {
        @if cron.is_paused { (badge("warning", "pause", &text.cron_paused())) }
        @if let Some(missed) = cron.missed {
            @let at = when::exact(missed, &visit.preferences().zone);
            (badge("danger", "warning", &text.missed_at(&at)))
        }
        @match cron.target {
            CronTarget::Worked => {},
            CronTarget::Paused => (badge("warning", "pause", &text.cron_queue_paused())),
            CronTarget::Unworked => (badge("warning", "warning", &text.cron_queue_unworked())),
        }
        @if cron.is_added {
            span title=(text.cron_added_hint()) { (badge("info", "person", &text.cron_added())) }
        }
    }
}

/// When it was last fired, and what became of its job.
pub(super) fn last(cron: &CronStatus, visit: &Visit) -> Markup {
    html! {
        div.row {
            (when::relative_or_dash(cron.last.as_ref().map(|(slot, _)| *slot), visit))
            @if let Some((id, state)) = cron.last_job { (job(id, state, visit)) }
        }
    }
}

/// A job of an entry, and its state if it is still there.
pub(super) fn job(id: kerrera::JobId, now: Option<kerrera::State>, visit: &Visit) -> Markup {
    html! {
        @match now {
            Some(now) => a.plain-link href=(visit.links().job(id)) title={ "#" (id) } { (state::chip(now, visit)) },
            None => span.subtle { "#" (id) " " (visit.text().job_gone()) },
        }
    }
}

fn unreadable(name: &str, why: &str, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let remove = links.to(["crons", name, "remove"]);
    html! {
        tr id={ "cron-" (name) } {
            th scope="row" { div.primary {
                span.strong { (name) }
                div { (order::badge("danger", "warning", &text.cron_unreadable(), visit)) }
            } }
            td colspan="3" { (why) }
            td.end.tight {
                (order::door(&remove, &text.remove(), "trash", Permission::CronsDelete, visit))
            }
        }
    }
}

#[cfg(test)]
mod tests;

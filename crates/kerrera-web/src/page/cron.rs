//! One entry of the crontab: its next times, what became of the last ones, and what can be done to it.

use axum::extract::{Path, Query};
use axum::response::{IntoResponse as _, Response};
use kerrera::{Misfire, Overlap, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Page, Section, crons};
use crate::access::Permission;
use crate::links::escape;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{CronRun, CronStatus, CronTarget, InsertedJob, NextTimes};
use crate::text::{Said, Text};
use crate::view::button::{Action, action};
use crate::view::done::{self, Done};
use crate::view::empty::{empty, notice};
use crate::view::question::{Question, question};
use crate::view::{number, order, when};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    use Permission as P;
    routes.page("/crons/{name}", P::CronsView, show);
    routes.action("/crons/{name}/run", P::CronsRun, run);
    routes.action("/crons/{name}/pause", P::CronsPause, pause);
    routes.action("/crons/{name}/resume", P::CronsPause, resume);
    routes.question("/crons/{name}/remove", P::CronsDelete, ask_remove);
    routes.action("/crons/{name}/remove", P::CronsDelete, remove);
}

const RAN: Done = ("ran", |text| text.done_ran());
const SAME: Done = ("same", |text| text.done_ran_same());
const PAUSED: Done = ("paused", |text| text.done_cron_paused());
const RESUMED: Done = ("resumed", |text| text.done_cron_resumed());
const REMOVED: Done = ("removed", |text| text.done_cron_removed());
pub(super) const EDITED: Done = ("edited", |text| text.done_cron_edited());
pub(super) const ADDED: Done = ("added", |text| text.done_cron_added());

/// What the pages of the crontab can say.
pub(super) const DONE: &[Done] = &[RAN, SAME, PAUSED, RESUMED, REMOVED, EDITED, ADDED];

/// How many of the next times are shown.
pub(super) const NEXT: usize = 5;

/// How many of the last times are on a page.
const PAGE: u32 = 25;

type Named = Path<(String, String)>;

/// Where in the history one is.
#[derive(Deserialize)]
struct Place {
    before: Option<String>,
}

async fn show(
    visit: Visit,
    Path((_, name)): Named,
    Query(place): Query<Place>,
) -> Result<Page, Refusal> {
    let service = visit.service();
    let cron = service.cron(&name).await?;
    let before = match place.before.as_deref().map(str::parse::<Timestamp>) {
        None => None,
        Some(Ok(before)) => Some(before),
        Some(Err(wrong)) => return Err(Refusal::Invalid(wrong.to_string())),
    };
    let mut history = service.cron_history(&name, before, PAGE + 1).await?;
    let has_more = history.len() > PAGE as usize;
    history.truncate(PAGE as usize);
    let (text, within) = (visit.text(), visit.within(&cron.queue));
    let body = html! {
        div.row.row-between {
            div.stack.stack-close {
                h1 { (text.cron()) ": " (name) }
                div.row { (crons::standing(&cron, &visit)) }
            }
            div.row { (actions(&cron, &within)) }
        }
        (done::told(&visit, DONE))
        @if cron.target != CronTarget::Worked && !cron.is_paused {
            @let why = match cron.target {
                CronTarget::Paused => text.cron_queue_paused(),
                _ => text.cron_queue_unworked(),
            };
            (notice("warning", "warning", &visit, &html! {
                (why) ": " a href=(visit.links().queue(&cron.queue)) { (cron.queue) }
            }))
        }
        div.columns.columns-7-5 {
            section.card {
                h2 { (text.next_runs()) }
                (next_times(&cron.next_times(visit.now(), NEXT), cron.timezone.name(), &visit))
            }
            section.card { (facts(&cron, &visit)) }
        }
        (past(&cron, &history, has_more, &visit))
    };
    Ok(Page::new(&within, Section::Crons, &format!("{}: {name}", text.cron()), &body))
}

async fn run(visit: Visit, Path((_, name)): Named) -> Result<Response, Refusal> {
    let done = match visit.service().run_cron(&name).await? {
        InsertedJob::New(_) => RAN,
        InsertedJob::Existing(_) => SAME,
    };
    Ok(done::redirect(&visit.links().cron(&name), done).into_response())
}

async fn pause(visit: Visit, Path((_, name)): Named) -> Result<Response, Refusal> {
    visit.service().pause_cron(&name, true).await?;
    Ok(done::redirect(&visit.links().cron(&name), PAUSED).into_response())
}

async fn resume(visit: Visit, Path((_, name)): Named) -> Result<Response, Refusal> {
    visit.service().pause_cron(&name, false).await?;
    Ok(done::redirect(&visit.links().cron(&name), RESUMED).into_response())
}

async fn ask_remove(visit: Visit, Path((_, name)): Named) -> Result<Page, Refusal> {
    let crontab = visit.service().crontab().await?;
    let cron = crontab.crons.iter().find(|cron| cron.name == name);
    if cron.is_none() && !crontab.unreadable.iter().any(|(other, _)| *other == name) {
        return Err(Refusal::NotFound);
    }
    let (text, links) = (visit.text(), visit.links());
    let title = text.remove_cron_title(&name);
    let is_added = cron.is_some_and(|cron| cron.is_added);
    let asked = Question {
        title: &title,
        consequence: &if is_added {
            text.remove_added_consequence()
        } else {
            text.remove_cron_consequence()
        },
        to: &links.to(["crons", &name, "remove"]),
        fields: html! {},
        button: &text.remove(),
        is_destructive: true,
        back: &if cron.is_some() { links.cron(&name) } else { links.to(["crons"]) },
    };
    Ok(Page::new(&visit, Section::Crons, &title, &question(&asked, &visit)))
}

async fn remove(visit: Visit, Path((_, name)): Named) -> Result<Response, Refusal> {
    visit.service().remove_cron(&name).await?;
    Ok(done::redirect(&visit.links().to(["crons"]), REMOVED).into_response())
}

/// What is done at once: run it, and pause it or let it go on.
pub(super) fn quick_actions(cron: &CronStatus, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let to = |what: &str| links.to(["crons", &cron.name, what]);
    let [run, pause, resume] = [text.run_now(), text.pause(), text.resume()];
    let [runs, pauses, resumes] =
        [text.run_now_consequence(), text.pause_cron_consequence(), text.resume_cron_consequence()];
    let run =
        Action { consequence: &runs, ..Action::new(to("run"), &run, "run", Permission::CronsRun) };
    let other = match cron.is_paused {
        true => Action {
            consequence: &resumes,
            ..Action::new(to("resume"), &resume, "play", Permission::CronsPause)
        },
        false => Action {
            consequence: &pauses,
            ..Action::new(to("pause"), &pause, "pause", Permission::CronsPause)
        },
    };
    html! { (action(&run, visit)) (action(&other, visit)) }
}

fn actions(cron: &CronStatus, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    let to = |what: &str| links.to(["crons", &cron.name, what]);
    html! {
        (quick_actions(cron, visit))
        (order::door(&to("edit"), &text.edit(), "edit", Permission::CronsUpdate, visit))
        (order::door(&to("remove"), &text.remove(), "trash", Permission::CronsDelete, visit))
    }
}

/// The next times, in the visitor's zone and in the entry's, and what the clock there will do.
pub(super) fn next_times(next: &NextTimes, entry_zone: &str, visit: &Visit) -> Markup {
    let text = visit.text();
    let own = visit.preferences();
    let there = jiff::tz::TimeZone::get(entry_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    html! {
        @if next.times.is_empty() { p.muted { (text.no_next_runs()) } } @else {
            div.table-scroll { table.list {
                caption.visually-hidden { (text.next_runs()) }
                thead { tr {
                    th scope="col" { (text.next_run()) }
                    th scope="col" { (text.in_your_zone(own.zone_name())) }
                    th scope="col" { (text.in_entry_zone(entry_zone)) }
                } }
                tbody { @for time in &next.times {
                    tr {
                        td data-label=(text.next_run()) { (when::relative(*time, visit)) }
                        td.nowrap data-label=(text.in_your_zone(own.zone_name())) { (when::exact(*time, &own.zone)) }
                        td.nowrap data-label=(text.in_entry_zone(entry_zone)) { (when::exact(*time, &there)) }
                    }
                } }
            } }
        }
        @for shift in &next.shifts {
            @let before = jiff::tz::TimeZone::fixed(offset(shift.offsets.0));
            @let at = wall(shift.at, &before, "%Y-%m-%d");
            @let from = wall(shift.at, &before, "%H:%M");
            @let to = wall(shift.at, &there, "%H:%M");
            p.hint {
                @if shift.offsets.1 > shift.offsets.0 { (text.clock_forward(&at, &from, &to)) }
                @else { (text.clock_back(&at, &from, &to)) }
            }
        }
    }
}

fn offset(seconds: i32) -> jiff::tz::Offset {
    jiff::tz::Offset::from_seconds(seconds).unwrap_or(jiff::tz::Offset::UTC)
}

fn wall(time: Timestamp, zone: &jiff::tz::TimeZone, form: &str) -> String {
    match jiff::Timestamp::from_microsecond(time.as_micros()) {
        Ok(time) => time.to_zoned(zone.clone()).strftime(form).to_string(),
        Err(_) => time.to_string(),
    }
}

fn facts(cron: &CronStatus, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        dl.facts {
            dt { (text.schedule_header()) } dd { (crons::schedule(cron, visit)) }
            dt { (text.worker()) } dd { a href=(links.worker(&cron.worker)) { (cron.worker) } }
            dt { (text.queue()) } dd { a href=(links.queue(&cron.queue)) { (cron.queue) } }
            dt { (text.last_run()) } dd { (crons::last(cron, visit)) }
            dt { (text.misfire()) } dd { (misfire(cron.misfire, text)) }
            dt { (text.overlap()) } dd { (overlap(cron.overlap, text)) }
            dt { (text.origin()) }
            dd { @if cron.is_added { (text.cron_added_hint()) } @else { (text.brought_by_program()) } }
            dt { (text.updated()) } dd { (when::relative(cron.updated_at, visit)) }
        }
    }
}

fn misfire(misfire: Misfire, text: Text) -> Said {
    match misfire {
        Misfire::Skip => text.misfire_skip(),
        Misfire::All { most } => text.misfire_all_of(most),
        _ => text.misfire_once(),
    }
}

fn overlap(overlap: Overlap, text: Text) -> Said {
    match overlap {
        Overlap::Skip => text.overlap_skip(),
        _ => text.overlap_allow(),
    }
}

/// What became of the last times.
fn past(cron: &CronStatus, history: &[CronRun], has_more: bool, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        section.card.card-flush {
            div.card-head { h2 { (text.history()) } p.hint { (text.no_history_hint()) } }
            @if history.is_empty() {
                (empty("crons", &text.no_history(), "", visit))
            } @else {
                div.table-scroll { table.list {
                    caption.visually-hidden { (text.history()) }
                    thead { tr {
                        th scope="col" { (text.slot()) }
                        th scope="col" { (text.job()) }
                        th scope="col" { (text.node()) }
                        th.end scope="col" { (text.fired_after()) }
                    } }
                    tbody { @for run in history {
                        tr id={ "slot-" (run.at.as_micros()) } {
                            th scope="row" { (when::absolute(run.at, visit)) }
                            td data-label=(text.job()) {
                                @match run.job {
                                    Some((id, state)) => { (crons::job(id, state, visit)) },
                                    None => span.muted { (text.overlapped()) },
                                }
                            }
                            td data-label=(text.node()) { a href=(links.node(&run.node)) { (run.node) } }
                            td.end data-label=(text.fired_after()) { (late(run, visit)) }
                        }
                    } }
                } }
            }
            @if has_more && let Some(last) = history.last() {
                @let older = format!("{}?before={}", links.cron(&cron.name), escape(&last.at.to_string()));
                nav.pager { a.button href=(older) { (text.older()) } }
            }
        }
    }
}

fn late(run: &CronRun, visit: &Visit) -> String {
    let late = u64::try_from(run.fired_at.since(run.at).as_millis()).unwrap_or(u64::MAX);
    number::span(late, visit.language())
}

//! Writing entries of the crontab: new ones, and changes; with their next times before anything is written.

use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use kerrera::cron::CronExpression;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Page, Section, cron};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{CronDraft, Drafted, Mistakes, NextTimes};
use crate::text::Said;
use crate::view::done;
use crate::view::question::Field;
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.question("/crons/new", Permission::CronsInsert, begin);
    routes.action("/crons/new", Permission::CronsInsert, create);
    routes.question("/crons/{name}/edit", Permission::CronsUpdate, change);
    routes.action("/crons/{name}/edit", Permission::CronsUpdate, edit);
}

/// What a form says.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    name: String,
    expression: String,
    timezone: String,
    worker: String,
    queue: String,
    args: String,
    max_attempts: String,
    misfire: String,
    misfire_most: String,
    overlap: String,
    /// `preview` only shows what would come of it.
    #[serde(rename = "do")]
    wanted: String,
}

async fn begin(visit: Visit) -> Page {
    let timezone = visit.preferences().zone_name();
    let timezone = if timezone == "UTC" { "Etc/UTC" } else { timezone };
    let draft = CronDraft { timezone: timezone.to_owned(), ..CronDraft::default() };
    page(&Shown { draft: &draft, name: None, mistakes: &[], is_previewed: false }, &visit)
}

async fn create(visit: Visit, Form(written): Form<Written>) -> Result<Response, Refusal> {
    let (is_preview, draft) = written.read();
    if is_preview {
        return Ok(previewed(None, &draft, &visit));
    }
    match visit.service().add_cron(&draft).await? {
        Drafted::Written => {
            let to = visit.links().cron(draft.name.trim());
            Ok(done::redirect(&to, cron::ADDED).into_response())
        }
        Drafted::Wrong(mistakes) => Ok(wrong(None, &draft, &mistakes, &visit)),
    }
}

async fn change(visit: Visit, Path((_, name)): Path<(String, String)>) -> Result<Page, Refusal> {
    let draft = CronDraft::of(&visit.service().cron(&name).await?);
    let shown = Shown { draft: &draft, name: Some(&name), mistakes: &[], is_previewed: true };
    Ok(page(&shown, &visit))
}

async fn edit(
    visit: Visit,
    Path((_, name)): Path<(String, String)>,
    Form(written): Form<Written>,
) -> Result<Response, Refusal> {
    let (is_preview, draft) = written.read();
    if is_preview {
        visit.service().cron(&name).await?;
        return Ok(previewed(Some(&name), &draft, &visit));
    }
    match visit.service().edit_cron(&name, &draft).await? {
        Drafted::Written => {
            Ok(done::redirect(&visit.links().cron(&name), cron::EDITED).into_response())
        }
        Drafted::Wrong(mistakes) => Ok(wrong(Some(&name), &draft, &mistakes, &visit)),
    }
}

impl Written {
    fn read(self) -> (bool, CronDraft) {
        let draft = CronDraft {
            name: self.name,
            expression: self.expression,
            timezone: self.timezone,
            worker: self.worker,
            queue: self.queue,
            args: self.args,
            max_attempts: self.max_attempts,
            misfire: self.misfire,
            misfire_most: self.misfire_most,
            overlap: self.overlap,
        };
        (self.wanted == "preview", draft)
    }
}

/// A form, as it is to be shown.
struct Shown<'a> {
    draft: &'a CronDraft,
    /// The entry that is changed; a new one if there is none.
    name: Option<&'a str>,
    mistakes: &'a [(&'static str, String)],
    is_previewed: bool,
}

fn previewed(name: Option<&str>, draft: &CronDraft, visit: &Visit) -> Response {
    let (mistakes, _) = draft.checked();
    if !mistakes.is_empty() {
        return wrong(name, draft, &mistakes, visit);
    }
    page(&Shown { draft, name, mistakes: &[], is_previewed: true }, visit).into_response()
}

fn wrong(name: Option<&str>, draft: &CronDraft, mistakes: &Mistakes, visit: &Visit) -> Response {
    let shown = Shown { draft, name, mistakes, is_previewed: false };
    page(&shown, visit).status(StatusCode::UNPROCESSABLE_ENTITY).into_response()
}

fn page(shown: &Shown<'_>, visit: &Visit) -> Page {
    let (text, links) = (visit.text(), visit.links());
    let (title, consequence, to, back, button) = match shown.name {
        None => (
            text.new_cron(),
            text.new_cron_consequence(),
            links.to(["crons", "new"]),
            links.to(["crons"]),
            text.add(),
        ),
        Some(name) => (
            text.edit_cron_title(name),
            text.edit_cron_consequence(),
            links.to(["crons", name, "edit"]),
            links.cron(name),
            text.save(),
        ),
    };
    let body = html! {
        section.card.question {
            h1 #dialog-title { (title) }
            p.muted { (consequence) }
            form.form method="post" action=(to) {
                // What the key Enter presses is the first button.
                button.visually-hidden type="submit" tabindex="-1" aria-hidden="true" { (button) }
                (fields(shown, visit))
                div.row {
                    a.button href=(back) data-dismiss { (text.close()) }
                    button.button type="submit" name="do" value="preview" { (text.preview()) }
                    button.button.button-primary type="submit" { (button) }
                }
            }
            (preview(shown, visit))
        }
    };
    Page::new(visit, Section::Crons, &title, &body)
}

fn fields(shown: &Shown<'_>, visit: &Visit) -> Markup {
    let (text, draft) = (visit.text(), shown.draft);
    let field = |name: &'static str, label: Said, hint: Said| {
        let wrong = shown.mistakes.iter().find(|(field, _)| *field == name);
        let wrong = wrong.map(|(_, why)| match draft.expression.trim().parse::<CronExpression>() {
            Err(wrong) if name == "expression" => text.cron_problem(wrong.problem()),
            _ => why.clone().into(),
        });
        Field { name, label, hint, wrong }
    };
    let misfires = [text.misfire_once(), text.misfire_skip(), text.misfire_all()];
    let misfires = [("once", &*misfires[0]), ("skip", &*misfires[1]), ("all", &*misfires[2])];
    let overlaps = [text.overlap_allow(), text.overlap_skip()];
    let overlaps = [("allow", &*overlaps[0]), ("skip", &*overlaps[1])];
    html! {
        @if shown.name.is_none() {
            (field("name", text.name(), text.cron_name_hint()).input("text", &draft.name))
        }
        (field("expression", text.expression(), text.expression_hint()).input("text", &draft.expression))
        (field("timezone", text.zone(), text.cron_zone_hint()).input("text", &draft.timezone))
        @if shown.name.is_none() {
            (field("worker", text.worker(), "".into()).input("text", &draft.worker))
            (field("queue", text.queue(), text.if_empty("default")).input("text", &draft.queue))
            (field("args", text.args(), text.args_hint()).area(&draft.args))
            (field("max_attempts", text.max_attempts(), text.if_empty("20")).input("number", &draft.max_attempts))
        }
        div.row.row-top {
            (field("misfire", text.misfire(), "".into()).select(&misfires, &draft.misfire))
            (field("misfire_most", text.misfire_most(), "".into()).input("number", &draft.misfire_most))
        }
        (field("overlap", text.overlap(), "".into()).select(&overlaps, &draft.overlap))
    }
}

/// When it would come next.
fn preview(shown: &Shown<'_>, visit: &Visit) -> Markup {
    let text = visit.text();
    let (_, timing) = shown.draft.checked();
    let timing = timing.filter(|_| shown.is_previewed);
    html! {
        @if let Some((expression, timezone, ..)) = timing {
            @let next = NextTimes::of(&expression, &timezone, visit.now(), cron::NEXT);
            section #preview .stack {
                h2 { (text.next_runs()) }
                @if let Some(words) = text.schedule(&expression) { p { (words) } }
                (cron::next_times(&next, timezone.name(), visit))
            }
        }
    }
}

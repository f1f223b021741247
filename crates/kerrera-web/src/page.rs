//! Pages, one file each, and the frame around all of them.

mod audit;
mod charts;
mod cron;
mod cron_form;
mod crons;
mod error;
mod errors;
#[cfg(test)]
pub(crate) mod failing;
mod frame;
mod job;
mod job_form;
mod jobs;
mod node;
mod nodes;
mod operation_form;
mod operations;
mod orders;
mod overview;
mod queue;
mod queues;
mod settings;
#[cfg(test)]
pub(crate) mod site;
mod worker;
mod workers;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use sha2::{Digest as _, Sha256};

use crate::access::Entry;
use crate::api;
use crate::dashboard::App;
use crate::refusal::{Format, Refusal};
use crate::routes::Routes;
use crate::text::Text;
use crate::visit::Visit;

pub(crate) use frame::Section;

/// Every page and what its forms do.
pub(crate) fn add(routes: &mut Routes) {
    overview::add(routes);
    jobs::add(routes);
    job_form::add(routes);
    job::add(routes);
    errors::add(routes);
    error::add(routes);
    queues::add(routes);
    queue::add(routes);
    orders::add(routes);
    workers::add(routes);
    worker::add(routes);
    nodes::add(routes);
    node::add(routes);
    crons::add(routes);
    cron::add(routes);
    cron_form::add(routes);
    operation_form::add(routes);
    operations::add(routes);
    audit::add(routes);
    settings::add(routes);
}

/// A page that is ready to be sent.
pub(crate) struct Page {
    status: StatusCode,
    html: String,
}

impl Page {
    /// A page of a section, or only what changes of it, if that is all that was asked for.
    pub(crate) fn new(visit: &Visit, section: Section, title: &str, body: &Markup) -> Page {
        let whole = if visit.wants_fragment() {
            frame::fragment(visit, section, title, body)
        } else {
            frame::whole(visit, section, title, body)
        };
        Page { status: StatusCode::OK, html: whole.into_string() }
    }

    /// A page for somebody who was not let in: without a menu, since there is nothing for them.
    pub(crate) fn bare(
        app: &App,
        parts: &Parts,
        status: StatusCode,
        title: &str,
        body: &Markup,
    ) -> Page {
        let preferences = crate::preferences::Preferences::of(parts);
        let html = frame::bare(&app.base_of(parts), &preferences, title, body);
        Page { status, html: html.into_string() }
    }

    /// The same with another status, for a form that has to be filled in once more.
    pub(crate) fn status(self, status: StatusCode) -> Page {
        Page { status, ..self }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let hash: String =
            Sha256::digest(&self.html).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        let mut response = (self.status, [(header::CONTENT_TYPE, kind)], self.html).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{hash}\"")) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// The root: to the first instance that lets one in.
pub(crate) async fn entrance(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match app.enters_any(&parts).await {
        Ok((Entry::Viewer(_), instance)) => {
            let links = crate::links::Links::new(app.base_of(&parts), instance);
            return Redirect::to(&links.overview()).into_response();
        }
        Ok((Entry::Redirect(to), _)) => return Redirect::to(&to).into_response(),
        Ok((Entry::Forbidden, _)) => Refusal::Forbidden,
        Ok((Entry::Unknown, _)) => Refusal::Unknown,
        Err(error) => {
            tracing::error!(%error, "nobody is let into the dashboard");
            Refusal::NobodyKnown
        }
    }
    .bare(&app, &parts, Format::Html)
}

/// No such address.
pub(crate) async fn nowhere(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    // Whether there is such a page is not for everybody to know.
    let path = parts.uri.path();
    let format = if api::is_path(path) { Format::Json } else { Format::Html };
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let instance = path.strip_prefix("/i/").unwrap_or_default();
    let instance = instance.split('/').next().unwrap_or_default().to_owned();
    match app.access.enter(&parts, &instance).await {
        Ok(Entry::Viewer(_)) => Refusal::NotFound,
        Ok(Entry::Forbidden) => Refusal::Forbidden,
        Ok(_) => Refusal::Unknown,
        Err(_) => Refusal::NobodyKnown,
    }
    .bare(&app, &parts, format)
}

/// Why something was not done, with the frame of every page around it.
pub(crate) fn refused(visit: &Visit, refusal: &Refusal) -> Response {
    let text = visit.text();
    let body = html! {
        section.refusal {
            h1 { (text.refusal_title(refusal)) }
            p { (text.refusal_detail(refusal)) }
            p { a href=(visit.links().overview()) { (text.overview()) } }
        }
    };
    let page = Page::new(visit, Section::None, &text.refusal_title(refusal), &body);
    page.status(refusal.status()).into_response()
}

/// The same for somebody who was not let in.
pub(crate) fn refused_bare(app: &App, parts: &Parts, refusal: &Refusal) -> Response {
    let text = Text::from(crate::preferences::Preferences::of(parts).language);
    let body = html! {
        section.refusal {
            h1 { (text.refusal_title(refusal)) }
            p { (text.refusal_detail(refusal)) }
            @if matches!(refusal, Refusal::NotFound) {
                p { a href={ (app.base_of(parts)) "/" } { (text.overview()) } }
            }
        }
    };
    let title = text.refusal_title(refusal);
    Page::bare(app, parts, refusal.status(), &title, &body).into_response()
}

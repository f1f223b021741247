//! Why something was not done, told to people and to programs.

use std::any::Any;

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::access::Denied;
use crate::dashboard::App;
use crate::page;
use crate::preferences::Preferences;
use crate::service;
use crate::text::Text;
use crate::visit::Visit;

/// In which form an answer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Html,
    #[allow(dead_code, reason = "the API")]
    Json,
}

/// Why something was not done.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// Nobody knows who asks.
    Unknown,
    /// They may do nothing at all.
    Forbidden,
    /// They may not do this.
    Denied(Denied),
    /// There is no such thing, or they do not know of it.
    NotFound,
    /// What they sent makes no sense.
    Invalid(String),
    /// It was another one by then, or its state does not allow it.
    Conflict(String),
    /// It could not be found out who asks.
    NobodyKnown,
    /// The database did not answer, or not in time.
    Unavailable,
    /// An error of ours.
    Broken,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Refusal::Unknown => StatusCode::UNAUTHORIZED,
            Refusal::Forbidden | Refusal::Denied(_) => StatusCode::FORBIDDEN,
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Conflict(_) => StatusCode::CONFLICT,
            Refusal::NobodyKnown | Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What programs know it by; these never change.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Refusal::Unknown => "unauthenticated",
            Refusal::Forbidden => "forbidden",
            Refusal::Denied(Denied::Missing(_)) => "permission_missing",
            Refusal::Denied(Denied::ReadOnly(_)) => "read_only",
            Refusal::NotFound => "not_found",
            Refusal::Invalid(_) => "invalid",
            Refusal::Conflict(_) => "conflict",
            Refusal::NobodyKnown => "login_unavailable",
            Refusal::Unavailable => "database_unavailable",
            Refusal::Broken => "internal",
        }
    }

    /// For somebody who was let in: with the frame of every page around it.
    pub(crate) fn within(self, visit: &Visit, format: Format) -> Response {
        match format {
            Format::Html => page::refused(visit, &self),
            Format::Json => self.problem(visit.language().into()),
        }
    }

    /// For somebody who was not.
    pub(crate) fn bare(self, app: &App, parts: &Parts, format: Format) -> Response {
        let text = Text::from(Preferences::of(parts).language);
        match format {
            Format::Html => page::refused_bare(app, parts, &self),
            Format::Json => self.problem(text),
        }
    }

    fn problem(self, text: Text) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": text.refusal_title(&self),
            "status": self.status().as_u16(),
            "code": self.code(),
            "detail": text.refusal_detail(&self),
        });
        let mut response = (self.status(), body.to_string()).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

impl IntoResponse for Refusal {
    /// A note for the door, which knows who asks and in which language.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<service::Error> for Refusal {
    fn from(error: service::Error) -> Refusal {
        match error {
            service::Error::Denied(denied) => Refusal::Denied(denied),
            service::Error::NotFound => Refusal::NotFound,
            service::Error::Invalid(why) => Refusal::Invalid(why),
            service::Error::Conflict(why) => Refusal::Conflict(why),
            service::Error::Kerrera(error) => {
                tracing::error!(%error, "the dashboard's database");
                Refusal::Unavailable
            }
        }
    }
}

/// The answer to a request whose handler panicked; the process lives.
pub(crate) fn of_a_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = text, "a page of the dashboard panicked");
    Refusal::Broken.problem(Text::default())
}

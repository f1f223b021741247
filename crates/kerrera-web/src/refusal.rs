//! Why something was not done, told to people and to programs.

use std::any::Any;

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Denied;
use crate::dashboard::App;
use crate::guard::RequestId;
use crate::page;
use crate::preferences::Preferences;
use crate::service;
use crate::text::{Said, Text};
use crate::visit::Visit;

/// In which form an answer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Html,
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
    /// It is not as they saw it any more.
    Changed,
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
            Refusal::Changed => StatusCode::PRECONDITION_FAILED,
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
            Refusal::Changed => "changed",
            Refusal::NobodyKnown => "login_unavailable",
            Refusal::Unavailable => "database_unavailable",
            Refusal::Broken => "internal",
        }
    }

    /// For somebody who was let in: with the frame of every page around it.
    pub(crate) fn within(self, visit: &Visit, format: Format) -> Response {
        match format {
            Format::Html => page::refused(visit, &self),
            Format::Json => self.problem(visit.language().into(), visit.request_id()),
        }
    }

    /// For somebody who was not.
    pub(crate) fn bare(self, app: &App, parts: &Parts, format: Format) -> Response {
        let text = Text::from(Preferences::of(parts).language);
        match format {
            Format::Html => page::refused_bare(app, parts, &self),
            Format::Json => self.problem(text, RequestId::of(parts)),
        }
    }

    fn problem(self, text: Text, request_id: Option<RequestId>) -> Response {
        let problem = Problem {
            kind: "about:blank",
            title: text.refusal_title(&self),
            status: self.status().as_u16(),
            code: self.code(),
            detail: text.refusal_detail(&self),
            request_id,
        };
        problem.into_response()
    }
}

/// Every code that a [`Problem`] can have.
pub(crate) const CODES: &[&str] = &[
    "unauthenticated",
    "forbidden",
    "permission_missing",
    "read_only",
    "not_found",
    "invalid",
    "conflict",
    "changed",
    "login_unavailable",
    "database_unavailable",
    "internal",
    "misdirected",
    "cross_site",
    "too_many_failures",
    "rejected",
];

/// Why something was not done, as RFC 9457 has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: go by the code.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What it is, in a few words, in the language that was asked for.
    #[schema(value_type = String)]
    title: Said,
    /// The status of the answer.
    status: u16,
    /// What programs go by.
    #[schema(value_type = crate::api::ProblemCode)]
    code: &'static str,
    /// What to do about it.
    #[schema(value_type = String)]
    detail: Said,
    /// By what the server's log knows the request; also in the header `x-request-id`.
    #[schema(value_type = Option<String>)]
    request_id: Option<RequestId>,
}

impl Problem {
    /// One that was found before anybody's language was known.
    pub(crate) fn early(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: &'static str,
        request_id: Option<RequestId>,
    ) -> Problem {
        let status = status.as_u16();
        let (title, detail) = (title.into(), detail.into());
        Problem { kind: "about:blank", title, status, code, detail, request_id }
    }

    /// One of which no more is known than its status.
    pub(crate) fn bare(status: StatusCode, request_id: Option<RequestId>) -> Problem {
        let title = status.canonical_reason().unwrap_or("It was not done");
        Problem::early(
            status,
            "rejected",
            title,
            "The OpenAPI document says what is there.",
            request_id,
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
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
            service::Error::Filter(unfit) => Refusal::Invalid(unfit.to_string()),
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
    Refusal::Broken.problem(Text::default(), None)
}

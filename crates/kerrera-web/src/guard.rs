//! What holds for every request and every answer, whoever asks.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderName, ORIGIN,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use serde::{Serialize, Serializer};
use tracing::Instrument as _;

use crate::api;
use crate::dashboard::{App, Options};
use crate::refusal::Problem;

/// By what a request is known, to its sender and in the log.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A request that is turned away before anybody asks whose it is.
struct Stray {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: &'static str,
}

const MISDIRECTED: Stray = Stray {
    status: StatusCode::MISDIRECTED_REQUEST,
    code: "misdirected",
    title: "Not our host",
    detail: "This server does not answer to that host.",
};

const CROSS_SITE: Stray = Stray {
    status: StatusCode::FORBIDDEN,
    code: "cross_site",
    title: "Not from here",
    detail: "This was not sent by a page of this site, so nothing was done. Open the page and use its own \
             button; a program sends a token and no cookie.",
};

/// Turns away what other sites send, and puts the headers on every answer.
pub(crate) async fn watch(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = RequestId::new(request.headers());
    request.extensions_mut().insert(id.clone());
    // Probes of load balancers ask by address, and learn nothing.
    let is_probe = request.uri().path() == "/healthz";
    let stray = if !is_probe && !is_our_host(&app.options, &request) {
        Some(MISDIRECTED)
    } else if !request.method().is_safe() && !is_from_here(request.headers()) {
        Some(CROSS_SITE)
    } else {
        None
    };
    let mut response = match stray {
        Some(stray) if api::is_path(request.uri().path()) => {
            let Stray { status, code, title, detail } = stray;
            Problem::early(status, code, title, detail, Some(id.clone())).into_response()
        }
        Some(stray) => (stray.status, format!("{}\n", stray.detail)).into_response(),
        None => {
            let span = tracing::info_span!("dashboard", request = &*id.0);
            next.run(request).instrument(span).await
        }
    };
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    let headers = response.headers_mut();
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy(&app.options)) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    if app.options.tls_only {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.append(VARY, HeaderValue::from_static("cookie, accept-language, x-fragment"));
    response
}

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl RequestId {
    /// What a proxy or the sender has given it, if that is fit to be logged; else a new one.
    fn new(headers: &HeaderMap) -> RequestId {
        let is_plain = |id: &&str| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            (1..=64).contains(&id.len()) && id.chars().all(is_plain)
        };
        match text(headers, &X_REQUEST_ID).filter(is_plain) {
            Some(id) => RequestId(id.into()),
            None => RequestId(uuid::Uuid::new_v4().to_string().into()),
        }
    }

    pub(crate) fn of(parts: &Parts) -> Option<RequestId> {
        parts.extensions.get::<RequestId>().cloned()
    }
}

/// No script, style or image but our own files; nothing inline, nothing from elsewhere.
fn policy(options: &Options) -> String {
    let ancestors = match options.frame_ancestors.as_slice() {
        [] => "'none'".to_owned(),
        origins => origins.join(" "),
    };
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    )
}

fn is_our_host(options: &Options, request: &Request) -> bool {
    let Some(hosts) = &options.hosts else { return true };
    let named =
        text(request.headers(), &HOST).or_else(|| request.uri().authority().map(Authority::as_str));
    named.is_some_and(|named| hosts.iter().any(|host| named.eq_ignore_ascii_case(host)))
}

/// Whether a request that changes something comes from one of our own pages, or from a program.
///
/// Browsers say where a request comes from, and no page can make them say otherwise. To sites without
/// TLS some do not; then the origin must be ours. A program with a token of its own sends no cookie.
fn is_from_here(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    if let Some(origin) = text(headers, &ORIGIN) {
        let host = text(headers, &HOST);
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        return authority.is_some() && authority == host;
    }
    let token = text(headers, &AUTHORIZATION).is_some_and(|value| {
        value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "))
    });
    token && !headers.contains_key(COOKIE)
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn only_our_own_pages_and_programs_with_a_token_change_something() {
        let ours: &[&[(&str, &str)]] = &[
            &[("sec-fetch-site", "same-origin")],
            &[("origin", "http://jobs.example:8080"), ("host", "jobs.example:8080")],
            &[("authorization", "Bearer secret")],
        ];
        for pairs in ours {
            assert!(is_from_here(&headers(pairs)), "{pairs:?}");
        }
        let others: &[&[(&str, &str)]] = &[
            &[],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")],
            &[("origin", "http://evil.example"), ("host", "jobs.example")],
            &[("origin", "null"), ("host", "null")],
            &[("authorization", "Bearer secret"), ("cookie", "session=1")],
            &[("authorization", "Basic dTpw")],
        ];
        for pairs in others {
            assert!(!is_from_here(&headers(pairs)), "{pairs:?}");
        }
    }
}

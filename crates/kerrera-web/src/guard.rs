//! What holds for every request and every answer, whoever asks.

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderName, ORIGIN,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::dashboard::{App, Options};

/// Turns away what other sites send, and puts the headers on every answer.
pub(crate) async fn watch(State(app): State<App>, request: Request, next: Next) -> Response {
    // Probes of load balancers ask by address, and learn nothing.
    let is_probe = request.uri().path() == "/healthz";
    let refused = if !is_probe && !is_our_host(&app.options, &request) {
        Some((StatusCode::MISDIRECTED_REQUEST, "This server does not answer to that host.\n"))
    } else if !request.method().is_safe() && !is_from_here(request.headers()) {
        let text = "This was not sent by a page of this site, so nothing was done. Open the page and \
                    use its own button.\n";
        Some((StatusCode::FORBIDDEN, text))
    } else {
        None
    };
    let mut response = match refused {
        Some(refused) => refused.into_response(),
        None => next.run(request).await,
    };
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
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.append(VARY, HeaderValue::from_static("cookie, accept-language, x-fragment"));
    response
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

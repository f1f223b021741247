//! How endpoints read what they are sent, and write what they give back.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::refusal::Refusal;
use crate::service;

/// What an endpoint gives back.
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let text = match serde_json::to_string(&self.0) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "an answer of the API cannot be written");
                return Refusal::Broken.into_response();
            }
        };
        let tag = tag_of(&text);
        let kind = HeaderValue::from_static("application/json");
        let mut response = (StatusCode::OK, [(CONTENT_TYPE, kind)], text).into_response();
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

/// Whether what is there now is what a program saw, by the `If-Match` that it sends.
///
/// # Errors
///
/// If it is another, and if nothing is said of what was seen.
pub(super) fn is_as_seen<T: Serialize>(headers: &HeaderMap, now: &T) -> Result<(), Refusal> {
    let Some(seen) = headers.get(IF_MATCH).map(HeaderValue::as_bytes) else {
        let why = "send If-Match with the ETag of what you saw, or * for whatever is there";
        return Err(Refusal::Invalid(why.to_owned()));
    };
    let text = serde_json::to_string(now).map_err(|_| Refusal::Broken)?;
    let now = tag_of(&text);
    let is_it = |seen: &[u8]| seen == b"*" || seen == now.as_bytes();
    match seen.split(|byte| *byte == b',').any(|seen| is_it(seen.trim_ascii())) {
        true => Ok(()),
        false => Err(Refusal::Changed),
    }
}

fn tag_of(text: &str) -> String {
    let hash = Sha256::digest(text);
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hash}\"")
}

/// How something stands after it was changed. What is done is done: if it cannot be shown, since the
/// caller may not see it or it is gone by now, nothing is said.
pub(super) struct After<T>(pub(super) service::Result<T>);

impl<T: Serialize> IntoResponse for After<T> {
    fn into_response(self) -> Response {
        match self.0 {
            Ok(it) => Json(it).into_response(),
            Err(_) => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

/// What stands in the path.
pub(super) struct At<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<At<T>, Refusal> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        // A number that is none is the number of nothing.
        path.map(|Path(path)| At(path)).map_err(|_| Refusal::NotFound)
    }
}

/// What stands behind the question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked<T>, Refusal> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(query)| Asked(query)).map_err(|error| Refusal::Invalid(error.body_text()))
    }
}

/// What was sent. Nothing at all is as `{}`.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Sent<T>, Refusal> {
        let is_json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|error| Refusal::Invalid(error.body_text()))?;
        if bytes.is_empty() {
            return read(b"{}");
        }
        // Forms of other sites can send text, and no JSON.
        if !is_json {
            let why = "the content type of what is sent must be application/json";
            return Err(Refusal::Invalid(why.to_owned()));
        }
        read(&bytes)
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<Sent<T>, Refusal> {
    serde_json::from_slice(bytes).map(Sent).map_err(|error| Refusal::Invalid(error.to_string()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

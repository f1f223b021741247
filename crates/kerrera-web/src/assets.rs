//! Style sheet, scripts and pictures, compiled in: nothing is fetched from elsewhere.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! asset {
    ($name:literal, $kind:expr) => {
        Asset { name: $name, kind: $kind, bytes: include_bytes!(concat!("../assets/", $name)) }
    };
}

const ASSETS: &[Asset] = &[
    asset!("kerrera.css", CSS),
    asset!("kerrera.js", JS),
    asset!("filter.js", JS),
    asset!("live.js", JS),
    asset!("keyboard.js", JS),
    asset!("idiomorph.js", JS),
    asset!("icons.svg", SVG),
    asset!("favicon.svg", SVG),
];

/// One name for all of them together: when any of them changes, browsers fetch all anew, so that a
/// page never meets the script of another version.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in ASSETS {
        hash.update(asset.bytes);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
});

/// Where one of them is.
pub(crate) fn link(base: &str, name: &str) -> String {
    format!("{base}/assets/{}/{name}", *VERSION)
}

/// Gives one of them: to anybody, since there is nothing in them but what everybody has.
pub(crate) async fn serve(Path((version, name)): Path<(String, String)>) -> Response {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    let (Some(asset), true) = (found, version == *VERSION) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = asset.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    let for_ever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, for_ever);
    response
}

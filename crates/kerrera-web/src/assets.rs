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
    asset!("dialog.js", JS),
    asset!("selection.js", JS),
    asset!("copy.js", JS),
    asset!("page.js", JS),
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn what_a_page_needs_is_small() {
        let gzipped = |asset: &Asset| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(asset.bytes).unwrap();
            encoder.finish().unwrap().len()
        };
        let sizes: Vec<(&str, usize)> =
            ASSETS.iter().map(|asset| (asset.name, gzipped(asset))).collect();
        let all: usize = sizes.iter().map(|(_, size)| size).sum();
        assert!(all <= 45 * 1024, "{all} bytes: {sizes:?}");
    }

    #[test]
    fn scripts_import_what_there_is_and_write_no_html() {
        for asset in ASSETS.iter().filter(|asset| asset.kind == JS) {
            let text = str::from_utf8(asset.bytes).unwrap();
            if asset.name == "idiomorph.js" {
                continue;
            }
            for (_, rest) in text.match_indices("from \"./").map(|(at, _)| text.split_at(at)) {
                let name = rest.trim_start_matches("from \"./").split('"').next().unwrap();
                assert!(ASSETS.iter().any(|asset| asset.name == name), "{name} in {}", asset.name);
            }
            for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "new Function"] {
                assert!(!text.contains(word), "{word} in {}", asset.name);
            }
        }
    }
}

//! What a browser has to fetch for a page, and that there is nothing in the page that only a lax policy would let
//! run.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;

use super::*;

/// Gzipped scripts, styles and icons of a page without charts, in bytes.
const MOST: usize = 45 * 1024;
/// Those of a page with charts.
const MOST_WITH_CHARTS: usize = 70 * 1024;

/// A page that there is, with something in it.
async fn pages() -> (Router, Vec<(String, String)>) {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    let job = kerrera::NewJob::of("Some", serde_json::json!({ "some": 7 })).queue("some");
    client.insert(job.clone()).await.unwrap();
    client.add_cron(kerrera::Cron::new("@daily", job).name("some")).await.unwrap();
    client.queue("some").reason("some").pause().await.unwrap();
    let router = Dashboard::new(ByHeader).instance("main", client).router::<()>();
    let mut pages = Vec::new();
    for route in table() {
        if route.method == Method::GET && route.format == Format::Html && route.path != "/events" {
            let path = filled(&route);
            let (is_page, body) = get(&router, &path, false).await;
            if is_page {
                pages.push((path, String::from_utf8(body).unwrap()));
            }
        }
    }
    (router, pages)
}

/// Whether it is HTML, and what came over the wire.
async fn get(router: &Router, path: &str, gzipped: bool) -> (bool, Vec<u8>) {
    let mut request = Request::get(path).header("x-may", "all");
    if gzipped {
        request = request.header(header::ACCEPT_ENCODING, "gzip");
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let is_html = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("text/html")));
    (is_html, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

/// The tags of a page, each with its attributes; what is text or a value has no `<` in it.
fn tags(html: &str) -> impl Iterator<Item = (&str, Vec<(&str, &str)>)> {
    html.split('<').skip(1).filter_map(|rest| {
        let inner = rest.split('>').next()?;
        let (name, mut rest) = inner.split_once(' ').unwrap_or((inner, ""));
        let mut attributes = Vec::new();
        while !rest.trim().is_empty() {
            let (name, after) = rest.split_at(rest.find(['=', ' ']).unwrap_or(rest.len()));
            let (value, after) = match after.strip_prefix("=\"") {
                Some(value) => value.split_once('"')?,
                None => ("", after),
            };
            attributes.push((name, value));
            rest = after.trim_start();
        }
        Some((name, attributes))
    })
}

#[tokio::test]
async fn every_page_is_light() {
    let (router, pages) = pages().await;
    let mut sizes = BTreeMap::new();
    for (path, html) in &pages {
        let mut open: Vec<String> = tags(html)
            .flat_map(|(_, attributes)| attributes)
            .filter(|(name, value)| ["src", "href"].contains(name) && value.contains("/assets/"))
            .map(|(_, value)| value.split('#').next().unwrap_or(value).to_owned())
            .collect();
        let mut fetched = BTreeSet::new();
        let mut all = 0;
        while let Some(asset) = open.pop() {
            if !fetched.insert(asset.clone()) {
                continue;
            }
            if !sizes.contains_key(&asset) {
                let (_, text) = get(&router, &asset, false).await;
                let (_, gzipped) = get(&router, &asset, true).await;
                let text = String::from_utf8(text).unwrap();
                let folder = asset.rsplit_once('/').unwrap().0;
                let imports =
                    text.match_indices("from \"./").map(|(at, from)| &text[at + from.len()..]);
                let imports = imports.chain(
                    text.match_indices("import \"./").map(|(at, from)| &text[at + from.len()..]),
                );
                let imports: Vec<String> = imports
                    .map(|rest| format!("{folder}/{}", rest.split('"').next().unwrap()))
                    .collect();
                sizes.insert(asset.clone(), (gzipped.len(), imports));
            }
            let (size, imports) = &sizes[&asset];
            all += size;
            open.extend(imports.iter().cloned());
        }
        let most = if html.contains("class=\"charts\"") { MOST_WITH_CHARTS } else { MOST };
        assert!(all <= most, "{path}: {all} bytes: {sizes:?}");
        assert!(fetched.len() > 8, "{path} needs styles, icons and scripts: {fetched:?}");
    }
    assert!(pages.iter().any(|(_, html)| html.contains("class=\"charts\"")));
}

#[tokio::test]
async fn no_page_has_a_style_or_a_script_in_it() {
    let (_, pages) = pages().await;
    assert!(pages.len() >= 40, "{}", pages.len());
    for (path, html) in &pages {
        for (tag, attributes) in tags(html) {
            assert_ne!(tag, "style", "{path}");
            let names: Vec<&str> = attributes.iter().map(|(name, _)| *name).collect();
            assert!(tag != "script" || names.contains(&"src"), "{path}: a script");
            for (name, value) in &attributes {
                assert!(*name != "style" && !name.starts_with("on"), "{path}: {name}={value}");
                assert!(!value.trim_start().starts_with("javascript:"), "{path}: {name}={value}");
            }
            let known: BTreeSet<&&str> = names.iter().collect();
            assert_eq!(
                known.len(),
                names.len(),
                "{path}: the browser takes one of two: {tag} {attributes:?}"
            );
        }
    }
}

//! Every address, asked by everybody who should not have it.

mod hostile;
mod weight;

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use kerrera::Client;
use tower::ServiceExt as _;

use super::*;
use crate::LiveUpdates;
use crate::access::{Access, AccessError, Actor, Grant, Permissions, Scope};
use crate::dashboard::Dashboard;

/// Lets in whom the header `x-may` names: `nobody`, or a list of permissions.
struct ByHeader;

impl Access for ByHeader {
    type User = Arc<str>;

    async fn user(&self, request: &Parts) -> Result<Option<Arc<str>>, AccessError> {
        let may = request.headers.get("x-may").and_then(|value| value.to_str().ok());
        match may {
            Some("broken") => Err(AccessError::new("the identities do not answer")),
            may => Ok(may.map(Arc::from)),
        }
    }

    fn grant(&self, user: Option<&Arc<str>>, _: &str) -> Grant {
        let Some(user) = user else { return Grant::Forbidden };
        match &**user {
            "nothing" => Grant::Forbidden,
            "login" => Grant::Redirect("/login".to_owned()),
            "all" => Grant::All,
            list => Grant::Only(list.split(',').filter_map(|name| name.parse().ok()).collect()),
        }
    }

    fn actor(&self, user: &Arc<str>) -> Actor {
        Actor::new("7", &**user)
    }

    fn can_see(&self, _: Option<&Arc<str>>, scope: Scope<'_>) -> bool {
        !matches!(scope, Scope::Queue("hidden") | Scope::Worker("Hidden") | Scope::Cron("hidden"))
    }
}

async fn dashboard() -> Dashboard {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    Dashboard::new(ByHeader).instance("main", client)
}

fn table() -> Vec<Route> {
    let app = App {
        access: crate::access::erase(ByHeader),
        instances: Arc::new([]),
        options: Arc::default(),
        live: LiveUpdates::default(),
    };
    all(&app).table().to_vec()
}

/// A path with something in the place of each name.
fn filled(route: &Route) -> String {
    let parts = route.path.split('/').map(|part| match part {
        "{id}" | "{number}" => "1",
        part if part.starts_with('{') => "some",
        part => part,
    });
    let prefix = match route.format {
        Format::Html => "/i/main",
        Format::Json => "/api/v1/i/main",
    };
    format!("{prefix}{}", parts.collect::<Vec<_>>().join("/"))
}

async fn ask(dashboard: Dashboard, request: Request<Body>) -> Response {
    dashboard.router::<()>().oneshot(request).await.unwrap()
}

fn request(route: &Route, may: &str) -> Request<Body> {
    let mut request = Request::builder().method(&route.method).uri(filled(route));
    if !may.is_empty() {
        request = request.header("x-may", may);
    }
    if route.method != Method::GET {
        request = request.header("sec-fetch-site", "same-origin");
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn nobody_is_let_in_who_is_not_known() {
    for route in table() {
        let cases = [
            ("", StatusCode::UNAUTHORIZED),
            ("nothing", StatusCode::FORBIDDEN),
            ("broken", StatusCode::SERVICE_UNAVAILABLE),
        ];
        for (may, expected) in cases {
            let response = ask(dashboard().await, request(&route, may)).await;
            assert_eq!(response.status(), expected, "{may:?} {} {}", route.method, route.path);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8_lossy(&body);
            assert!(!body.contains("<nav"), "there is no menu for strangers: {}", route.path);
        }
    }
}

#[tokio::test]
async fn every_address_needs_its_permission() {
    for route in table() {
        let others = Permissions::all().without(route.needs).to_string().replace(' ', "");
        let response = ask(dashboard().await, request(&route, &others)).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{} {}", route.method, route.path);

        let response = ask(dashboard().await, request(&route, "all")).await;
        let status = response.status();
        assert!(
            status != StatusCode::FORBIDDEN
                && status != StatusCode::UNAUTHORIZED
                && !status.is_server_error(),
            "{status}: {} {}",
            route.method,
            route.path
        );
    }
}

#[tokio::test]
async fn actions_need_more_than_to_see_and_come_from_here() {
    for route in table() {
        if route.method == Method::GET {
            continue;
        }
        assert!(!route.needs.is_view(), "{} changes something", route.path);
        let mut foreign = request(&route, "all");
        foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
        let response = ask(dashboard().await, foreign).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{}", route.path);

        let response = ask(dashboard().await.read_only(true), request(&route, "all")).await;
        let status = response.status();
        let gone = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
        assert!(gone.contains(&status), "{status}: {} is not there", route.path);
    }
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let paths =
        ["/", "/healthz", "/i/main", "/i/main/nothing", "/i/other", "/assets/0/kerrera.css"];
    for (path, may) in paths.iter().flat_map(|path| [(path, "all"), (path, "")]) {
        let mut request = Request::builder().uri(*path);
        if !may.is_empty() {
            request = request.header("x-may", may);
        }
        let response = ask(dashboard().await, request.body(Body::empty()).unwrap()).await;
        let headers = response.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{path}");
        assert!(!headers.contains_key(header::SERVER), "{path}");
    }
}

#[tokio::test]
async fn links_go_where_it_is_mounted() {
    for base in ["", "/jobs", "/admin/jobs"] {
        let router = dashboard().await.router::<()>();
        let app = match base {
            "" => router,
            base => Router::new().nest(base, router),
        };
        let request = Request::builder().uri(format!("{base}/i/main")).header("x-may", "all");
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{base}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        for attribute in body
            .split(['\n', ' '])
            .filter(|word| word.starts_with("href=\"") || word.starts_with("action=\""))
        {
            let target = attribute.split('"').nth(1).unwrap();
            let ours = target.starts_with('#') || target.starts_with(&format!("{base}/"));
            assert!(ours, "{base}: {target}");
        }
    }
}

#[tokio::test]
async fn other_hosts_are_turned_away() {
    for (host, expected) in
        [("jobs.example", StatusCode::OK), ("evil.example", StatusCode::MISDIRECTED_REQUEST)]
    {
        let request = Request::builder().uri("/i/main").header("host", host).header("x-may", "all");
        let dashboard = dashboard().await.hosts(["jobs.example"]);
        let response = ask(dashboard, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), expected, "{host}");
    }
}

#[test]
fn a_browser_looks_at_every_page() {
    let listed = include_str!("../../../../e2e/pages.json");
    let listed: Vec<serde_json::Value> = serde_json::from_str(listed).unwrap();
    let mut listed: Vec<&str> = listed.iter().filter_map(|page| page["route"].as_str()).collect();
    let table = table();
    let is_page = |route: &&Route| {
        route.method == Method::GET
            && route.format == Format::Html
            && !NO_PAGES.contains(&route.path.as_str())
    };
    let mut routes: Vec<&str> = table.iter().filter(is_page).map(|route| &*route.path).collect();
    listed.sort_unstable();
    listed.dedup();
    routes.sort_unstable();
    assert_eq!(listed, routes, "e2e/pages.json has an entry for every page that there is");
}

/// What is fetched like a page and is none.
const NO_PAGES: &[&str] = &["/events", "/jobs/suggest", "/audit/export"];

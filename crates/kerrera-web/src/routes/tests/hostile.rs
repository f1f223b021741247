//! What people who mean no good send, and what they must not get.

use serde_json::json;

use super::*;

/// A text that runs as a script, ends an attribute, forges a header or a line, wherever it is not taken for
/// text.
const HOSTILE: &str =
    "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}\u{1b}[31m\r\nset-cookie: a=b";

fn get_as_all(path: &str) -> Request<Body> {
    Request::get(path).header("x-may", "all").body(Body::empty()).unwrap()
}

async fn body(response: Response) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&body).into_owned()
}

#[tokio::test]
async fn what_is_hostile_is_text_on_every_page() {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    // Control characters are refused in names.
    let name = HOSTILE.split('\u{1b}').next().unwrap();
    let args = json!({ HOSTILE: HOSTILE });
    let job = kerrera::NewJob::of(name, args.clone()).queue(name).tags([name]).meta(args);
    let id = client.insert(job.clone()).await.unwrap().job().id;
    client.add_cron(kerrera::Cron::new("@daily", job).name(name)).await.unwrap();
    let somebody = kerrera::audit::Actor::new(name).label(HOSTILE);
    client
        .acting(somebody)
        .queue(name)
        .node(name.replace(' ', "/"))
        .reason(HOSTILE)
        .pause()
        .await
        .unwrap();
    let router = Dashboard::new(ByHeader).instance("main", client).router::<()>();
    let escaped = crate::links::escape(name);
    let mut shown = 0;
    for route in
        table().iter().filter(|route| route.method == Method::GET && route.path != "/events")
    {
        let path = filled(route).replace("some", &escaped).replace("/1", &format!("/{id}"));
        for path in [
            path.clone(),
            format!("{path}?q={escaped}&done={escaped}&order={escaped}&at={escaped}"),
        ] {
            let response = router.clone().oneshot(get_as_all(&path)).await.unwrap();
            let headers = format!("{:?}", response.headers());
            assert!(!headers.contains("a=b"), "{path}: {headers}");
            assert!(!response.status().is_server_error(), "{path}");
            let is_page = headers.contains("text/html");
            assert!(is_page || !headers.contains("html"), "{path}: {headers}");
            if is_page {
                let body = body(response).await;
                assert!(!body.contains("<img") && !body.contains("<script>"), "{path}: {body}");
                assert!(!body.contains("\"'>"), "{path}: {body}");
                shown += body.matches("&lt;img src=x").count();
            }
        }
    }
    assert!(shown > 20, "it is shown, as what it is: {shown}");
}

#[tokio::test]
async fn nothing_is_served_but_what_was_compiled_in() {
    let steps = [
        "..",
        "%2e%2e",
        "%2E.",
        "..%2f",
        "%2e%2e%2f",
        "..%5c",
        "%252e%252e",
        "....",
        "%c0%ae%c0%ae",
        ".%00.",
    ];
    let ends = ["etc/passwd", "Cargo.toml", "src/lib.rs", "kerrera.css", "%2fetc%2fpasswd"];
    let router = dashboard().await.router::<()>();
    let mut asked = 0;
    for step in steps {
        for end in ends {
            for path in [
                format!("/assets/{step}/{end}"),
                format!("/assets/0/{step}"),
                format!("/assets/0/{step}{end}"),
                format!("/assets/{step}{step}/{end}"),
            ] {
                let Ok(uri) = path.parse::<axum::http::Uri>() else { continue };
                let response = router.clone().oneshot(get_as_all(&uri.to_string())).await.unwrap();
                let status = response.status();
                let is_nothing =
                    status == StatusCode::NOT_FOUND || status == StatusCode::BAD_REQUEST;
                assert!(is_nothing, "{status}: {path}");
                asked += 1;
            }
        }
    }
    assert!(asked >= 200, "{asked}");
}

#[tokio::test]
async fn other_sites_change_nothing_and_read_nothing() {
    let router = dashboard().await.router::<()>();
    let sites: [&[(&str, &str)]; 8] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        &[("origin", "https://evil.example"), ("host", "jobs.example")],
        &[("origin", "null")],
        &[("authorization", "Bearer x"), ("cookie", "a=b")],
    ];
    let kinds = [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/plain",
        "application/json",
        "",
    ];
    let paths = ["/i/main/queues/pause", "/api/v1/i/main/jobs", "/preferences"];
    for (site, kind) in sites.iter().flat_map(|site| kinds.iter().map(move |kind| (site, kind))) {
        for path in paths {
            let mut request = Request::post(path).header("x-may", "all");
            for (name, value) in site.iter().chain([&(header::CONTENT_TYPE.as_str(), *kind)]) {
                request = request.header(*name, *value);
            }
            let response =
                router.clone().oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path} {site:?} {kind}");
        }
    }
    for method in [Method::GET, Method::OPTIONS] {
        let request = Request::builder().method(method).uri("/api/v1/i/main/features");
        let request = request.header("x-may", "all").header("origin", "https://evil.example");
        let request = request.header("access-control-request-method", "POST").body(Body::empty());
        let response = router.clone().oneshot(request.unwrap()).await.unwrap();
        let headers = format!("{:?}", response.headers());
        assert!(!headers.contains("access-control") && !headers.contains("evil"), "{headers}");
    }
    let trace = Request::builder().method(Method::TRACE).uri("/i/main").header("x-may", "all");
    let trace = router.clone().oneshot(trace.body(Body::empty()).unwrap()).await.unwrap();
    assert!(trace.status().is_client_error(), "{}", trace.status());
}

#[tokio::test]
async fn a_database_that_fails_is_told_of_without_a_word_of_it() {
    let folder = tempfile::Builder::new().prefix("canary").tempdir().unwrap();
    let sqlite = kerrera::sqlite::Sqlite::open(folder.path().join("jobs.db")).unwrap();
    let client = Client::connect(sqlite.clone()).await.unwrap();
    sqlite.close().await.unwrap();
    let router = Dashboard::new(ByHeader).instance("main", client).router::<()>();
    for route in table().iter().filter(|route| route.path != "/events") {
        let response = router.clone().oneshot(request(route, "all")).await.unwrap();
        let status = response.status();
        let named = format!("{} {} {status}", route.method, route.path);
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{named}");
        let body = body(response).await;
        for word in ["canary", "jobs.db", "SELECT", "oban_jobs", "sqlite", "panicked"] {
            assert!(!body.contains(word), "{named}: {word} in {body}");
        }
    }
}

/// Panics for whoever asks as `panic`.
struct Panics;

impl Access for Panics {
    type User = ();

    async fn user(&self, request: &Parts) -> Result<Option<()>, AccessError> {
        assert!(!request.headers.contains_key("x-panic"), "canary");
        Ok(Some(()))
    }

    fn grant(&self, _: Option<&()>, _: &str) -> Grant {
        Grant::All
    }

    fn actor(&self, (): &()) -> Actor {
        Actor::new("7", "ada")
    }
}

#[tokio::test]
async fn a_panic_is_an_error_of_one_request() {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    let router = Dashboard::new(Panics).instance("main", client).router::<()>();
    let request = Request::get("/i/main").header("x-panic", "1").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!body(response).await.contains("canary"));
    let again = Request::get("/i/main").body(Body::empty()).unwrap();
    assert_eq!(router.oneshot(again).await.unwrap().status(), StatusCode::OK, "the process lives");
}

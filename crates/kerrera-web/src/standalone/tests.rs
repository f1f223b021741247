//! The server, as browsers, programs, proxies and guessers meet it.

use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::Role;

const PASSWORD: &str = "correct horse battery";

/// A server that runs, and what was told of it.
struct Running {
    address: SocketAddr,
    secret: Option<String>,
    end: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    folder: TempDir,
    client: Client,
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: String,
}

async fn client() -> Client {
    Client::connect("sqlite::memory:").await.unwrap()
}

async fn start(build: impl FnOnce(Standalone, PathBuf) -> Standalone) -> Running {
    let folder = tempfile::tempdir().unwrap();
    UsersFile::add(folder.path().join("users"), "ada", Role::Operator, PASSWORD).unwrap();
    let client = client().await;
    let standalone = Standalone::new().instance("main", client.clone());
    let standalone = standalone.bind("127.0.0.1:0".parse().unwrap());
    let server = build(standalone, folder.path().to_owned()).start().await.unwrap();
    let (end, ended) = oneshot::channel();
    let secret = server.secret().map(|secret| secret.reveal().to_owned());
    let address = server.address();
    let serving = tokio::spawn(server.serve(async move {
        let _ = ended.await;
    }));
    Running { address, secret, end: Some(end), serving, folder, client }
}

async fn with_users() -> Running {
    start(|standalone, folder| standalone.users(UsersFile::open(folder.join("users")).unwrap()))
        .await
}

impl Running {
    async fn ask(&self, request: axum::http::request::Builder, body: &str) -> Answer {
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let path = request.uri().path_and_query().unwrap().clone();
        *request.uri_mut() = format!("http://{}{path}", self.address).parse().unwrap();
        let http: Http<_, Body> = Http::builder(TokioExecutor::new()).build_http();
        let response: Response<Incoming> = http.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask(Request::get(path).header(header::COOKIE, cookie), "").await
    }

    async fn api(&self, token: &str) -> StatusCode {
        let token = format!("Bearer {token}");
        let request = Request::get("/api/v1/i/main/features").header(header::AUTHORIZATION, token);
        self.ask(request, "").await.status
    }

    async fn log_in(&self, name: &str, password: &str, return_to: &str) -> Answer {
        let escape = crate::links::escape;
        let body = format!(
            "name={}&password={}&return_to={}",
            escape(name),
            escape(password),
            escape(return_to)
        );
        self.ask(form("/login"), &body).await
    }
}

fn form(path: &str) -> axum::http::request::Builder {
    let request = Request::builder().method(Method::POST).uri(path);
    let request = request.header("sec-fetch-site", "same-origin");
    request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

impl Answer {
    fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// The cookie that was set, as a browser sends it back.
    fn cookie(&self) -> String {
        let set = self.headers[header::SET_COOKIE].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn without_a_login_the_token_of_the_run_opens_it() {
    let server = start(|standalone, _| standalone).await;
    let secret = server.secret.clone().unwrap();
    let answer = server.get("/i/main?a=b", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), "/login?return_to=%2Fi%2Fmain%3Fa%3Db");
    let answer = server.get(answer.location(), "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("Token") && !answer.body.contains("<nav"), "{}", answer.body);
    assert!(!answer.body.contains(&secret));

    let answer = server.log_in("", "kerrera_no", "/i/main").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(!answer.headers.contains_key(header::SET_COOKIE));
    let answer = server.log_in("", &secret, "/i/main?a=b").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/i/main?a=b"));
    assert!(!answer.location().contains(&secret));
    let page = server.get("/i/main", &answer.cookie()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("action=\"/logout\""), "{}", page.body);
}

#[tokio::test]
async fn nothing_but_the_health_and_the_login_is_open() {
    let server = with_users().await;
    for path in ["/", "/i/main", "/i/main/settings", "/i/other"] {
        let answer = server.get(path, "kerrera-session-1=x; kerrera=theme:dark").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.location().starts_with("/login"), "{path}");
    }
    for path in ["/nothing", "/api/v1/i/main/features", "/api/openapi.json", "/metrics"] {
        let status = server.get(path, "").await.status;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(server.get("/healthz", "").await.body, "ok\n");
    ask_health(server.address).await.unwrap();
}

#[tokio::test]
async fn a_session_begins_with_a_login_and_ends_with_a_logout() {
    let server = with_users().await;
    assert!(server.secret.is_none(), "who has users needs no token");
    let first = server.log_in("ada", PASSWORD, "https://evil.example/").await;
    assert_eq!(first.location(), "/", "nobody is sent elsewhere");
    let set = first.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    let page = server.get("/i/main", &first.cookie()).await;
    assert!(page.body.contains("ada"), "{}", page.body);
    assert_eq!(server.get("/login", &first.cookie()).await.location(), "/");

    let login = form("/login").header(header::COOKIE, first.cookie());
    let body = format!("name=ada&password={}", PASSWORD.replace(' ', "+"));
    let second = server.ask(login, &body).await;
    assert_ne!(first.cookie(), second.cookie(), "a login makes a new session");
    let status = |answer: Answer| answer.status;
    assert_eq!(status(server.get("/i/main", &first.cookie()).await), StatusCode::SEE_OTHER);
    assert_eq!(status(server.get("/i/main", &second.cookie()).await), StatusCode::OK);

    let foreign = Request::post("/logout")
        .header("sec-fetch-site", "cross-site")
        .header(header::COOKIE, second.cookie());
    assert_eq!(status(server.ask(foreign, "").await), StatusCode::FORBIDDEN);
    let out = server.ask(form("/logout").header(header::COOKIE, second.cookie()), "").await;
    assert!(out.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(status(server.get("/i/main", &second.cookie()).await), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn who_is_removed_or_has_another_password_is_out() {
    let server = with_users().await;
    let users = server.folder.path().join("users");
    let cookie = server.log_in("ada", PASSWORD, "").await.cookie();
    assert_eq!(server.get("/i/main", &cookie).await.status, StatusCode::OK);
    UsersFile::add(&users, "ada", Role::Operator, "another long password").unwrap();
    assert_eq!(server.get("/i/main", &cookie).await.status, StatusCode::SEE_OTHER);
    let cookie = server.log_in("ada", "another long password", "").await.cookie();
    UsersFile::remove(&users, "ada").unwrap();
    assert_eq!(server.get("/i/main", &cookie).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn who_comes_goes_or_is_turned_away_is_written_down_without_what_they_typed() {
    let server = with_users().await;
    server.log_in("ada", "a wrong password", "").await;
    server.log_in("my secret password", "ada", "").await;
    server.api("kerrera_stolen").await;
    let cookie = server.log_in("ada", PASSWORD, "").await.cookie();
    server.ask(form("/logout").header(header::COOKIE, &cookie), "").await;
    server.ask(form("/logout").header(header::COOKIE, &cookie), "").await;

    let told = server.client.audit(kerrera::audit::AuditQuery::new()).await.unwrap();
    let lines: Vec<_> = told
        .iter()
        .rev()
        .map(|record| {
            let entry = &record.entry;
            (entry.action.as_str(), entry.actor.id.as_str(), entry.outcome.as_str())
        })
        .collect();
    let expected = [
        ("login", "user:ada", "refused"),
        ("login", "unknown", "refused"),
        ("token", "unknown", "refused"),
        ("login", "user:ada", "done"),
        ("logout", "user:ada", "done"),
    ];
    assert_eq!(lines, expected);
    let from = |record: &kerrera::audit::AuditRecord| record.entry.actor.remote_ip.clone();
    assert!(told.iter().all(|record| from(record).as_deref() == Some("127.0.0.1")), "{told:?}");
    let all = format!("{told:?}");
    for typed in [PASSWORD, "wrong password", "my secret", "stolen", &cookie] {
        assert!(!all.contains(typed), "{typed}: {all}");
    }
}

#[tokio::test]
async fn a_server_that_serves_no_action_writes_nothing_down() {
    let server = start(|standalone, _| standalone.read_only(true)).await;
    server.log_in("", "kerrera_guess", "").await;
    let secret = server.secret.clone().unwrap();
    assert_eq!(server.log_in("", &secret, "").await.status, StatusCode::SEE_OTHER);
    assert!(server.client.audit(kerrera::audit::AuditQuery::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn guessers_have_to_wait() {
    let server = start(|standalone, _| standalone).await;
    let secret = server.secret.clone().unwrap();
    for _ in 0..throttle::FAILURES {
        let status = server.log_in("", "kerrera_guess", "").await.status;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let answer = server.log_in("", &secret, "").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "even with the right one");
    let wait: u64 = answer.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(server.api("kerrera_guess").await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn tokens_open_the_api_and_no_page() {
    let server = start(|standalone, folder| {
        TokensFile::add(folder.join("tokens"), "ci", "viewer", None).unwrap();
        standalone.tokens(TokensFile::open(folder.join("tokens")).unwrap())
    })
    .await;
    let path = server.folder.path().join("tokens");
    let token = TokensFile::add(path, "ci", "viewer", None).unwrap();
    let authorization = format!("Bearer {}", token.reveal());
    let page = Request::get("/i/main").header(header::AUTHORIZATION, &authorization);
    assert_eq!(server.ask(page, "").await.status, StatusCode::SEE_OTHER, "pages are for people");
    assert_ne!(server.api(token.reveal()).await, StatusCode::UNAUTHORIZED);
    for _ in 0..throttle::FAILURES {
        assert_eq!(server.api("kerrera_guess").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(server.api(token.reveal()).await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_header_names_somebody_only_if_a_trusted_proxy_sends_it() {
    for (network, expected) in
        [("127.0.0.0/8", StatusCode::OK), ("10.0.0.0/8", StatusCode::UNAUTHORIZED)]
    {
        let server = start(|standalone, _| {
            standalone
                .trusted_header(TrustedHeader::new("x-remote-user", Role::Viewer).unwrap())
                .trusted_proxies([network.parse().unwrap()])
        })
        .await;
        let request = Request::get("/i/main").header("x-remote-user", "eve");
        assert_eq!(server.ask(request, "").await.status, expected, "{network}");
        assert_eq!(server.get("/i/main", "").await.status, StatusCode::UNAUTHORIZED, "{network}");
    }
}

#[tokio::test]
async fn it_answers_to_its_own_names_only() {
    let server = start(|standalone, _| standalone.hosts(["jobs.example"])).await;
    let port = server.address.port();
    for (host, expected) in [
        ("jobs.example".to_owned(), StatusCode::OK),
        (format!("localhost:{port}"), StatusCode::OK),
        ("evil.example".to_owned(), StatusCode::MISDIRECTED_REQUEST),
        (format!("evil.example:{port}"), StatusCode::MISDIRECTED_REQUEST),
    ] {
        let request = Request::get("/login").header(header::HOST, &host);
        assert_eq!(server.ask(request, "").await.status, expected, "{host}");
    }
}

#[tokio::test]
async fn behind_tls_the_cookie_is_bound_to_the_host() {
    let server = start(|standalone, _| standalone.behind_tls_proxy(true)).await;
    let answer = server.log_in("", server.secret.as_ref().unwrap(), "").await;
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("__Host-") && set.contains("; Secure"), "{set}");
    let login = server.get("/login", "").await;
    assert!(login.headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
}

#[tokio::test]
async fn what_is_too_large_is_turned_away() {
    let server = start(|standalone, _| standalone).await;
    let long = Request::get("/login").header("x-long", "x".repeat(20_000));
    assert_eq!(server.ask(long, "").await.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let token = format!("Bearer {}", server.secret.as_ref().unwrap());
    let api = |path: &str| Request::builder().uri(path).header(header::AUTHORIZATION, &token);
    let large = api("/api/v1/i/main/jobs").method(Method::POST);
    let large = large.header(header::CONTENT_TYPE, "application/json");
    let body = format!("{{\"worker\": \"{}\"}}", "x".repeat(1024 * 1024));
    let answer = server.ask(large, &body).await;
    assert!(answer.status.is_client_error(), "{}: {}", answer.status, answer.body);
    for limit in ["9223372036854775808", "-1", "501", "1e9"] {
        let answer = server.ask(api(&format!("/api/v1/i/main/jobs?limit={limit}")), "").await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{limit}");
    }
}

#[tokio::test]
async fn it_lies_below_a_path_whether_or_not_a_proxy_takes_that_off() {
    let server = start(|standalone, _| standalone.base_path("/ops/jobs/")).await;
    for path in ["/ops/jobs/i/main", "/i/main"] {
        let answer = server.get(path, "").await;
        let expected = "/ops/jobs/login?return_to=%2Fops%2Fjobs%2Fi%2Fmain";
        assert_eq!(answer.location(), expected, "{path}");
    }
    let login = server.get("/ops/jobs/login", "").await.body;
    assert!(login.contains("action=\"/ops/jobs/login\""), "{login}");
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let mut server = start(|standalone, _| standalone).await;
    assert_eq!(server.get("/healthz", "").await.status, StatusCode::OK);
    server.end.take().unwrap().send(()).unwrap();
    server.serving.await.unwrap();
    assert!(ask_health(server.address).await.is_err());
}

#[tokio::test]
async fn it_does_not_open_to_other_machines_by_itself() {
    let standalone = Standalone::new().instance("main", client().await);
    let error = standalone.bind("0.0.0.0:0".parse().unwrap()).start().await.unwrap_err();
    assert!(matches!(error, Error::Exposed(Exposed::NoLogin)), "{error}");
    let error = Standalone::new().start().await.unwrap_err();
    assert!(matches!(error, Error::NoDatabase), "{error}");
}

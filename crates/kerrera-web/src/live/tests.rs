use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt as _;
use kerrera::{Client, NewJob};
use serde_json::json;
use tower::ServiceExt as _;

use super::*;
use crate::access::{Access, AccessError, Actor, Grant};
use crate::dashboard::Dashboard;

struct Somebody;

impl Access for Somebody {
    type User = ();

    async fn user(&self, _: &axum::http::request::Parts) -> Result<Option<()>, AccessError> {
        Ok(Some(()))
    }

    fn grant(&self, _: Option<&()>, _: &str) -> Grant {
        Grant::All
    }

    fn actor(&self, (): &()) -> Actor {
        Actor::new("1", "ada")
    }

    fn can_see(&self, _: Option<&()>, scope: Scope<'_>) -> bool {
        scope != Scope::Queue("hidden")
    }
}

struct Site {
    client: Client,
    live: LiveUpdates,
    router: Router,
}

impl Site {
    async fn new() -> Site {
        let client = Client::connect("sqlite::memory:").await.unwrap();
        let dashboard = Dashboard::new(Somebody).instance("main", client.clone());
        Site { client, live: dashboard.live_updates(), router: dashboard.router() }
    }

    async fn open(&self, told: Option<&str>) -> Response {
        let mut request = Request::get("/i/main/events");
        if let Some(told) = told {
            request = request.header("last-event-id", told);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn listen(&self, told: Option<&str>) -> BodyDataStream {
        self.open(told).await.into_body().into_data_stream()
    }

    fn watcher(&self) -> Weak<Watcher> {
        let watchers = self.live.0.watchers.lock().unwrap();
        assert_eq!(watchers.len(), 1);
        watchers["main"].clone()
    }

    async fn insert(&self, queue: &str) {
        self.client.insert(NewJob::of("Mailer", json!({})).queue(queue)).await.unwrap();
    }
}

/// The next event; `None` at the end.
async fn event(stream: &mut BodyDataStream) -> Option<String> {
    let bytes = stream.next().await?.unwrap();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

fn id(event: &str) -> &str {
    event.lines().find_map(|line| line.strip_prefix("id: ")).unwrap()
}

#[tokio::test]
async fn whoever_listens_hears_that_something_has_changed_and_not_what() {
    let site = Site::new().await;
    let response = site.open(None).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(!response.headers().contains_key("content-encoding"));

    let mut stream = response.into_body().into_data_stream();
    let hello = event(&mut stream).await.unwrap();
    assert!(hello.contains("event: hello"), "{hello}");
    let first: u64 = id(&hello).parse().unwrap();
    let mut seen = site.watcher().upgrade().unwrap().seen();
    seen.wait_for(Seen::has_begun).await.unwrap();
    // What is hidden is a change, and is not told of.
    site.insert("hidden").await;
    seen.wait_for(|seen| seen.number() == first + 1).await.unwrap();
    site.insert("mail").await;
    let hint = event(&mut stream).await.unwrap();
    assert!(hint.contains("event: changed") && hint.contains("data: jobs"), "{hint}");
    assert_eq!(id(&hint), (first + 2).to_string(), "the hidden job was the first change");
}

#[tokio::test]
async fn who_comes_back_hears_what_was_missed() {
    let site = Site::new().await;
    let mut stream = site.listen(Some("7")).await;
    event(&mut stream).await.unwrap();
    let missed = event(&mut stream).await.unwrap();
    assert!(missed.contains("data: jobs queues nodes"), "{missed}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_beats_and_lasts_a_minute() {
    let site = Site::new().await;
    let mut stream = site.listen(None).await;
    let mut beats = 0;
    event(&mut stream).await.unwrap();
    while let Some(event) = event(&mut stream).await {
        assert!(event.starts_with(':'), "{event}");
        beats += 1;
    }
    assert_eq!(beats, 3);
}

#[tokio::test]
async fn streams_end_when_they_are_told_to() {
    let site = Site::new().await;
    let mut stream = site.listen(None).await;
    event(&mut stream).await.unwrap();
    assert_eq!(site.live.streams(), 1);
    site.live.end();
    assert!(event(&mut stream).await.unwrap().contains("event: bye"));
    assert!(event(&mut stream).await.is_none());
    drop(stream);
    assert_eq!(site.live.streams(), 0);
    assert_eq!(site.open(None).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_201st_is_turned_away_and_one_watcher_serves_all() {
    let site = Site::new().await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(site.listen(None).await);
    }
    let refused = site.open(None).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    let watcher = site.watcher();
    assert_eq!(watcher.strong_count(), STREAMS);
    drop(streams);
    assert_eq!(watcher.strong_count(), 0, "nobody looks for nobody");
    assert_eq!(site.open(None).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_server_stops_although_somebody_listens() {
    let site = Site::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (live, stop) = (site.live.clone(), Arc::new(tokio::sync::Notify::new()));
    let stopping = stop.clone();
    let server = tokio::spawn(async move {
        let stopped = async move {
            stopping.notified().await;
            live.end();
        };
        axum::serve(listener, site.router).with_graceful_shutdown(stopped).await
    });
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<Body>();
    let request = Request::get(format!("http://{address}/i/main/events"));
    let response = client.request(request.body(Body::empty()).unwrap()).await.unwrap();
    let mut stream = Body::new(response.into_body()).into_data_stream();
    assert!(event(&mut stream).await.unwrap().contains("event: hello"));
    stop.notify_one();
    assert!(event(&mut stream).await.unwrap().contains("event: bye"));
    assert!(event(&mut stream).await.is_none());
    server.await.unwrap().unwrap();
}

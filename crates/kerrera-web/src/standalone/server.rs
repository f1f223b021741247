//! Connections, and the end of them.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request};
use axum::http::Uri;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::secret::Secret;
use crate::live::LiveUpdates;

/// How many connections there are at once; more wait.
const CONNECTIONS: usize = 512;
/// How long somebody may take to say what they want.
const HEADERS: Duration = Duration::from_secs(15);
/// How much they may say of it.
const HEADER_BYTES: usize = 16 * 1024;
const BODY_BYTES: usize = 1024 * 1024;
/// How long answers that are under way are waited for at the end.
const GRACE: Duration = Duration::from_secs(3);

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    base: String,
    secret: Option<Secret>,
    is_public: bool,
    router: Router,
    live: LiveUpdates,
}

impl Server {
    pub(super) fn new(
        listener: TcpListener,
        address: SocketAddr,
        base: String,
        secret: Option<Secret>,
        is_public: bool,
        router: Router,
        live: LiveUpdates,
    ) -> Server {
        let router = router.layer(DefaultBodyLimit::max(BODY_BYTES));
        Server { listener, address, base, secret, is_public, router, live }
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a browser on this machine finds it.
    pub fn url(&self) -> String {
        let ip = match self.address.ip() {
            ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            ip => ip,
        };
        format!("http://{}{}/", SocketAddr::new(ip, self.address.port()), self.base)
    }

    /// The token that was made for this run, if there is no other way to log in. It is to be shown
    /// once, and nowhere else.
    pub fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// Whether everybody who reaches it is let in.
    pub fn is_public(&self) -> bool {
        self.is_public
    }

    /// Answers, until `end` comes; answers that are under way by then get three seconds.
    pub async fn serve(self, end: impl Future<Output = ()>) {
        let Server { listener, base, router, live, .. } = self;
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let seats = Arc::new(Semaphore::new(CONNECTIONS));
        let mut end = pin!(end);
        loop {
            let seat = tokio::select! {
                seat = seats.clone().acquire_owned() => seat,
                () = &mut end => break,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut end => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Too many open files, mostly: it passes, and is no reason to stop.
                    tracing::warn!(%error, "a connection to the dashboard was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let answer = answer(router.clone(), base.clone(), peer);
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS)
                .max_buf_size(HEADER_BYTES)
                .serve_connection(TokioIo::new(stream), answer);
            let connection = graceful.watch(connection);
            connections.spawn(async move {
                // Who hangs up has heard enough.
                let _ = connection.await;
                drop(seat);
            });
            while connections.try_join_next().is_some() {}
        }
        drop(listener);
        live.end();
        let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
        // Those that were still under way.
        connections.shutdown().await;
    }
}

/// Answers what comes in from there.
fn answer(
    router: Router,
    base: String,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    hyper::Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> {
    hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        if let Some(inner) = within(request.uri(), &base) {
            *request.uri_mut() = inner;
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    })
}

/// An address without the path below which all lies; `None` if a proxy has taken it off.
fn within(uri: &Uri, base: &str) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(base)?;
    let rest = match rest.chars().next() {
        _ if base.is_empty() => return None,
        None => "/".to_owned(),
        Some('/') => rest.to_owned(),
        Some('?') => format!("/{rest}"),
        Some(_) => return None,
    };
    rest.parse().ok()
}

/// Asks a server on this machine whether it is there; what containers and supervisors want to know.
///
/// # Errors
///
/// When it does not answer within five seconds, or not with 200.
pub async fn ask_health(address: SocketAddr) -> std::io::Result<()> {
    let ip = match address.ip() {
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    let address = SocketAddr::new(ip, address.port());
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let late = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in 5 seconds");
    let answer = tokio::time::timeout(Duration::from_secs(5), asked).await.map_err(late)??;
    if answer.starts_with(b"HTTP/1.1 200 ") {
        return Ok(());
    }
    let first = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Err(std::io::Error::other(format!("it answered {:?}", String::from_utf8_lossy(first))))
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_in_front_may_be_taken_off_by_a_proxy_or_not() {
        for (asked, expected) in [
            ("/jobs", Some("/")),
            ("/jobs/", Some("/")),
            ("/jobs/i/main?q=1", Some("/i/main?q=1")),
            ("/jobs?x", Some("/?x")),
            ("/jobsx/i", None),
            ("/i/main", None),
        ] {
            let inner = within(&asked.parse().unwrap(), "/jobs").map(|uri| uri.to_string());
            assert_eq!(inner.as_deref(), expected, "{asked}");
        }
        assert_eq!(within(&"/i/main".parse().unwrap(), ""), None);
    }
}

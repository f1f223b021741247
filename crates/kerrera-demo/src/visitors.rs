//! Those who sign up, over HTTP.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::scenario::Visitor;
use crate::signup::{PATH, REQUEST_ID, SignUp};

/// How many sign up at once.
const CONNECTIONS: usize = 4;

/// What the visitors were told, as far as they have come.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Vec<(String, StatusCode)>>);

impl Answers {
    /// How many got this answer.
    pub(crate) fn count(&self, status: StatusCode) -> u64 {
        self.all().iter().filter(|(_, answer)| *answer == status).count() as u64
    }

    /// The requests that got another answer than this.
    pub(crate) fn other_than(&self, status: StatusCode) -> Vec<String> {
        let all = self.all();
        let others = all.iter().filter(|(_, answer)| *answer != status);
        others.map(|(request_id, _)| request_id.clone()).collect()
    }

    /// How many came so far.
    pub(crate) fn total(&self) -> u64 {
        self.all().len() as u64
    }

    /// Notes an answer.
    pub(crate) fn add(&self, request_id: String, answer: StatusCode) {
        self.all().push((request_id, answer));
    }

    fn all(&self) -> MutexGuard<'_, Vec<(String, StatusCode)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Signs them all up, one after each `interval`.
pub(crate) async fn come(
    visitors: Vec<Visitor>,
    server: SocketAddr,
    interval: Duration,
    answers: Arc<Answers>,
) -> anyhow::Result<()> {
    let (start, visitors) = (Instant::now(), Arc::new(visitors));
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (visitors, answers, next) = (visitors.clone(), answers.clone(), next.clone());
        let mut connection = connect(server).await?;
        tasks.spawn(async move {
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                let Some(visitor) = visitors.get(turn) else { return anyhow::Ok(()) };
                let turn = u32::try_from(turn).unwrap_or(u32::MAX);
                sleep_until(start + interval.saturating_mul(turn)).await;
                let answer = post(&mut connection, server, visitor).await;
                let (status, text) = answer.context("the sign-up endpoint does not answer")?;
                if status.is_server_error() {
                    bail!("a sign-up failed: {text}");
                }
                answers.add(visitor.request_id.clone(), status);
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

type Connection = SendRequest<Full<Bytes>>;

async fn connect(server: SocketAddr) -> anyhow::Result<Connection> {
    let stream = TokioIo::new(TcpStream::connect(server).await?);
    let (connection, driver) = handshake(stream).await?;
    tokio::spawn(driver);
    Ok(connection)
}

async fn post(
    connection: &mut Connection,
    server: SocketAddr,
    visitor: &Visitor,
) -> anyhow::Result<(StatusCode, String)> {
    let form = SignUp {
        name: visitor.name.clone(),
        email: visitor.email.clone(),
        invitation: visitor.invitation.map(str::to_owned),
    };
    let request = Request::post(PATH)
        .header(HOST, server.to_string())
        .header(CONTENT_TYPE, "application/json")
        .header(REQUEST_ID, &visitor.request_id)
        .body(Full::from(serde_json::to_vec(&form)?))?;
    connection.ready().await?;
    let answer = connection.send_request(request).await?;
    let status = answer.status();
    let text = answer.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
}

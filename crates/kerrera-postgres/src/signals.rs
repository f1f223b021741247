//! Hints between processes, by LISTEN and NOTIFY; what they say is in `wire`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kerrera_core::error::Kind;
use kerrera_core::storage::{Hint, Listener, Pending};
use kerrera_core::{Error, JobId, Result};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::schema::quoted;
use crate::server::{Profile, Server};
use crate::statements::{Call, bare};
use crate::wire::{self, Channel, Channels, PKILL, Reader};

/// Tells every process that listens that there is work in these queues.
pub(crate) async fn notify(
    session: &mut Session,
    Call { sql, input: queues, .. }: &Call<Vec<Arc<str>>>,
) -> Result<()> {
    let payloads = queues.iter().map(|queue| wire::encode(&json!({ "queue": &**queue })));
    let payloads: Vec<String> = payloads.collect::<Result<_>>()?;
    send(session, sql.channels.name(Channel::Insert), &payloads).await
}

/// Tells every process that listens that this node is there.
pub(crate) async fn ping(
    session: &mut Session,
    Call { sql, input: node, .. }: &Call<Arc<str>>,
) -> Result<()> {
    let payload = wire::encode(&json!({ "node": &**node, "ping": true }))?;
    send(session, sql.channels.name(Channel::Sonar), &[payload]).await
}

async fn send(session: &mut Session, channel: &str, payloads: &[String]) -> Result<()> {
    let parameters: [Parameter<'_>; 2] = [(&channel, Type::TEXT), (&payloads, Type::TEXT_ARRAY)];
    let notify = bare(include_str!("sql/notify.sql"));
    session.query("the notification", &notify, &parameters).await.map(drop)
}

/// Tells every process that these jobs are to stop, in the words of Oban.
pub(crate) async fn stop_jobs(
    session: &mut Session,
    Call { sql, input: ids, .. }: &Call<Vec<JobId>>,
) -> Result<()> {
    let payloads = ids.iter().map(|id| wire::encode(&json!({ "action": PKILL, "job_id": id })));
    let payloads: Vec<String> = payloads.collect::<Result<_>>()?;
    send(session, sql.channels.name(Channel::Signal), &payloads).await
}

/// Begins to listen, on a connection that does nothing else.
///
/// # Errors
///
/// When the server cannot be reached, or only through a pooler, which lets no notification through.
pub(crate) async fn listen(
    server: &Server,
    profile: &Profile,
    channels: &Channels,
) -> Result<Box<dyn Listener>> {
    let (sender, hints) = mpsc::channel(Ear::ROOM);
    let missed = Arc::new(AtomicBool::new(false));
    let overflow = Arc::clone(&missed);
    let mut reader = Reader::new(channels.clone());
    let heard = move |notification: tokio_postgres::Notification| {
        let session = notification.process_id();
        for hint in reader.read(session, notification.channel(), notification.payload()) {
            if sender.try_send(hint).is_err() {
                // Whoever takes the hints is slow: one that says "anything" stands for the rest.
                overflow.store(true, Ordering::Release);
            }
        }
    };
    let mut session = server.connect(profile, heard, || {}).await?;
    if !session.is_direct() {
        let message = "notifications do not pass the pooler at this URL: give a second one that \
                       leads past it (listen_url), or do without; jobs are then found by polling";
        return Err(Error::new(Kind::Config, message));
    }
    let listen = channels.names().iter().map(|name| format!("LISTEN {};", quoted(name)));
    session.execute("listening", &listen.collect::<String>()).await?;
    Ok(Box::new(Ear { hints, missed, _session: session }))
}

struct Ear {
    hints: mpsc::Receiver<Hint>,
    missed: Arc<AtomicBool>,
    _session: Session,
}

impl Ear {
    /// How many hints may wait.
    const ROOM: usize = 1024;
}

impl Listener for Ear {
    fn next(&mut self) -> Pending<'_, Hint> {
        Box::pin(async move {
            let hint = self.hints.recv().await;
            if self.missed.swap(false, Ordering::AcqRel) {
                while self.hints.try_recv().is_ok() {}
                return Ok(Hint::Changed);
            }
            hint.ok_or_else(|| {
                let message = "the connection for notifications broke; those since then are lost";
                Error::new(Kind::Unreachable, message)
            })
        })
    }
}

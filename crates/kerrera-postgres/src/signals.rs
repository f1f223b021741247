//! Hints between processes.
//!
//! The channel and the payloads are Oban's, so that its nodes wake ours and ours wake them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kerrera_core::error::Kind;
use kerrera_core::storage::{Hint, Listener, Pending};
use kerrera_core::{Error, Result};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::schema::quoted;
use crate::server::{Profile, Server};
use crate::statements::{Call, Statements, bare};

/// Tells every process that listens that there is work in these queues.
pub(crate) async fn notify(
    session: &mut Session,
    Call { sql, input: queues, .. }: &Call<Vec<Arc<str>>>,
) -> Result<()> {
    let payloads: Vec<String> =
        queues.iter().map(|queue| serde_json::json!({ "queue": &**queue }).to_string()).collect();
    let parameters: [Parameter<'_>; 2] =
        [(&sql.channel, Type::TEXT), (&payloads, Type::TEXT_ARRAY)];
    let notify = bare(include_str!("sql/notify.sql"));
    session.query("the notification", &notify, &parameters).await.map(drop)
}

/// Begins to listen, on a connection that does nothing else.
///
/// # Errors
///
/// When the server cannot be reached, or only through a pooler, which lets no notification through.
pub(crate) async fn listen(
    server: &Server,
    profile: &Profile,
    sql: &Statements,
) -> Result<Box<dyn Listener>> {
    let (sender, hints) = mpsc::channel(Ear::ROOM);
    let missed = Arc::new(AtomicBool::new(false));
    let overflow = Arc::clone(&missed);
    let leaders = sql.leader_channel.clone();
    let heard = move |notification: tokio_postgres::Notification| {
        let hint = match notification.channel() {
            channel if channel == leaders => Some(Hint::Leaderless),
            _ => read(notification.payload()),
        };
        if let Some(hint) = hint
            && sender.try_send(hint).is_err()
        {
            // Whoever takes the hints is slow: one that says "anything" stands for the rest.
            overflow.store(true, Ordering::Release);
        }
    };
    let mut session = server.connect(profile, heard, || {}).await?;
    if !session.is_direct() {
        let message = "notifications do not pass the pooler at this URL: give a second one that \
                       leads past it (listen_url), or do without; jobs are then found by polling";
        return Err(Error::new(Kind::Config, message));
    }
    for channel in [&sql.channel, &sql.leader_channel] {
        session.execute("listening", &format!("LISTEN {}", quoted(channel))).await?;
    }
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

/// What a payload means; `None` for what nobody of ours or of Oban's would send.
fn read(payload: &str) -> Option<Hint> {
    #[derive(Deserialize)]
    struct Work {
        queue: String,
    }

    // Oban packs long payloads, and some of its versions all: base 64 of gzip.
    if payload.starts_with("H4sI") || payload.starts_with("Z:") {
        return Some(Hint::Changed);
    }
    match serde_json::from_str(payload) {
        Ok(Work { queue }) => Some(Hint::Work(queue)),
        Err(error) => {
            tracing::debug!(error = %error, "a notification that means nothing");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_every_oban_are_understood() {
        assert_eq!(read(r#"{"queue":"alpha"}"#), Some(Hint::Work("alpha".to_owned())));
        assert_eq!(read(r#"{"queue": "a", "more": 1}"#), Some(Hint::Work("a".to_owned())));
        assert_eq!(read("H4sIAAAAAAAA"), Some(Hint::Changed));
        assert_eq!(read("Z:H4sIAAAAAAAA"), Some(Hint::Changed));
        assert_eq!(read("hello"), None);
        assert_eq!(read(r#"{"queue":1}"#), None);
    }
}

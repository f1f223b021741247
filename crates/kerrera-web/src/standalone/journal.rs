//! Who came in, who went, and who was not let in: what the audit log is told of the door.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::request::Parts;
use kerrera::Client;
use kerrera::audit::{self, AuditEntry, AuditOutcome, Via};

use crate::access::Actor;
use crate::guard::RequestId;

/// How many entries there are at most within [`WINDOW`], of each sort: whoever fails on purpose fills
/// no table, and hides nobody's login.
const MOST: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);

/// For how long somebody waits until it is written down that they came: a database that is away keeps
/// nobody out.
const PATIENCE: Duration = Duration::from_secs(1);

/// What happened at the door. Never what was typed there: it may be a password, in the wrong field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    LoggedIn,
    LoggedOut,
    WrongPassword,
    WrongToken,
}

/// The audit logs of all databases that are shown.
pub(super) struct Journal {
    clients: Vec<Client>,
    welcome: Mutex<Budget>,
    turned_away: Mutex<Budget>,
}

impl Journal {
    pub(super) fn new(clients: Vec<Client>) -> Journal {
        Journal { clients, welcome: Mutex::default(), turned_away: Mutex::default() }
    }

    /// Writes down that somebody did this; nobody knows who if there is no actor.
    pub(super) async fn tell(
        &self,
        event: Event,
        who: Option<&Actor>,
        from: Option<IpAddr>,
        parts: &Parts,
    ) {
        let budget = match event {
            Event::LoggedIn | Event::LoggedOut => &self.welcome,
            Event::WrongPassword | Event::WrongToken => &self.turned_away,
        };
        let spent = budget.lock().unwrap_or_else(PoisonError::into_inner).spend(Instant::now());
        let Some(dropped) = spent else { return };
        let entry = entry(event, who, from, parts, dropped);
        let written = async {
            for client in &self.clients {
                // Of one that cannot be written nothing else is to be expected.
                if let Ok(false) = client.reader(PATIENCE).is_writable().await {
                    continue;
                }
                if let Err(error) = client.record_audit(entry.clone()).await {
                    tracing::error!(%error, "what happened at the door could not be written down");
                }
            }
        };
        if tokio::time::timeout(PATIENCE, written).await.is_err() {
            tracing::error!("what happened at the door was not written down in time");
        }
    }
}

fn entry(
    event: Event,
    who: Option<&Actor>,
    from: Option<IpAddr>,
    parts: &Parts,
    dropped: u64,
) -> AuditEntry {
    let (action, via, error) = match event {
        Event::LoggedIn => ("login", Via::Html, None),
        Event::LoggedOut => ("logout", Via::Html, None),
        Event::WrongPassword => ("login", Via::Html, Some("the password is wrong")),
        Event::WrongToken => ("token", Via::Api, Some("the token is unknown, or has expired")),
    };
    let (id, name) = who.map_or(("unknown", "unknown"), |who| (&who.id, &who.name));
    let mut actor = audit::Actor::new(id).label(name).via(via);
    if let Some(from) = from {
        actor = actor.remote_ip(from.to_string());
    }
    if let Some(request) = RequestId::of(parts) {
        actor = actor.request_id(request.as_str());
    }
    let mut entry = AuditEntry::by(actor).action(action).target("dashboard", "");
    if let Some(error) = error {
        entry.outcome = AuditOutcome::Refused;
        entry.error = Some(match dropped {
            0 => error.to_owned(),
            more => format!("{error}; so it was {more} times more, which are not written down"),
        });
    }
    entry
}

/// How often something is still written down. A decision; it has no clock.
#[derive(Debug, Default)]
struct Budget {
    since: Option<Instant>,
    spent: u32,
    dropped: u64,
}

impl Budget {
    /// Says whether one more is written down, and how many were not since the last that was.
    fn spend(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now.duration_since(since) >= WINDOW) {
            (self.since, self.spent) = (Some(now), 0);
        }
        if self.spent == MOST {
            self.dropped += 1;
            return None;
        }
        self.spent += 1;
        Some(std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_written_down() {
        let (mut budget, start) = (Budget::default(), Instant::now());
        for _ in 0..MOST {
            assert_eq!(budget.spend(start), Some(0));
        }
        for _ in 0..1_000 {
            assert_eq!(budget.spend(start + WINDOW / 2), None);
        }
        assert_eq!(budget.spend(start + WINDOW), Some(1_000));
        assert_eq!(budget.spend(start + WINDOW), Some(0));
    }
}

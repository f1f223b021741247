//! Who is logged in.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use super::secret::{Digest, Secret};

/// How long somebody stays logged in at most.
pub(super) const LIFE: Duration = Duration::from_secs(12 * 3600);
/// How long somebody stays logged in from whom nothing is heard.
pub(super) const IDLE: Duration = Duration::from_secs(2 * 3600);

/// How many are logged in at most; who was heard of longest ago is logged out for a new one.
const SESSIONS: usize = 10_000;

/// Whom a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// Who has the token that was made for this run.
    OneToken,
    /// A user of the file, with the password that they had.
    User { name: String, password: Digest },
}

/// Those who are logged in, in memory: a restart logs everybody out. It has no clock.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: HashMap<Digest, Session>,
}

#[derive(Debug)]
struct Session {
    holder: Holder,
    since: Instant,
    heard: Instant,
}

impl Sessions {
    /// Somebody logs in. What they had before, if anything, is over.
    pub(super) fn open(
        &mut self,
        holder: Holder,
        before: Option<&str>,
        now: Instant,
    ) -> Result<Secret, getrandom::Error> {
        let id = Secret::random()?;
        if let Some(before) = before {
            self.close(before, now);
        }
        self.open.retain(|_, session| session.is_alive(now));
        if self.open.len() >= SESSIONS {
            let quietest = self.open.iter().min_by_key(|(_, session)| session.heard);
            if let Some(quietest) = quietest.map(|(id, _)| *id) {
                self.open.remove(&quietest);
            }
        }
        self.open.insert(id.digest(), Session { holder, since: now, heard: now });
        Ok(id)
    }

    /// Whose session this is, if it is one.
    pub(super) fn holder(&mut self, id: &str, now: Instant) -> Option<Holder> {
        let session = self.open.get_mut(&Digest::of(id))?;
        if !session.is_alive(now) {
            return None;
        }
        session.heard = now;
        Some(session.holder.clone())
    }

    /// Ends a session; says whose it was, if it was one.
    pub(super) fn close(&mut self, id: &str, now: Instant) -> Option<Holder> {
        let session = self.open.remove(&Digest::of(id))?;
        session.is_alive(now).then_some(session.holder)
    }
}

impl Session {
    fn is_alive(&self, now: Instant) -> bool {
        now.duration_since(self.since) < LIFE && now.duration_since(self.heard) < IDLE
    }
}

/// The cookie that carries a session.
#[derive(Clone, Debug)]
pub(super) struct Cookie {
    name: String,
    is_secure: bool,
}

impl Cookie {
    /// Through TLS, one that no other host can set. Else, which is on this machine only, one with
    /// the port in its name: browsers do not tell ports apart.
    pub(super) fn new(is_secure: bool, port: u16) -> Cookie {
        let name = match is_secure {
            true => "__Host-kerrera-session".to_owned(),
            false => format!("kerrera-session-{port}"),
        };
        Cookie { name, is_secure }
    }

    /// What a request brings.
    pub(super) fn read<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';'));
        pairs.find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.name).then_some(value)
        })
    }

    /// Sets it; it ends with the browser's session.
    pub(super) fn set(&self, id: &Secret) -> String {
        self.with(id.reveal(), "")
    }

    /// Takes it away.
    pub(super) fn clear(&self) -> String {
        self.with("", "; Max-Age=0")
    }

    fn with(&self, value: &str, rest: &str) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{rest}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_end() {
        let (mut sessions, start) = (Sessions::default(), Instant::now());
        let id = sessions.open(Holder::OneToken, None, start).unwrap();
        assert_eq!(sessions.holder(id.reveal(), start), Some(Holder::OneToken));
        assert_eq!(sessions.holder("kerrera_", start), None);
        assert_eq!(sessions.holder(id.reveal(), start + IDLE), None, "nothing was heard");

        let mut now = start;
        while now < start + LIFE - IDLE {
            now += IDLE / 2;
            assert!(sessions.holder(id.reveal(), now).is_some());
        }
        assert_eq!(sessions.holder(id.reveal(), start + LIFE), None, "heard of, and too old");
    }

    #[test]
    fn a_new_login_ends_the_one_before() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        let first = sessions.open(Holder::OneToken, Some("planted"), now).unwrap();
        let second = sessions.open(Holder::OneToken, Some(first.reveal()), now).unwrap();
        assert_eq!(sessions.holder(first.reveal(), now), None);
        assert!(sessions.close(second.reveal(), now).is_some());
        assert_eq!(sessions.holder(second.reveal(), now), None);
    }

    #[test]
    fn cookies_are_closed_as_far_as_they_can_be() {
        let id = Secret::random().unwrap();
        let secure = Cookie::new(true, 443).set(&id);
        assert!(secure.starts_with("__Host-kerrera-session=kerrera_"), "{secure}");
        for part in ["; Path=/;", "; HttpOnly", "; SameSite=Strict", "; Secure"] {
            assert!(secure.contains(part), "{secure}");
        }
        assert!(!secure.contains("Domain"), "{secure}");
        let plain = Cookie::new(false, 4120).set(&id);
        assert!(plain.starts_with("kerrera-session-4120=") && !plain.contains("Secure"), "{plain}");
    }
}

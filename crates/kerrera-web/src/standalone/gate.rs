//! Who is let in, by any of the ways that were configured.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use ipnet::IpNet;
use kerrera::Timestamp;
use tokio::sync::Semaphore;

use super::address::{self, TrustedHeader};
use super::journal::{Event, Journal};
use super::secret::{Digest, Secret};
use super::sessions::{Cookie, Holder, Sessions};
use super::throttle::Throttle;
use super::tokens::TokensFile;
use super::users::UsersFile;
use crate::access::{Actor, Permissions, Role};

/// How many passwords are hashed at once: each takes 19 MiB, and half a core for a moment.
const HASHING: usize = 2;

/// The ways in.
pub(super) struct Ways {
    /// The token that was made for this run.
    pub(super) secret: Option<Digest>,
    pub(super) users: Option<UsersFile>,
    pub(super) tokens: Option<TokensFile>,
    pub(super) header: Option<TrustedHeader>,
    pub(super) proxies: Vec<IpNet>,
    /// Where the dashboard lies.
    pub(super) base: String,
    pub(super) cookie: Cookie,
}

/// The ways in, who is logged in, and who has failed.
pub(super) struct Gate {
    pub(super) ways: Ways,
    sessions: Mutex<Sessions>,
    throttle: Mutex<Throttle>,
    hashing: Semaphore,
    journal: Journal,
}

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) actor: Actor,
    pub(super) permissions: Permissions,
}

/// Why a login failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It is not their password, or not the token.
    Wrong,
    /// They failed too often, and have to wait.
    TooOften(Duration),
    /// The system gives no random numbers.
    Broken,
}

impl Gate {
    pub(super) fn new(ways: Ways, journal: Journal) -> Arc<Gate> {
        Arc::new(Gate {
            ways,
            journal,
            sessions: Mutex::default(),
            throttle: Mutex::default(),
            hashing: Semaphore::new(HASHING),
        })
    }

    /// Whether there is a form to log in with.
    pub(super) fn has_login(&self) -> bool {
        self.ways.secret.is_some() || self.ways.users.is_some()
    }

    /// Who sends a request.
    pub(super) async fn known(&self, parts: &Parts) -> Option<Known> {
        // Who brings a token is whose it is, whatever else they bring.
        if let Some(token) = bearer(&parts.headers) {
            return self.program(token, parts).await;
        }
        self.of_header(parts).or_else(|| self.of_session(parts))
    }

    /// How long the sender has to wait who failed too often.
    pub(super) fn wait(&self, parts: &Parts) -> Option<Duration> {
        let sender = address::sender(parts, &self.ways.proxies)?;
        locked(&self.throttle).wait(sender, Instant::now())
    }

    /// Logs somebody in: the name is of no importance if the password is the token of this run.
    /// Gives the session, whatever session was there before being over.
    pub(super) async fn log_in(
        &self,
        parts: &Parts,
        name: &str,
        password: &str,
    ) -> Result<Secret, Failed> {
        let sender = address::sender(parts, &self.ways.proxies);
        if let Some(wait) = self.wait(parts) {
            return Err(Failed::TooOften(wait));
        }
        let Some(holder) = self.holder(name, password).await else {
            self.failed(sender, name, "password");
            // Only the name of a user is a name: anything else may be a password, in the wrong field.
            let users = self.ways.users.as_ref();
            let listed = users.and_then(|users| users.named(name));
            let actor = listed.map(|listed| user(&listed.name));
            self.journal.tell(Event::WrongPassword, actor.as_ref(), sender, parts).await;
            return Err(Failed::Wrong);
        };
        let actor = holder.actor();
        let before = self.ways.cookie.read(&parts.headers);
        let session = locked(&self.sessions).open(holder, before, Instant::now());
        let session = session.map_err(|error| {
            tracing::error!(%error, "nobody can log in");
            Failed::Broken
        })?;
        tracing::info!(name = %actor.name, from = ?sender, "logged in to the dashboard");
        self.journal.tell(Event::LoggedIn, Some(&actor), sender, parts).await;
        Ok(session)
    }

    pub(super) async fn log_out(&self, parts: &Parts) {
        let Some(id) = self.ways.cookie.read(&parts.headers) else { return };
        let holder = locked(&self.sessions).close(id, Instant::now());
        if let Some(holder) = holder {
            let sender = address::sender(parts, &self.ways.proxies);
            self.journal.tell(Event::LoggedOut, Some(&holder.actor()), sender, parts).await;
        }
    }

    async fn holder(&self, name: &str, password: &str) -> Option<Holder> {
        if password.len() > super::users::LONGEST {
            return None;
        }
        if let Some(secret) = &self.ways.secret
            && secret.is(&Digest::of(password.trim()))
        {
            return Some(Holder::OneToken);
        }
        let users = self.ways.users.clone()?;
        let _turn = self.hashing.acquire().await.ok()?;
        let (name, password) = (name.to_owned(), password.to_owned());
        let verified = tokio::task::spawn_blocking(move || users.verify(&name, &password)).await;
        let user = verified.ok()??;
        Some(Holder::User { password: user.password(), name: user.name })
    }

    async fn program(&self, token: &str, parts: &Parts) -> Option<Known> {
        // Pages are for people: a token that ended up in a browser opens nothing there.
        if !is_for_programs(parts.uri.path()) {
            return None;
        }
        if let Some(secret) = &self.ways.secret
            && secret.is(&Digest::of(token))
        {
            return Some(one_token());
        }
        let tokens = self.ways.tokens.as_ref();
        let Some(token) = tokens.and_then(|tokens| tokens.verify(token, Timestamp::now())) else {
            let sender = address::sender(parts, &self.ways.proxies);
            self.failed(sender, "", "token");
            self.journal.tell(Event::WrongToken, None, sender, parts).await;
            return None;
        };
        let actor = Actor::new(format!("token:{}", token.name), token.name);
        Some(Known { actor, permissions: token.permissions })
    }

    fn of_header(&self, parts: &Parts) -> Option<Known> {
        let header = self.ways.header.as_ref()?;
        let peer = address::peer(&parts.extensions)?;
        if !address::is_proxy(peer, &self.ways.proxies) {
            return None;
        }
        let name = header.named(&parts.headers)?;
        let listed = self.ways.users.as_ref().and_then(|users| users.named(name));
        let role = listed.map_or(header.role, |user| user.role);
        Some(person(name, role))
    }

    fn of_session(&self, parts: &Parts) -> Option<Known> {
        let id = self.ways.cookie.read(&parts.headers)?;
        let holder = locked(&self.sessions).holder(id, Instant::now())?;
        match holder {
            Holder::OneToken => Some(one_token()),
            // As the file has them now: who was removed, or has another password, is out.
            Holder::User { name, password } => {
                let user = self.ways.users.as_ref()?.named(&name)?;
                user.password().is(&password).then(|| person(&name, user.role))
            }
        }
    }

    fn failed(&self, from: Option<IpAddr>, name: &str, what: &'static str) {
        // What is typed into the wrong field may be a password.
        let name: String = name.chars().take(32).collect();
        tracing::warn!(?name, ?from, what, "somebody was not let into the dashboard");
        if let Some(from) = from {
            locked(&self.throttle).failed(from, Instant::now());
        }
    }
}

/// The token that a program brings, if any.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/") || path == "/metrics"
}

impl Holder {
    /// Under which name what they do is written down.
    fn actor(&self) -> Actor {
        match self {
            Holder::OneToken => one_token().actor,
            Holder::User { name, .. } => user(name),
        }
    }
}

fn one_token() -> Known {
    let actor = Actor::new("token-of-this-run", "token of this run");
    Known { actor, permissions: Permissions::all() }
}

fn person(name: &str, role: Role) -> Known {
    Known { actor: user(name), permissions: role.permissions() }
}

fn user(name: &str) -> Actor {
    Actor::new(format!("user:{name}"), name)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! A server as seen from here: how a session with it begins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::{Clock, Error, Result};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Error as DriverError, Notification, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connection::Session;
use crate::error;
use crate::process_id;
use crate::target::{Host, Target};
use crate::tls::Tls;

/// How a session with a server begins.
pub(crate) struct Server {
    target: Target,
    tls: MakeRustlsConnect,
    /// A pooler on the way refuses settings at the start of a session.
    plain: AtomicBool,
    clock: Clock,
    /// What a person types to migrate this database.
    remedy: Arc<str>,
}

/// What a session is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    /// Whether its statements are few and come again and again, so that each is prepared once and
    /// keeps its plan.
    pub(crate) prepares: bool,
    /// How long a statement may take on the server; `None` for no limit.
    pub(crate) statement_timeout: Option<Duration>,
    /// How long a call may take, with the way there and back; `None` for no limit.
    pub(crate) call_timeout: Option<Duration>,
    /// How long it may take to reach one host; the URL's limit unless it is shorter.
    pub(crate) connect_timeout: Duration,
}

/// Settings for every session of ours.
const SETTINGS: [(&str, &str); 3] = [
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "60s"),
    // Compiling a plan takes longer than any statement of ours.
    ("jit", "off"),
];

/// Settings for sessions that prepare their statements, under which these are planned as they are
/// meant: along an index, and joined by a hash table.
///
/// A prepared statement keeps the plan that seemed right when the tables were small, or when the last
/// analysis found no row that happened to be executing. A scan, or a loop in a loop, would cost a
/// thousand times as much once that is no longer so.
const PLANNING: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_nestloop", "off"),
    ("enable_mergejoin", "off"),
    // With the settings above no value makes another plan better, and to look for one takes as long as to
    // claim thirty jobs.
    ("plan_cache_mode", "force_generic_plan"),
];

/// A connection before somebody drives it.
type Driver = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

impl Server {
    /// Reads the certificates that are to be trusted, and connects to nothing.
    ///
    /// # Errors
    ///
    /// When these cannot be read.
    pub(crate) fn new(target: Target, clock: Clock, remedy: Arc<str>) -> Result<Server> {
        let tls = target.tls.connector()?;
        Ok(Server { target, tls, plain: AtomicBool::new(false), clock, remedy })
    }

    pub(crate) fn location(&self) -> String {
        self.target.location()
    }

    /// Begins a session with the first host that lets us in. Whatever it is notified of is given to
    /// `hear`; `lost` is called when it ends.
    ///
    /// # Errors
    ///
    /// The last host's, when none does.
    pub(crate) async fn connect(
        &self,
        profile: &Profile,
        hear: impl FnMut(Notification) + Send + 'static,
        lost: impl FnOnce() + Send + 'static,
    ) -> Result<Session> {
        let limit = self.target.connect_timeout().min(profile.connect_timeout);
        let (host, client, driver) = self.reach(&profile.options(), limit).await?;
        let session = self.begin(client, driver, &host, limit, hear, lost);
        session.await.map(|session| session.preparing(profile.prepares))
    }

    /// Connects to the first host that lets us in, for somebody who uses the connection by himself.
    ///
    /// # Errors
    ///
    /// The last host's, when none does.
    pub(crate) async fn connect_plainly(&self) -> Result<Client> {
        let (_, client, driver) = self.reach("", self.target.connect_timeout()).await?;
        tokio::spawn(drive(driver, |_| {}, || {}));
        Ok(client)
    }

    async fn reach(&self, options: &str, limit: Duration) -> Result<(Host, Client, Driver)> {
        let mut failure = None;
        for host in self.target.hosts() {
            let place = host.to_string();
            failure = match tokio::time::timeout(limit, self.knock(&host, options)).await {
                Ok(Ok((client, driver))) => return Ok((host, client, driver)),
                Ok(Err(error)) => Some(error::connecting(error, &place, &self.target.login())),
                Err(_) => Some(error::connecting_took_too_long(&place, limit)),
            };
        }
        Err(failure.unwrap_or_else(|| Error::new(Kind::Config, "the database URL names no host")))
    }

    /// Tries one host in every way that the settings allow.
    async fn knock(&self, host: &Host, options: &str) -> Result<(Client, Driver), DriverError> {
        let plain = self.plain.load(Ordering::Relaxed) || options.is_empty();
        let mut config = self.target.driver_config(host, if plain { "" } else { options });
        let mut outcome = config.connect(self.tls.clone()).await;

        if outcome.as_ref().is_err_and(refuses_options) && !plain {
            self.plain.store(true, Ordering::Relaxed);
            config = self.target.driver_config(host, "");
            outcome = config.connect(self.tls.clone()).await;
        }
        if outcome.as_ref().is_err_and(would_do_without_tls) && self.target.tls.is_optional() {
            config.ssl_mode(Tls::NONE);
            // If that fails, too, the first failure says more.
            if let Ok(reached) = config.connect(self.tls.clone()).await {
                return Ok(reached);
            }
        }
        outcome
    }

    /// Sees to it that the connection is driven, and finds out who is at its other end.
    async fn begin(
        &self,
        client: Client,
        driver: Driver,
        host: &Host,
        limit: Duration,
        hear: impl FnMut(Notification) + Send + 'static,
        lost: impl FnOnce() + Send + 'static,
    ) -> Result<Session> {
        let told = process_id::told(&client).await;
        let driver = tokio::spawn(drive(driver, hear, lost));
        let driving = driver.abort_handle();
        let (clock, remedy) = (self.clock.clone(), Arc::clone(&self.remedy));
        let session = Session::begin(client, driver, told, host.to_string(), clock, remedy);
        tokio::time::timeout(limit, session).await.unwrap_or_else(|_| {
            driving.abort();
            Err(error::connecting_took_too_long(&host.to_string(), limit))
        })
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("location", &self.location()).finish_non_exhaustive()
    }
}

impl Profile {
    fn options(&self) -> String {
        let timeout = self.statement_timeout.map_or(0, |timeout| timeout.as_millis());
        let mut options = format!("-c statement_timeout={timeout}");
        let planning = if self.prepares { &PLANNING[..] } else { &[] };
        for (name, value) in SETTINGS.iter().chain(planning) {
            options.push_str(&format!(" -c {name}={value}"));
        }
        options
    }
}

/// PgBouncer takes settings at the start of a session for a breach of the protocol; Amazon's proxy
/// says that it has no such feature.
fn refuses_options(error: &DriverError) -> bool {
    error.code().is_some_and(|code| matches!(code.code(), "08P01" | "0A000"))
}

/// A handshake that failed, or a pg_hba.conf that has a rule for connections without TLS only.
fn would_do_without_tls(error: &DriverError) -> bool {
    error::is_tls(error) || error.code().is_some_and(|code| code.code() == "28000")
}

/// Moves what goes over the wire, until the connection ends. Never waits for anybody else: a session
/// whose messages nobody takes would hold up the server's vacuum.
async fn drive(mut connection: Driver, mut hear: impl FnMut(Notification), lost: impl FnOnce()) {
    loop {
        match std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            Some(Ok(tokio_postgres::AsyncMessage::Notification(heard))) => hear(heard),
            Some(Ok(tokio_postgres::AsyncMessage::Notice(notice))) => {
                tracing::debug!(notice = notice.message(), "the server remarked");
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                let error = kerrera_core::failure::describe(&error);
                tracing::debug!(error, "a connection broke");
                break;
            }
            None => break,
        }
    }
    lost();
}

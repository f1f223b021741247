//! How to reach a database, and how to use it.

use std::fmt;
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::{Clock, Error, Result};

use crate::schema;
use crate::server::Server;
use crate::target::Target;

/// How to reach a database, and how to use it.
///
/// ```
/// use kerrera_postgres::Config;
///
/// let config = Config::from_url("postgres://app@db.internal/app?sslmode=verify-full")?
///     .schema("jobs")?
///     .hot_connections(4);
/// # Ok::<(), kerrera_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Config {
    pub(crate) target: Target,
    pub(crate) listen: Option<Target>,
    pub(crate) schema: String,
    pub(crate) hot_connections: usize,
    pub(crate) statement_timeout: Duration,
    pub(crate) clock: Clock,
}

impl Config {
    /// The schema of a [`Config`] that names none.
    pub const SCHEMA: &'static str = "public";
    /// How many connections insert, claim and ack in a [`Config`] that does not say.
    pub const HOT_CONNECTIONS: usize = 2;
    /// How long a statement may take in a [`Config`] that does not say.
    pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

    /// Reads `postgres://user:password@host:port/database?option=value`.
    ///
    /// The options are libpq's, and mean what they mean there: `sslmode`, `sslrootcert`,
    /// `connect_timeout` (10 seconds by default), `application_name`, `options`,
    /// `target_session_attrs`, `channel_binding` and so on; hosts can be several, with commas
    /// between. Two things differ: `sslmode=allow` is `prefer`, and a server's name is looked for in
    /// the alternative names of its certificate only. Client certificates are not supported. A host that is a path (`%2Fvar%2Frun%2Fpostgresql`, or `?host=/var/run/…`) is
    /// the folder of a Unix socket. What the URL leaves out is taken from `PGHOST`, `PGPORT`,
    /// `PGUSER`, `PGPASSWORD`, `PGDATABASE`, `PGSSLMODE`, `PGSSLROOTCERT`, `PGAPPNAME`,
    /// `PGCONNECT_TIMEOUT`, `PGOPTIONS`, `PGCHANNELBINDING` and `PGTARGETSESSIONATTRS`.
    ///
    /// # Errors
    ///
    /// When the URL cannot be read; the message does not repeat what may be a password.
    pub fn from_url(url: &str) -> Result<Config> {
        Target::from_url(url, &environment).map(Config::new)
    }

    /// Takes everything from the `PG*` variables that [`Config::from_url`] lists.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read.
    pub fn from_env() -> Result<Config> {
        Target::from_env(&environment).map(Config::new)
    }

    fn new(target: Target) -> Config {
        Config {
            target,
            listen: None,
            schema: Config::SCHEMA.to_owned(),
            hot_connections: Config::HOT_CONNECTIONS,
            statement_timeout: Config::STATEMENT_TIMEOUT,
            clock: Clock::database(),
        }
    }

    /// Keeps the tables in this schema (Oban calls it the prefix); [`Config::SCHEMA`] by default.
    ///
    /// # Errors
    ///
    /// When the name is not made of `a`–`z`, `0`–`9` and `_`, begins with a digit, or has more than
    /// 48 characters.
    pub fn schema(mut self, schema: impl Into<String>) -> Result<Config> {
        self.schema = schema.into();
        schema::check_name(&self.schema)?;
        Ok(self)
    }

    /// Listens through this URL, which leads past the pooler that the other one leads to.
    ///
    /// Notifications do not pass a pooler that shares connections between transactions. Without
    /// them, jobs are found by polling.
    ///
    /// # Errors
    ///
    /// When the URL cannot be read.
    pub fn listen_url(mut self, url: &str) -> Result<Config> {
        self.listen = Some(Target::from_url(url, &environment)?);
        Ok(self)
    }

    /// How many connections claim, ack and insert in bulk; [`Config::HOT_CONNECTIONS`] by default.
    ///
    /// As many as the server has cores is right; more than twice that makes it slower. There are
    /// four more: for heartbeats, for listening, for notifying, and for everything else; and two on
    /// which unique jobs wait for their keys, once there are any.
    #[must_use]
    pub fn hot_connections(mut self, connections: usize) -> Config {
        self.hot_connections = connections.max(1);
        self
    }

    /// How long a statement may take, on the server and on the way to it;
    /// [`Config::STATEMENT_TIMEOUT`] by default. Heartbeats may take no more than 5 seconds,
    /// migrations as long as they need.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Config {
        self.statement_timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// Begins every session such that its transactions only read: whatever would change something is
    /// refused by the server.
    ///
    /// A pooler that refuses settings at the start of a session refuses this one too, and is not gone
    /// around: name the server itself, or a user who may only read.
    #[must_use]
    pub fn read_only(mut self) -> Config {
        const SETTING: &str = "-c default_transaction_read_only=on";
        self.target.add_option(SETTING);
        if let Some(listen) = &mut self.listen {
            listen.add_option(SETTING);
        }
        self
    }

    /// The clock by which every time is stored and compared; the database's own by default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Config {
        self.clock = clock;
        self
    }

    /// Connects as the storage does, for what the application does by itself in the same database:
    /// its own tables, and the transactions in which it inserts jobs.
    ///
    /// The same host, user, password, certificates and time-out; none of the storage's settings. The
    /// connection is driven by a task on the caller's Tokio runtime, and ends with the client.
    ///
    /// ```no_run
    /// # async fn example() -> kerrera_core::Result<()> {
    /// let config = kerrera_postgres::Config::from_url("postgres://app@db/app?sslmode=require")?;
    /// let client: tokio_postgres::Client = config.connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the certificates cannot be read, or no host lets us in.
    pub async fn connect(&self) -> Result<tokio_postgres::Client> {
        let server = Server::new(self.target.clone(), self.clock.clone(), "".into())?;
        server.connect_plainly().await
    }

    /// The URL to show to people, without the password.
    pub fn location(&self) -> String {
        self.target.location()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("location", &self.location())
            .field("listen", &self.listen.as_ref().map(Target::location))
            .field("schema", &self.schema)
            .field("hot_connections", &self.hot_connections)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

fn environment(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        // libpq takes an empty variable for one that is not set.
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Error::new(Kind::Config, format!("the variable {name} is not UTF-8")))
        }
    }
}

//! Where the jobs are kept.

use std::fmt;
use std::sync::Arc;

use kerrera_core::error::Kind;
use kerrera_core::storage::Storage;
use kerrera_core::{Error, Result};

use crate::client::Client;

/// Where the jobs are kept: a URL, or a storage that was made before.
///
/// - `sqlite:jobs.db`, `sqlite::memory:` (feature `sqlite`)
/// - `postgres://user@host/database` (feature `postgres`); what it leaves out is taken from the `PG*`
///   variables
/// - `Config`: settings from a file and the environment (feature `config`)
#[derive(Clone)]
pub struct Database(Source);

#[derive(Clone)]
enum Source {
    Url(String),
    #[cfg(feature = "sqlite")]
    Sqlite(kerrera_sqlite::Sqlite),
    Other(Arc<dyn Storage>),
    #[cfg(feature = "config")]
    Config(Box<crate::Config>),
}

/// A database whose URL has been read.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) storage: Arc<dyn Storage>,
    #[cfg(feature = "sqlite")]
    pub(crate) sqlite: Option<kerrera_sqlite::Sqlite>,
    /// An embedded file belongs to the program; a server's schema belongs to those who run it.
    pub(crate) migrates_by_itself: bool,
}

impl Database {
    /// A database of any kind that implements the traits of [`kerrera_core::storage`].
    pub fn of(storage: Arc<dyn Storage>) -> Database {
        Database(Source::Other(storage))
    }

    /// The settings that name it, and may say more.
    #[cfg(feature = "config")]
    pub(crate) fn config(&self) -> Option<&crate::Config> {
        match &self.0 {
            Source::Config(config) => Some(config),
            _ => None,
        }
    }

    /// Makes the storage that a URL names.
    pub(crate) fn open(self) -> Result<Opened> {
        match self.0 {
            Source::Url(url) => match scheme(&url)? {
                Scheme::Sqlite => from_sqlite(&url),
                Scheme::Postgres => from_postgres(&url),
            },
            #[cfg(feature = "config")]
            Source::Config(config) => match scheme(config.required_url()?)? {
                Scheme::Sqlite => configured_sqlite(&config),
                Scheme::Postgres => configured_postgres(&config),
            },
            #[cfg(feature = "sqlite")]
            Source::Sqlite(sqlite) => Ok(Opened {
                storage: Arc::new(sqlite.clone()),
                sqlite: Some(sqlite),
                migrates_by_itself: true,
            }),
            Source::Other(storage) => Ok(Opened {
                storage,
                #[cfg(feature = "sqlite")]
                sqlite: None,
                migrates_by_itself: false,
            }),
        }
    }
}

/// What the beginning of a URL says.
enum Scheme {
    Sqlite,
    Postgres,
}

fn scheme(url: &str) -> Result<Scheme> {
    match url.split(':').next().unwrap_or_default() {
        "sqlite" => Ok(Scheme::Sqlite),
        "postgres" | "postgresql" => Ok(Scheme::Postgres),
        scheme => Err(Error::new(
            Kind::Config,
            format!(
                "the database URL begins with {scheme:?}: write sqlite:jobs.db or \
                 postgres://user@host/database"
            ),
        )),
    }
}

#[cfg(feature = "sqlite")]
fn from_sqlite(url: &str) -> Result<Opened> {
    Database::from(kerrera_sqlite::Sqlite::from_url(url)?).open()
}

#[cfg(not(feature = "sqlite"))]
fn from_sqlite(_: &str) -> Result<Opened> {
    Err(missing("sqlite"))
}

#[cfg(feature = "postgres")]
fn from_postgres(url: &str) -> Result<Opened> {
    let config = kerrera_postgres::Config::from_url(url)?;
    Database::from(kerrera_postgres::Postgres::new(config)?).open()
}

#[cfg(not(feature = "postgres"))]
fn from_postgres(_: &str) -> Result<Opened> {
    Err(missing("postgres"))
}

#[cfg(all(feature = "config", feature = "sqlite"))]
fn configured_sqlite(config: &crate::Config) -> Result<Opened> {
    Database::from(config.sqlite()?.open()?).open()
}

#[cfg(all(feature = "config", not(feature = "sqlite")))]
fn configured_sqlite(_: &crate::Config) -> Result<Opened> {
    Err(missing("sqlite"))
}

#[cfg(all(feature = "config", feature = "postgres"))]
fn configured_postgres(config: &crate::Config) -> Result<Opened> {
    Database::from(kerrera_postgres::Postgres::new(config.postgres()?)?).open()
}

#[cfg(all(feature = "config", not(feature = "postgres")))]
fn configured_postgres(_: &crate::Config) -> Result<Opened> {
    Err(missing("postgres"))
}

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
fn missing(feature: &str) -> Error {
    let message = format!(
        "this program was built without the feature {feature:?} of the crate kerrera: add it in \
         Cargo.toml"
    );
    Error::new(Kind::Config, message)
}

#[cfg(feature = "config")]
impl From<crate::Config> for Database {
    /// Where the settings say. [`Kerrera::builder`](crate::Kerrera::builder) and
    /// [`Client::connect`] follow the other settings too.
    fn from(config: crate::Config) -> Database {
        Database(Source::Config(Box::new(config)))
    }
}

impl From<&Client> for Database {
    /// Where this client's jobs are kept: an engine, or another client, on the same connections.
    fn from(client: &Client) -> Database {
        client.database()
    }
}

impl From<&str> for Database {
    fn from(url: &str) -> Database {
        Database(Source::Url(url.to_owned()))
    }
}

impl From<String> for Database {
    fn from(url: String) -> Database {
        Database(Source::Url(url))
    }
}

#[cfg(feature = "sqlite")]
impl From<kerrera_sqlite::Sqlite> for Database {
    fn from(sqlite: kerrera_sqlite::Sqlite) -> Database {
        Database(Source::Sqlite(sqlite))
    }
}

#[cfg(feature = "postgres")]
impl From<kerrera_postgres::Postgres> for Database {
    fn from(postgres: kerrera_postgres::Postgres) -> Database {
        Database::of(Arc::new(postgres))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            // A URL may hold a password.
            Source::Url(_) => f.write_str("Database(a URL)"),
            #[cfg(feature = "sqlite")]
            Source::Sqlite(sqlite) => write!(f, "Database({})", sqlite.location()),
            Source::Other(storage) => write!(f, "Database({})", storage.location()),
            #[cfg(feature = "config")]
            Source::Config(config) => config.fmt(f),
        }
    }
}

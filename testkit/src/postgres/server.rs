//! The server that the tests of a run share.

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::programs::Programs;
use super::psql::{self, AdvisoryLock};

/// The environment variable with the URL of the shared server, without a database.
pub const SERVER_VARIABLE: &str = "KERRERA_TEST_POSTGRES";

/// The server that the tests of a run share, each in databases of its own.
#[derive(Debug)]
pub struct Server {
    url: String,
    psql: PathBuf,
}

impl Server {
    /// The server that `cargo xtask` started for this run.
    ///
    /// # Panics
    ///
    /// When there is none, with a message that says how to get one.
    #[track_caller]
    pub fn shared() -> &'static Server {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| {
            let Ok(url) = env::var(SERVER_VARIABLE) else {
                panic!(
                    "this test needs PostgreSQL, and {SERVER_VARIABLE} names no server. \
                     Run it by `cargo xtask test`, or by `cargo xtask postgres -- cargo test ...`"
                );
            };
            let programs = Programs::find().unwrap_or_else(|message| panic!("{message}"));
            Server { url: url.trim_end_matches('/').to_owned(), psql: programs.psql() }
        })
    }

    /// The URL of a database on this server.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.url)
    }

    /// Runs SQL as the superuser; returns the rows, one a line, columns between `|`.
    ///
    /// # Errors
    ///
    /// With psql's message when a statement fails; those after it do not run.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        psql::run(&self.psql, &self.url(database), sql)
    }

    /// Waits for a lock by name that counts for all processes of the run.
    pub(super) fn lock(&self, name: &str) -> Result<AdvisoryLock, String> {
        AdvisoryLock::take(&self.psql, &self.url("postgres"), name)
    }
}

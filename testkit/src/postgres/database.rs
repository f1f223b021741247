//! A database for one test.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use super::server::Server;

/// Beyond 32 bits, so that whoever keeps an id in an `i32` or an `f32` is found out. A sequence
/// of a narrower type has no such numbers and stays as it is.
const RAISE_SEQUENCES: &str = "select setval(seqrelid::regclass, 2147483648, false) \
     from pg_catalog.pg_sequence where 2147483648 between seqmin and seqmax;";

/// A database of its own on the shared server. Dropping it removes it, whoever is connected.
#[derive(Debug)]
pub struct Database {
    server: &'static Server,
    name: String,
}

impl Database {
    /// A new database with nothing in it.
    ///
    /// # Panics
    ///
    /// When there is no shared server, see [`Server::shared`], or it fails.
    #[track_caller]
    pub fn empty() -> Database {
        Database::copy_of("template0")
    }

    /// A new database with all that `setup` put into the template of this name.
    ///
    /// The first call of a run, over all its processes, makes the template: it hands `setup` the
    /// URL of an empty database, and restarts the database's sequences at 2^31 afterwards. All
    /// others copy it, so the same name must stand for the same content everywhere.
    ///
    /// # Panics
    ///
    /// When `setup` does, when there is no shared server, see [`Server::shared`], or it fails.
    #[track_caller]
    pub fn from_template(name: &str, setup: impl FnOnce(&str)) -> Database {
        let template = format!("template_{name}");
        assert!(
            template.len() <= 63 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
            "{name:?} is no name for a template: letters, digits and _, at most 54"
        );
        ensure(Server::shared(), &template, setup);
        Database::copy_of(&template)
    }

    #[track_caller]
    fn copy_of(template: &str) -> Database {
        let server = Server::shared();
        let name = format!("test_{}_{:016x}", std::process::id(), fastrand::u64(..));
        let sql = format!(r#"create database {name} template "{template}""#);
        for _ in 0..100 {
            match server.psql("postgres", &sql) {
                Ok(_) => return Database { server, name },
                // A vacuum in the template that is slow to give way.
                Err(error) if error.contains("is being accessed by other users") => {
                    thread::sleep(Duration::from_millis(100));
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("{template} has been in use for too long to copy it");
    }

    /// The URL of the database, over TCP.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs SQL as the superuser; returns the rows, one a line, columns between `|`. Each
    /// statement is a transaction of its own.
    ///
    /// # Panics
    ///
    /// With psql's message when a statement fails.
    #[track_caller]
    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.name, sql).unwrap_or_else(|message| panic!("{message}\nin: {sql}"))
    }

    /// Restarts all sequences at 2^31, as in every database from a template: for a test that
    /// makes its tables by itself.
    ///
    /// # Panics
    ///
    /// When the server fails.
    #[track_caller]
    pub fn raise_sequences(&self) {
        self.psql(RAISE_SEQUENCES);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        if let Err(message) = self.server.psql("postgres", &sql) {
            // Not a panic: this may run in one. The server itself is thrown away later.
            eprintln!("cannot drop {}: {message}", self.name);
        }
    }
}

/// Makes the template unless it is there.
#[track_caller]
fn ensure(server: &Server, template: &str, setup: impl FnOnce(&str)) {
    // Spares the other tests of this process two runs of psql each.
    static READY: LazyLock<Mutex<HashMap<String, Arc<OnceLock<()>>>>> =
        LazyLock::new(Mutex::default);
    let ready = Arc::clone(
        READY.lock().expect("nothing panics under it").entry(template.to_owned()).or_default(),
    );
    ready.get_or_init(|| {
        make(server, template, setup).unwrap_or_else(|message| panic!("{message}"));
    });
}

fn make(server: &Server, template: &str, setup: impl FnOnce(&str)) -> Result<(), String> {
    let _lock = server.lock(template)?;
    let ready = format!(
        "select 1 from pg_catalog.pg_database where datname = '{template}' and datistemplate"
    );
    if server.psql("postgres", &ready)? == "1" {
        return Ok(());
    }
    // An unready one was left by a setup that failed.
    server.psql(
        "postgres",
        &format!(
            r#"drop database if exists "{template}" with (force);
               create database "{template}" template template0;"#
        ),
    )?;
    setup(&server.url(template));
    server.psql(template, RAISE_SEQUENCES)?;
    // Nobody may be connected to a database that is copied: see to it that nobody can be.
    server.psql(
        "postgres",
        &format!(
            r#"alter database "{template}" allow_connections false;
               select pg_terminate_backend(pid) from pg_stat_activity where datname = '{template}';
               alter database "{template}" is_template true;"#
        ),
    )?;
    Ok(())
}

//! Bringing a database to the shape that this version needs, and back.

use std::fmt;

use kerrera_core::error::Kind;
use kerrera_core::{Error, Result};
use tokio_postgres::types::Type;

use crate::Postgres;
use crate::connection::{Parameter, Session, Verb};
use crate::schema::{Found, Origin, quoted};
use crate::statements::bare;

/// The migrations after the first, in order: the second is the first of these.
const LATER: [Later; 11] = [
    Later {
        up: ("create the table of producers", include_str!("migrations/0002_producers.up.sql")),
        down: ("remove the table of producers", include_str!("migrations/0002_producers.down.sql")),
    },
    Later {
        up: ("create the table of leaders", include_str!("migrations/0003_leaders.up.sql")),
        down: ("remove the table of leaders", include_str!("migrations/0003_leaders.down.sql")),
    },
    Later {
        up: (
            "create the table of orders for queues",
            include_str!("migrations/0004_queues.up.sql"),
        ),
        down: (
            "remove the table of orders for queues",
            include_str!("migrations/0004_queues.down.sql"),
        ),
    },
    Later {
        up: ("create the table of unique jobs", include_str!("migrations/0005_unique.up.sql")),
        down: ("remove the table of unique jobs", include_str!("migrations/0005_unique.down.sql")),
    },
    Later {
        up: ("create the tables of cron entries", include_str!("migrations/0006_crons.up.sql")),
        down: ("remove the tables of cron entries", include_str!("migrations/0006_crons.down.sql")),
    },
    Later {
        up: ("vacuum jobs more often", include_str!("migrations/0007_vacuum.up.sql")),
        down: ("vacuum jobs as other tables", include_str!("migrations/0007_vacuum.down.sql")),
    },
    Later {
        up: ("create the audit log", include_str!("migrations/0008_audit.up.sql")),
        down: ("remove the audit log", include_str!("migrations/0008_audit.down.sql")),
    },
    Later {
        up: ("index the jobs that ended badly", include_str!("migrations/0009_ended.up.sql")),
        down: (
            "remove the index of jobs that ended badly",
            include_str!("migrations/0009_ended.down.sql"),
        ),
    },
    Later {
        up: (
            "create the tables of metrics, workers and nodes",
            include_str!("migrations/0010_metrics.up.sql"),
        ),
        down: (
            "remove the tables of metrics, workers and nodes",
            include_str!("migrations/0010_metrics.down.sql"),
        ),
    },
    Later {
        up: ("create the tables of errors", include_str!("migrations/0011_errors.up.sql")),
        down: ("remove the tables of errors", include_str!("migrations/0011_errors.down.sql")),
    },
    Later {
        up: ("create the table of operations", include_str!("migrations/0012_operations.up.sql")),
        down: (
            "remove the table of operations",
            include_str!("migrations/0012_operations.down.sql"),
        ),
    },
];

/// The newest migration.
pub(crate) const LATEST: u32 = 1 + LATER.len() as u32;

/// The lock that lets one node at a time migrate: a key of ours, and one for each schema.
const LOCK: i32 = 0x4b72_726d;

/// Brings a database to the shape that this version needs, and back; made by
/// [`Postgres::migrations`].
///
/// Several nodes may migrate at once: one does it, the others wait and find it done.
#[derive(Clone, Copy, Debug)]
pub struct Migrations<'a> {
    postgres: &'a Postgres,
}

/// One migration, in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Its number.
    pub version: u32,
    /// What it does.
    pub title: &'static str,
    /// The SQL, complete: whoever runs it by hand in one transaction has migrated the database.
    pub sql: String,
}

impl Migrations<'_> {
    /// The newest migration that this version knows.
    pub const LATEST: u32 = LATEST;

    pub(crate) fn of(postgres: &Postgres) -> Migrations<'_> {
        Migrations { postgres }
    }

    /// What [`Migrations::up`] would run, in order; empty when nothing is to be done. Only reads.
    ///
    /// # Errors
    ///
    /// When the database cannot be used: see [`Operations::open`].
    ///
    /// [`Operations::open`]: kerrera_core::storage::Operations::open
    pub async fn plan(&self) -> Result<Vec<Step>> {
        self.run(LATEST, |session, work| Box::pin(plan(session, work))).await
    }

    /// Migrates to a version, by default the newest, each migration in a transaction of its own; gives
    /// back what it ran.
    ///
    /// Waits for others that migrate the same schema. On a table that another Oban made, creating an
    /// index that is missing holds up writes to it for as long as that takes.
    ///
    /// # Errors
    ///
    /// When the database cannot be used, the role may not create tables, or a migration fails; what
    /// was committed before stays.
    pub async fn up(&self, to: Option<u32>) -> Result<Vec<Step>> {
        let to = to.unwrap_or(LATEST);
        self.run(to, |session, work| Box::pin(up(session, work))).await
    }

    /// Takes migrations back, down to a version; 0 removes everything, **the jobs as well** unless
    /// another Oban made their table. Gives back what it ran.
    ///
    /// # Errors
    ///
    /// When a migration fails; what was committed before stays.
    pub async fn down(&self, to: u32) -> Result<Vec<Step>> {
        self.run(to, |session, work| Box::pin(down(session, work))).await
    }

    async fn run(&self, to: u32, verb: Verb<Work, Vec<Step>>) -> Result<Vec<Step>> {
        let link = self.postgres.migrating();
        let work = Work { schema: self.postgres.schema().to_owned(), to, next: next_up };
        let steps = link.run(work, verb).await;
        // There will hardly be another call.
        link.rest().await;
        steps
    }
}

impl fmt::Display for Step {
    /// The SQL under a heading, ready for `psql`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step { version, title, sql } = self;
        writeln!(f, "-- Migration {version}: {title}\nBEGIN;\n{}\nCOMMIT;", sql.trim())
    }
}

/// Refuses a schema that a newer version has migrated.
///
/// # Errors
///
/// [`Kind::ForeignSchema`].
pub(crate) fn refuse_newer(found: &Found, schema: &str) -> Result<()> {
    if found.version <= LATEST {
        return Ok(());
    }
    let message = format!(
        "the schema {schema:?} was migrated by a newer Kerrera (migration {}; this one knows \
         {LATEST}): update this program, or migrate down with the newer one",
        found.version
    );
    Err(Error::new(Kind::ForeignSchema, message))
}

/// A schema, and the version that it is to be brought to.
#[derive(Clone)]
struct Work {
    schema: String,
    to: u32,
    next: Next,
}

/// Finds the next migration, given what is there.
type Next = fn(&Found, &str, u32) -> Result<Option<Step>>;

/// A migration that is the same whoever made the tables: title and SQL of both directions.
struct Later {
    up: (&'static str, &'static str),
    down: (&'static str, &'static str),
}

impl Later {
    fn of(version: u32) -> &'static Later {
        &LATER[(version - 2) as usize]
    }
}

async fn plan(session: &mut Session, work: &Work) -> Result<Vec<Step>> {
    let mut found = Found::look(session, &work.schema).await?;
    let mut steps = Vec::new();
    while let Some(step) = next_up(&found, &work.schema, work.to)? {
        found.version = step.version;
        steps.push(step);
    }
    Ok(steps)
}

async fn up(session: &mut Session, work: &Work) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    while let Some(step) = one(session, work).await? {
        tracing::info!(version = step.version, title = step.title, "migrated the database");
        steps.push(step);
    }
    Ok(steps)
}

async fn down(session: &mut Session, work: &Work) -> Result<Vec<Step>> {
    let work = Work { next: next_down, ..work.clone() };
    let mut steps = Vec::new();
    while let Some(step) = one(session, &work).await? {
        tracing::info!(version = step.version, title = step.title, "took a migration back");
        steps.push(step);
    }
    Ok(steps)
}

/// Runs the next migration, if there is one, while no other node does.
async fn one(session: &mut Session, work: &Work) -> Result<Option<Step>> {
    let locked: Verb<Work, Option<Step>> = |session, work| Box::pin(one_locked(session, work));
    session.transaction("the migration", work, locked).await
}

async fn one_locked(session: &mut Session, work: &Work) -> Result<Option<Step>> {
    // However long others take, and however large the table is.
    let patience = "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
                    SET LOCAL idle_in_transaction_session_timeout = 0";
    session.execute("the migration", patience).await?;
    let lock = "SELECT pg_advisory_xact_lock($1::int, hashtext($2::text))";
    let parameters: [Parameter<'_>; 2] = [(&LOCK, Type::INT4), (&work.schema, Type::TEXT)];
    session.query("the migration", lock, &parameters).await?;
    let found = Found::look(session, &work.schema).await?;
    let step = (work.next)(&found, &work.schema, work.to)?;
    if let Some(step) = &step {
        let doing = format!("migration {} ({})", step.version, step.title);
        session.execute(&doing, &step.sql).await?;
    }
    Ok(step)
}

fn next_up(found: &Found, schema: &str, to: u32) -> Result<Option<Step>> {
    refuse_newer(found, schema)?;
    if found.version >= to {
        return Ok(None);
    }
    let step = match (found.version, found.origin) {
        (0, Origin::Nobody | Origin::Kerrera) => Step {
            version: 1,
            title: "create Oban's tables",
            sql: include_str!("migrations/0001_jobs.up.sql")
                .replace("{create_schema}", if found.has_schema() { "" } else { CREATE_SCHEMA }),
        },
        (0, origin) => Step {
            version: 1,
            title: "use the tables that Oban made",
            sql: include_str!("migrations/0001_adopt.up.sql")
                .replace("{additions}", &additions(found, schema)?)
                .replace("{origin}", origin.as_str()),
        },
        (version, _) => {
            let (title, sql) = Later::of(version + 1).up;
            Step { version: version + 1, title, sql: format!("{sql}{}", recorded(version + 1)) }
        }
    };
    Ok(Some(Step { sql: step.sql.replace("{schema}", &quoted(schema)), ..step }))
}

fn next_down(found: &Found, schema: &str, to: u32) -> Result<Option<Step>> {
    refuse_newer(found, schema)?;
    if found.version <= to {
        return Ok(None);
    }
    let (title, sql) = match (found.version, found.origin) {
        (1, Origin::Kerrera | Origin::Nobody) => {
            ("remove Oban's tables", include_str!("migrations/0001_jobs.down.sql"))
        }
        (1, _) => ("leave the tables to Oban", include_str!("migrations/0001_adopt.down.sql")),
        (version, _) => Later::of(version).down,
    };
    // The first takes the record itself away.
    let record = if found.version > 1 { recorded(found.version - 1) } else { String::new() };
    let sql = format!("{sql}{record}").replace("{schema}", &quoted(schema));
    Ok(Some(Step { version: found.version, title, sql }))
}

/// The end of a migration that leaves the schema at this version.
fn recorded(version: u32) -> String {
    format!("\nUPDATE {{schema}}.kerrera_schema SET version = {version};\n")
}

const CREATE_SCHEMA: &str = "CREATE SCHEMA {schema};\n";

/// What another Oban's tables lack. Pro looks after its own.
fn additions(found: &Found, schema: &str) -> Result<String> {
    let layout = found.layout(schema)?;
    let mut sql = String::new();
    if found.origin != Origin::Pro && found.lacks_suspended() {
        sql += &bare(include_str!("migrations/0001_adopt.label.sql"))
            .replace("{state}", &layout.state_type);
        sql.push('\n');
    }
    if found.origin != Origin::Pro && found.lacks_index() {
        sql += &bare(include_str!("migrations/0001_adopt.indexes.sql"));
        sql.push('\n');
    }
    Ok(sql)
}

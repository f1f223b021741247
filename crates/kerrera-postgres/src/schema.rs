//! What is in the database: nothing, tables of ours, or tables that another Oban made.
//!
//! Found out by looking at the catalog, never by Oban's own mark alone: the table's comment is lost
//! in some restores, and Oban for Python once overwrote it.

use std::collections::BTreeMap;

use kerrera_core::error::Kind;
use kerrera_core::{Error, Result};
use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::connection::Session;
use crate::statements::bare;

/// The oldest server that is supported, as PostgreSQL counts its versions.
const OLDEST_SERVER: i32 = 140_000;

/// The longest name of a schema: with it, the name of every notification channel fits into the 63
/// bytes that PostgreSQL allows.
const LONGEST_SCHEMA: usize = 48;

/// Checks the name of a schema.
///
/// # Errors
///
/// When it is not made of `a`–`z`, `0`–`9` and `_`, begins with a digit, or is too long.
pub(crate) fn check_name(schema: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let good = !schema.is_empty()
        && schema.len() <= LONGEST_SCHEMA
        && schema.chars().all(fits)
        && !schema.starts_with(|c: char| c.is_ascii_digit());
    if good {
        return Ok(());
    }
    let shown: String = schema.chars().take(60).collect();
    let message = format!(
        "{shown:?} cannot be the schema: use a-z, 0-9 and _, no digit first, at most \
         {LONGEST_SCHEMA} characters"
    );
    Err(Error::new(Kind::Config, message))
}

/// A schema's name in SQL.
pub(crate) fn quoted(schema: &str) -> String {
    format!("\"{}\"", schema.replace('"', "\"\""))
}

/// Where the tables that others made differ from ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) errors: ErrorsColumn,
    /// The type of the column `state`, ready for SQL.
    pub(crate) state_type: String,
    /// Whether another Oban made the tables, and so is likely to insert into them.
    pub(crate) foreign: bool,
    /// Whether there are the tables in which Elixir's and Python's nodes elect their leaders.
    pub(crate) peers: bool,
    pub(crate) leaders: bool,
    /// Whether there is the table in which Python's nodes and Pro's say what they work.
    pub(crate) producers: bool,
}

impl Layout {
    /// Whether that table of a neighbour's election is there.
    pub(crate) fn has(&self, table: &str) -> bool {
        match table {
            "oban_peers" => self.peers,
            "oban_leaders" => self.leaders,
            _ => false,
        }
    }
}

/// How the failed attempts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorsColumn {
    /// `jsonb[]`, Elixir's.
    Array,
    /// `jsonb`, an array inside; Python's.
    Json,
}

/// Who made `oban_jobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody yet.
    Nobody,
    /// We did.
    Kerrera,
    /// Oban for Elixir.
    Elixir,
    /// Oban for Python.
    Python,
    /// Oban Pro, which says that it looks after the table itself.
    Pro,
}

impl Origin {
    /// The word in `kerrera_schema`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Origin::Nobody => "nobody",
            Origin::Kerrera => "kerrera",
            Origin::Elixir => "elixir",
            Origin::Python => "python",
            Origin::Pro => "pro",
        }
    }
}

/// What was found in a schema.
#[derive(Debug)]
pub(crate) struct Found {
    facts: Facts,
    /// Our migrations that have run; zero if none has.
    pub(crate) version: u32,
    pub(crate) origin: Origin,
}

#[derive(Debug, Deserialize)]
struct Facts {
    server: i32,
    schema: bool,
    kerrera_schema: bool,
    oban_peers: bool,
    oban_leaders: bool,
    oban_producers: bool,
    jobs: Option<Jobs>,
}

#[derive(Debug, Deserialize)]
struct Jobs {
    comment: Option<String>,
    columns: BTreeMap<String, String>,
    state_type: Option<String>,
    labels: Option<Vec<String>>,
    compound_index: bool,
}

/// The columns of `oban_jobs`, with Oban's migration that brought each.
const COLUMNS: [(&str, u32); 18] = [
    ("id", 1),
    ("state", 1),
    ("queue", 1),
    ("worker", 1),
    ("args", 1),
    ("errors", 1),
    ("attempt", 1),
    ("max_attempts", 1),
    ("inserted_at", 1),
    ("scheduled_at", 1),
    ("attempted_at", 1),
    ("completed_at", 1),
    ("attempted_by", 3),
    ("discarded_at", 8),
    ("priority", 8),
    ("tags", 8),
    ("meta", 9),
    ("cancelled_at", 9),
];

impl Found {
    /// Looks.
    ///
    /// # Errors
    ///
    /// When the database fails, is too old, or was migrated by a newer version of Kerrera.
    pub(crate) async fn look(session: &mut Session, schema: &str) -> Result<Found> {
        let probe = bare(include_str!("sql/probe.sql"));
        let rows = session.query("looking at the schema", &probe, &[(&schema, Type::TEXT)]).await?;
        let text: String = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
        let facts: Facts = serde_json::from_str(&text).map_err(|error| {
            Error::new(Kind::Database, format!("the catalog cannot be read: {error}"))
        })?;
        if facts.server < OLDEST_SERVER {
            let message = format!(
                "the server is PostgreSQL {}; Kerrera needs {} or newer",
                facts.server / 10_000,
                OLDEST_SERVER / 10_000
            );
            return Err(Error::new(Kind::Config, message));
        }

        let (version, recorded) = if facts.kerrera_schema {
            let sql = bare(include_str!("sql/version.sql")).replace("{schema}", &quoted(schema));
            let rows = session.query("reading kerrera_schema", &sql, &[]).await?;
            let row = rows.first();
            let version: i32 = row.and_then(|row| row.try_get(0).ok()).unwrap_or_default();
            let origin: Option<String> = row.and_then(|row| row.try_get(1).ok());
            (u32::try_from(version).unwrap_or_default(), origin)
        } else {
            (0, None)
        };
        let origin = origin(facts.jobs.as_ref(), recorded.as_deref());
        Ok(Found { facts, version, origin })
    }

    /// Whether the schema itself exists.
    pub(crate) fn has_schema(&self) -> bool {
        self.facts.schema
    }

    /// Whether there is a table of jobs, whoever made it.
    pub(crate) fn has_jobs(&self) -> bool {
        self.facts.jobs.is_some()
    }

    /// Whether Oban's newest state is missing.
    pub(crate) fn lacks_suspended(&self) -> bool {
        let labels = self.facts.jobs.as_ref().and_then(|jobs| jobs.labels.as_ref());
        labels.is_some_and(|labels| !labels.iter().any(|label| label == "suspended"))
    }

    /// Whether neither Oban's large index nor anything as good is there.
    pub(crate) fn lacks_index(&self) -> bool {
        self.facts.jobs.as_ref().is_some_and(|jobs| !jobs.compound_index)
    }

    /// Checks that the table is one that can be worked with, and says how it is laid out.
    ///
    /// # Errors
    ///
    /// [`Kind::Unmigrated`] when there is none, [`Kind::ForeignSchema`] when it is too old or none of
    /// Oban's.
    pub(crate) fn layout(&self, schema: &str) -> Result<Layout> {
        let foreign = |message: String| Err(Error::new(Kind::ForeignSchema, message));
        let Some(jobs) = &self.facts.jobs else {
            let message = format!("there is no table oban_jobs in the schema {schema:?}");
            return Err(Error::new(Kind::Unmigrated, message));
        };
        let missing = COLUMNS.iter().filter(|(name, _)| !jobs.columns.contains_key(*name));
        if let Some((name, version)) = missing.min_by_key(|(_, version)| *version) {
            if *version == 1 {
                return foreign(format!(
                    "the table oban_jobs in the schema {schema:?} is not Oban's: it has no column \
                     {name:?}; give Kerrera another schema"
                ));
            }
            return foreign(too_old(schema, &format!("it has no column {name:?}")));
        }
        let (Some(state_type), errors) = (&jobs.state_type, jobs.columns["errors"].as_str()) else {
            return foreign(format!(
                "the table oban_jobs in the schema {schema:?} is not Oban's: its column \"state\" \
                 is {:?}, not an enum; give Kerrera another schema",
                jobs.columns["state"]
            ));
        };
        let errors = match errors {
            "jsonb[]" => ErrorsColumn::Array,
            "jsonb" => ErrorsColumn::Json,
            other => {
                return foreign(format!(
                    "the table oban_jobs in the schema {schema:?} is not Oban's: its column \
                     \"errors\" is {other:?}; give Kerrera another schema"
                ));
            }
        };
        if self.origin == Origin::Elixir && !self.facts.oban_peers {
            return foreign(too_old(schema, "there is no table oban_peers"));
        }
        Ok(Layout {
            errors,
            state_type: state_type.clone(),
            foreign: !matches!(self.origin, Origin::Kerrera | Origin::Nobody),
            peers: self.facts.oban_peers,
            leaders: self.facts.oban_leaders,
            producers: self.facts.oban_producers,
        })
    }
}

fn too_old(schema: &str, reason: &str) -> String {
    format!(
        "the tables that Oban made in the schema {schema:?} are too old: {reason}; in the Elixir \
         application, run Oban.Migration.up(version: 14), then this again"
    )
}

fn origin(jobs: Option<&Jobs>, recorded: Option<&str>) -> Origin {
    let Some(jobs) = jobs else { return Origin::Nobody };
    let by_name = |name| {
        [Origin::Kerrera, Origin::Elixir, Origin::Python, Origin::Pro]
            .into_iter()
            .find(|origin| origin.as_str() == name)
    };
    if let Some(origin) = recorded.and_then(by_name) {
        return origin;
    }
    if jobs.comment.as_deref() == Some("∞") {
        return Origin::Pro;
    }
    match jobs.columns.get("errors").map(String::as_str) {
        Some("jsonb") => Origin::Python,
        _ => Origin::Elixir,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_has_a_plain_name() {
        for good in ["public", "jobs_2", "_x"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "2jobs", "Jobs", "a.b", "a\"b", "a'; drop", "naïve", &"a".repeat(49)] {
            let error = check_name(bad).unwrap_err();
            assert!(error.is_config(), "{error}");
        }
    }
}

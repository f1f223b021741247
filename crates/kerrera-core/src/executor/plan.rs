//! What a storage wants run to insert some jobs.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::unique::{UniqueSql, UniqueSteps};
use super::{Dialect, Statement, used_up};
use crate::error::{Error, Kind, Result};
use crate::job::Job;
use crate::new_job::ValidJob;
use crate::storage::Inserted;
use crate::time::Timestamp;

/// What a storage wants run to insert some jobs.
#[derive(Clone, Debug)]
pub struct InsertPlan {
    dialect: Dialect,
    steps: Steps,
}

#[derive(Clone, Debug)]
enum Steps {
    Plain { sql: Arc<str>, json: String, rows: Option<Vec<Inserted>> },
    Unique(Box<UniqueSteps>),
}

impl InsertPlan {
    /// One statement that inserts jobs of which none is unique. Its parameter is the JSON object
    /// `{"now_us", "jobs"}`, where the time is there for a manual clock only; it gives the jobs back
    /// as JSON objects, in the order of the list.
    ///
    /// # Errors
    ///
    /// When the jobs cannot be written as JSON.
    pub fn plain(
        dialect: Dialect,
        sql: Arc<str>,
        jobs: &[ValidJob],
        now: Option<Timestamp>,
    ) -> Result<InsertPlan> {
        let json = document(now, jobs)?;
        Ok(InsertPlan { dialect, steps: Steps::Plain { sql, json, rows: None } })
    }

    /// The statements that insert jobs of which some are unique.
    ///
    /// # Errors
    ///
    /// When the jobs cannot be written as JSON.
    pub fn unique(
        dialect: Dialect,
        sql: UniqueSql,
        jobs: Vec<ValidJob>,
        now: Option<Timestamp>,
    ) -> Result<InsertPlan> {
        let steps = Box::new(UniqueSteps::begin(sql, jobs, now)?);
        Ok(InsertPlan { dialect, steps: Steps::Unique(steps) })
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn statement(&self) -> Option<Statement<'_>> {
        match &self.steps {
            Steps::Plain { sql, json, rows: None } => Some(Statement { sql, json }),
            Steps::Plain { .. } => None,
            Steps::Unique(steps) => steps.statement(),
        }
    }

    pub(super) fn answer(&mut self, answer: &[String]) -> Result<()> {
        match &mut self.steps {
            Steps::Plain { rows: Some(_), .. } => Err(used_up()),
            Steps::Plain { rows, .. } => {
                let jobs = answer.iter().map(|row| read_job(row).map(Inserted::New));
                *rows = Some(jobs.collect::<Result<_>>()?);
                Ok(())
            }
            Steps::Unique(steps) => steps.answer(answer),
        }
    }

    pub(super) fn finish(self) -> Option<Vec<Inserted>> {
        match self.steps {
            Steps::Plain { rows, .. } => rows,
            Steps::Unique(steps) => steps.finish(),
        }
    }
}

/// The parameter of a statement: a list, and what a manual clock shows.
pub(super) fn document(
    now: Option<Timestamp>,
    list: &(impl serde::Serialize + ?Sized),
) -> Result<String> {
    #[derive(serde::Serialize)]
    struct Document {
        #[serde(skip_serializing_if = "Option::is_none")]
        now_us: Option<i64>,
        jobs: Box<RawValue>,
    }

    let now_us = now.map(Timestamp::as_micros);
    serde_json::value::to_raw_value(list)
        .and_then(|jobs| serde_json::to_string(&Document { now_us, jobs }))
        .map_err(|error| {
            Error::new(Kind::InvalidJob, format!("the jobs cannot be written as JSON: {error}"))
        })
}

/// A job as a statement gives it back.
pub(super) fn read_job(row: &str) -> Result<Job> {
    serde_json::from_str(row).map_err(|error| unreadable(&error))
}

pub(super) fn unreadable(error: &serde_json::Error) -> Error {
    Error::new(Kind::Database, format!("the database gave back no job: {error}"))
}

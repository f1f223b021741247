//! Inserting inside a transaction that the application owns.
//!
//! A storage knows the SQL, an application holds the transaction, and an adapter brings them
//! together: it runs a statement that has one text parameter, and gives back the rows, which are one
//! column of text. That is all; whatever the statements mean stays with the storage, so that a new
//! column breaks no adapter.

use std::fmt;

use crate::error::{Cause, Error, Kind, Result};
use crate::job::Job;
use crate::storage::Inserted;

/// The SQL that a statement is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// PostgreSQL's.
    Postgres,
    /// SQLite's.
    Sqlite,
}

/// Runs statements in a transaction of the application's.
///
/// `M` is a marker type of the adapter's crate; with it, that crate may implement this trait for a
/// foreign transaction. Whoever uses the adapter never names it.
///
/// An adapter is this much:
///
/// ```
/// use kerrera_core::executor::{refused, Call, Dialect, Executor};
/// # struct Transaction;
/// # impl Transaction {
/// #     fn query(&mut self, _: &str, _: &str) -> Result<Vec<String>, std::io::Error> { Ok(vec![]) }
/// # }
///
/// pub enum ByMyDriver {}
///
/// impl Executor<ByMyDriver> for Transaction {
///     const DIALECT: Dialect = Dialect::Sqlite;
///     type Reply<'a, T: Send + 'a> = kerrera_core::Result<T>; // a boxed future if it is asynchronous
///
///     fn run<'a, T: Send + 'a>(&'a mut self, mut call: Call<T>) -> Self::Reply<'a, T> {
///         while let Some(statement) = call.statement()? {
///             let rows = self.query(statement.sql, statement.json).map_err(refused)?;
///             call.answer(rows)?;
///         }
///         call.finish()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "jobs cannot be inserted through `{Self}`",
    label = "not a transaction that Kerrera knows",
    note = "pass `&mut transaction`; for sqlx, add the crate `kerrera-sqlx` and `use kerrera_sqlx as _;`"
)]
pub trait Executor<M> {
    /// The SQL that the connection understands.
    const DIALECT: Dialect;

    /// What a call gives back: a `Result`, or a future of one.
    type Reply<'a, T: Send + 'a>
    where
        Self: 'a;

    /// Runs the statements of `call`, in the order in which it gives them, and nothing else.
    fn run<'a, T: Send + 'a>(&'a mut self, call: Call<T>) -> Self::Reply<'a, T>;
}

/// A statement to run.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The SQL, with one parameter: `$1` or `?1`.
    pub sql: &'a str,
    /// The parameter, as text.
    pub json: &'a str,
}

/// The error for a statement that the transaction refused.
pub fn refused(cause: impl Into<Cause>) -> Error {
    let cause = cause.into();
    let message = format!(
        "the jobs were not inserted: the transaction refused the statement: {}",
        crate::failure::describe(cause.as_ref())
    );
    Error::new(Kind::Database, message).caused_by(cause)
}

/// What a storage wants run to insert some jobs.
#[derive(Clone, Debug)]
pub struct InsertPlan {
    dialect: Dialect,
    sql: std::sync::Arc<str>,
    json: String,
    rows: Option<Vec<Inserted>>,
}

impl InsertPlan {
    /// One statement that inserts the jobs of a JSON array and gives them back as JSON objects, in
    /// the order of the array.
    pub fn new(dialect: Dialect, sql: std::sync::Arc<str>, json: String) -> InsertPlan {
        InsertPlan { dialect, sql, json, rows: None }
    }
}

/// An insertion under way: gives out statements, and takes the rows.
pub struct Call<T> {
    plan: Result<InsertPlan>,
    finish: fn(Vec<Inserted>) -> Result<T>,
}

impl<T> Call<T> {
    /// Begins to follow a plan, in a transaction of that dialect; an error is given back by the
    /// first step.
    pub fn new(
        dialect: Dialect,
        plan: Result<InsertPlan>,
        finish: fn(Vec<Inserted>) -> Result<T>,
    ) -> Call<T> {
        let plan = plan.and_then(|plan| {
            if plan.dialect == dialect {
                return Ok(plan);
            }
            let message = format!(
                "the jobs are kept in {:?}, and the transaction is one of {dialect:?}: a transaction \
                 cannot span both",
                plan.dialect
            );
            Err(Error::new(Kind::Config, message))
        });
        Call { plan, finish }
    }

    /// The next statement to run; `None` when there is none left.
    ///
    /// # Errors
    ///
    /// When the jobs cannot be inserted at all.
    pub fn statement(&mut self) -> Result<Option<Statement<'_>>> {
        match &mut self.plan {
            Ok(plan) if plan.rows.is_none() => {
                Ok(Some(Statement { sql: &plan.sql, json: &plan.json }))
            }
            Ok(_) => Ok(None),
            Err(error) => Err(std::mem::replace(error, used_up())),
        }
    }

    /// Takes the rows of the last statement.
    ///
    /// # Errors
    ///
    /// When they are not what the statement gives.
    pub fn answer(&mut self, rows: Vec<String>) -> Result<()> {
        let Ok(plan) = &mut self.plan else { return Err(used_up()) };
        let jobs = rows.iter().map(|row| {
            serde_json::from_str::<Job>(row).map(Inserted::New).map_err(|error| {
                Error::new(Kind::Database, format!("the database gave back no job: {error}"))
            })
        });
        plan.rows = Some(jobs.collect::<Result<_>>()?);
        Ok(())
    }

    /// Gives back what was inserted.
    ///
    /// # Errors
    ///
    /// When statements are left to run.
    pub fn finish(self) -> Result<T> {
        (self.finish)(self.plan?.rows.ok_or_else(used_up)?)
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

fn used_up() -> Error {
    Error::new(Kind::Config, "the adapter did not follow the call: run every statement, once")
}

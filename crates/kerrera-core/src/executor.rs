//! Inserting inside a transaction that the application owns.
//!
//! A storage knows the SQL, an application holds the transaction, and an adapter brings them
//! together: it runs a statement that has one text parameter, and gives back the rows, which are one
//! column of text. That is all; whatever the statements mean stays with the storage, so that a new
//! column breaks no adapter.

mod plan;
mod unique;

use std::fmt;

use crate::error::{Cause, Error, Kind, Result};
use crate::storage::Inserted;

pub use plan::InsertPlan;
pub use unique::UniqueSql;

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

    /// Runs the statements of `call`, in the order in which it gives them, and nothing else. Several
    /// are run one after the other, not as one batch: a later one must see what the ones before it
    /// waited for.
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

/// The error for a statement that the transaction refused because another was faster (SQLSTATE 40001
/// or 40P01).
///
/// In a transaction of the levels REPEATABLE READ and SERIALIZABLE that is how a unique job learns
/// that another transaction has claimed the same meanwhile.
pub fn lost(cause: impl Into<Cause>) -> Error {
    let cause = cause.into();
    let message = format!(
        "the jobs were not inserted: the transaction lost against a concurrent one, which may have \
         claimed the same unique job; roll it back and run it again: {}",
        crate::failure::describe(cause.as_ref())
    );
    Error::new(Kind::Conflict, message).caused_by(cause)
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
            let kept = plan.dialect();
            if kept == dialect {
                return Ok(plan);
            }
            let message = format!(
                "the jobs are kept in {kept:?}, and the transaction is one of {dialect:?}: a \
                 transaction cannot span both"
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
            Ok(plan) => Ok(plan.statement()),
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
        plan.answer(&rows)
    }

    /// Gives back what was inserted.
    ///
    /// # Errors
    ///
    /// When statements are left to run.
    pub fn finish(self) -> Result<T> {
        (self.finish)(self.plan?.finish().ok_or_else(used_up)?)
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

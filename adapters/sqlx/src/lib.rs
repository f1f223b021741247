//! Inserts [Kerrera](https://docs.rs/kerrera)'s jobs within a transaction of
//! [sqlx](https://docs.rs/sqlx).
//!
//! Bring the crate into scope, and pass the transaction:
//!
//! ```no_run
//! use kerrera::prelude::*;
//! use kerrera_sqlx as _;
//!
//! #[derive(Serialize, Deserialize, Worker)]
//! struct Welcome { user_id: i64 }
//!
//! # async fn register(client: &Client, pool: &sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
//! let mut tx = pool.begin().await?;
//! let user_id: i64 = sqlx::query_scalar("INSERT INTO users (name) VALUES ($1) RETURNING id")
//!     .bind("ada")
//!     .fetch_one(&mut *tx)
//!     .await?;
//! client.within(&mut tx).insert(Welcome { user_id }).await?;
//! tx.commit().await?;
//! # Ok(()) }
//! ```
//!
//! The jobs are there when the transaction commits, and never if it does not. It must be one on the
//! database where the jobs are kept.

use std::future::Future;
use std::pin::Pin;

use kerrera_core::Result;
use kerrera_core::executor::{Call, Dialect, Executor, lost, refused};
use sqlx::{AssertSqlSafe, Transaction};

/// Marks what this crate adds; never named by those who use it.
#[derive(Debug)]
pub enum BySqlx {}

fn told(error: sqlx::Error) -> kerrera_core::Error {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some("40001" | "40P01") => lost(error),
        _ => refused(error),
    }
}

macro_rules! executor {
    ($feature:literal, $database:ident, $dialect:ident) => {
        #[cfg(feature = $feature)]
        impl Executor<BySqlx> for Transaction<'_, sqlx::$database> {
            const DIALECT: Dialect = Dialect::$dialect;

            type Reply<'a, T: Send + 'a>
                = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>
            where
                Self: 'a;

            fn run<'a, T: Send + 'a>(&'a mut self, mut call: Call<T>) -> Self::Reply<'a, T> {
                Box::pin(async move {
                    while let Some(statement) = call.statement()? {
                        // The storage's own text; values are bound.
                        let query = sqlx::query_scalar(AssertSqlSafe(statement.sql));
                        let rows = query.bind(statement.json).fetch_all(&mut **self).await;
                        call.answer(rows.map_err(told)?)?;
                    }
                    call.finish()
                })
            }
        }
    };
}

executor!("postgres", Postgres, Postgres);
executor!("sqlite", Sqlite, Sqlite);

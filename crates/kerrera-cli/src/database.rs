//! How a command comes to its database.

use std::sync::Arc;

use anyhow::bail;
use kerrera::sqlite::Sqlite;
use kerrera::{Client, Database};
use kerrera_postgres::{Config, Postgres};

use crate::arguments::DatabaseArguments;
use crate::password;

/// Connects to a database that has been migrated. Makes none, and changes none.
pub(crate) async fn connect(arguments: &DatabaseArguments) -> anyhow::Result<Client> {
    let DatabaseArguments { database_url: url, schema } = arguments;
    password::warn_of(url);
    let database = match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => {
            Database::from(Postgres::new(Config::from_url(url)?.schema(schema)?)?)
        }
        // As a storage of any kind, it is not migrated by itself.
        Some("sqlite") => Database::of(Arc::new(Sqlite::from_url(url)?)),
        _ => bail!(
            "the database URL begins with neither \"sqlite:\" nor \"postgres:\": write \
             sqlite:jobs.db or postgres://user@host/database"
        ),
    };
    Ok(Client::connect(database).await?)
}

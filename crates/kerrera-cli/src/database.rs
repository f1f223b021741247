//! How a command comes to its database.

use std::sync::Arc;

use anyhow::bail;
use kerrera::audit::{Actor, Via};
use kerrera::{Client, Config, Database};
use kerrera_postgres::Postgres;

use crate::arguments::DatabaseArguments;
use crate::settings;

/// The kinds of databases.
pub(crate) enum Kind {
    Postgres,
    Sqlite,
}

/// Connects to a database that has been migrated. Makes none, and changes none.
pub(crate) async fn connect(arguments: &DatabaseArguments) -> anyhow::Result<Client> {
    let config = settings::of(arguments)?;
    let database = match kind(&config)? {
        Kind::Postgres => Database::from(Postgres::new(config.postgres()?)?),
        // As a storage of any kind, it is not migrated by itself.
        Kind::Sqlite => Database::of(Arc::new(config.sqlite()?.open()?)),
    };
    Ok(Client::connect(database).await?)
}

/// The same, to change something: the audit log tells who did it.
pub(crate) async fn connect_to_act(arguments: &DatabaseArguments) -> anyhow::Result<Client> {
    Ok(connect(arguments).await?.acting(operator()))
}

/// Who types, as far as the system says.
pub(crate) fn operator() -> Actor {
    let mut names =
        ["USER", "LOGNAME", "USERNAME"].iter().filter_map(|name| std::env::var(name).ok());
    let user = names.find(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned());
    let host = gethostname::gethostname();
    Actor::new(format!("{user}@{}", host.to_string_lossy())).label(user).via(Via::Cli)
}

/// A connection such that nothing can be changed through it.
pub(crate) async fn connect_to_read(arguments: &DatabaseArguments) -> anyhow::Result<Client> {
    let config = settings::of(arguments)?;
    let database = match kind(&config)? {
        Kind::Postgres => Database::from(Postgres::new(config.postgres()?.read_only())?),
        Kind::Sqlite => Database::of(Arc::new(config.sqlite()?.read_only(true).open()?)),
    };
    Ok(Client::connect(database).await?)
}

/// Which kind the URL names.
pub(crate) fn kind(config: &Config) -> anyhow::Result<Kind> {
    let url = config.database_url().unwrap_or_default();
    Ok(match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => Kind::Postgres,
        Some("sqlite") => Kind::Sqlite,
        _ => bail!(
            "the database URL begins with neither \"sqlite:\" nor \"postgres:\": write \
             sqlite:jobs.db or postgres://user@host/database"
        ),
    })
}

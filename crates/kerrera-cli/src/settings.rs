//! Which database, as it is typed, set in the environment or written in a file.

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use kerrera::Config;

use crate::arguments::{Arguments, DatabaseArguments};
use crate::password;

/// What is set, the strongest last: the file, the environment, what was typed.
///
/// It names a database; if nothing does, the error is clap's, as for any other argument that is
/// missing.
pub(crate) fn of(arguments: &DatabaseArguments) -> anyhow::Result<Config> {
    let mut config = match &arguments.config {
        Some(path) => Config::from_file(path)?,
        None => Config::default(),
    };
    if let Ok(url) = std::env::var("DATABASE_URL")
        && !url.is_empty()
    {
        config = config.set("database_url", &url)?;
    }
    config = config.merge(Config::from_env()?);
    if let Some(url) = &arguments.database_url {
        password::warn_of(url);
        config = config.set("database_url", url)?;
    }
    if let Some(schema) = &arguments.schema {
        config = config.set("postgres.schema", schema)?;
    }
    if config.database_url().is_none() {
        let message = "no database is named: use --database-url, DATABASE_URL, or database_url in a \
                       file for --config";
        return Err(Arguments::command().error(ErrorKind::MissingRequiredArgument, message).into());
    }
    Ok(config)
}

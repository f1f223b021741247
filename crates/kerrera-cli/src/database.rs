//! How a command comes to its database.

use std::sync::Arc;

use anyhow::bail;
use kerrera::audit::Via;
use kerrera::{Client, Config, Database};
use kerrera_postgres::Postgres;
use kerrera_web::service::{Service, Viewer};
use kerrera_web::{Actor, Permissions};

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

/// What can be asked and done in an instance, and where that is.
pub(crate) struct Instance {
    pub(crate) service: Service,
    pub(crate) place: String,
}

impl Instance {
    /// Whoever can connect to the database may do everything; the audit log has them as the system knows
    /// them, or under the name that they give.
    pub(crate) async fn of(
        arguments: &DatabaseArguments,
        by: Option<String>,
    ) -> anyhow::Result<Instance> {
        let client = connect(arguments).await?;
        let mut names =
            ["USER", "LOGNAME", "USERNAME"].iter().filter_map(|name| std::env::var(name).ok());
        let user = names.find(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned());
        let host = gethostname::gethostname();
        let id = format!("{user}@{}", host.to_string_lossy());
        let viewer = Viewer::new(Actor::new(id, by.unwrap_or(user)), Permissions::all());
        let place = client.location();
        let service = Service::new(client, "", viewer).via(Via::Cli).ordering_ahead(true);
        Ok(Instance { service, place })
    }

    /// The same, and the audit log says why.
    pub(crate) fn because(self, reason: Option<&str>) -> Instance {
        let service = match reason {
            Some(reason) => self.service.because(reason),
            None => self.service,
        };
        Instance { service, ..self }
    }
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

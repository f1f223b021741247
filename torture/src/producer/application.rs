//! An application that writes a row of its own and a job in one transaction.

use kerrera::{Client, JobId};
use tokio_postgres::NoTls;
use torture::load::Act;

use super::Refusal;

/// How the application reaches its own table.
pub(super) enum Application {
    /// Through the engine: a file has one writer in a process.
    Sqlite,
    /// On a connection of its own.
    Postgres { url: String, connection: Option<tokio_postgres::Client> },
}

impl Application {
    pub(super) fn of(client: &Client, url: &str) -> Application {
        if client.location().starts_with("postgres") {
            Application::Postgres { url: url.to_owned(), connection: None }
        } else {
            Application::Sqlite
        }
    }

    /// Inserts both, or neither if there is `regret`.
    pub(super) async fn insert(
        &mut self,
        client: &Client,
        act: Act,
        regret: bool,
    ) -> Result<JobId, Refusal> {
        match self {
            Application::Sqlite => in_sqlite(client, act, regret).await,
            Application::Postgres { url, connection } => {
                let open = match connection.take().filter(|open| !open.is_closed()) {
                    Some(open) => open,
                    None => connect(url).await.map_err(certain)?,
                };
                in_postgres(connection.insert(open), client, act, regret).await
            }
        }
    }
}

async fn in_sqlite(client: &Client, act: Act, regret: bool) -> Result<JobId, Refusal> {
    let jobs = client.clone();
    client
        .transaction(move |tx| {
            tx.execute("INSERT INTO torture_app (key) VALUES (?1)", [&act.key]).map_err(certain)?;
            let inserted = jobs.within(tx).insert(act.into_job()).map_err(certain)?;
            if regret { Err(regretted()) } else { Ok(inserted.job().id) }
        })
        .await
}

async fn in_postgres(
    connection: &mut tokio_postgres::Client,
    client: &Client,
    act: Act,
    regret: bool,
) -> Result<JobId, Refusal> {
    // Before it is told to commit, the server never does.
    let mut tx = connection.transaction().await.map_err(certain)?;
    let row = "INSERT INTO torture_app (key) VALUES ($1)";
    tx.execute(row, &[&act.key]).await.map_err(certain)?;
    let inserted = client.within(&mut tx).insert(act.into_job()).await.map_err(certain)?;
    if regret {
        tx.rollback().await.map_err(certain)?;
        return Err(regretted());
    }
    match tx.commit().await {
        Ok(()) => Ok(inserted.job().id),
        Err(error) => Err(Refusal::Unknown(error.to_string())),
    }
}

fn certain(error: impl std::fmt::Display) -> Refusal {
    Refusal::Certain(error.to_string())
}

fn regretted() -> Refusal {
    Refusal::Certain("on second thoughts it was rolled back".to_owned())
}

async fn connect(url: &str) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

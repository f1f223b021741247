//! A few connections of the application's own.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use kerrera_postgres::Config;
use tokio::sync::{Mutex, MutexGuard};
use tokio_postgres::Client;

const CONNECTIONS: usize = 4;

/// Connections that are lent out in turn, and made anew when they have broken.
///
/// One that is given back in the middle of a transaction is no danger: the driver has sent the
/// rollback before whatever the next borrower sends.
#[derive(Debug)]
pub(super) struct Pool {
    config: Config,
    connections: Vec<Mutex<Client>>,
    next: AtomicUsize,
}

impl Pool {
    pub(super) async fn connect(url: &str) -> anyhow::Result<Pool> {
        let config = Config::from_url(url)?;
        let mut connections = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            connections.push(Mutex::new(connect(&config).await?));
        }
        Ok(Pool { config, connections, next: AtomicUsize::new(0) })
    }

    /// A connection, when its turn has come.
    pub(super) async fn take(&self) -> anyhow::Result<MutexGuard<'_, Client>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        let mut connection = self.connections[turn].lock().await;
        if connection.is_closed() {
            *connection = connect(&self.config).await?;
        }
        Ok(connection)
    }

    /// A connection that is the only one of its kind: it holds the lock of the demonstration.
    ///
    /// # Errors
    ///
    /// When another demonstration runs in this database.
    pub(super) async fn alone(&self) -> anyhow::Result<Client> {
        let connection = connect(&self.config).await?;
        let locked = connection.query_one(include_str!("../sql/postgres/alone.sql"), &[]).await?;
        if !locked.try_get(0)? {
            bail!("another demo is running in this database: wait for it, or use another one");
        }
        Ok(connection)
    }
}

async fn connect(config: &Config) -> anyhow::Result<Client> {
    let client = config.connect().await.context("the demo's own connection")?;
    client.execute(include_str!("../sql/postgres/search_path.sql"), &[]).await?;
    Ok(client)
}

//! A few connections of the application's own.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use tokio::sync::{Mutex, MutexGuard};
use tokio_postgres::{Client, Config, NoTls};

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
    pub(super) async fn connect(config: Config) -> anyhow::Result<Pool> {
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
}

async fn connect(config: &Config) -> anyhow::Result<Client> {
    let (client, connection) = config.connect(NoTls).await.context("the demo's own connection")?;
    // Ends with the client, or with an error that the client's next call gets, too.
    tokio::spawn(connection);
    client.execute(include_str!("../sql/postgres/search_path.sql"), &[]).await?;
    Ok(client)
}

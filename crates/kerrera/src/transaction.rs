//! Writing to the jobs' own SQLite file, jobs and other tables together.

use kerrera_core::error::Kind;
use kerrera_core::{Error, Result};
use kerrera_sqlite::rusqlite::Transaction;

use crate::client::Client;

impl Client {
    /// Runs a transaction on the jobs' own SQLite file: what it writes and the jobs that it inserts
    /// are committed together, or not at all.
    ///
    /// It runs on the one thread that writes the file, together with whatever else waits to be
    /// written; so it must be short, and must not wait for another write of this process.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// # #[derive(Serialize, Deserialize, Worker)] struct Welcome { user_id: i64 }
    /// type BoxError = Box<dyn std::error::Error + Send + Sync>;
    ///
    /// # async fn register(client: &Client) -> Result<(), BoxError> {
    /// let jobs = client.clone();
    /// let user_id = client
    ///     .transaction(move |tx| {
    ///         tx.execute("INSERT INTO users (name) VALUES (?1)", ["ada"])?;
    ///         let user_id = tx.last_insert_rowid();
    ///         jobs.within(tx).insert(Welcome { user_id })?;
    ///         Ok::<_, BoxError>(user_id)
    ///     })
    ///     .await?;
    /// # let _ = user_id; Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The closure's own, after which nothing has been written; or when the jobs are not kept in
    /// SQLite.
    pub async fn transaction<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let Some(sqlite) = self.sqlite() else {
            let message = format!(
                "Client::transaction works on SQLite, and the jobs are kept in {}: begin a \
                 transaction on a connection of your own, and insert through Client::within",
                self.location()
            );
            return Err(Error::new(Kind::Config, message).into());
        };
        let done = sqlite.transaction(work).await?;
        self.wake_every_local();
        if let Some(inline) = self.inline() {
            inline.run(Vec::new()).await?;
        }
        Ok(done)
    }
}

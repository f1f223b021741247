//! The storage itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kerrera_core::directory::Connections;
use kerrera_core::error::Kind;
use kerrera_core::storage::Hint;
use kerrera_core::{Clock, Error, Result, Timestamp};
use rusqlite::{Connection, Transaction};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::options::{Place, SqliteOptions};
use crate::presence::Presence;
use crate::reader::{READERS, Readers};
use crate::refusal::Refusal;
use crate::writer::{Origin, Writer, now};

/// Jobs in an SQLite file, or in memory.
///
/// Cheap to clone; the clones share one thread that writes and two that read. Several of them, in
/// one process or many, can use one file at the same time. All work that was begun is finished when
/// the last clone is dropped.
#[derive(Clone)]
pub struct Sqlite(Arc<Inner>);

struct Inner {
    place: Place,
    read_only: bool,
    clock: Clock,
    presence: Arc<Presence>,
    /// Where hints between those who share this value are told: to them its commits look like
    /// their own, and not like a change.
    told: broadcast::Sender<Hint>,
    writer: Writer,
    /// None for a database in memory, of which there is only one connection.
    readers: Option<Readers>,
    /// Those for people who look at many jobs, begun when the first one does.
    listing: OnceLock<Readers>,
}

impl Sqlite {
    /// A database in this file, which need not exist yet. Cheap: nothing is read or written before
    /// [`Operations::open`](kerrera_core::storage::Operations::open).
    ///
    /// # Errors
    ///
    /// When the path is empty, or no thread can be started.
    pub fn open(path: impl Into<PathBuf>) -> Result<Sqlite> {
        SqliteOptions::file(path).open()
    }

    /// A database in memory, gone with its last clone.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn in_memory() -> Result<Sqlite> {
        SqliteOptions::in_memory().open()
    }

    /// A database by its URL: see [`SqliteOptions::from_url`].
    ///
    /// # Errors
    ///
    /// When it is not such a URL, or no thread can be started.
    pub fn from_url(url: &str) -> Result<Sqlite> {
        SqliteOptions::from_url(url)?.open()
    }

    /// Runs `work` in a transaction on the writer's thread, and commits it with whatever else waits
    /// to be written. When it returns, it is committed; if `work` returns an error or panics, nothing
    /// that it did is left.
    ///
    /// One wait for the disk, shared with others. While `work` runs nothing else is written, so it
    /// should do nothing but use the database. `COMMIT` and `ROLLBACK` are not its to run. If the
    /// call is dropped, `work` may or may not run, and then runs whole.
    ///
    /// ```
    /// # use kerrera_core::{storage::Operations, Error};
    /// # use kerrera_sqlite::Sqlite;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// # let sqlite = Sqlite::in_memory()?;
    /// # sqlite.open(true).await?;
    /// let users: i64 = sqlite
    ///     .transaction(|tx| {
    ///         tx.execute_batch("CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('ada')")?;
    ///         let users = tx.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
    ///         Ok::<_, Box<dyn std::error::Error + Send + Sync>>(users)
    ///     })
    ///     .await?;
    /// assert_eq!(users, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `work`, and ours: the write lock was not to be had
    /// ([`Error::is_timeout`](kerrera_core::Error::is_timeout)), the disk is full.
    ///
    /// # Panics
    ///
    /// When `work` does.
    pub async fn transaction<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.0.writer.write(Origin::Application, work).await
    }

    /// Ends the threads, once all work that was begun is finished, and closes the file. Every later
    /// call, through any clone, is refused.
    ///
    /// Nothing is lost without it; but the last to close a file folds the log into it.
    ///
    /// # Errors
    ///
    /// When it has been closed before.
    pub async fn close(&self) -> Result<()> {
        if let Some(readers) = &self.0.readers {
            readers.close().await;
        }
        if let Some(readers) = self.0.listing.get() {
            readers.close().await;
        }
        self.0.writer.close().await?;
        self.0.presence.hide();
        Ok(())
    }

    pub(crate) fn start(options: SqliteOptions) -> Result<Sqlite> {
        let mut options = options;
        if let Place::File(path) = &mut options.place {
            // The program may change its folder.
            *path = std::path::absolute(&path).map_err(|error| {
                let message =
                    format!("{:?} is not the path of a database: {error}", path.display());
                Error::new(Kind::Config, message)
            })?;
        }
        let path = options.place.path().map(Path::to_owned);
        Ok(Sqlite(Arc::new(Inner {
            presence: Arc::new(Presence::new(path.clone())),
            told: broadcast::Sender::new(Ear::ROOM),
            writer: Writer::start(&options)?,
            readers: path.map(|path| Readers::start(path, options.read_only)).transpose()?,
            listing: OnceLock::new(),
            place: options.place,
            read_only: options.read_only,
            clock: options.clock,
        })))
    }

    /// Runs a verb in the writer's transaction; `what` is for the error.
    pub(crate) async fn write<T, F>(&self, what: &'static str, work: F) -> Result<T>
    where
        F: FnOnce(&Connection, Timestamp) -> Result<T, Refusal> + Send + 'static,
        T: Send + 'static,
    {
        let (clock, place) = (self.0.clock.clone(), self.0.place.clone());
        let work = move |tx: &mut Transaction<'_>| {
            work(tx, now(&clock)).map_err(|refusal| refusal.told(what, &place))
        };
        self.0.writer.write(Origin::Storage, work).await
    }

    /// Asks a question; `what` is for the error.
    pub(crate) async fn read<T, F>(&self, what: &'static str, question: F) -> Result<T>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        match &self.0.readers {
            Some(readers) => readers.read(what, question).await,
            None => self.write(what, move |connection, _| Ok(question(connection)?)).await,
        }
    }

    /// Asks a question that may take as long as this, of threads that nobody else waits for; of a
    /// database in memory, which has one connection, as any other.
    pub(crate) async fn read_within<T, F>(
        &self,
        what: &'static str,
        within: Duration,
        question: F,
    ) -> Result<T>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let Place::File(path) = &self.0.place else { return self.read(what, question).await };
        let readers = match self.0.listing.get() {
            Some(readers) => readers,
            None => {
                let started = Readers::start(path.clone(), self.0.read_only)?;
                self.0.listing.get_or_init(|| started)
            }
        };
        readers.read_within(what, within, question).await
    }

    /// The connections that there are: one that writes, and those that read.
    pub(crate) fn connections(&self) -> Vec<Connections> {
        let mut connections = vec![Connections::new("writer", 1, 0)];
        for (name, readers) in
            [("readers", &self.0.readers.as_ref()), ("listing", &self.0.listing.get())]
        {
            connections.extend(readers.map(|_| Connections::new(name, READERS, 0)));
        }
        connections
    }

    /// Whether it was opened to be read only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.0.read_only
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn presence(&self) -> Arc<Presence> {
        self.0.presence.clone()
    }

    /// Tells those who share this value; other processes watch the file. Nobody need be listening.
    pub(crate) fn tell(&self, hint: Hint) {
        let _ = self.0.told.send(hint);
    }

    pub(crate) fn told(&self) -> &broadcast::Sender<Hint> {
        &self.0.told
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.0.writer
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sqlite({})", self.0.place)
    }
}

/// Hears that something changed.
pub(crate) struct Ear {
    /// What other connections commit; what it was is not known.
    pub(crate) changes: watch::Receiver<u64>,
    /// What those who share the value have done.
    pub(crate) told: broadcast::Receiver<Hint>,
    pub(crate) place: Place,
}

impl Ear {
    /// How many hints may wait; more are summed up as one change.
    const ROOM: usize = 1_024;

    pub(crate) async fn next(&mut self) -> Result<Hint> {
        tokio::select! {
            changed = self.changes.changed() => {
                changed.map(|()| Hint::Changed).map_err(|_| crate::refusal::closed(&self.place))
            }
            told = self.told.recv() => match told {
                Ok(hint) => Ok(hint),
                Err(RecvError::Lagged(_)) => Ok(Hint::Changed),
                Err(RecvError::Closed) => Err(crate::refusal::closed(&self.place)),
            },
        }
    }
}

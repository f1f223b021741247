//! The connections that only read, and the threads that own them.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kerrera_core::Result;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::connection;
use crate::options::Place;
use crate::refusal::{self, told};
use crate::writer::start_thread;

/// How many there are: a long question does not keep a short one waiting.
pub(crate) const READERS: usize = 2;

/// The way to the threads. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Readers {
    orders: Sender<Order>,
    place: Place,
}

enum Order {
    Ask(Question),
    End(oneshot::Sender<()>),
}

type Question = Box<dyn FnOnce(rusqlite::Result<&Reader>) + Send>;

/// A connection that only reads, and until when it may.
struct Reader {
    connection: Connection,
    until: Arc<Mutex<Option<Instant>>>,
}

impl Reader {
    /// How many steps of SQLite's machine lie between two looks at the clock: some microseconds.
    const STEPS: i32 = 10_000;

    fn open(path: &Path, read_only: bool) -> rusqlite::Result<Reader> {
        let mut connection = connection::open_reader(path, read_only)?;
        let until: Arc<Mutex<Option<Instant>>> = Arc::default();
        let limit = until.clone();
        let is_over = move || {
            let limit = *limit.lock().unwrap_or_else(PoisonError::into_inner);
            limit.is_some_and(|limit| Instant::now() >= limit)
        };
        // Of the versions of rusqlite that fit, the oldest answers nothing.
        let _ = connection.progress_handler(Reader::STEPS, Some(is_over));
        Ok(Reader { connection, until })
    }

    fn answer<T>(
        &self,
        within: Option<Duration>,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let set = |until| *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        set(within.and_then(|within| Instant::now().checked_add(within)));
        let answer = question(&self.connection);
        set(None);
        answer
    }
}

impl Readers {
    /// Starts the threads; each opens the file when it is first asked.
    pub(crate) fn start(path: PathBuf, read_only: bool) -> Result<Readers> {
        let (orders, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..READERS {
            let (path, waiting) = (path.clone(), waiting.clone());
            start_thread("kerrera-reader", move || work(&path, read_only, &waiting))?;
        }
        Ok(Readers { orders, place: Place::File(path) })
    }

    /// Asks; `what` is for the error.
    pub(crate) async fn read<T, F>(&self, what: &str, question: F) -> Result<T>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.ask(what, None, question).await
    }

    /// The same, but SQLite ends a statement that is still at it after this time.
    pub(crate) async fn read_within<T, F>(
        &self,
        what: &str,
        within: Duration,
        question: F,
    ) -> Result<T>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.ask(what, Some(within), question).await
    }

    async fn ask<T, F>(&self, what: &str, within: Option<Duration>, question: F) -> Result<T>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |reader| {
            let _ = answer.send(reader.and_then(|reader| reader.answer(within, question)));
        });
        let closed = || refusal::closed(&self.place);
        self.orders.send(Order::Ask(question)).map_err(|_| closed())?;
        let answered = answered.await.map_err(|_| closed())?;
        answered.map_err(|error| told(what, &self.place, error))
    }

    /// Ends the threads, once everything that was asked is answered.
    pub(crate) async fn close(&self) {
        for _ in 0..READERS {
            let (answer, answered) = oneshot::channel();
            if self.orders.send(Order::End(answer)).is_ok() {
                let _ = answered.await;
            }
        }
    }
}

fn work(path: &Path, read_only: bool, waiting: &Mutex<Receiver<Order>>) {
    let mut connection = None;
    loop {
        let order = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match order {
            Ok(Order::Ask(question)) => match opened(&mut connection, path, read_only) {
                Ok(reader) => question(Ok(reader)),
                Err(error) => question(Err(error)),
            },
            Ok(Order::End(answer)) => {
                drop(connection);
                let _ = answer.send(());
                return;
            }
            Err(_) => return,
        }
    }
}

fn opened<'r>(
    reader: &'r mut Option<Reader>,
    path: &Path,
    read_only: bool,
) -> rusqlite::Result<&'r Reader> {
    match reader {
        Some(open) => Ok(open),
        None => Ok(reader.insert(Reader::open(path, read_only)?)),
    }
}

//! The connections that only read, and the threads that own them.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use kerrera_core::Result;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::connection;
use crate::options::Place;
use crate::refusal::{self, told};
use crate::writer::start_thread;

/// How many there are: a long question does not keep a short one waiting.
const READERS: usize = 2;

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

type Question = Box<dyn FnOnce(rusqlite::Result<&Connection>) + Send>;

impl Readers {
    /// Starts the threads; each opens the file when it is first asked.
    pub(crate) fn start(path: PathBuf) -> Result<Readers> {
        let (orders, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..READERS {
            let (path, waiting) = (path.clone(), waiting.clone());
            start_thread("kerrera-reader", move || work(&path, &waiting))?;
        }
        Ok(Readers { orders, place: Place::File(path) })
    }

    /// Asks; `what` is for the error.
    pub(crate) async fn read<T, F>(&self, what: &str, question: F) -> Result<T>
    where
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            let _ = answer.send(connection.and_then(question));
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

fn work(path: &std::path::Path, waiting: &Mutex<Receiver<Order>>) {
    let mut connection = None;
    loop {
        let order = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match order {
            Ok(Order::Ask(question)) => match opened(&mut connection, path) {
                Ok(connection) => question(Ok(connection)),
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

fn opened<'c>(
    connection: &'c mut Option<Connection>,
    path: &std::path::Path,
) -> rusqlite::Result<&'c Connection> {
    match connection {
        Some(open) => Ok(open),
        None => Ok(connection.insert(connection::open_reader(path)?)),
    }
}

//! The one connection that writes, and the thread that owns it.
//!
//! Whatever waits when the thread is free is written in one transaction: a group shares the wait for
//! the disk. Each task of a group runs in a savepoint, so that one that fails hurts no other, and is
//! answered when the group is committed. A caller that no longer waits changes nothing.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, ThreadId};

use kerrera_core::error::Kind;
use kerrera_core::{Clock, Error, Result, Timestamp};
use rusqlite::{Connection, DropBehavior, Transaction};
use tokio::sync::{oneshot, watch};

use crate::connection;
use crate::lookout::Lookout;
use crate::options::{Place, SqliteOptions};
use crate::refusal::{self, told};
use crate::schema;

/// How many tasks share a transaction at most.
const LARGEST_GROUP: usize = 512;

/// The way to the thread. The thread ends, after what still waits, when this is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    orders: mpsc::Sender<Order>,
    thread: ThreadId,
    place: Place,
}

/// What the thread can be told.
pub(crate) enum Order {
    /// Open the database, and make its tables if the first says so.
    Open(bool, oneshot::Sender<Result<()>>),
    /// Write.
    Run(Box<dyn Task>),
    /// Begin to look out for what others commit.
    Listen(oneshot::Sender<Result<watch::Receiver<u64>>>),
    /// Something was written to the log, by us or by others.
    Stirred,
    /// End, once everything before this is done.
    End(Option<oneshot::Sender<()>>),
}

/// Whose work a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A closure of the application's: it may do anything to the transaction.
    Application,
    /// A verb of the storage.
    Storage,
}

/// Something to write.
pub(crate) trait Task: Send {
    fn origin(&self) -> Origin;

    /// Does it; false if what it did is to be undone.
    fn run(&mut self, tx: &mut Transaction<'_>) -> bool;

    /// Tells the caller: its own result, unless that was good and the commit was not.
    fn answer(self: Box<Self>, committed: Result<()>);
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(options: &SqliteOptions) -> Result<Writer> {
        let (orders, waiting) = mpsc::channel();
        let place = options.place.clone();
        let thread = Thread {
            options: options.clone(),
            connection: None,
            lookout: Lookout::new(orders.clone()),
        };
        let thread = start_thread("kerrera-writer", move || thread.work(&waiting))?;
        Ok(Writer { orders, thread, place })
    }

    /// Opens the database, and with `migrate` makes its tables.
    pub(crate) async fn open(&self, migrate: bool) -> Result<()> {
        self.ask(|answer| Order::Open(migrate, answer)).await?
    }

    /// Begins to look out; what it gives counts the changes that others made.
    pub(crate) async fn listen(&self) -> Result<watch::Receiver<u64>> {
        self.ask(Order::Listen).await?
    }

    /// Ends the thread, once everything that waits is written.
    pub(crate) async fn close(&self) -> Result<()> {
        self.ask(|answer| Order::End(Some(answer))).await
    }

    /// Runs `work` in the transaction of the next group, in a savepoint of its own.
    ///
    /// # Panics
    ///
    /// When `work` does.
    pub(crate) async fn write<T, E, F>(&self, origin: Origin, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        if thread::current().id() == self.thread {
            return Err(refusal::within_itself(&self.place).into());
        }
        let (answer, answered) = oneshot::channel();
        let work = Work { origin, work: Some(work), ran: None, answer };
        let sent = self.orders.send(Order::Run(Box::new(work)));
        let closed = || E::from(refusal::closed(&self.place));
        sent.map_err(|_| closed())?;
        match answered.await.map_err(|_| closed())? {
            Ran::Returned(result) => result,
            Ran::Panicked(payload) => resume_unwind(payload),
        }
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let closed = || refusal::closed(&self.place);
        self.orders.send(order(answer)).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The channel alone does not say it: the lookout has an end of it too.
        let _ = self.orders.send(Order::End(None));
    }
}

/// A closure on its way through the thread.
struct Work<F, T, E> {
    origin: Origin,
    work: Option<F>,
    ran: Option<Ran<T, E>>,
    answer: oneshot::Sender<Ran<T, E>>,
}

enum Ran<T, E> {
    Returned(Result<T, E>),
    Panicked(Box<dyn Any + Send>),
}

impl<F, T, E> Task for Work<F, T, E>
where
    F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn origin(&self) -> Origin {
        self.origin
    }

    fn run(&mut self, tx: &mut Transaction<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        // The thread goes on for everybody else; the caller gets the panic as if it had run there.
        let ran = match catch_unwind(AssertUnwindSafe(|| work(tx))) {
            Ok(result) => Ran::Returned(result),
            Err(payload) => Ran::Panicked(payload),
        };
        let kept = matches!(ran, Ran::Returned(Ok(_)));
        self.ran = Some(ran);
        kept
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let ran = match (self.ran, committed) {
            (None | Some(Ran::Returned(Ok(_))), Err(error)) => Ran::Returned(Err(error.into())),
            (Some(ran), _) => ran,
            (None, Ok(())) => return,
        };
        // A caller that is gone wants no answer.
        let _ = self.answer.send(ran);
    }
}

/// What the thread owns.
struct Thread {
    options: SqliteOptions,
    connection: Option<Connection>,
    lookout: Lookout,
}

impl Thread {
    fn work(mut self, waiting: &mpsc::Receiver<Order>) {
        let mut next = None;
        loop {
            // Without a connection there is nothing to look with.
            let look = self.connection.as_ref().and_then(|_| self.lookout.next_look());
            let order = match (next.take(), look) {
                (Some(order), _) => Ok(order),
                (None, None) => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
                (None, Some(wait)) => waiting.recv_timeout(wait),
            };
            match order {
                Ok(Order::Run(task)) => {
                    let group;
                    (group, next) = gather(task, waiting);
                    self.write(group);
                }
                Ok(Order::Open(migrate, answer)) => {
                    let _ = answer.send(self.open(migrate));
                }
                Ok(Order::Listen(answer)) => {
                    let _ = answer.send(self.listen());
                }
                Ok(Order::Stirred) => self.lookout.stirred(),
                Ok(Order::End(answer)) => {
                    drop(self.connection.take());
                    let _ = answer.map(|answer| answer.send(()));
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Some(connection) = &self.connection {
                self.lookout.look(connection);
            }
        }
    }

    fn open(&mut self, migrate: bool) -> Result<()> {
        let SqliteOptions { place, synchronous, clock, patience, read_only } = &self.options;
        let migrate = migrate && !read_only;
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connection = connection::open_writer(place, migrate, *read_only)?;
                // Nothing may be written to a file before it is known to be fit, not even its mode.
                if migrate {
                    schema::check(&connection, place)?;
                } else {
                    schema::require_current(&connection, place)?;
                }
                if !read_only {
                    connection::set_durability(&connection, place, *synchronous)?;
                }
                connection
            }
        };
        let checked = if migrate {
            schema::migrate(&connection, place, *patience, now(clock))
        } else {
            schema::require_current(&connection, place)
        };
        // What is unfit is not kept, for nothing may be written to it; but a database in memory is
        // gone with its connection.
        if checked.is_ok() || *place == Place::Memory {
            self.connection = Some(connection);
        }
        checked
    }

    fn listen(&mut self) -> Result<watch::Receiver<u64>> {
        self.connect()?;
        let Thread { connection, lookout, options } = self;
        let place = &options.place;
        let connection = connection.as_ref().ok_or_else(|| refusal::closed(place))?;
        lookout.listen(connection, place)
    }

    fn connect(&mut self) -> Result<()> {
        if self.connection.is_none() { self.open(false) } else { Ok(()) }
    }

    /// Writes a group; in more than one transaction only if one of them is ended by a task.
    fn write(&mut self, mut group: VecDeque<Box<dyn Task>>) {
        while !group.is_empty() {
            if let Err(error) = self.write_once(&mut group) {
                for task in group {
                    task.answer(Err(copy(&error)));
                }
                return;
            }
        }
    }

    /// Writes tasks from the front of a group in one transaction, and takes them out of it.
    ///
    /// An error means that there was no transaction to be had, for any of them.
    fn write_once(&mut self, group: &mut VecDeque<Box<dyn Task>>) -> Result<()> {
        self.connect()?;
        let SqliteOptions { place, patience, .. } = &self.options;
        let Some(connection) = &self.connection else { return Err(refusal::closed(place)) };
        let mut tx = connection::begin(connection, place, *patience)?;
        let mut done = Vec::with_capacity(group.len());
        while let Some(mut task) = group.pop_front() {
            match in_savepoint(&mut tx, task.as_mut()) {
                Ok(true) => done.push(task),
                // It has failed by itself, whatever becomes of the others.
                Ok(false) => task.answer(Ok(())),
                Err(_) => {
                    drop(tx);
                    task.answer(Err(ended(place)));
                    for task in done {
                        task.answer(Err(ended_by_another(place)));
                    }
                    return Ok(());
                }
            }
        }
        let committed = tx.commit().map_err(|error| told("commit", place, error));
        if committed.is_ok() && done.iter().any(|task| task.origin() == Origin::Application) {
            self.lookout.changed();
        }
        for task in done {
            task.answer(committed.as_ref().map_err(copy).copied());
        }
        Ok(())
    }
}

/// A task and those that wait behind it; and the order that is none, if one came.
///
/// Those of the application go first: whatever they do to the transaction, it has cost no verb of
/// the storage its work.
fn gather(
    first: Box<dyn Task>,
    waiting: &mpsc::Receiver<Order>,
) -> (VecDeque<Box<dyn Task>>, Option<Order>) {
    let (mut applications, mut storages) = (VecDeque::new(), VecDeque::new());
    let mut next = Some(Order::Run(first));
    let mut gathered = 0;
    while let Some(Order::Run(task)) = next {
        match task.origin() {
            Origin::Application => applications.push_back(task),
            Origin::Storage => storages.push_back(task),
        }
        gathered += 1;
        next = if gathered < LARGEST_GROUP { waiting.try_recv().ok() } else { None };
    }
    applications.append(&mut storages);
    (applications, next)
}

/// Runs a task so that it can be undone alone; an error means that the transaction is lost.
fn in_savepoint(tx: &mut Transaction<'_>, task: &mut dyn Task) -> rusqlite::Result<bool> {
    let run = |tx: &Transaction<'_>, sql: &str| tx.prepare_cached(sql)?.execute([]);
    run(tx, "SAVEPOINT kerrera_task")?;
    let kept = task.run(tx);
    tx.set_drop_behavior(DropBehavior::Rollback);
    if !kept {
        run(tx, "ROLLBACK TO kerrera_task")?;
    }
    run(tx, "RELEASE kerrera_task")?;
    Ok(kept)
}

fn ended(place: &Place) -> Error {
    let message = format!(
        "the transaction in {place} was ended by what ran in it: leave COMMIT and ROLLBACK (and OR \
         ROLLBACK) to `transaction`, and return an error to undo everything"
    );
    Error::new(Kind::Database, message)
}

fn ended_by_another(place: &Place) -> Error {
    let message = format!(
        "the transaction in {place} was ended by another that shared its commit; what this one \
         wrote is most likely undone: look, and run it again"
    );
    Error::new(Kind::Conflict, message)
}

/// The same error for one more caller.
fn copy(error: &Error) -> Error {
    Error::new(error.kind(), error.to_string())
}

/// Starts a thread of the storage's own.
pub(crate) fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<ThreadId> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(|thread| thread.thread().id()).map_err(|error| {
        let message = format!("could not start the thread {name}: {error}");
        Error::new(Kind::Unreachable, message).caused_by(error)
    })
}

/// Now, by the clock of the storage.
pub(crate) fn now(clock: &Clock) -> Timestamp {
    clock.shows().unwrap_or_else(Timestamp::now)
}

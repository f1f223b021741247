//! Notices what other connections commit, in this process or another.
//!
//! SQLite tells nobody. But it counts, for each connection, the commits of the *others*
//! (`PRAGMA data_version`), and every commit is written to the log beside the database, which the
//! operating system can watch. So: when the log stirs, the count is read, by the connection that
//! writes, whose own commits do not count. The log stirs a little before a commit can be seen (the
//! disk comes between), hence a few looks, ever further apart.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use kerrera_core::Result;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use rusqlite::Connection;
use tokio::sync::watch;

use crate::connection::beside;
use crate::options::Place;
use crate::refusal::told;
use crate::writer::Order;

/// When to look after the log has stirred, in milliseconds, each from the look before.
const LOOKS: [u64; 8] = [0, 1, 2, 5, 10, 20, 50, 100];

/// For how long nobody is woken again after the log has stirred.
const CALM: Duration = Duration::from_millis(2);

/// How often to look while the log is watched and rests: a watch can fail silently.
const REST: Duration = Duration::from_secs(1);

/// How long one hint stands for all changes: another process may commit a thousand times a second.
const BURST: Duration = Duration::from_millis(20);

/// How often to look where the log cannot be watched.
const POLL: Duration = Duration::from_millis(250);

/// Looks out while somebody listens.
pub(crate) struct Lookout {
    changes: watch::Sender<u64>,
    orders: Sender<Order>,
    /// The count at the last look.
    version: Option<i64>,
    /// An order to look is on its way.
    stirring: Arc<AtomicBool>,
    watcher: Option<RecommendedWatcher>,
    next: Option<Instant>,
    /// Until when the last change speaks for those that follow it.
    told: Option<Instant>,
    /// How many of the looks have been taken since the log stirred.
    taken: usize,
}

impl Lookout {
    /// A lookout that orders a look when the log stirs.
    pub(crate) fn new(orders: Sender<Order>) -> Lookout {
        Lookout {
            changes: watch::Sender::new(0),
            orders,
            version: None,
            stirring: Arc::default(),
            watcher: None,
            next: None,
            told: None,
            taken: LOOKS.len(),
        }
    }

    /// Begins to look out for one more listener. Nobody else can write to a database in memory.
    pub(crate) fn listen(
        &mut self,
        connection: &Connection,
        place: &Place,
    ) -> Result<watch::Receiver<u64>> {
        let listener = self.changes.subscribe();
        let Some(path) = place.path() else { return Ok(listener) };
        if self.next.is_none() {
            // The first look also makes sure that there is a log to be watched.
            self.version = Some(version(connection).map_err(|error| told("listen", place, error))?);
            self.watcher = self.watch(path).ok();
            self.next = Some(Instant::now() + self.pause());
        }
        Ok(listener)
    }

    /// How long until the next look; `None` if there is none, because nobody listens.
    pub(crate) fn next_look(&mut self) -> Option<Duration> {
        if self.changes.receiver_count() == 0 {
            self.next = None;
            self.watcher = None;
        }
        self.next.map(|next| next.saturating_duration_since(Instant::now()))
    }

    /// The log has stirred.
    pub(crate) fn stirred(&mut self) {
        self.stirring.store(false, Ordering::SeqCst);
        if self.next.is_some() {
            self.taken = 0;
            self.next = Some(Instant::now()).max(self.told);
        }
    }

    /// Looks, if it is time to.
    pub(crate) fn look(&mut self, connection: &Connection) {
        let now = Instant::now();
        if self.next.is_none_or(|next| next > now) {
            return;
        }
        // What cannot be read now can be at the next look.
        let version = version(connection).ok().or(self.version);
        if version == self.version {
            self.taken = (self.taken + 1).min(LOOKS.len());
            self.next = Some(now + self.pause());
            return;
        }
        self.version = version;
        self.changed();
        // What stirred may have been more than what can be seen by now: look on.
        self.taken = 0;
        self.told = Some(now + BURST);
        self.next = self.told;
    }

    /// Tells the listeners that something changed that they were not told by a call of theirs.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    fn pause(&self) -> Duration {
        let idle = if self.watcher.is_some() { REST } else { POLL };
        LOOKS.get(self.taken).map_or(idle, |&wait| Duration::from_millis(wait))
    }

    /// Watches the log itself: its folder may be full of files that stir all day.
    fn watch(&self, database: &Path) -> notify::Result<RecommendedWatcher> {
        let (stirring, orders) = (self.stirring.clone(), self.orders.clone());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let stirs = event.is_ok_and(|event| event.kind.is_modify());
            // One order at a time, however fast it stirs.
            if stirs && !stirring.swap(true, Ordering::SeqCst) {
                let _ = orders.send(Order::Stirred);
            }
            // Every page that is written stirs it, ours too; what comes meanwhile is one event.
            thread::sleep(CALM);
        })?;
        watcher.watch(&beside(&database.canonicalize()?, "-wal"), RecursiveMode::NonRecursive)?;
        Ok(watcher)
    }
}

/// The count of the commits of others.
fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

//! What an engine tells about itself: typed events for subscribers, the same events through
//! [`tracing`](https://docs.rs/tracing), and a logger for those who have no tracing subscriber.
//!
//! Every event is described once, in [`Event`]; docs/telemetry.md lists them all.
//!
//! ```
//! use kerrera::prelude::*;
//! use kerrera::telemetry::Event;
//!
//! let builder = Kerrera::builder("sqlite::memory:").subscribe(|event: &Event| {
//!     if let Event::JobException(exception) = event {
//!         eprintln!("job {} failed after {:?}", exception.job.id, exception.duration);
//!     }
//! });
//! # let _: kerrera::Builder = builder;
//! ```

mod ending;
mod event;
mod field;
mod logger;
mod propagator;
mod ran;
mod topic;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::{Error, Result};
use tokio::sync::oneshot;

use crate::runtime::panics;

pub use ending::{Ending, FailureKind};
pub use event::*;
pub use logger::Logger;
pub use propagator::Propagator;
pub(crate) use ran::Ran;
pub use topic::{Level, Topic};

/// Is told of every [`Event`]; any `Fn(&Event)` is one.
pub trait Subscriber: Send + Sync + 'static {
    /// Something happened.
    ///
    /// Called on a thread that exists for this alone, one event after the other: it may block, and
    /// may panic, and neither hurts the engine. While it is behind by more than
    /// [`BACKLOG`] events, further ones are dropped; [`Event::EventsDropped`] says how many.
    fn on_event(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync + 'static> Subscriber for F {
    fn on_event(&self, event: &Event) {
        self(event);
    }
}

/// How many events may wait for slow subscribers.
pub const BACKLOG: usize = 16_384;

/// How long a shutdown waits for subscribers that have not heard everything yet.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where the parts of an engine tell what happened.
#[derive(Clone, Default)]
pub(crate) struct Telemetry(Option<Arc<Teller>>);

/// The way to the thread that tells the subscribers.
struct Teller {
    sender: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

enum Message {
    Event(Event),
    /// Everything before this has been told.
    Flush(oneshot::Sender<()>),
}

impl Telemetry {
    /// Starts a thread for subscribers, if there are any.
    pub(crate) fn start(subscribers: Vec<Arc<dyn Subscriber>>) -> Result<Telemetry> {
        if subscribers.is_empty() {
            return Ok(Telemetry::default());
        }
        let (sender, receiver) = sync_channel(BACKLOG);
        let dropped = Arc::new(AtomicU64::new(0));
        let audience = Audience {
            subscribers: subscribers
                .into_iter()
                .map(|each| (each, AtomicBool::new(false)))
                .collect(),
            dropped: dropped.clone(),
        };
        let thread = std::thread::Builder::new().name("kerrera-events".into());
        thread.spawn(move || audience.listen(&receiver)).map_err(|error| {
            let message = format!("the thread for subscribers could not be started: {error}");
            Error::new(Kind::Config, message)
        })?;
        Ok(Telemetry(Some(Arc::new(Teller { sender, dropped }))))
    }

    /// Tells tracing at once, and the subscribers soon. Never waits.
    pub(crate) fn emit(&self, event: impl Into<Event>) {
        let event = event.into();
        event.trace();
        if let Some(teller) = &self.0
            && let Err(TrySendError::Full(_)) = teller.sender.try_send(Message::Event(event))
        {
            teller.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until the subscribers have heard what was told so far, though not for long.
    pub(crate) async fn flush(&self) {
        let Some(teller) = &self.0 else { return };
        let (told, all_told) = oneshot::channel();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut message = Message::Flush(told);
        while let Err(TrySendError::Full(back)) = teller.sender.try_send(message) {
            if tokio::time::Instant::now() >= deadline {
                return;
            }
            message = back;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let _ = tokio::time::timeout_at(deadline, all_told).await;
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("subscribed", &self.0.is_some()).finish()
    }
}

/// The subscribers, each with whether it has panicked before.
struct Audience {
    subscribers: Vec<(Arc<dyn Subscriber>, AtomicBool)>,
    dropped: Arc<AtomicU64>,
}

impl Audience {
    /// Tells events until nobody is left who could send one.
    fn listen(&self, receiver: &Receiver<Message>) {
        while let Ok(message) = receiver.recv() {
            let count = self.dropped.swap(0, Ordering::Relaxed);
            if count > 0 {
                let dropped = Event::from(EventsDropped { count });
                dropped.trace();
                self.tell(&dropped);
            }
            match message {
                Message::Event(event) => self.tell(&event),
                Message::Flush(told) => {
                    let _ = told.send(());
                }
            }
        }
    }

    fn tell(&self, event: &Event) {
        for (subscriber, has_panicked) in &self.subscribers {
            let Err(error) = panics::catch(|| subscriber.on_event(event)) else { continue };
            // Once is enough: what panics at one event may panic at each.
            if !has_panicked.swap(true, Ordering::Relaxed) {
                Event::from(SubscriberPanicked { event: event.name(), error }).trace();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    fn stage(count: u64) -> Stage {
        Stage { count, duration: Duration::ZERO }
    }

    #[tokio::test]
    async fn each_subscriber_hears_every_event_whatever_the_others_do() {
        panics::watch();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let list = heard.clone();
        let telemetry = Telemetry::start(vec![
            Arc::new(|_: &Event| panic!("not interested")),
            Arc::new(move |event: &Event| match event {
                Event::Stage(stage) => list.lock().unwrap().push(stage.count),
                other => panic!("{other:?}"),
            }),
        ])
        .unwrap();
        for count in 1..=3 {
            telemetry.emit(stage(count));
        }
        telemetry.flush().await;
        assert_eq!(*heard.lock().unwrap(), [1, 2, 3]);
    }

    #[tokio::test]
    async fn what_a_blocked_subscriber_misses_is_counted() {
        let (begun, has_begun) = channel();
        let (open, gate) = channel::<()>();
        let gate = Mutex::new(gate);
        let (first, heard, lost) = (AtomicBool::new(true), Arc::new(AtomicU64::new(0)), channel());
        let (count, report) = (heard.clone(), Mutex::new(lost.0));
        let telemetry = Telemetry::start(vec![Arc::new(move |event: &Event| {
            if first.swap(false, Ordering::SeqCst) {
                begun.send(()).unwrap();
                gate.lock().unwrap().recv().unwrap();
            }
            match event {
                Event::EventsDropped(dropped) => {
                    report.lock().unwrap().send(dropped.count).unwrap();
                }
                _ => _ = count.fetch_add(1, Ordering::SeqCst),
            }
        })])
        .unwrap();
        telemetry.emit(stage(0));
        has_begun.recv().unwrap();
        for count in 0..BACKLOG as u64 + 5 {
            telemetry.emit(stage(count));
        }
        open.send(()).unwrap();
        assert_eq!(lost.1.recv().unwrap(), 5);
        telemetry.flush().await;
        assert_eq!(heard.load(Ordering::SeqCst), 1 + BACKLOG as u64);
    }
}

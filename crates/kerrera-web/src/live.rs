//! What keeps pages fresh: hints that something has changed, and never what.
//!
//! One watcher looks at the database for all who look at a page, about once a second. Whoever gets a hint
//! fetches the page again, through the same door and with the same permissions as before. A stream lasts
//! a minute: then the browser asks for another, and so for permission.

mod change;
mod watcher;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use self::change::{OPERATIONS, Seen};
use self::watcher::Watcher;
use crate::access::{Permission, Scope};
use crate::dashboard::Instance;
use crate::routes::Routes;
use crate::visit::Visit;

/// How many streams there are at once; more are turned away, and their pages ask by themselves.
const STREAMS: usize = 200;
/// How often a stream says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long one lasts.
const LIFE: Duration = Duration::from_secs(60);

pub(crate) fn add(routes: &mut Routes) {
    routes.stream("/events", Permission::QueuesView, events);
}

/// The streams that keep open pages fresh, of one dashboard; given by
/// [`Dashboard::live_updates`](crate::Dashboard::live_updates).
#[derive(Clone)]
pub struct LiveUpdates(Arc<Inner>);

struct Inner {
    ended: watch::Sender<bool>,
    seats: Arc<Semaphore>,
    watchers: Mutex<HashMap<Arc<str>, Weak<Watcher>>>,
}

impl LiveUpdates {
    /// Ends them, and lets none begin: the server is going to stop. Pages that are open try to come
    /// back by themselves.
    pub fn end(&self) {
        self.0.ended.send_replace(true);
    }

    /// How many pages are kept fresh now.
    pub fn streams(&self) -> usize {
        STREAMS - self.0.seats.available_permits()
    }

    /// The watcher of this instance; it stops when nobody holds it any more.
    fn watcher(&self, instance: &Instance) -> Arc<Watcher> {
        let mut watchers = self.0.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watcher) = watchers.get(&instance.name).and_then(Weak::upgrade) {
            return watcher;
        }
        let watcher = Arc::new(Watcher::start(instance));
        watchers.insert(instance.name.clone(), Arc::downgrade(&watcher));
        watcher
    }
}

impl Default for LiveUpdates {
    fn default() -> LiveUpdates {
        LiveUpdates(Arc::new(Inner {
            ended: watch::Sender::new(false),
            seats: Arc::new(Semaphore::new(STREAMS)),
            watchers: Mutex::default(),
        }))
    }
}

impl fmt::Debug for LiveUpdates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveUpdates").field("streams", &self.streams()).finish_non_exhaustive()
    }
}

/// One stream of hints.
async fn events(visit: Visit, headers: HeaderMap) -> Response {
    let live = visit.app().live.clone();
    let seat = live.0.seats.clone().try_acquire_owned().ok();
    let (Some(seat), Some(instance), false) =
        (seat, visit.app().instance(visit.service().instance()), *live.0.ended.borrow())
    else {
        let later = [(header::RETRY_AFTER, HeaderValue::from_static("30"))];
        let why = "There are too many live pages, or the server is about to stop.\n";
        return (StatusCode::SERVICE_UNAVAILABLE, later, why).into_response();
    };
    let watcher = live.watcher(instance);
    let seen = watcher.seen();
    // What a stream before this one has told; a page that was just opened knows what there is.
    let told = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let told = told.unwrap_or_else(|| seen.borrow().number());
    let stream = Stream {
        told,
        next: Next::Hello,
        seen,
        ended: live.0.ended.subscribe(),
        until: Instant::now() + LIFE,
        visit,
        _held: (watcher, seat),
    };
    let events = stream::unfold(stream, |mut stream| async move {
        let event = stream.next().await?;
        Some((Ok::<Event, Infallible>(event), stream))
    });
    let mut response = Sse::new(events).into_response();
    let headers = response.headers_mut();
    // Proxies that gather answers would keep the hints.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A stream, between two events.
struct Stream {
    visit: Visit,
    /// The last change that this browser was told of.
    told: u64,
    next: Next,
    seen: watch::Receiver<Seen>,
    ended: watch::Receiver<bool>,
    until: Instant,
    /// For as long as there is a stream there is a watcher, and a seat is taken.
    _held: (Arc<Watcher>, OwnedSemaphorePermit),
}

#[derive(Clone, Copy)]
enum Next {
    Hello,
    Hints,
    Nothing,
}

impl Stream {
    /// The next event; none if the stream is over.
    async fn next(&mut self) -> Option<Event> {
        match self.next {
            Next::Nothing => return None,
            Next::Hello => {
                self.next = Next::Hints;
                let id = self.told.to_string();
                return Some(Event::default().event("hello").id(id).data("").retry(RETRY));
            }
            Next::Hints => {}
        }
        loop {
            if let Some(hint) = self.hint() {
                return Some(hint);
            }
            tokio::select! {
                biased;
                _ = self.ended.wait_for(|ended| *ended) => {
                    self.next = Next::Nothing;
                    return Some(Event::default().event("bye").data("stopping"));
                }
                () = tokio::time::sleep_until(self.until) => return None,
                changed = self.seen.changed() => changed.ok()?,
                () = tokio::time::sleep(HEARTBEAT) => return Some(Event::default().comment("")),
            }
        }
    }

    /// What has changed of what the viewer sees since they were told last.
    fn hint(&mut self) -> Option<Event> {
        let seen = self.seen.borrow_and_update();
        let since = std::mem::replace(&mut self.told, seen.number());
        let viewer = self.visit.viewer();
        let mut topics = seen.since(since, |queue| viewer.sees(Scope::Queue(queue)));
        if viewer.may(Permission::OperationsView).is_err() {
            topics.retain(|topic| *topic != OPERATIONS);
        }
        let id = seen.number().to_string();
        match topics.is_empty() {
            true => None,
            false => Some(Event::default().event("changed").id(id).data(topics.join(" "))),
        }
    }
}

/// When a browser comes back whose stream has ended.
const RETRY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;

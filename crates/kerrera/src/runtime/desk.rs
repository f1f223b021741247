//! Where news about the orders for queues comes in.

use std::collections::VecDeque;
use std::sync::Mutex;

use kerrera_core::storage::Signal;
use tokio::sync::Notify;

use super::lock;
use crate::telemetry::{SignalDropped, Telemetry};

/// What has been heard and not been dealt with yet.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    heard: Mutex<VecDeque<News>>,
    bell: Notify,
    telemetry: Telemetry,
}

/// Something that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The orders have changed.
    Ordered,
    /// Something has changed; it may be the orders.
    Changed,
    /// What a staging showed.
    Revision(i64),
    /// Another implementation ordered this.
    Signal(Signal),
}

impl Desk {
    /// How much may wait. Only people send signals, so more is not meant well.
    const ROOM: usize = 1_024;

    pub(crate) fn new(telemetry: Telemetry) -> Desk {
        Desk { telemetry, ..Desk::default() }
    }

    pub(crate) fn ordered(&self) {
        self.add(News::Ordered);
    }

    pub(crate) fn changed(&self) {
        self.add(News::Changed);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.add(News::Signal(signal));
    }

    /// Whether it is news only the ledger knows: it may have read the orders since the last staging.
    pub(crate) fn revision(&self, revision: i64) {
        self.add(News::Revision(revision));
    }

    /// The next news, in the order in which they came.
    pub(crate) async fn next(&self) -> News {
        loop {
            let bell = self.bell.notified();
            if let Some(news) = lock(&self.heard).pop_front() {
                return news;
            }
            bell.await;
        }
    }

    fn add(&self, news: News) {
        let mut heard = lock(&self.heard);
        if heard.back() == Some(&news) && !matches!(news, News::Signal(_)) {
            return;
        }
        if heard.len() < Desk::ROOM {
            heard.push_back(news);
        } else {
            self.telemetry.emit(SignalDropped { news: format!("{news:?}") });
        }
        drop(heard);
        self.bell.notify_one();
    }
}

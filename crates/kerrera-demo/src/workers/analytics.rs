//! Keeps what users do.

use kerrera::prelude::*;

use crate::app::App;
use crate::pace;

/// Writes one event into the analytics table.
#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "analytics", tags = ["kerrera-demo"], backoff = pace::backoff)]
pub(crate) struct LogAnalytics {
    pub(crate) event: String,
    pub(crate) user_id: i64,
}

impl Perform<App> for LogAnalytics {
    async fn perform(&self, cx: &Context<App>) -> JobResult {
        // The key keeps a second run from counting the event twice.
        cx.state().store.log_event(cx.idempotency_key(), self.event.clone(), self.user_id).await?;
        done()
    }
}

//! The node behind it, and what its workers do: every way a run can go.

use std::time::Duration;

use kerrera::prelude::*;
use kerrera::{Cron, Pruner};

use crate::seed::HOSTILE;

/// Ends as its args say.
#[derive(Serialize, Deserialize, Worker)]
pub(crate) struct Deed {
    pub(crate) end: End,
    pub(crate) note: String,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Done,
    Fail,
    Cancel,
    Discard,
    /// It does not, until it is told to.
    Stay,
}

impl Perform for Deed {
    async fn perform(&self, cx: &Context) -> JobResult {
        match self.end {
            End::Done => done(),
            End::Fail => Err(anyhow::anyhow!("connection refused by {HOSTILE}")
                .context("the mail was not sent")
                .into()),
            End::Cancel => cancel(format!("nobody wants it {HOSTILE}")),
            End::Discard => discard(format!("it makes no sense {HOSTILE}")),
            End::Stay => {
                cx.progress(3, 7, HOSTILE);
                std::future::pending().await
            }
        }
    }
}

/// A node that is gone when anybody looks.
pub(crate) async fn brief(database: &str) -> anyhow::Result<Kerrera> {
    let node = Kerrera::builder(database)
        .node("batch-1")
        .queue("media", 8)
        .queue_elsewhere("default")
        .worker::<Deed>()
        .tune(|tuning| tuning.grace = Duration::from_millis(200))
        .start()
        .await?;
    Ok(node)
}

/// Two nodes that work some of the queues; others are left to nobody.
pub(crate) async fn start(database: &str) -> anyhow::Result<[Kerrera; 2]> {
    let job = || Deed { end: End::Done, note: "by the clock".to_owned() }.queue("media");
    let node = Kerrera::builder(database)
        .node("web-1")
        .release(HOSTILE, HOSTILE)
        .queue("default", 10)
        .queue("mail", 8)
        .queue("media", 4)
        .queue("payroll", 2)
        .queue(HOSTILE, 1)
        .paused_queue("reports", 3)
        .worker::<Deed>()
        .cron_entry(Cron::new("0 4 * * *", job()).name("nightly"))
        .cron_entry(Cron::new("*/5 * * * *", job()).name(HOSTILE).timezone("Asia/Seoul"))
        .prune(Pruner::default())
        .tune(|tuning| tuning.grace = Duration::from_millis(200))
        .start()
        .await?;
    let other = Kerrera::builder(database)
        // Names of nodes have no blanks; a slash does as well between attributes.
        .node(HOSTILE.replace(' ', "/"))
        .queue("media", 2)
        .worker::<Deed>()
        .queue_elsewhere("default")
        .tune(|tuning| tuning.grace = Duration::from_millis(200))
        .start()
        .await?;
    Ok([node, other])
}

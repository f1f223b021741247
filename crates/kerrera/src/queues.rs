//! Steering queues while nodes run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kerrera_core::storage::{Action, Answer, Command, Enrolled, Order, Standing, Until};
use kerrera_core::{JobId, Result, Timestamp, Uuid};

use crate::acting;
use crate::client::Client;

/// A queue, or all of them, to be steered on every node or on one; made by
/// [`Client::queue`](Client::queue), [`Client::queues`](Client::queues) and
/// [`Kerrera::local_queue`](crate::Kerrera::local_queue).
///
/// What is ordered is written to the database first. Nodes read it when they start, when they are told
/// of it, and within a second or so if they are not; so it holds after restarts and for nodes that
/// come later. The newest order that is for a queue and a node decides, whether it names them or all.
/// Starting and stopping is for the nodes that run at that moment; one that starts later works the
/// queues that it was configured with.
///
/// Nodes of Oban for Elixir and Python are told by the signals that they know, and obey as they do
/// among themselves; what their own people order is obeyed here, and kept.
///
/// ```
/// use kerrera::prelude::*;
///
/// # #[tokio::main] async fn main() -> kerrera::Result<()> {
/// let client = Client::connect("sqlite::memory:").await?;
/// client.queue("mailers").reason("the mail server is down").by("ada").pause().await?;
/// client.queue("mailers").resume().await?;
/// client.queue("reports").node("web-1").scale(2).await?;
/// client.queues().pause_for(10.minutes()).await?;
/// # Ok(()) }
/// ```
///
/// Every order is one statement, and locks only its row of the table `kerrera_queues`. Scaling and
/// stopping all queues is one more, which looks for their names.
#[derive(Clone)]
#[must_use = "nothing is ordered until pause, resume, scale, start, stop or reset is called"]
pub struct Queue {
    client: Client,
    order: Order,
}

impl Queue {
    pub(crate) fn new(client: Client, queue: Option<Arc<str>>) -> Queue {
        let instance = client.instance().clone();
        let action = Action::Resume;
        let (node, until, reason, by) = (None, None, None, None);
        Queue { client, order: Order { queue, node, action, until, reason, by, instance } }
    }

    /// On this node only.
    pub fn node(mut self, node: impl Into<String>) -> Queue {
        self.order.node = Some(node.into().into());
        self
    }

    /// Says why, for those who look later; at most 500 characters.
    pub fn reason(mut self, reason: impl Into<String>) -> Queue {
        self.order.reason = Some(reason.into());
        self
    }

    /// Says who orders it, for those who look later; at most 500 characters.
    pub fn by(mut self, name: impl Into<String>) -> Queue {
        self.order.by = Some(name.into());
        self
    }

    /// Claims no more jobs until it is resumed. What runs goes on.
    ///
    /// # Errors
    ///
    /// When a name makes no sense ([`Error::is_config`](crate::Error::is_config)) or the database
    /// fails; nothing has been ordered then.
    #[doc(alias = "pause_queue")]
    #[doc(alias = "pause_all_queues")]
    pub async fn pause(self) -> Result<()> {
        self.order(Action::Pause, None).await
    }

    /// Claims no more jobs until that time, by the database's clock, or until it is resumed.
    ///
    /// Nodes of Oban for Elixir and Python know no such end: one of our nodes tells them when it has
    /// come, or the next that starts.
    ///
    /// # Errors
    ///
    /// As for [`pause`](Queue::pause).
    pub async fn pause_until(self, time: impl Into<Timestamp>) -> Result<()> {
        let until = Until::At(time.into());
        self.order(Action::Pause, Some(until)).await
    }

    /// Claims no more jobs for this long, or until it is resumed; see
    /// [`pause_until`](Queue::pause_until).
    ///
    /// # Errors
    ///
    /// As for [`pause`](Queue::pause).
    pub async fn pause_for(self, span: Duration) -> Result<()> {
        self.order(Action::Pause, Some(Until::In(span))).await
    }

    /// Claims jobs again, also where the queue was configured to be paused.
    ///
    /// # Errors
    ///
    /// As for [`pause`](Queue::pause).
    #[doc(alias = "resume_queue")]
    #[doc(alias = "resume_all_queues")]
    pub async fn resume(self) -> Result<()> {
        self.order(Action::Resume, None).await
    }

    /// Runs at most this many jobs at once on each node, instead of what was configured. If more run
    /// already, they may end; no more are claimed until then.
    ///
    /// Oban for Elixir and Python know this for one queue: for all, their nodes are told of each that
    /// somebody works or has jobs for, up to a thousand.
    ///
    /// # Errors
    ///
    /// As for [`pause`](Queue::pause), and when `limit` is 0.
    #[doc(alias = "scale_queue")]
    pub async fn scale(self, limit: u32) -> Result<()> {
        self.order(Action::Scale { limit }, None).await
    }

    /// Works the queue on nodes that do not work it yet, for as long as they run, at most this many
    /// jobs at once on each. Nothing changes on nodes that work it.
    ///
    /// Jobs of workers that a node does not know are left for others.
    ///
    /// # Errors
    ///
    /// As for [`pause`](Queue::pause), and when `limit` is 0 or no queue is named.
    #[doc(alias = "start_queue")]
    pub async fn start(self, limit: u32) -> Result<()> {
        self.order(Action::Start { limit, paused: false }, None).await
    }

    /// The same, claiming nothing before it is resumed.
    ///
    /// # Errors
    ///
    /// As for [`start`](Queue::start).
    pub async fn start_paused(self, limit: u32) -> Result<()> {
        self.order(Action::Start { limit, paused: true }, None).await
    }

    /// Works the queue no more, until the node starts again. What runs has
    /// [`Tuning::grace`](crate::Tuning::grace) to end, as at a shutdown; other queues go on.
    ///
    /// For all queues, nodes of Oban for Elixir and Python are told as for [`scale`](Queue::scale).
    ///
    /// # Errors
    ///
    /// As for [`pause`](Queue::pause).
    #[doc(alias = "stop_queue")]
    pub async fn stop(self) -> Result<()> {
        self.order(Action::Stop, None).await
    }

    /// Forgets what was ordered for it, so that nodes go by what they are configured with. For all
    /// queues, everything is forgotten.
    ///
    /// Only our nodes know this.
    ///
    /// # Errors
    ///
    /// As for [`pause`](Queue::pause).
    pub async fn reset(self) -> Result<()> {
        self.order(Action::Reset, None).await
    }

    async fn order(self, action: Action, until: Option<Until>) -> Result<()> {
        let Queue { client, order } = self;
        let mut order = Order { action, until, ..order };
        match acting::of_order(&client, &order) {
            None => client.storage().order(order).await?,
            Some(entry) => {
                order.by = order.by.or_else(|| Some(entry.actor.label.clone()));
                order.reason = order.reason.or_else(|| entry.reason.clone());
                match client.act(Command::Order(order), entry).await? {
                    Answer::Ordered => {}
                    other => return Err(other.unexpected()),
                }
            }
        }
        client.ordered();
        Ok(())
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("queue", &self.order.queue)
            .field("node", &self.order.node)
            .finish_non_exhaustive()
    }
}

/// How a queue is worked here; given by [`Kerrera::check_queue`](crate::Kerrera::check_queue).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueCheck {
    /// The queue.
    pub queue: String,
    /// This node.
    pub node: String,
    /// The name of the Oban instance that the node answers to.
    pub name: String,
    /// The producer's identity.
    pub uuid: Uuid,
    /// How many jobs run at once.
    pub limit: u32,
    /// Whether no job is claimed.
    pub paused: bool,
    /// The jobs that run, by number.
    pub running: Vec<JobId>,
    /// Since when it is worked, by this machine's clock.
    pub started_at: Timestamp,
}

impl Client {
    /// A queue, to be paused, resumed, scaled, started or stopped on every node, or on one.
    pub fn queue(&self, name: impl Into<String>) -> Queue {
        Queue::new(self.clone(), Some(name.into().into()))
    }

    /// All queues, to be paused, resumed, scaled or stopped on every node, or on one.
    pub fn queues(&self) -> Queue {
        Queue::new(self.clone(), None)
    }

    /// What has been ordered of queues and still holds, oldest first. One statement.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn queue_orders(&self) -> Result<Vec<Standing>> {
        Ok(self.storage().orders().await?.standing)
    }

    /// Which nodes work which queues, by queue and node, as their signs of life tell it. One
    /// statement.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn producers(&self) -> Result<Vec<Enrolled>> {
        self.storage().producers().await
    }
}

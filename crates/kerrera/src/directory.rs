//! Which nodes and workers there are.

use kerrera_core::Result;
use kerrera_core::directory::{KnownNode, KnownWorker};
use kerrera_core::storage::Enrolled;

use crate::client::Client;

/// A node and the queues that it works; told by [`Client::nodes`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeInfo {
    /// What it says about itself, and whether it is still there.
    pub node: KnownNode,
    /// Its producers, by queue.
    pub producers: Vec<Enrolled>,
}

impl Client {
    /// The nodes that there are, by name, each with what it says about itself and with its producers.
    /// One that ended without a word is among them for a day, and does not live. Two statements.
    ///
    /// ```
    /// use kerrera::prelude::*;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let kerrera = Kerrera::builder("sqlite::memory:")
    ///     .node("web-1")
    ///     .release("shop", "4.2.0")
    ///     .queue("mailers", 20)
    ///     .start()
    ///     .await?;
    /// # while kerrera.nodes().await?.is_empty() { tokio::task::yield_now().await }
    /// let nodes = kerrera.nodes().await?;
    /// let card = &nodes[0].node.card;
    /// assert_eq!((card.node.as_str(), nodes[0].producers[0].limit), ("web-1", 20));
    /// assert_eq!(card.release.as_ref().map(|it| it.version.as_str()), Some("4.2.0"));
    /// # kerrera.shutdown().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn nodes(&self) -> Result<Vec<NodeInfo>> {
        let nodes = self.storage().known_nodes().await?;
        let producers = self.storage().producers().await?;
        let told = nodes.into_iter().map(|node| {
            let own = producers.iter().filter(|producer| producer.node == node.card.node);
            NodeInfo { producers: own.cloned().collect(), node }
        });
        Ok(told.collect())
    }

    /// The workers that nodes have registered, by name, with the living nodes that have them; those that
    /// no node has any more are among them for 90 days. Two statements.
    ///
    /// ```
    /// use kerrera::prelude::*;
    ///
    /// /// Welcomes a new user.
    /// #[derive(Serialize, Deserialize, Worker)]
    /// #[worker(queue = "mailers", owner = "team-growth", sensitive = ["email"])]
    /// struct Welcome { email: String }
    /// # impl Perform for Welcome { async fn perform(&self, _: &Context) -> JobResult { done() } }
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let builder = Kerrera::builder("sqlite::memory:").queue("mailers", 20);
    /// let kerrera = builder.worker::<Welcome>().start().await?;
    /// let card = &kerrera.known_workers().await?[0].card;
    /// assert_eq!((card.name.as_str(), card.description.as_str()), ("Welcome", "Welcomes a new user."));
    /// assert_eq!(card.sensitive, ["email"]);
    /// # kerrera.shutdown().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn known_workers(&self) -> Result<Vec<KnownWorker>> {
        self.storage().known_workers().await
    }
}

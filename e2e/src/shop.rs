//! A shop on an ordinary day, for pictures: it sells, something goes wrong, and somebody looks after it.

mod past;
mod workers;

use std::time::Duration;

use kerrera::audit::Actor;
use kerrera::prelude::*;
use kerrera::{BulkAction, BulkRequest, Cron, JobQuery};

use self::workers::{BuildReport, ImportCustomers, ResizeImage, SendWelcomeEmail, SyncInventory};
use crate::until;

/// Opens it: two nodes, what was before they started, and what happens now. Ends when what is to be seen runs.
pub(crate) async fn open(path: &std::path::Path, database: &str) -> anyhow::Result<[Kerrera; 2]> {
    let nodes = [node(database, "web-1").await?, node(database, "web-2").await?];
    past::write(path).await?;
    let client = nodes[0].client();

    let ada = client.acting(Actor::new("ada").label("Ada Park"));
    ada.queue("reports")
        .by("Ada Park")
        .reason("the warehouse is moved until 18:00")
        .pause()
        .await?;
    let min = client.acting(Actor::new("min").label("Min Seo"));
    let failed = JobQuery::new().queues(["payments"]).states([State::Discarded]);
    let request =
        BulkRequest::new(BulkAction::Retry, failed).reason("the card gateway answers again");
    let operation = min.start_operation(request).await?;
    min.carry_out_operation(operation.id).await?;

    client.insert_all((0..18).map(|day| BuildReport { day })).await?;
    client
        .insert_all((1..5).map(|file| ImportCustomers { file: format!("partners-{file}.csv") }))
        .await?;
    client
        .insert_all((0..9).map(|image| ResizeImage { image: 48_210 + image, width: 1_280 }))
        .await?;
    client.insert_all((0..6).map(|n| SendWelcomeEmail { user_id: 9_340 + n })).await?;
    client
        .insert_all(
            (1..8).map(|n| {
                SendWelcomeEmail { user_id: 9_350 + n }.schedule_in(n as u32 * 20.minutes())
            }),
        )
        .await?;
    let runs = JobQuery::new().states([State::Executing]);
    until("the shop is at work", async || Ok(client.count_jobs(runs.clone()).await? >= 8)).await?;
    Ok(nodes)
}

async fn node(database: &str, name: &str) -> anyhow::Result<Kerrera> {
    let node = Kerrera::builder(database)
        .node(name)
        .release("shop", "4.2.0")
        .queue("default", 10)
        .queue("mailers", 20)
        .queue("payments", 8)
        .queue("media", 4)
        .queue("imports", 1)
        .paused_queue("reports", 3)
        .cron_entry(
            Cron::new("*/5 * * * *", SyncInventory { warehouse: "BUS-1".to_owned() })
                .name("inventory"),
        )
        .cron_entry(Cron::new("30 6 * * MON", BuildReport { day: 0 }).name("weekly report"))
        .tune(|tuning| tuning.grace = Duration::from_millis(200));
    Ok(workers::register(node).start().await?)
}

//! What is in the database.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use kerrera::audit::Actor;
use kerrera::prelude::*;
use kerrera::{BulkAction, BulkRequest, Cron, JobId, JobQuery};
use serde_json::json;

use crate::people::HIDDEN_QUEUE;
use crate::workers::{Deed, End};

/// What nobody wants to be taken for HTML, a script, an attribute, or a template.
pub(crate) const HOSTILE: &str = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}";

/// Fills it, waits until all that ends has ended, and says which job is which.
pub(crate) async fn seed(client: &Client) -> anyhow::Result<BTreeMap<&'static str, JobId>> {
    let deed = |end: End| Deed { end, note: HOSTILE.to_owned() }.queue("mail").tag(HOSTILE);
    let meta = json!({ "trace": HOSTILE, HOSTILE: HOSTILE, "customer": 42 });
    let mut jobs = BTreeMap::new();
    for (name, job) in [
        ("completed", deed(End::Done).meta(meta.clone())),
        ("executing", deed(End::Stay).meta(meta.clone())),
        ("retryable", deed(End::Fail).meta(meta.clone()).max_attempts(5)),
        ("discarded", deed(End::Fail).max_attempts(1)),
        ("cancelled", deed(End::Cancel)),
        ("scheduled", deed(End::Done).schedule_in(3.hours())),
        ("available", deed(End::Done).queue("reports").priority(2)),
        (
            "hostile",
            NewJob::of(HOSTILE, json!({ HOSTILE: HOSTILE, "password": HOSTILE })).queue("unworked"),
        ),
        ("hidden", deed(End::Stay).queue(HIDDEN_QUEUE)),
        (
            "unicode",
            deed(End::Discard).tag("한국어").meta(json!({ "말": "안녕하세요 \u{202e}gnp.exe" })),
        ),
    ] {
        jobs.insert(name, client.insert(job).await?.job().id);
    }
    // Enough of each that lists have pages and numbers are shortened.
    for end in [End::Done, End::Discard, End::Cancel, End::Fail] {
        client.insert_all((0..30).map(|_| deed(end).queue("media"))).await?;
    }
    client.insert_all((0..130).map(|n| deed(End::Done).queue("reports").priority(n % 4))).await?;
    client.insert_all((0..5).map(|_| deed(End::Stay).queue("media"))).await?;
    client.insert(deed(End::Done).queue(HOSTILE)).await?;

    let weekly = deed(End::Done).queue("reports");
    client.add_cron(Cron::new("30 6 * * MON", weekly).name("weekly")).await?;

    let acting = client.acting(Actor::new("7").label(HOSTILE));
    acting.queue("reports").by("ada").reason(HOSTILE).pause().await?;
    acting.cancel_job(client.insert(deed(End::Done).schedule_in(1.hour())).await?.job().id).await?;

    // It is done as soon as the node has looked: its page is one that does not change.
    let nobody = JobQuery::new().queues(["nowhere"]).tagged(HOSTILE);
    let request = BulkRequest::new(BulkAction::Retry, nobody).reason(HOSTILE);
    let operation = acting.start_operation(request).await?;
    acting.carry_out_operation(operation.id).await?;

    settle(client, &jobs).await?;
    Ok(jobs)
}

/// Waits until the jobs are what they are called.
async fn settle(client: &Client, jobs: &BTreeMap<&'static str, JobId>) -> anyhow::Result<()> {
    for _ in 0..200 {
        let mut open = Vec::new();
        for (name, id) in jobs {
            let state = client.job(*id).await?.map(|job| job.state);
            let expected = name.parse::<State>().ok();
            if expected.is_some() && state != expected {
                open.push(*name);
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    bail!("the jobs did not become what they are called")
}

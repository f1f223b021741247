//! What is in the database.

use std::collections::BTreeMap;

use anyhow::ensure;
use kerrera::audit::Actor;
use kerrera::prelude::*;
use kerrera::{BulkAction, BulkRequest, Cron, ErrorQuery, JobId, JobQuery};
use serde_json::json;

use crate::people::HIDDEN_QUEUE;
use crate::until;
use crate::workers::{self, Deed, End};

/// What nobody wants to be taken for HTML, a script, an attribute, or a template.
pub(crate) const HOSTILE: &str = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}";

/// Lets a node come, fail and go: which failures were alike is written when it stops. Gives their fingerprints.
pub(crate) async fn fail(database: &str) -> anyhow::Result<Vec<String>> {
    let node = workers::brief(database).await?;
    for end in [End::Fail, End::Discard] {
        let job = Deed { end, note: HOSTILE.to_owned() }.queue("media");
        node.insert_all((0..30).map(|_| job.clone())).await?;
    }
    let open = JobQuery::new().states([State::Available, State::Executing]);
    until("all of them have failed", async || Ok(node.count_jobs(open.clone()).await? == 0))
        .await?;
    let client = node.client().clone();
    node.shutdown().await;
    let groups = client.errors(ErrorQuery::new()).await?;
    ensure!(!groups.is_empty(), "a node that stops writes down what failed");
    Ok(groups.into_iter().map(|group| group.fingerprint.to_string()).collect())
}

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
    for end in [End::Done, End::Cancel] {
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
    until("the jobs are what they are called", async || {
        for (name, id) in jobs {
            let state = client.job(*id).await?.map(|job| job.state);
            if name.parse::<State>().is_ok_and(|expected| state != Some(expected)) {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await
}

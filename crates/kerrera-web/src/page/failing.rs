//! A database in which jobs have failed, for tests.

use kerrera::prelude::*;
use kerrera::{Client, JobQuery, Kerrera, NewJob};

/// Says what it was given, private or not.
#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "mail", max_attempts = 3, sensitive = ["account"])]
struct Charge {
    account: String,
    why: String,
}

impl Perform for Charge {
    async fn perform(&self, _: &Context) -> JobResult {
        Err(format!("{} of {}\n  at the second line", self.why, self.account).into())
    }
}

/// The same, of which nobody is to know.
#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "hidden", max_attempts = 1)]
struct Secret {}

impl Perform for Secret {
    async fn perform(&self, _: &Context) -> JobResult {
        Err("of nobody's concern".into())
    }
}

/// A database in which four jobs failed alike, one otherwise, and one that is hidden.
pub(crate) async fn failed() -> Client {
    let node = Kerrera::builder("sqlite::memory:").node("web-1").release("shop", "4.2.0");
    let node = node.worker::<Charge>().worker::<Secret>().queue("mail", 2).queue("hidden", 1);
    let node = node.start().await.unwrap();
    let client = node.client().clone();
    let charge = |why: &str| Charge { account: "canary-canary".into(), why: why.into() };
    let jobs = ["no funds", "no funds", "no funds", "no funds", "<b>no answer</b>"].map(charge);
    let jobs: Vec<NewJob> = jobs.into_iter().map(NewJob::from).collect();
    client.insert_all(jobs).await.unwrap();
    client.insert(Secret {}).await.unwrap();
    let waiting = async || {
        let jobs = JobQuery::new().states([State::Available, State::Executing]);
        client.count_jobs(jobs).await.unwrap() > 0
    };
    while waiting().await {
        tokio::task::yield_now().await;
    }
    // What it has met it writes when it stops.
    node.shutdown().await;
    client
}

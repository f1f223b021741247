use std::time::Duration;

use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
#[worker(backoff = by_attempt)]
struct SendWelcomeEmail;

fn by_attempt(attempt: u32) -> Duration {
    Duration::from_secs(attempt.into())
}

#[derive(Serialize, Deserialize, Worker)]
#[worker(backoff = nowhere)]
struct DailyReport;

fn main() {}

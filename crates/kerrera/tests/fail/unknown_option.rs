use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
#[worker(que = "mailers")]
struct SendWelcomeEmail {
    user_id: i64,
}

#[derive(Serialize, Deserialize, Worker)]
#[worker(attempts = 3, cron = "0 7 * * *")]
struct DailyReport;

impl Perform for SendWelcomeEmail {
    async fn perform(&self, _: &Context) -> JobResult {
        done()
    }
}

fn main() {}

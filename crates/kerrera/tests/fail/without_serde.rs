use kerrera::prelude::*;

#[derive(Worker)]
struct SendWelcomeEmail {
    user_id: i64,
}

#[derive(Serialize, Worker)]
struct DailyReport;

fn main() {}

use kerrera::prelude::*;

struct App;
struct Other;

#[derive(Serialize, Deserialize, Worker)]
struct SendWelcomeEmail {
    user_id: i64,
}

impl Perform<App> for SendWelcomeEmail {
    async fn perform(&self, _: &Context<App>) -> JobResult {
        done()
    }
}

fn main() {
    let _ = Kerrera::builder("sqlite::memory:")
        .state(Other)
        .queue("default", 10)
        .worker::<SendWelcomeEmail>();
}

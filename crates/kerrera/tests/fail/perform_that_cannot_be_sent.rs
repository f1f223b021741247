use std::rc::Rc;

use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
struct SendWelcomeEmail;

impl Perform for SendWelcomeEmail {
    async fn perform(&self, _: &Context) -> JobResult {
        let user = Rc::new("Ada");
        send(&user).await;
        done()
    }
}

async fn send(_: &str) {}

fn main() {}

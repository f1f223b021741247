use kerrera::prelude::*;

#[derive(Serialize, Deserialize)]
struct SendWelcomeEmail {
    user_id: i64,
}

impl Perform for SendWelcomeEmail {
    async fn perform(&self, _: &Context) -> JobResult {
        done()
    }
}

async fn enqueue(client: Client) -> kerrera::Result<()> {
    client.insert(SendWelcomeEmail { user_id: 7 }).await?;
    Ok(())
}

fn main() {}

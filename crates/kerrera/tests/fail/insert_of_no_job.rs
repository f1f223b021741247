use kerrera::prelude::*;

async fn enqueue(client: &Client) -> kerrera::Result<()> {
    client.insert("SendWelcomeEmail").await?;
    Ok(())
}

fn main() {}

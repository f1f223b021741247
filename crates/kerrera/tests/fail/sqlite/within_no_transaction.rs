use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
struct SendWelcomeEmail {
    user_id: i64,
}

struct Pool;

fn register(client: &Client, pool: &mut Pool) {
    let _ = client.within(pool).insert(SendWelcomeEmail { user_id: 7 });
}

fn main() {}

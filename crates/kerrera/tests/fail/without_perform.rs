use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
struct SendWelcomeEmail {
    user_id: i64,
}

fn main() {
    let _ = Kerrera::builder("sqlite::memory:").queue("default", 10).worker::<SendWelcomeEmail>();
}

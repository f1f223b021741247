use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "mailers", priority = 1, queue = "default")]
#[worker(priority = 2)]
struct SendWelcomeEmail;

fn main() {}

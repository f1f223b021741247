use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
struct Import<T> {
    rows: Vec<T>,
}

#[derive(Serialize, Worker)]
#[worker(queue = "mailers")]
struct Send<'a> {
    to: &'a str,
}

fn main() {}

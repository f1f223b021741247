use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
struct SendWelcomeEmail(i64);

#[derive(Serialize, Deserialize, Worker)]
struct Transfer(i64, i64);

#[derive(Serialize, Deserialize, Worker)]
enum Report {
    Daily,
    Weekly { day: u8 },
}

#[derive(Worker)]
union Number {
    whole: i64,
    real: f64,
}

fn main() {}

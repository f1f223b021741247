use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
#[worker = "mailers"]
struct WithoutParentheses;

#[derive(Serialize, Deserialize, Worker)]
#[worker("mailers")]
struct WithoutOption;

#[derive(Serialize, Deserialize, Worker)]
struct OnAField {
    #[worker(queue = "mailers")]
    user_id: i64,
}

#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "mailers" priority = 1)]
struct WithoutComma;

fn main() {}

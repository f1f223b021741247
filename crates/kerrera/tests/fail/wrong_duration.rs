use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
#[worker(timeout = "30")]
struct WithoutUnit;

#[derive(Serialize, Deserialize, Worker)]
#[worker(timeout = "half an hour", abandon_after = 10)]
struct InWords;

#[derive(Serialize, Deserialize, Worker)]
#[worker(timeout = 30s)]
struct WithoutQuotes;

#[derive(Serialize, Deserialize, Worker)]
#[worker(timeout = "0s")]
struct Zero;

#[derive(Serialize, Deserialize, Worker)]
#[worker(abandon_after = "10s")]
struct WithoutTimeout;

fn main() {}

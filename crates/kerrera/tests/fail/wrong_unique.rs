use kerrera::prelude::*;
use kerrera::Unique;

#[derive(Serialize, Deserialize, Worker)]
#[worker(unique = true)]
struct Oban;

#[derive(Serialize, Deserialize, Worker)]
#[worker(unique = "until_finished")]
struct Text;

#[derive(Serialize, Deserialize, Worker)]
#[worker(unique(period = 60))]
struct List;

#[derive(Serialize, Deserialize, Worker)]
#[worker(unique)]
struct Bare;

#[derive(Serialize, Deserialize, Worker)]
#[worker(unique = until_finished)]
struct NotCalled;

#[derive(Serialize, Deserialize, Worker)]
#[worker(unique = 5.minutes())]
struct PeriodAlone;

#[derive(Serialize, Deserialize, Worker)]
#[worker(unique = once_per(60))]
struct PeriodWithoutUnit;

#[derive(Serialize, Deserialize, Worker)]
#[worker(unique = Some(Unique::new()))]
struct InAnOption;

fn main() {}

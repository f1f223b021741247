//! A worker that says nothing has its type's name and the trait's defaults.

use kerrera::prelude::*;

#[derive(Serialize, Deserialize)]
struct ByHand;

impl Worker for ByHand {
    const NAME: &'static str = "ByHand";
}

#[derive(Serialize, Deserialize, Worker)]
struct Unit;

#[derive(Serialize, Deserialize, Worker)]
#[worker()]
struct Empty {}

#[derive(Serialize, Deserialize, Worker)]
#[allow(non_camel_case_types)]
struct r#match;

#[derive(Serialize, Deserialize, Worker)]
#[serde(tag = "kind")]
enum Report {
    Daily,
    Weekly { day: u8 },
}

mod inner {
    use kerrera::prelude::*;

    #[derive(Serialize, Deserialize, Worker)]
    pub struct Nested;
}

fn says_nothing<W: Worker>(name: &str) {
    assert_eq!(W::NAME, name);
    assert_eq!(W::QUEUE, ByHand::QUEUE);
    assert_eq!(W::MAX_ATTEMPTS, ByHand::MAX_ATTEMPTS);
    assert_eq!(W::PRIORITY, ByHand::PRIORITY);
    assert_eq!(W::TAGS, ByHand::TAGS);
    assert_eq!(W::abandon_after(), ByHand::abandon_after());
}

fn main() {
    says_nothing::<Unit>("Unit");
    says_nothing::<Empty>("Empty");
    says_nothing::<r#match>("match");
    says_nothing::<Report>("Report");
    says_nothing::<inner::Nested>("Nested");
    let _ = [Report::Daily, Report::Weekly { day: 1 }];
}

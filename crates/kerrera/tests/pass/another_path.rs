//! A crate that re-exports Kerrera says where it is: nothing else is named by the derive.

use kerrera::prelude::{Deserialize, Serialize};

mod framework {
    pub mod jobs {
        pub use kerrera::Job;

        pub trait Worker {
            const NAME: &'static str;
            fn timeout(job: &Job) -> Option<std::time::Duration>;
        }
    }
}

#[derive(Serialize, Deserialize, kerrera::Worker)]
#[worker(timeout = "1s", crate = "crate::framework::jobs")]
struct Cleanup;

fn main() {
    assert_eq!(<Cleanup as framework::jobs::Worker>::NAME, "Cleanup");
    let _ = <Cleanup as framework::jobs::Worker>::timeout;
}

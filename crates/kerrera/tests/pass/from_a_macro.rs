//! A `macro_rules!` can make workers, and fill in their options.

use kerrera::prelude::*;

macro_rules! import {
    ($worker:ident, $queue:literal, $attempts:expr, $tags:expr, $backoff:path) => {
        #[derive(Serialize, Deserialize, Worker)]
        #[worker(queue = $queue, max_attempts = $attempts, tags = $tags, backoff = $backoff)]
        struct $worker {
            file: String,
        }
    };
}

import!(Airports, "imports", 3, ["csv"], at_once);

fn at_once(_: &Job) -> std::time::Duration {
    std::time::Duration::ZERO
}

fn main() {
    assert_eq!((Airports::NAME, Airports::QUEUE), ("Airports", "imports"));
    assert_eq!((Airports::MAX_ATTEMPTS, Airports::TAGS), (3, ["csv"].as_slice()));
    let _ = Airports { file: String::new() }.file;
}

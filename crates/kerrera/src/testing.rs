//! Testing workers: what is enqueued, what a worker does with a job, and what becomes of it in time.
//!
//! - [`assert_enqueued!`], [`refute_enqueued!`], [`all_enqueued!`]: what the code under test has put
//!   on the list. They work with any [`Client`](crate::Client), engine or kit.
//! - [`TestKit`]: a database of its own, and workers that run when the test says so, in a time that
//!   jumps.
//!   - [`perform_job`](TestKit::perform_job): a worker's code, without a queue.
//!   - [`drain_queue`](TestKit::drain_queue): the jobs of a queue.
//!   - [`run_next_due`](TestKit::run_next_due), [`run_until_idle`](TestKit::run_until_idle),
//!     [`advance`](TestKit::advance): scheduled jobs, snoozes and further attempts, without waiting.
//!
//!   - [`faults`](TestKitBuilder::faults): crashes at the worst moment, as a seed decides.
//!
//! [Testing your workers](https://github.com/kerrera/kerrera/blob/main/docs/testing.md) is the
//! chapter about it.
//!
//! # Time
//!
//! A kit's clock is the storage's, which stands still but for the kit: it decides what is due, and
//! stamps every row. A worker's timeout is in tokio's time, as in production. With
//! `#[tokio::test(start_paused = true)]` that passes by itself when nothing else is to be done, and a
//! test of a timeout takes no time. Do so only where the worker waits for nothing but tokio's timers:
//! the databases work on threads and sockets of which tokio's clock knows nothing, and a run that
//! waits for one of them would time out at once.

#[doc(hidden)]
pub mod assertion;
mod drain;
mod faults;
mod filter;
mod kit;
mod perform;
mod runner;

pub use assertion::all_enqueued;
pub use drain::{Drain, Drained, WithScheduled};
pub use filter::{ANY, Filter};
pub use kit::{Mode, TestKit, TestKitBuilder};
#[cfg(feature = "sqlite")]
pub use kit::{in_memory, perform_job};
pub use perform::{PerformJob, Performed, build_job};

/// A job as it is inserted by a `then`: see [`Performed`].
pub use kerrera_core::ValidJob;

pub use crate::{all_enqueued, assert_enqueued, refute_enqueued};

/// For the macros.
#[doc(hidden)]
pub use serde_json::json;

/// Asserts that a job is enqueued: available, scheduled or suspended. Gives back the newest that
/// fits.
///
/// The first argument is a [`Client`](crate::Client), or what stands for one: a
/// [`TestKit`](crate::testing::TestKit), an engine. The others say which job, each key a method of
/// [`Filter`](crate::testing::Filter). Needs an `async` function around it; one statement, or one every ten
/// milliseconds until the `timeout`.
///
/// ```
/// use kerrera::prelude::*;
/// use kerrera::testing::{ANY, TestKit, assert_enqueued};
///
/// #[derive(Serialize, Deserialize, Worker)]
/// #[worker(queue = "mailers")]
/// struct Remind { user_id: i64, about: String }
/// # impl Perform for Remind { async fn perform(&self, _: &Context) -> JobResult { done() } }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> kerrera::Result<()> {
/// let kit = TestKit::builder().build().await?;
/// kit.insert(Remind { user_id: 7, about: "tea".into() }.schedule_in(1.hour())).await?;
///
/// assert_enqueued!(kit, worker: Remind, queue: "mailers", args: {"user_id": 7, "about": ANY});
/// assert_enqueued!(kit, worker: "Remind", scheduled_in: 1.hour(), delta: 1.minute());
/// let job = assert_enqueued!(kit, state: State::Scheduled, timeout: 1.second());
/// assert_eq!(job.attempt, 0);
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// When there is none; the message lists what is enqueued.
#[macro_export]
macro_rules! assert_enqueued {
    ($client:expr $(, $($filter:tt)*)?) => {{
        let filter = $crate::__filter!($crate::testing::Filter::new(); $($($filter)*)?);
        match $crate::testing::assertion::find(&$client, filter).await {
            ::std::result::Result::Ok(job) => job,
            ::std::result::Result::Err(message) => ::std::panic!("{message}"),
        }
    }};
}

/// Asserts that no job is enqueued of those that are meant; as [`assert_enqueued!`].
///
/// With a `timeout` it waits that long for one to come.
///
/// ```
/// # use kerrera::prelude::*;
/// use kerrera::testing::{TestKit, refute_enqueued};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> kerrera::Result<()> {
/// # let kit = TestKit::builder().build().await?;
/// refute_enqueued!(kit, queue: "mailers");
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// When there is one; the message lists what is enqueued.
#[macro_export]
macro_rules! refute_enqueued {
    ($client:expr $(, $($filter:tt)*)?) => {{
        let filter = $crate::__filter!($crate::testing::Filter::new(); $($($filter)*)?);
        match $crate::testing::assertion::refute(&$client, filter).await {
            ::std::result::Result::Ok(()) => (),
            ::std::result::Result::Err(message) => ::std::panic!("{message}"),
        }
    }};
}

/// The enqueued jobs that are meant, the newest first; as [`assert_enqueued!`].
///
/// The function of the same name in [`testing`](crate::testing::all_enqueued()) gives an error instead of a
/// panic.
///
/// ```
/// # use kerrera::prelude::*;
/// use kerrera::testing::{TestKit, all_enqueued};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> kerrera::Result<()> {
/// # let kit = TestKit::builder().build().await?;
/// assert!(all_enqueued!(kit, queue: "mailers").is_empty());
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// When the database fails.
#[macro_export]
macro_rules! all_enqueued {
    ($client:expr $(, $($filter:tt)*)?) => {{
        let filter = $crate::__filter!($crate::testing::Filter::new(); $($($filter)*)?);
        match $crate::testing::assertion::all_enqueued(&$client, filter).await {
            ::std::result::Result::Ok(jobs) => jobs,
            ::std::result::Result::Err(error) => ::std::panic!("{error}"),
        }
    }};
}

/// Makes a filter of `key: value` pairs.
#[doc(hidden)]
#[macro_export]
macro_rules! __filter {
    ($made:expr;) => { $made };
    ($made:expr; worker: $name:literal $(, $($rest:tt)*)?) => {
        $crate::__filter!($made.named($name); $($($rest)*)?)
    };
    ($made:expr; worker: $worker:ty $(, $($rest:tt)*)?) => {
        $crate::__filter!($made.worker::<$worker>(); $($($rest)*)?)
    };
    ($made:expr; args: $json:tt $(, $($rest:tt)*)?) => {
        $crate::__filter!($made.args($crate::testing::json!($json)); $($($rest)*)?)
    };
    ($made:expr; meta: $json:tt $(, $($rest:tt)*)?) => {
        $crate::__filter!($made.meta($crate::testing::json!($json)); $($($rest)*)?)
    };
    ($made:expr; $key:ident: $value:expr $(, $($rest:tt)*)?) => {
        $crate::__filter!($made.$key($value); $($($rest)*)?)
    };
}

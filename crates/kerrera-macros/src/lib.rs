//! `#[derive(Worker)]` for [Kerrera](https://docs.rs/kerrera).
//!
//! Applications use the crate `kerrera`, which re-exports the derive beside the trait. Nothing here
//! is needed: the derive writes the `impl Worker` that one would write by hand, and no more.
//!
//! # Layout
//!
//! - `options`: what `#[worker(…)]` says.
//! - `args`: what a type must be to carry a job's args.
//! - `implementation`: the code that is written.
//! - `mistakes`: what is wrong, all of it reported at once.

mod args;
mod duration;
mod implementation;
mod mistakes;
mod options;
mod suggestion;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use mistakes::Mistakes;
use options::Options;

/// Makes a type a worker: its fields are the args of a job, the options are the job's defaults.
///
/// ```
/// use std::time::Duration;
///
/// use kerrera::prelude::*;
///
/// #[derive(Serialize, Deserialize, Worker)]
/// #[worker(queue = "imports", max_attempts = 5, tags = ["csv"])]
/// #[worker(timeout = "30s", backoff = a_minute_more)]
/// struct DataImport { file: String }
///
/// fn a_minute_more(job: &Job) -> Duration {
///     Duration::from_secs(60) * job.attempt.unsigned_abs()
/// }
///
/// impl Perform for DataImport {
///     async fn perform(&self, _cx: &Context) -> JobResult {
///         let rows = std::fs::read_to_string(&self.file)?.lines().count();
///         done().value(rows)
///     }
/// }
///
/// assert_eq!(DataImport::NAME, "DataImport");
/// assert_eq!(DataImport::MAX_ATTEMPTS, 5);
/// ```
///
/// # Options
///
/// All are optional, may be spread over several `#[worker(…)]`, and set the item of `kerrera::Worker`
/// that stands beside them. What is not said keeps that trait's default.
///
/// | option | value | sets | default |
/// |---|---|---|---|
/// | `name = "SendMail"` | text of 1 to 127 characters | `NAME` | the type's name, without its modules |
/// | `queue = "mailers"` | text of 1 to 127 characters | `QUEUE` | `"default"` |
/// | `max_attempts = 3` | a number from 1 to 32767 | `MAX_ATTEMPTS` | `20` |
/// | `priority = 3` | a number from 0, claimed first, to 9 | `PRIORITY` | `0` |
/// | `tags = ["mail", "daily"]` | a list of texts, none of them blank | `TAGS` | `[]` |
/// | `timeout = "30s"` | a length of time | `timeout` | no limit |
/// | `backoff = wait_longer` | the path of a `fn(&Job) -> Duration` | `backoff` | `15 + 2^attempt` seconds and some jitter |
/// | `abandon_after = "10s"` | a length of time; only beside a `timeout` | `abandon_after` | never |
/// | `unique = until_finished()` | a rule: an expression of the type `Unique` | `uniqueness` | every job is inserted |
/// | `description = "Imports a file"` | text | `DESCRIPTION` | the first paragraph of the type's documentation |
/// | `owner = "team-growth"` | text | `OWNER` | nobody |
/// | `docs = "https://…"` | an address as text | `DOCS` | none |
/// | `sensitive = ["card.number"]` | a list of paths in the args that are private | `SENSITIVE` | `[]` |
/// | `crate = "framework::kerrera"` | a path as text | where `Worker` and `Job` are found, for a crate that re-exports them | `"::kerrera"` |
///
/// A length of time is a whole number and one of the units `ms`, `s`, `m` (or `min`), `h` and `d`.
/// Numbers and texts are literals; for a value that is computed, implement the trait by hand.
///
/// **The name outlives the program.** Rows under an old name wait for a worker that has it: when a
/// type is renamed, give it its old name with `name`.
///
/// # By hand
///
/// The derive writes the constants and functions above and nothing else. A type without options is
/// this much:
///
/// ```
/// use kerrera::prelude::*;
///
/// #[derive(Serialize, Deserialize)]
/// struct Cleanup { days: u32 }
///
/// impl Worker for Cleanup {
///     const NAME: &'static str = "Cleanup";
/// }
///
/// assert_eq!((Cleanup::QUEUE, Cleanup::MAX_ATTEMPTS, Cleanup::PRIORITY), ("default", 20, 0));
/// assert!(Cleanup::TAGS.is_empty() && Cleanup::abandon_after().is_none());
/// ```
///
/// # Errors
///
/// The compiler reports every mistake at once, each where it stands. Besides wrong options, these
/// are refused:
///
/// - a generic type: its name is stored with its jobs, and must belong to one type;
/// - a type that serde would not write as a JSON object, unless it has a `#[serde(…)]` of its own: a
///   tuple struct, or an enum with a variant that has no fields.
#[proc_macro_derive(Worker, attributes(worker))]
pub fn derive_worker(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive(&input).into()
}

fn derive(input: &DeriveInput) -> proc_macro2::TokenStream {
    let mut mistakes = Mistakes::default();
    let is_worker = mistakes.check(args::check_type(input));
    let options = Options::read(input, &mut mistakes);
    args::check_fields(input, &mut mistakes);

    // Beside mistakes too, lest the compiler go on to say that the type is no worker.
    let implementation =
        is_worker.map(|()| implementation::write(&input.ident, options::summary(input), options));
    let mut output = mistakes.into_compile_errors();
    output.extend(implementation);
    output
}

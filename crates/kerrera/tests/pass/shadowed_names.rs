//! What the derive writes depends on no name of the module that it is written into.

#![deny(warnings, missing_docs, unused_qualifications, unreachable_pub, unsafe_code)]
#![no_implicit_prelude]

struct Duration;
struct Job;
struct Option;
struct Unique;
fn job(_: &::kerrera::Job) -> ::std::time::Duration {
    ::std::time::Duration::ZERO
}

#[derive(::serde::Serialize, ::serde::Deserialize, ::kerrera::Worker)]
#[worker(tags = ["a"], timeout = "1s", backoff = job, abandon_after = "1s")]
#[worker(unique = ::kerrera::until_finished())]
struct Cleanup;

fn main() {
    let _ = (Duration, Job, Option, Unique);
    let _ = <Cleanup as ::kerrera::Worker>::NAME;
    let _ = Cleanup;
}

//! What the derive writes depends on no name of the module that it is written into.

#![deny(warnings, missing_docs, unused_qualifications, unreachable_pub, unsafe_code)]
#![no_implicit_prelude]

struct Duration;
struct Job;
struct Option;
fn job(_: &::kerrera::Job) -> ::std::time::Duration {
    ::std::time::Duration::ZERO
}

#[derive(::serde::Serialize, ::serde::Deserialize, ::kerrera::Worker)]
#[worker(tags = ["a"], timeout = "1s", backoff = job, abandon_after = "1s")]
struct Cleanup;

fn main() {
    let _ = (Duration, Job, Option);
    let _ = <Cleanup as ::kerrera::Worker>::NAME;
    let _ = Cleanup;
}

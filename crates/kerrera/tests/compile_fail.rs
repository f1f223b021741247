//! What the compiler says to the likely mistakes of a user.
#![cfg(feature = "macros")]

/// Each file in `pass` compiles and runs; each in `fail` fails with the text of its `.stderr`.
///
/// `TRYBUILD=overwrite cargo test -p kerrera --test compile_fail` writes those texts anew: read them
/// as a user would.
#[test]
fn mistakes_are_answered_readably() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
    // The compiler lists the transactions that would do: they differ by the storages of the build.
    if cfg!(all(feature = "sqlite", not(feature = "postgres"))) {
        cases.compile_fail("tests/fail/sqlite/*.rs");
    }
}

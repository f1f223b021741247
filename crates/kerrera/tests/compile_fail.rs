//! What the compiler says to the likely mistakes of a user.
#![cfg(feature = "macros")]

/// Each file in `pass` compiles and runs; each in `fail` fails with the text of its `.stderr`.
///
/// `TRYBUILD=overwrite cargo test -p kerrera --test compile_fail` writes those texts anew: read them
/// as a user would. What the compiler says to a wrong transaction is not among them: it lists those
/// that would do, under names that depend on what else is in the build.
#[test]
fn mistakes_are_answered_readably() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
}

//! Running cargo, and counting the tests that it runs.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::ops::AddAssign;
use std::process::{Command, Stdio};

/// The cargo that started us.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    forget_package(&mut command);
    command.stdin(Stdio::null());
    command
}

/// Removes what `cargo run` told us about our own package: build scripts that look at it would
/// run again each time that tests are started in another way.
pub(crate) fn forget_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(b"CARGO_PKG_") || bytes.starts_with(b"CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
}

/// What came of a run of `cargo test`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Runs a `cargo test`, shows what it writes as it comes, and counts along.
///
/// Returns also whether cargo was content. It is not if a test failed, and not if something did
/// not compile.
pub(crate) fn count_tests(command: &mut Command) -> Result<(Counts, bool), String> {
    let failed = |error: io::Error| format!("cannot run cargo test: {error}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut counts = Counts::default();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = BufReader::new(stdout);
        let mut line = Vec::new();
        while stdout.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            // Whoever reads us may have gone: the tests go on all the same.
            let _ = io::stdout().lock().write_all(&line);
            if let Some(more) = parse(&String::from_utf8_lossy(&line)) {
                counts += more;
            }
            line.clear();
        }
    }
    let status = child.wait().map_err(failed)?;
    Ok((counts, status.success()))
}

/// How many tests a `cargo test … -- --list` knows.
pub(crate) fn list_tests(command: &mut Command) -> Result<usize, String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo test: {error}"))?;
    if !output.status.success() {
        return Err("cargo test failed, see above".to_owned());
    }
    let listed = String::from_utf8_lossy(&output.stdout);
    Ok(listed.lines().filter(|line| line.ends_with(": test")).count())
}

/// Reads `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`.
fn parse(line: &str) -> Option<Counts> {
    let (_, result) = line.split_once("test result: ")?;
    let (_, result) = result.split_once(". ")?;
    let count = |what: &str| {
        result.split("; ").find_map(|part| part.strip_suffix(what)?.trim_end().parse().ok())
    };
    Some(Counts { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_result_of_a_test_program() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; \
                    7 filtered out; finished in 0.04s\n";
        assert_eq!(parse(line), Some(Counts { passed: 12, failed: 3, ignored: 1 }));
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in ["", "test it ... ok", "running 3 tests", "test result: what?", "3 passed"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}

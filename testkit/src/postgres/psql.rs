//! SQL by way of `psql`, which every server brings along.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::account::forget_settings;

/// Runs the statements, each in its own transaction, up to the first that fails.
///
/// Returns the rows without alignment or headings, one a line, columns between `|`.
pub(super) fn run(program: &Path, url: &str, sql: &str) -> Result<String, String> {
    let mut child = command(program, url)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let mut stdin = child.stdin.take().expect("piped");
    let output = thread::scope(|scope| {
        // Beside the reading, or two full pipes would wait for each other. A write error is a
        // psql that has ended, and says why itself.
        scope.spawn(move || stdin.write_all(sql.as_bytes()));
        child.wait_with_output()
    });
    let output = output.map_err(|error| format!("cannot read from psql: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned())
}

/// An advisory lock of a database, held as long as this lives, and not longer than our process.
#[derive(Debug)]
pub(super) struct AdvisoryLock {
    session: Child,
}

impl AdvisoryLock {
    /// Waits for the lock of this name, a plain identifier.
    pub(super) fn take(program: &Path, url: &str, name: &str) -> Result<AdvisoryLock, String> {
        let mut session = command(program, url)
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let stdin = session.stdin.as_mut().expect("piped");
        writeln!(stdin, "select 'locked' from pg_advisory_lock(hashtext('{name}'));")
            .and_then(|()| stdin.flush())
            .map_err(|error| format!("cannot write to psql: {error}"))?;
        let mut answer = String::new();
        BufReader::new(session.stdout.as_mut().expect("piped"))
            .read_line(&mut answer)
            .map_err(|error| format!("cannot read from psql: {error}"))?;
        match answer.trim() {
            "locked" => Ok(AdvisoryLock { session }),
            other => Err(format!("no advisory lock from {url}: {other:?}")),
        }
    }
}

impl Drop for AdvisoryLock {
    fn drop(&mut self) {
        drop(self.session.stdin.take());
        let _ = self.session.wait();
    }
}

fn command(program: &Path, url: &str) -> Command {
    let mut command = Command::new(program);
    forget_settings(&mut command);
    command
        .args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet"])
        .args(["--set=ON_ERROR_STOP=1", "--no-password", "--dbname"])
        .arg(url)
        .env("PGCLIENTENCODING", "UTF8")
        .env("PGCONNECT_TIMEOUT", "10")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

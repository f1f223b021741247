//! The process that cleans up when ours dies.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

use super::account::Account;
use super::programs::Programs;

/// A shell whose standard input is a pipe that we hold: when we die, for whatever reason, the
/// pipe closes, and the shell stops the server and removes the folder.
#[derive(Debug)]
pub(super) struct Supervisor {
    shell: Child,
}

/// An `initdb` or a server that was just starting may write once more after `rm`.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
read -r _
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    [ -d "$2" ] || exit 0
    "$1" stop --silent --mode=immediate --timeout=10 --pgdata "$2/data"
    rm -rf "$2"
    sleep 0.2
done
"#;

impl Supervisor {
    pub(super) fn start(
        programs: &Programs,
        account: Account,
        folder: &Path,
    ) -> Result<Supervisor, String> {
        let shell = account
            .command("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(programs.pg_ctl())
            .arg(folder)
            .stdin(Stdio::piped())
            // It outlives us: held open, our outputs would keep whoever reads them waiting.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal is for us.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot start sh: {error}"))?;
        Ok(Supervisor { shell })
    }

    pub(super) fn id(&self) -> u32 {
        self.shell.id()
    }

    /// Has the shell clean up now, and waits for that.
    pub(super) fn finish(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

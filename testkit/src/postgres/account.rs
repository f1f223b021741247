//! The system account that a server runs as.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whom root runs the server as: the account of Debian's package.
const NAME: &str = "postgres";

/// Our own account, unless we are root: PostgreSQL refuses to run as root.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
    /// Whether it is another account than ours.
    other: bool,
}

impl Account {
    pub(super) fn of_the_server() -> Result<Account, String> {
        let own = rustix::process::geteuid();
        if !own.is_root() {
            let gid = rustix::process::getegid().as_raw();
            return Ok(Account { uid: own.as_raw(), gid, other: false });
        }
        Ok(Account { uid: id("-u")?, gid: id("-g")?, other: true })
    }

    /// A command that runs as this account, untouched by settings meant for other servers.
    pub(super) fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        forget_settings(&mut command);
        // The account may not enter our current folder.
        command.current_dir("/").stdin(Stdio::null());
        if self.other {
            command.uid(self.uid).gid(self.gid).env("HOME", "/");
        }
        command
    }

    /// Gives a file or folder to this account.
    pub(super) fn give(self, path: &Path) -> Result<(), String> {
        if !self.other {
            return Ok(());
        }
        chown(path, Some(self.uid), Some(self.gid))
            .map_err(|error| format!("cannot give {} to {NAME}: {error}", path.display()))
    }

    /// Whether this account may enter the folder: root's own temporary folder may be closed to it.
    pub(super) fn reaches(self, path: &Path) -> bool {
        let open = |folder: &Path| fs::metadata(folder).is_ok_and(|meta| meta.mode() & 0o001 != 0);
        !self.other || path.ancestors().all(open)
    }

    /// Whether this is a folder of this account itself, not a link to one.
    pub(super) fn owns_folder(self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir() && meta.uid() == self.uid)
    }
}

/// Removes every `PG…` variable: `PGHOST`, `PGOPTIONS` and the like speak of other servers.
pub(super) fn forget_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
    // Messages of the programs are matched below, and shown to whoever reads the tests.
    command.env("LC_ALL", "C");
}

fn id(what: &str) -> Result<u32, String> {
    let output = Command::new("id").args([what, NAME]).stdin(Stdio::null()).output();
    output
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8_lossy(&output.stdout).trim().parse().ok())
        .ok_or_else(|| {
            format!(
                "PostgreSQL does not run as root, and there is no account {NAME:?} to run it as. \
                 Run this as another user, or add that account."
            )
        })
}

//! The folder of a cluster, and the removal of folders whose owner died.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::account::Account;
use super::programs::Programs;

const PREFIX: &str = "kerrera-pg-";

/// A Unix socket's path has room for 107 bytes on Linux and 103 elsewhere; ours ends in
/// `/.s.PGSQL.54321`.
const SOCKET_PATH: usize = 100;

/// The file whose lock says that the folder's maker is alive. Unlike a process id it cannot pass
/// on to somebody else, nor be out of sight in another container with the same `/tmp`.
const OWNER: &str = "owner";

/// A fresh folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _owner: File,
}

impl Folder {
    pub(super) fn create(account: Account) -> Result<Folder, String> {
        let id = format!("{}-{:08x}", std::process::id(), fastrand::u32(..));
        let socket = format!("/{PREFIX}{id}/.s.PGSQL.54321");
        let mut parent = env::temp_dir();
        if parent.as_os_str().len() + socket.len() >= SOCKET_PATH || !account.reaches(&parent) {
            parent = PathBuf::from("/tmp");
        }
        // It gets its name when it is locked: until then a sweep would take it for abandoned.
        let unlocked = parent.join(format!("kerrera-new-{id}"));
        let path = parent.join(format!("{PREFIX}{id}"));
        let failed = |error| format!("cannot make the folder {}: {error}", path.display());
        DirBuilder::new().mode(0o700).create(&unlocked).map_err(failed)?;
        account.give(&unlocked)?;
        let owner = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(unlocked.join(OWNER))
            .map_err(failed)?;
        owner.lock().map_err(failed)?;
        fs::rename(&unlocked, &path).map_err(failed)?;
        Ok(Folder { path, _owner: owner })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn data(&self) -> PathBuf {
        data(&self.path)
    }
}

/// Removes the clusters whose maker died together with their supervisor.
pub(super) fn sweep(programs: &Programs, account: Account) {
    for parent in [env::temp_dir(), PathBuf::from("/tmp")] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let path = entry.path();
            // Anybody may make a folder of this name in /tmp, with a process id of his choice in
            // its `postmaster.pid`: only what our account made is stopped.
            if !account.owns_folder(&path) {
                continue;
            }
            if let Some(_lock) = abandoned(&path) {
                remove(programs, account, &path);
            }
        }
    }
}

/// Stops the server in the folder, if one runs, and removes the folder. What cannot be removed is
/// left to the next sweep.
pub(super) fn remove(programs: &Programs, account: Account, folder: &Path) {
    if data(folder).join("postmaster.pid").exists() {
        let _ = account
            .command(programs.pg_ctl())
            .args(["stop", "--silent", "--mode=immediate", "--timeout=10", "--pgdata"])
            .arg(data(folder))
            .output();
    }
    let _ = fs::remove_dir_all(folder);
}

/// Whether this is a cluster's folder without a living maker; holds the maker's lock then.
fn abandoned(path: &Path) -> Option<Option<File>> {
    if !path.file_name()?.to_str()?.starts_with(PREFIX) {
        return None;
    }
    match File::open(path.join(OWNER)) {
        Ok(owner) => owner.try_lock().is_ok().then_some(Some(owner)),
        // A removal that was cut short.
        Err(error) => (error.kind() == ErrorKind::NotFound).then_some(None),
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

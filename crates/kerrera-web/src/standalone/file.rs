//! Files of a line each, which are read again when they change.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use super::Error;

/// A line of such a file: how it is read, and how it is written.
pub(super) trait Line: Sized + Clone + ToString {
    /// Who it is about.
    fn name(&self) -> &str;
    /// Reads it, or says what is wrong with it; never repeats what may be secret.
    fn read(line: &str) -> Result<Self, String>;
}

/// Such a file. Empty lines and those that begin with `#` say nothing.
#[derive(Debug)]
pub(super) struct Lines<L> {
    path: PathBuf,
    read: RwLock<Read<L>>,
}

#[derive(Debug)]
struct Read<L> {
    stamp: Option<Stamp>,
    lines: Arc<[L]>,
}

/// By what is seen that a file is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    /// Which file it is: one that was put in its place a moment later may have the same time and size,
    /// since clocks of file systems go in steps of milliseconds.
    number: u64,
}

impl<L: Line> Lines<L> {
    /// Reads it.
    pub(super) fn open(path: &Path) -> Result<Lines<L>, Error> {
        // Before it is read: what changes meanwhile is seen the next time.
        let stamp = stamp(path);
        let lines = read(path)?;
        warn_of_readers(path);
        let read = RwLock::new(Read { stamp, lines: lines.into() });
        Ok(Lines { path: path.to_owned(), read })
    }

    /// What it says now. If it cannot be read any more, what it said last.
    pub(super) fn current(&self) -> Arc<[L]> {
        let stamp = stamp(&self.path);
        {
            let known = self.read.read().unwrap_or_else(PoisonError::into_inner);
            if known.stamp == stamp {
                return known.lines.clone();
            }
        }
        let mut known = self.read.write().unwrap_or_else(PoisonError::into_inner);
        match read(&self.path) {
            Ok(lines) => known.lines = lines.into(),
            Err(error) => {
                tracing::error!(%error, "who may log in could not be read again: what was known holds");
            }
        }
        known.stamp = stamp;
        known.lines.clone()
    }
}

/// Reads a file.
pub(super) fn read<L: Line>(path: &Path) -> Result<Vec<L>, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::File(path.to_owned(), error))?;
    let mut lines: Vec<L> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |why| Error::Line(path.to_owned(), index + 1, why);
        let line = L::read(line).map_err(wrong)?;
        if lines.iter().any(|other| other.name() == line.name()) {
            return Err(wrong(format!("{:?} is there twice", line.name())));
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Changes a file: what `change` leaves is written over it, whole or not at all. One that is not there
/// is made, for its owner only. Comments are not kept.
pub(super) fn change<L: Line, T>(
    path: &Path,
    change: impl FnOnce(&mut Vec<L>) -> Result<T, Error>,
) -> Result<T, Error> {
    let failed = |error| Error::File(path.to_owned(), error);
    let mut lines = match read(path) {
        Err(Error::File(_, error)) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        lines => lines?,
    };
    let changed = change(&mut lines)?;
    let text: String = lines.iter().map(|line| format!("{}\n", line.to_string())).collect();
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file = for_its_owner().open(&new).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let written = written.and_then(|()| fs::rename(&new, path));
    if let Err(error) = written {
        let _ = fs::remove_file(&new);
        return Err(failed(error));
    }
    Ok(changed)
}

fn for_its_owner() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    // One that is there already is being written by somebody else, or was left by a crash.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let number = 0;
    Some(Stamp { modified: metadata.modified().ok(), size: metadata.len(), number })
}

fn warn_of_readers(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path)
        && std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
    {
        let path = path.display();
        tracing::warn!("others can read {path}, in which logins are: chmod 600 {path}");
    }
    #[cfg(not(unix))]
    let _ = path;
}

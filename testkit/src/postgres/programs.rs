//! Where PostgreSQL's programs are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

const DEBIAN: &str = "/usr/lib/postgresql";

/// PostgreSQL's programs, all of the same version.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Looks into the folder that the environment names in `PG_BIN`, then along `PATH`, then in
    /// Debian's versioned folders, the newest first.
    ///
    /// # Errors
    ///
    /// When no folder holds them all; the message says what to install.
    pub fn find() -> Result<Programs, String> {
        if let Some(folder) = env::var_os("PG_BIN") {
            return Programs::inside(Path::new(&folder)).ok_or_else(|| {
                format!(
                    "PG_BIN is {}, which does not hold all of PostgreSQL's programs initdb, \
                     pg_ctl, postgres and psql",
                    folder.display()
                )
            });
        }
        on_path()
            .into_iter()
            .chain(newest_first(Path::new(DEBIAN)))
            .find_map(|folder| Programs::inside(&folder))
            .ok_or_else(|| {
                "PostgreSQL's server programs (initdb, pg_ctl, postgres, psql) were not found.\n\
                 On Debian and Ubuntu: apt-get install postgresql\n\
                 Elsewhere install the PostgreSQL server, 13 or newer, and set PG_BIN to the \
                 folder that holds initdb."
                    .to_owned()
            })
    }

    fn inside(folder: &Path) -> Option<Programs> {
        let programs = Programs { folder: folder.to_owned() };
        [programs.initdb(), programs.pg_ctl(), programs.postgres(), programs.psql()]
            .iter()
            .all(|program| program.is_file())
            .then_some(programs)
    }

    /// Makes the files of a new cluster.
    pub fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    /// Starts and stops a server.
    pub fn pg_ctl(&self) -> PathBuf {
        self.folder.join("pg_ctl")
    }

    /// The server.
    pub fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// The client.
    pub fn psql(&self) -> PathBuf {
        self.folder.join("psql")
    }
}

/// The folders of `PATH`, and behind each link to a server program the folder that it leads to.
/// The latter matters where only some of the programs are linked: Debian's `/usr/bin/psql` is a
/// wrapper that lives elsewhere.
fn on_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = Vec::new();
    for folder in env::split_paths(&path) {
        if let Ok(program) = fs::canonicalize(folder.join("pg_ctl")) {
            folders.extend(program.parent().map(Path::to_owned));
        }
        folders.push(folder);
    }
    folders
}

fn newest_first(versions: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(versions)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_not_words() {
        let folder = env::temp_dir().join(format!("kerrera-versions-{}", fastrand::u64(..)));
        for version in ["9", "15", "16", "common"] {
            fs::create_dir_all(folder.join(version)).unwrap();
        }
        let expected: Vec<PathBuf> =
            ["16", "15", "9"].iter().map(|version| folder.join(version).join("bin")).collect();
        assert_eq!(newest_first(&folder), expected);
        fs::remove_dir_all(&folder).unwrap();
    }
}

//! Oban for Python, for the tests that run beside it.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, process};

use crate::debian;
use crate::workspace::Workspace;

/// The environment variable with the Python that has Oban.
pub(crate) const PROGRAM_VARIABLE: &str = "KERRERA_TEST_PYTHON";

/// The oldest Python that Oban runs on.
const OLDEST: Version = Version(3, 12, 0);

/// A Python with Oban, in an environment of its own.
#[derive(Debug)]
pub(crate) struct Python {
    pub(crate) program: PathBuf,
    version: Version,
    oban: String,
}

/// Why there is no such Python.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unready {
    /// The machine has none that is new enough.
    None,
    /// It has some, and none of them could be made ready.
    Broken(String),
}

/// What becomes of a lane that needs Python where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// It is skipped.
    Skip,
    /// It fails.
    Fail,
}

impl Python {
    /// Finds a Python and installs Oban into an environment in the target folder, unless that has
    /// been done. As root on Debian, what its Python lacks for that is installed first.
    pub(crate) fn ready(workspace: &Workspace) -> Result<Python, Unready> {
        match Python::found(workspace) {
            Err(Unready::Broken(_)) if debian::can_install() => {
                debian::install_python_tools().map_err(Unready::Broken)?;
                Python::found(workspace)
            }
            outcome => outcome,
        }
    }

    fn found(workspace: &Workspace) -> Result<Python, Unready> {
        let mut reasons = Vec::new();
        for (version, program) in installed() {
            match environment(&program, version, workspace) {
                Ok(python) => return Ok(python),
                Err(reason) => reasons.push(format!("{} ({version}): {reason}", program.display())),
            }
        }
        if reasons.is_empty() {
            Err(Unready::None)
        } else {
            Err(Unready::Broken(reasons.join("; ")))
        }
    }
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Python {}, oban {}", self.version, self.oban)
    }
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unready::None => write!(f, "no Python {OLDEST} or newer, on PATH or under pyenv"),
            Unready::Broken(reasons) => write!(f, "{reasons}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32, u32);

impl Version {
    /// Reads `3.12.1`.
    fn parse(text: &str) -> Option<Version> {
        let mut numbers = text.trim().splitn(3, '.').map(|number| number.parse().ok());
        Some(Version(numbers.next()??, numbers.next()??, numbers.next()??))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The Pythons that are new enough, the oldest first: most packages are built for it.
fn installed() -> Vec<(Version, PathBuf)> {
    let mut programs: Vec<PathBuf> = ["python3", "python"].map(PathBuf::from).into();
    programs.extend((OLDEST.1..OLDEST.1 + 8).map(|minor| format!("python3.{minor}").into()));
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(env::home_dir()?.join(".pyenv")));
    let folders = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let folders = folders.into_iter().flatten().flatten();
    programs.extend(folders.map(|folder| folder.path().join("bin").join("python3")));

    let versions = programs.into_iter().filter_map(|program| Some((version(&program)?, program)));
    let mut installed: Vec<_> = versions.filter(|(version, _)| *version >= OLDEST).collect();
    installed.sort();
    installed.dedup_by_key(|(version, _)| *version);
    installed
}

fn version(program: &Path) -> Option<Version> {
    let script = "import sys; print('%d.%d.%d' % sys.version_info[:3])";
    let output = Command::new(program).args(["-c", script]).stderr(Stdio::null()).output().ok()?;
    Version::parse(str::from_utf8(&output.stdout).ok()?)
}

/// An environment for this Python with what the requirements name, made if it is not there.
fn environment(python: &Path, version: Version, workspace: &Workspace) -> Result<Python, String> {
    let requirements = workspace.root.join("company/python/requirements.txt");
    let text = fs::read_to_string(&requirements)
        .map_err(|error| format!("cannot read {}: {error}", requirements.display()))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let name = format!("{version}-{:016x}", hasher.finish());
    let folder = workspace.target_folder.join("company").join(name);
    if !folder.exists() {
        // Under another name until it is complete.
        let draft = folder.with_extension(process::id().to_string());
        println!("making {} from {}", folder.display(), requirements.display());
        let made = make(python, &draft, &requirements)
            .and_then(|()| fs::rename(&draft, &folder).map_err(|error| error.to_string()));
        if let Err(reason) = made {
            let _ = fs::remove_dir_all(&draft);
            // Somebody else may have made it in the meantime.
            if !folder.exists() {
                return Err(reason);
            }
        }
    }
    let program = folder.join("bin").join("python");
    let oban = output(Command::new(&program).args(["-c", "import oban; print(oban.__version__)"]))?;
    Ok(Python { program, version, oban: oban.trim().to_owned() })
}

fn make(python: &Path, folder: &Path, requirements: &Path) -> Result<(), String> {
    output(Command::new(python).args([OsStr::new("-m"), OsStr::new("venv")]).arg(folder))?;
    let mut install = Command::new(folder.join("bin").join("python"));
    install
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(["--require-hashes", "--requirement"])
        .arg(requirements);
    output(&mut install)?;
    Ok(())
}

/// What a program writes, if it ends well.
fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(last[last.len().saturating_sub(3)..].join(" / "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(Version::parse("3.9.18\n").unwrap() < OLDEST);
        assert!(Version::parse("3.12.0").unwrap() >= OLDEST);
        assert!(Version::parse("3.13.1").unwrap() > Version::parse("3.13.0").unwrap());
        for odd in ["", "3", "3.12", "Python 3.12.1", "3.x.1"] {
            assert_eq!(Version::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_python_that_is_missing_is_another_thing_than_one_that_is_broken() {
        assert!(Unready::None.to_string().contains("3.12.0 or newer"));
        assert_eq!(Unready::Broken("no disk".to_owned()).to_string(), "no disk");
    }
}

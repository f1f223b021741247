//! Installing the peers from their registries, into `.installed`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, iter};

use anyhow::{Context, Result, bail};

use crate::catalogue::{Peer, Program};
use crate::ground::Place;

/// What was installed for the peers that run, and why what was not.
#[derive(Debug)]
pub(crate) struct Installed {
    here: PathBuf,
    root: PathBuf,
    kerrera: Option<PathBuf>,
    pub(crate) redis: Option<Redis>,
}

/// Redis' server, and where it finds its libraries if those are not the system's.
#[derive(Debug)]
pub(crate) struct Redis {
    pub(crate) program: PathBuf,
    pub(crate) libraries: Option<PathBuf>,
}

/// A command that measures, without its arguments.
#[derive(Debug)]
pub(crate) struct Measure {
    pub(crate) program: PathBuf,
    pub(crate) first: Vec<PathBuf>,
    pub(crate) folder: PathBuf,
    /// Of programs that cannot tell it themselves.
    pub(crate) version: Option<String>,
}

impl Installed {
    /// In the folder of this package. `kerrera` is a program to measure in place of the one built here.
    pub(crate) fn new(kerrera: Option<PathBuf>) -> Result<Installed> {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).context("this package has been moved")?.to_owned();
        fs::create_dir_all(here.join(".installed"))?;
        Ok(Installed { here, root, kerrera, redis: None })
    }

    /// Where files of runs go: on the disk of this folder, since a temporary one may be in memory.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.installed("scratch")
    }

    /// Installs what this peer needs, unless it is there.
    pub(crate) fn install(&mut self, peer: &Peer) -> Result<Measure> {
        if matches!(peer.place, Place::Redis(_)) && self.redis.is_none() {
            self.redis = Some(self.install_redis()?);
        }
        match peer.program {
            Program::Kerrera => self.install_kerrera(),
            Program::Rust { binary, folder, krate } => self.install_rust(binary, folder, krate),
            Program::Node { script } => self.install_node(script),
            Program::Python { script } => self.install_python(script),
        }
    }

    fn installed(&self, name: &str) -> PathBuf {
        self.here.join(".installed").join(name)
    }

    fn install_kerrera(&self) -> Result<Measure> {
        let program = match &self.kerrera {
            Some(program) => program.clone(),
            None => {
                run(cargo(&self.root).args(["--package", "kerrera-cli"]))?;
                let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
                let target = target.unwrap_or_else(|| self.root.join("target"));
                target.join("release").join("kerrera")
            }
        };
        let commit = output(
            Command::new("git").current_dir(&self.root).args(["describe", "--always", "--dirty"]),
        );
        let version = output(Command::new(&program).arg("--version"))?.replace("kerrera ", "");
        let version = match (&self.kerrera, commit) {
            (None, Ok(commit)) => format!("{version} ({commit})"),
            _ => version,
        };
        Ok(Measure { program, first: vec![], folder: self.here.clone(), version: Some(version) })
    }

    fn install_rust(&self, binary: &str, folder: &str, krate: &str) -> Result<Measure> {
        let folder = self.here.join("rust").join(folder);
        let target = self.installed("target");
        // The whole workspace at once: its packages share what they depend on.
        run(cargo(&folder).env("CARGO_TARGET_DIR", &target))?;
        Ok(Measure {
            program: target.join("release").join(binary),
            first: vec![],
            version: Some(locked(&folder, krate)?),
            folder,
        })
    }

    fn install_node(&self, script: &str) -> Result<Measure> {
        let (from, folder) = (self.here.join("node"), self.installed("node"));
        fs::create_dir_all(&folder)?;
        let lock = fs::read_to_string(from.join("package-lock.json"))?;
        let is_new = fs::read_to_string(folder.join(".done")).ok().as_ref() != Some(&lock);
        // Packages are looked for beside the script.
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
        if is_new {
            let npm = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
            run(Command::new("npm").current_dir(&folder).args(npm))?;
            fs::write(folder.join(".done"), lock)?;
        }
        let architecture = match env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            other => bail!("no package of npm brings Node for {other}"),
        };
        let program = folder.join(format!("node_modules/node-linux-{architecture}/bin/node"));
        Ok(Measure { program, first: vec![script.into()], folder, version: None })
    }

    fn install_python(&self, script: &str) -> Result<Measure> {
        let (from, folder) = (self.here.join("python"), self.installed("python"));
        let requirements = from.join("requirements.txt");
        let wanted = fs::read_to_string(&requirements)?;
        let program = folder.join("bin").join("python");
        if fs::read_to_string(folder.join(".done")).ok().as_ref() != Some(&wanted) {
            run(Command::new(python()?).args(["-m", "venv", "--clear"]).arg(&folder))?;
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            let hashes = ["--require-hashes", "--requirement"];
            run(Command::new(&program).args(pip).args(hashes).arg(&requirements))?;
            fs::write(folder.join(".done"), wanted)?;
        }
        Ok(Measure { program, first: vec![from.join(script)], folder: from, version: None })
    }

    /// The server on the path, or else Debian's, unpacked and neither installed nor started by it.
    fn install_redis(&self) -> Result<Redis> {
        let on_path = env::var_os("PATH").and_then(|path| {
            env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|it| it.exists())
        });
        if let Some(program) = on_path {
            return Ok(Redis { program, libraries: None });
        }
        let folder = self.installed("redis");
        let program = folder.join("root/usr/bin/redis-server");
        if !program.exists() {
            fs::create_dir_all(&folder)?;
            let packages = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1"];
            let download =
                || run(Command::new("apt-get").current_dir(&folder).arg("download").args(packages));
            if download().is_err() {
                // The lists may be old. Only root may renew them.
                run(Command::new("apt-get").arg("update"))?;
                download()?;
            }
            for entry in fs::read_dir(&folder)? {
                let file = entry?.path();
                if file.extension().is_some_and(|extension| extension == "deb") {
                    run(Command::new("dpkg").arg("-x").arg(&file).arg(folder.join("root")))?;
                }
            }
        }
        let libraries = folder.join(format!("root/usr/lib/{}-linux-gnu", env::consts::ARCH));
        Ok(Redis { program, libraries: Some(libraries) })
    }
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // By it sqlx's macros would look for their tables in the database that is measured.
    command.env_remove("DATABASE_URL");
    command.current_dir(folder).args(["build", "--release", "--locked", "--quiet"]);
    command
}

/// The version of a crate in the lock file of a workspace.
fn locked(folder: &Path, krate: &str) -> Result<String> {
    let lock = fs::read_to_string(folder.join("Cargo.lock"))?;
    let name = format!("name = \"{krate}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    let version = lines.next().and_then(|line| line.strip_prefix("version = "));
    let version = version.with_context(|| format!("{krate} is not in the lock file"))?;
    Ok(version.trim_matches('"').to_owned())
}

/// A Python that is new enough for all, on the path or under pyenv; the oldest such, for which most
/// packages are built.
fn python() -> Result<PathBuf> {
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv =
        pyenv.or_else(|| Some(env::home_dir()?.join(".pyenv"))).map(|it| it.join("versions"));
    let mut versions: Vec<PathBuf> = pyenv
        .and_then(|folder| fs::read_dir(folder).ok())
        .into_iter()
        .flatten()
        .flatten()
        .map(|folder| folder.path().join("bin").join("python3"))
        .collect();
    versions.sort();
    let programs = iter::once("python3".into())
        .chain((12..20).map(|minor| PathBuf::from(format!("python3.{minor}"))))
        .chain(versions);
    let is_new = "import sys; sys.exit(sys.version_info < (3, 12))";
    for program in programs {
        if output(Command::new(&program).args(["-c", is_new])).is_ok() {
            return Ok(program);
        }
    }
    bail!("there is no Python 3.12 or newer, on PATH or under pyenv")
}

/// Runs it to a good end; says what it wrote if that is a bad one.
fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = last[last.len().saturating_sub(3)..].join(" / ");
        bail!("{program} ended with {}: {last}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

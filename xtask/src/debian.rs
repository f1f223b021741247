//! Installing what the tests need on Debian and its kin.

use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Read by Debian's package when it is installed.
const CREATE_CLUSTER: &str = "/etc/postgresql-common/createcluster.conf";

/// Whether we may install it, and nobody pointed to another one.
pub(crate) fn can_install_postgresql() -> bool {
    can_install() && env::var_os("PG_BIN").is_none()
}

/// Whether we are root on a system with `apt-get`.
pub(crate) fn can_install() -> bool {
    rustix::process::geteuid().is_root() && Path::new("/usr/bin/apt-get").exists()
}

/// Installs what Debian leaves out of its Python: the makers of environments, and the headers that
/// packages are compiled with.
pub(crate) fn install_python_tools() -> Result<(), String> {
    install("what Debian's Python lacks", &["python3-venv", "python3-dev"])
}

/// Installs the server, without the cluster that Debian would make and start.
pub(crate) fn install_postgresql() -> Result<(), String> {
    forbid_cluster().map_err(|error| format!("cannot write {CREATE_CLUSTER}: {error}"))?;
    install("PostgreSQL", &["postgresql"])
}

/// Installs packages, and says what for.
pub(crate) fn install(what: &str, packages: &[&str]) -> Result<(), String> {
    println!("==> installing {what}");
    apt_get(&["update"])?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

fn forbid_cluster() -> io::Result<()> {
    let path = Path::new(CREATE_CLUSTER);
    // What somebody else wrote there stands: at worst a cluster is made, which we do not touch.
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, "create_main_cluster = false\n")
}

fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let failed = |why: String| format!("apt-get {} failed: {why}", arguments.join(" "));
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(status.to_string())) }
}

//! The browser and what drives it, for the tests of the dashboard's pages.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cargo::{self, Counts};
use crate::debian;
use crate::workspace::Workspace;

/// Names under which browsers that will do are installed.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// What Debian calls it, with fonts that have Latin and Korean letters.
const PACKAGES: &[&str] = &["chromium", "fonts-liberation", "fonts-nanum"];

/// A browser, with what drives it installed and a site for it to look at.
#[derive(Debug)]
pub(crate) struct Browser {
    chromium: PathBuf,
    node: PathBuf,
    /// Where specs and packages lie side by side.
    folder: PathBuf,
    site: PathBuf,
    screenshots: PathBuf,
    /// Where the README's pictures go.
    images: PathBuf,
}

/// Why there is none.
#[derive(Debug)]
pub(crate) enum Unready {
    /// The machine has none, and it is not ours to install one.
    None(String),
    /// It could not be made ready.
    Broken(String),
}

impl Browser {
    /// Finds a browser, installing it where that is ours to do; installs what drives it into the target
    /// folder, from locked versions; and builds the site. The README's pictures go to `images`, if not
    /// to where all screenshots are.
    pub(crate) fn ready(workspace: &Workspace, images: Option<&Path>) -> Result<Browser, Unready> {
        let mut lacking = Vec::new();
        if program(BROWSERS).is_none() {
            lacking.extend(PACKAGES);
        }
        if program(&["npm"]).is_none() {
            lacking.push("npm");
        }
        if !lacking.is_empty() {
            if !debian::can_install() {
                return Err(Unready::None(format!(
                    "there is no {} on PATH",
                    lacking.join(", no ")
                )));
            }
            debian::install("what drives a browser", &lacking).map_err(Unready::Broken)?;
        }
        let missing = || Unready::Broken("chromium is installed and not on PATH".to_owned());
        let chromium = program(BROWSERS).ok_or_else(missing)?;
        let folder = workspace.target_folder.join("e2e");
        let node = install(&workspace.root.join("e2e"), &folder).map_err(Unready::Broken)?;
        let site = build(workspace).map_err(Unready::Broken)?;
        let screenshots = workspace.target_folder.join("screenshots");
        let images =
            images.map_or_else(|| screenshots.join("images"), |to| workspace.root.join(to));
        Ok(Browser { chromium, node, folder, site, screenshots, images })
    }

    /// Runs the specs, or those that the arguments name, and counts them.
    pub(crate) fn run(&self, arguments: &[String]) -> Result<(Counts, bool), String> {
        let results = self.folder.join("results.json");
        let _ = fs::remove_file(&results);
        let status = Command::new(&self.node)
            .arg(self.folder.join("node_modules/@playwright/test/cli.js"))
            .arg("test")
            // What is asked for may be the name of another lane's test.
            .args((!arguments.is_empty()).then_some("--pass-with-no-tests"))
            .args(arguments)
            .current_dir(&self.folder)
            .env("KERRERA_E2E_CHROMIUM", &self.chromium)
            .env("KERRERA_E2E_SITE", &self.site)
            .env("KERRERA_E2E_SCREENSHOTS", &self.screenshots)
            .env("KERRERA_E2E_IMAGES", &self.images)
            .status()
            .map_err(|error| format!("cannot start {}: {error}", self.node.display()))?;
        let text = fs::read_to_string(&results)
            .map_err(|error| format!("Playwright told no results: {error}"))?;
        let counts = counts(&text).ok_or("Playwright's results have changed their form")?;
        Ok((counts, status.success()))
    }
}

/// Copies the specs to where their packages are, and installs those unless that has been done. Gives
/// the Node that came with them: Debian's is too old.
fn install(from: &Path, folder: &Path) -> Result<PathBuf, String> {
    let failed = |error: io::Error| format!("cannot write {}: {error}", folder.display());
    let specs = folder.join("specs");
    if specs.exists() {
        fs::remove_dir_all(&specs).map_err(failed)?;
    }
    copy(from, folder).and_then(|()| copy(&from.join("specs"), &specs)).map_err(failed)?;
    let lock = fs::read_to_string(folder.join("package-lock.json")).map_err(failed)?;
    let mark = folder.join(".done");
    if fs::read_to_string(&mark).ok().as_ref() != Some(&lock) {
        println!("installing Playwright into {}", folder.display());
        let status = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(folder)
            // The browser is Debian's.
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
            .status()
            .map_err(|error| format!("cannot start npm: {error}"))?;
        if !status.success() {
            return Err(format!("npm ci failed with {status}"));
        }
        fs::write(&mark, lock).map_err(failed)?;
    }
    let architecture = match env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => return Err(format!("no package of npm brings Node for {other}")),
    };
    Ok(folder.join(format!("node_modules/node-linux-{architecture}/bin/node")))
}

/// Copies the files of a folder; not the folders in it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn build(workspace: &Workspace) -> Result<PathBuf, String> {
    let status = cargo::command()
        // With every feature and those of tests, as the other lanes have it: another set would compile everything
        // again.
        .args(["build", "--workspace", "--all-features", "--example", "site"])
        .current_dir(&workspace.root)
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() {
        Ok(workspace.target_folder.join("debug/examples/site"))
    } else {
        Err("the site does not compile, see above".to_owned())
    }
}

/// The first of these programs that is on PATH.
fn program(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut candidates =
        names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.find(|candidate| candidate.is_file())
}

/// Reads what Playwright's JSON reporter wrote.
fn counts(text: &str) -> Option<Counts> {
    let results: Value = serde_json::from_str(text).ok()?;
    let count = |what: &str| results["stats"][what].as_u64();
    Some(Counts {
        passed: count("expected")? + count("flaky")?,
        failed: count("unexpected")?,
        ignored: count("skipped")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_became_of_the_specs() {
        let text = r#"{ "stats": { "expected": 12, "unexpected": 1, "flaky": 0, "skipped": 2 } }"#;
        assert_eq!(counts(text), Some(Counts { passed: 12, failed: 1, ignored: 2 }));
        assert_eq!(counts("{}"), None);
    }
}

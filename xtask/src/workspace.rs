//! What the workspace holds, as cargo tells it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::cargo;
use crate::lanes::{LANES, Tests};

/// The workspace that we were started in.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target_folder: PathBuf,
    integration_tests: Vec<IntegrationTest>,
}

/// A file in the folder `tests` of a package.
#[derive(Debug, PartialEq, Eq)]
struct IntegrationTest {
    package: String,
    name: String,
}

impl Workspace {
    pub(crate) fn read() -> Result<Workspace, String> {
        let output = cargo::command()
            .args(["metadata", "--no-deps", "--format-version=1"])
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cannot start cargo: {error}"))?;
        if !output.status.success() {
            return Err("cargo cannot read the workspace".to_owned());
        }
        serde_json::from_slice(&output.stdout)
            .ok()
            .and_then(|metadata| Workspace::parse(&metadata))
            .ok_or_else(|| "cargo's metadata has changed its form".to_owned())
    }

    fn parse(metadata: &Value) -> Option<Workspace> {
        let mut integration_tests = Vec::new();
        for package in metadata["packages"].as_array()? {
            for target in package["targets"].as_array()? {
                if target["kind"].as_array()?.iter().any(|kind| kind == "test") {
                    integration_tests.push(IntegrationTest {
                        package: package["name"].as_str()?.to_owned(),
                        name: target["name"].as_str()?.to_owned(),
                    });
                }
            }
        }
        Some(Workspace {
            root: metadata["workspace_root"].as_str()?.into(),
            target_folder: metadata["target_directory"].as_str()?.into(),
            integration_tests,
        })
    }

    /// The packages with an integration test of this name.
    pub(crate) fn packages_with(&self, name: &str) -> Vec<&str> {
        let with_it = self.integration_tests.iter().filter(|test| test.name == name);
        with_it.map(|test| test.package.as_str()).collect()
    }

    /// The manifests of the adapters, in the order of their names.
    pub(crate) fn adapters(&self) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.root.join("adapters")).into_iter().flatten().flatten();
        let manifests = folders.map(|folder| folder.path().join("Cargo.toml"));
        let mut manifests: Vec<PathBuf> = manifests.filter(|path| Path::is_file(path)).collect();
        manifests.sort();
        manifests
    }

    /// Refuses integration tests that no lane would ever run.
    pub(crate) fn check_lanes(&self) -> Result<(), String> {
        let ran = |test: &&IntegrationTest| {
            LANES.iter().any(|lane| matches!(lane.tests, Tests::Target(name) if name == test.name))
        };
        let strays: Vec<String> = self
            .integration_tests
            .iter()
            .filter(|test| !ran(test))
            .map(|test| format!("    tests/{}.rs of {}\n", test.name, test.package))
            .collect();
        if strays.is_empty() {
            return Ok(());
        }
        Err(format!(
            "no lane runs these tests:\n{}name them as a lane does, or add a lane in {}",
            strays.concat(),
            "xtask/src/lanes.rs"
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workspace(names: &[&str]) -> Workspace {
        let tests: Vec<Value> =
            names.iter().map(|name| json!({ "kind": ["test"], "name": name })).collect();
        Workspace::parse(&json!({
            "packages": [
                { "name": "one", "targets": tests },
                { "name": "two", "targets": [
                    { "kind": ["lib"], "name": "process" },
                    { "kind": ["test"], "name": "conformance" },
                ]},
            ],
            "workspace_root": "/root-of-it",
            "target_directory": "/root-of-it/target",
        }))
        .unwrap()
    }

    #[test]
    fn finds_the_packages_of_a_lane() {
        let workspace = workspace(&["process", "conformance"]);
        assert_eq!(workspace.packages_with("conformance"), ["one", "two"]);
        assert_eq!(workspace.packages_with("process"), ["one"]);
        assert!(workspace.packages_with("compile_fail").is_empty());
        workspace.check_lanes().unwrap();
    }

    #[test]
    fn refuses_a_test_without_a_lane() {
        let message = workspace(&["process", "forgotten"]).check_lanes().unwrap_err();
        assert!(message.contains("tests/forgotten.rs of one"), "{message}");
        assert!(!message.contains("conformance"), "{message}");
    }
}

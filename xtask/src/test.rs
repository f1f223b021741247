//! `cargo xtask test`: runs the lanes.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use testkit::postgres::{Cluster, SERVER_VARIABLE};

use crate::browser::{self, Browser};
use crate::cargo::{self, Counts};
use crate::conformance::Checklists;
use crate::lanes::{LANES, Lane, Tests};
use crate::python::{PROGRAM_VARIABLE, Python, Unready, Without};
use crate::report::{Outcome, Report, Row};
use crate::server;
use crate::workspace::Workspace;

/// Runs the lanes of these names, or all, handing the arguments on to the test programs.
///
/// A lane that fails does not keep the others from running.
pub(crate) fn run(
    names: &[&str],
    arguments: &[String],
    without_python: Without,
) -> Result<ExitCode, String> {
    let lanes = chosen(names)?;
    let workspace = Workspace::read()?;
    workspace.check_lanes()?;

    let mut report = Report::default();
    let mut cluster = None;
    for lane in lanes {
        let commands = commands(lane, &workspace);
        if lane.postgres && !commands.is_empty() && cluster.is_none() {
            cluster = Some(server::start()?);
        }
        println!("\n==> lane {}: {}", lane.name, lane.about);
        if let Tests::Browser = lane.tests {
            report.rows.push(run_browser(lane, &workspace, arguments));
            continue;
        }
        let server = cluster.as_ref().filter(|_| lane.postgres);
        let python = match lane.python.then(|| Python::ready(&workspace)) {
            None => None,
            Some(Ok(python)) => {
                let version = server.map(server::version).transpose()?.unwrap_or_default();
                println!("met: {python}, PostgreSQL {version}");
                Some(python)
            }
            Some(Err(reason)) => {
                report.rows.push(run_no_lane(lane, commands, &reason, without_python)?);
                continue;
            }
        };
        report.rows.push(run_lane(lane, commands, server, python.as_ref(), arguments)?);
    }
    drop(cluster);

    if let Ok(checklist) = Checklists::read(&workspace.root) {
        println!("\n{checklist}");
    }
    print!("\n{}", report.text());
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Draws the README's pictures anew.
pub(crate) fn draw_images() -> Result<ExitCode, String> {
    let workspace = Workspace::read()?;
    let browser = match Browser::ready(&workspace, Some(Path::new("docs/images"))) {
        Ok(browser) => browser,
        Err(browser::Unready::None(reason) | browser::Unready::Broken(reason)) => {
            return Err(reason);
        }
    };
    let (_, is_good) = browser.run(&["shop".to_owned()])?;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(names: &[&str]) -> Result<Vec<&'static Lane>, String> {
    let known = |name: &&str| LANES.iter().any(|lane| lane.name == *name);
    if let Some(name) = names.iter().find(|name| !known(name)) {
        let all: Vec<&str> = LANES.iter().map(|lane| lane.name).collect();
        return Err(format!("no lane is called {name:?}; there are {}", all.join(", ")));
    }
    Ok(LANES.iter().filter(|lane| names.is_empty() || names.contains(&lane.name)).collect())
}

/// The runs of cargo that make up the lane.
fn commands(lane: &Lane, workspace: &Workspace) -> Vec<Command> {
    let cargo_test = || {
        let mut command = cargo::command();
        command.args(["test", "--no-fail-fast"]).current_dir(&workspace.root);
        command
    };
    match lane.tests {
        Tests::Workspace(arguments) => {
            let mut command = cargo_test();
            command.arg("--workspace").args(arguments);
            vec![command]
        }
        Tests::Target(name) => {
            let packages = workspace.packages_with(name);
            if packages.is_empty() {
                return Vec::new();
            }
            let mut command = cargo_test();
            // With every feature, as the other lanes have it: another set would compile everything again.
            command.args(["--all-features", "--test", name]);
            for package in packages {
                command.args(["--package", package]);
            }
            vec![command]
        }
        Tests::Browser => Vec::new(),
        Tests::Adapters => {
            let manifests = workspace.adapters().into_iter();
            let commands = manifests.map(|manifest| {
                let mut command = cargo_test();
                command.arg("--all-features").arg("--manifest-path").arg(manifest);
                // What they share with the workspace need not be compiled twice.
                command.env("CARGO_TARGET_DIR", &workspace.target_folder);
                command
            });
            commands.collect()
        }
    }
}

/// A lane that cannot run: says so, with the number of its tests.
fn run_no_lane(
    lane: &Lane,
    commands: Vec<Command>,
    reason: &Unready,
    without: Without,
) -> Result<Row, String> {
    let mut tests = 0;
    for mut command in commands {
        tests += cargo::list_tests(command.args(["--", "--list"]))?;
    }
    let what = format!("{tests} tests not run: {reason}");
    let outcome = match (reason, without) {
        (Unready::None, Without::Skip) => {
            println!("!!! SKIPPED the lane {}, {what}", lane.name);
            Outcome::Skipped(what)
        }
        _ => Outcome::Failed(what),
    };
    Ok(Row { lane: lane.name, took: Duration::ZERO, counts: Counts::default(), outcome })
}

fn run_lane(
    lane: &Lane,
    commands: Vec<Command>,
    server: Option<&Cluster>,
    python: Option<&Python>,
    arguments: &[String],
) -> Result<Row, String> {
    let start = Instant::now();
    let mut counts = Counts::default();
    let mut good = true;
    for mut command in commands {
        match server {
            Some(cluster) => command.env(SERVER_VARIABLE, server::url(cluster)),
            None => command.env_remove(SERVER_VARIABLE),
        };
        match python {
            Some(python) => command.env(PROGRAM_VARIABLE, &python.program),
            None => command.env_remove(PROGRAM_VARIABLE),
        };
        command.arg("--").args(arguments);
        let (more, content) = cargo::count_tests(&mut command)?;
        counts += more;
        good &= content;
    }
    let outcome = if counts.failed > 0 {
        Outcome::Failed("tests failed".to_owned())
    } else if !good {
        Outcome::Failed("cargo test failed, see above".to_owned())
    } else if counts.passed == 0 && arguments.is_empty() {
        Outcome::Failed("it ran no test".to_owned())
    } else {
        Outcome::Passed
    };
    Ok(Row { lane: lane.name, took: start.elapsed(), counts, outcome })
}

/// The lane of the browser, which is no run of cargo's.
fn run_browser(lane: &Lane, workspace: &Workspace, arguments: &[String]) -> Row {
    let start = Instant::now();
    let row = |counts, outcome| Row { lane: lane.name, took: start.elapsed(), counts, outcome };
    let browser = match Browser::ready(workspace, None) {
        Ok(browser) => browser,
        // Where machines are made for it, it would be skipped for ever and nobody would know.
        Err(browser::Unready::None(reason)) if env::var_os("CI").is_none() => {
            println!("!!! SKIPPED the lane {}: {reason}", lane.name);
            return row(Counts::default(), Outcome::Skipped(reason));
        }
        Err(browser::Unready::None(reason) | browser::Unready::Broken(reason)) => {
            return row(Counts::default(), Outcome::Failed(reason));
        }
    };
    match browser.run(arguments) {
        Ok((counts, true)) if counts.passed > 0 || !arguments.is_empty() => {
            row(counts, Outcome::Passed)
        }
        Ok((counts, _)) => row(counts, Outcome::Failed("specs failed, see above".to_owned())),
        Err(reason) => row(Counts::default(), Outcome::Failed(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_chosen_by_name_and_run_in_their_order() {
        let names = |chosen: Vec<&Lane>| chosen.iter().map(|lane| lane.name).collect::<Vec<_>>();
        assert_eq!(names(chosen(&["process", "unit"]).unwrap()), ["unit", "process"]);
        assert_eq!(chosen(&[]).unwrap().len(), LANES.len());
        let message = chosen(&["unit", "units"]).unwrap_err();
        assert!(message.contains("\"units\"") && message.contains("conformance"), "{message}");
    }
}

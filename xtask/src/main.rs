//! The chores of this repository, as `cargo xtask CHORE`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for developers, which talks to their terminal"
)]

mod browser;
mod cargo;
mod conformance;
mod debian;
mod lanes;
mod python;
mod report;
mod server;
mod test;
mod workspace;

use std::process::ExitCode;

use crate::conformance::Checklists;
use crate::lanes::LANES;
use crate::python::Without;
use crate::workspace::Workspace;

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    // What stands behind `--` is for others.
    let passed_on = match words.iter().position(|word| word == "--") {
        Some(at) => words.split_off(at).split_off(1),
        None => Vec::new(),
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();

    let done = match words[..] {
        [] | ["help" | "--help" | "-h"] => {
            print!("{}", help());
            Ok(ExitCode::SUCCESS)
        }
        ["test", ref words @ ..] => {
            let (switches, lanes): (Vec<&str>, Vec<&str>) =
                words.iter().partition(|word| word.starts_with("--"));
            match switches[..] {
                [] => test::run(&lanes, &passed_on, Without::Skip),
                ["--require-python"] => test::run(&lanes, &passed_on, Without::Fail),
                _ => Err(format!("no such switch: {}\n\n{}", switches.join(" "), help())),
            }
        }
        ["e2e"] => test::run(&["e2e"], &passed_on, Without::Skip),
        ["e2e", "--images"] => test::draw_images(),
        ["conformance"] => conformance(),
        ["postgres"] => server::run_command(&passed_on),
        _ => Err(format!("no such chore: {}\n\n{}", words.join(" "), help())),
    };
    done.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::FAILURE
    })
}

fn conformance() -> Result<ExitCode, String> {
    println!("{}", Checklists::read(&Workspace::read()?.root)?);
    Ok(ExitCode::SUCCESS)
}

fn help() -> String {
    let mut help = "\
cargo xtask test [--require-python] [LANE...] [-- ARGUMENT...]
    Runs the tests, by default of every lane, and says how they went. The
    arguments go to the test programs, for example a part of a test's name.
    The lane `company` needs Python 3.12 or newer, on PATH or under pyenv, and
    is skipped where there is none, unless it is required.

cargo xtask e2e [--images] [-- ARGUMENT...]
    The lane `e2e` alone: a browser looks at the dashboard. The arguments go to
    Playwright, for example `pages -g queue`. What every page looks like is
    written to target/screenshots. Root on Debian gets Chromium installed;
    Playwright comes from npm, in locked versions, into target/e2e. With --images
    only the README's pictures are drawn anew, into docs/images.

cargo xtask conformance
    Checks the checklist in docs/conformance.md, and counts what holds it.

cargo xtask postgres -- COMMAND...
    Runs a command with a throw-away PostgreSQL server for tests, for example
    `cargo xtask postgres -- cargo test -p kerrera-postgres`.

`test` and `postgres` look for PostgreSQL's programs in the folder PG_BIN, along PATH and in
/usr/lib/postgresql; root on Debian gets them installed.

Lanes:
"
    .to_owned();
    for lane in LANES {
        help += &format!("    {:<13}{}\n", lane.name, lane.about);
    }
    help
}

//! The checklist in `docs/conformance.md`: is it complete, and are its tests there?

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// How many assertions the checklist has.
const ASSERTIONS: usize = 228;

/// How many rows may still be marked as not yet: only ever lowered.
const NOT_YET: usize = 0;

const MARK: &str = "**not yet**";

/// What the checklist holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Checklist {
    /// Rows that name a test, and are complete.
    tested: usize,
    /// Rows with a reason instead.
    reasoned: usize,
    /// The numbers of the rows that wait for something to be built.
    not_yet: Vec<usize>,
}

impl Checklist {
    /// Reads the checklist of the repository at `root`, and checks it.
    ///
    /// # Errors
    ///
    /// With every mistake in it, a line each.
    pub(crate) fn read(root: &Path) -> Result<Checklist, String> {
        let path = root.join("docs/conformance.md");
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let mut sources = HashMap::new();
        let checklist = Checklist::check(&text, |file, name| {
            let source: &String = sources
                .entry(file.to_owned())
                .or_insert_with(|| fs::read_to_string(root.join(file)).unwrap_or_default());
            has_function(source, name)
        })?;
        if checklist.not_yet.len() > NOT_YET {
            return Err(format!(
                "{} rows are marked {MARK}, and there were {NOT_YET}: {:?}",
                checklist.not_yet.len(),
                checklist.not_yet
            ));
        }
        Ok(checklist)
    }

    fn check(text: &str, mut exists: impl FnMut(&str, &str) -> bool) -> Result<Checklist, String> {
        let mut checklist = Checklist::default();
        let mut mistakes = Vec::new();
        let mut seen = vec![0_usize; ASSERTIONS + 1];
        for (number, held) in text.lines().filter_map(row) {
            match seen.get_mut(number).filter(|_| number > 0) {
                Some(times) => *times += 1,
                None => mistakes.push(format!("{number}: there is no such assertion")),
            }
            let tests = tests(held);
            for (file, name) in &tests {
                if !exists(file, name) {
                    mistakes.push(format!("{number}: there is no fn {name} in {file}"));
                }
            }
            if held.contains(MARK) {
                checklist.not_yet.push(number);
            } else if !tests.is_empty() {
                checklist.tested += 1;
            } else if held.strip_prefix('—').is_some_and(|reason| !reason.trim().is_empty()) {
                checklist.reasoned += 1;
            } else {
                mistakes.push(format!("{number}: neither a test, nor a reason, nor {MARK}"));
            }
        }
        for (number, times) in seen.iter().enumerate().skip(1).filter(|(_, times)| **times != 1) {
            mistakes.push(format!("{number}: stands there {times} times"));
        }
        if mistakes.is_empty() { Ok(checklist) } else { Err(mistakes.join("\n")) }
    }
}

impl fmt::Display for Checklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checklist { tested, reasoned, not_yet } = self;
        write!(
            f,
            "{ASSERTIONS} assertions: {tested} held by tests, {reasoned} by a reason, {} not yet",
            not_yet.len()
        )
    }
}

/// Reads `| 12 | what | held by |`.
fn row(line: &str) -> Option<(usize, &str)> {
    let cells = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let (number, rest) = cells.split_once('|')?;
    let (_, held) = rest.split_once('|')?;
    Some((number.trim().parse().ok()?, held.trim()))
}

/// The `file.rs::name` between back quotes.
fn tests(held: &str) -> Vec<(&str, &str)> {
    let quoted = held.split('`').skip(1).step_by(2);
    quoted
        .filter_map(|test| test.split_once("::"))
        .filter(|(file, _)| file.ends_with(".rs"))
        .collect()
}

fn has_function(source: &str, name: &str) -> bool {
    source.match_indices("fn ").any(|(at, keyword)| {
        let rest = source[at + keyword.len()..].strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['(', '<']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checklist_is_complete_and_its_tests_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let checklist = Checklist::read(root).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        println!("{checklist}");
    }

    fn complete() -> Vec<String> {
        (1..=ASSERTIONS)
            .map(|number| format!("| {number} | it works | `a.rs::works` |\n"))
            .collect()
    }

    fn check(rows: &[String]) -> Result<Checklist, String> {
        Checklist::check(&rows.concat(), |file, name| (file, name) == ("a.rs", "works"))
    }

    #[test]
    fn rows_are_counted_by_what_holds_them() {
        let mut rows = complete();
        rows[0] = "| 1 | it works | — it cannot be otherwise |\n".to_owned();
        rows[1] = format!("| 2 | it works | {MARK} |\n");
        rows[2] = format!("| 3 | it works | `a.rs::works`; {MARK}: the event |\n");
        let checklist = check(&rows).unwrap();
        let expected = Checklist { tested: ASSERTIONS - 3, reasoned: 1, not_yet: vec![2, 3] };
        assert_eq!(checklist, expected);
        assert!(checklist.to_string().ends_with("1 by a reason, 2 not yet"), "{checklist}");
    }

    #[test]
    fn every_mistake_is_named() {
        let mut rows = complete();
        rows[6] = rows[7].clone();
        rows[9] = "| 10 | it works | `a.rs::work` |\n".to_owned();
        rows[10] = "| 11 | it works | surely |\n".to_owned();
        rows.push("| 229 | it works | `a.rs::works` |\n".to_owned());
        let mistakes = check(&rows).unwrap_err();
        let mistakes: Vec<&str> = mistakes.lines().collect();
        assert_eq!(
            mistakes,
            [
                "10: there is no fn work in a.rs",
                "11: neither a test, nor a reason, nor **not yet**",
                "229: there is no such assertion",
                "7: stands there 0 times",
                "8: stands there 2 times",
            ]
        );
    }

    #[test]
    fn a_function_is_found_by_its_whole_name() {
        let source = "pub async fn takes_all(fixture: Fixture) {}\nfn is<T>() {}";
        assert!(has_function(source, "takes_all") && has_function(source, "is"));
        assert!(!has_function(source, "takes") && !has_function(source, "all"));
    }
}

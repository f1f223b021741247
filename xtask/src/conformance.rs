//! The checklists in `docs/conformance.md`: are they complete, and are their tests there?

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// What is numbered there: what Oban's own tests assert, and the rules of living on the same tables.
const LISTS: [List; 2] =
    [List { of: "assertions", mark: "", length: 228 }, List { of: "rules", mark: "R", length: 15 }];

/// How many rows may still be marked as not yet: only ever lowered.
const NOT_YET: usize = 0;

const MARK: &str = "**not yet**";

/// A list of numbered rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct List {
    of: &'static str,
    /// Stands before each number.
    mark: &'static str,
    length: usize,
}

/// All of them, and what they hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Checklists(Vec<Checklist>);

/// What a list holds.
#[derive(Debug, PartialEq, Eq)]
struct Checklist {
    list: List,
    /// Rows that name a test, and are complete.
    tested: usize,
    /// Rows with a reason instead.
    reasoned: usize,
    /// The numbers of the rows that wait for something to be built.
    not_yet: Vec<usize>,
}

impl Checklists {
    /// Reads the checklists of the repository at `root`, and checks them.
    ///
    /// # Errors
    ///
    /// With every mistake in one of them, a line each.
    pub(crate) fn read(root: &Path) -> Result<Checklists, String> {
        let path = root.join("docs/conformance.md");
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let mut sources = HashMap::new();
        let mut exists = |file: &str, name: &str| {
            let source: &String = sources
                .entry(file.to_owned())
                .or_insert_with(|| fs::read_to_string(root.join(file)).unwrap_or_default());
            has_function(source, name)
        };
        let lists = LISTS.into_iter().map(|list| Checklist::check(list, &text, &mut exists));
        let lists: Vec<Checklist> = lists.collect::<Result<_, _>>()?;
        let not_yet: Vec<usize> =
            lists.iter().flat_map(|checklist| checklist.not_yet.iter().copied()).collect();
        if not_yet.len() > NOT_YET {
            return Err(format!(
                "{} rows are marked {MARK}, and there were {NOT_YET}: {not_yet:?}",
                not_yet.len()
            ));
        }
        Ok(Checklists(lists))
    }
}

impl Checklist {
    fn check(
        list: List,
        text: &str,
        mut exists: impl FnMut(&str, &str) -> bool,
    ) -> Result<Checklist, String> {
        let mut checklist = Checklist { list, tested: 0, reasoned: 0, not_yet: Vec::new() };
        let mut mistakes = Vec::new();
        let mut seen = vec![0_usize; list.length + 1];
        for (number, held) in text.lines().filter_map(|line| row(list.mark, line)) {
            match seen.get_mut(number).filter(|_| number > 0) {
                Some(times) => *times += 1,
                None => mistakes.push(format!("{number}: there is no such number")),
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
        let lines = mistakes.iter().map(|mistake| format!("{}{mistake}", list.mark));
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() { Ok(checklist) } else { Err(lines.join("\n")) }
    }
}

impl fmt::Display for Checklists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, checklist) in self.0.iter().enumerate() {
            let Checklist { list: List { of, length, .. }, tested, reasoned, not_yet } = checklist;
            let (end, not_yet) = (if place == 0 { "" } else { "\n" }, not_yet.len());
            write!(
                f,
                "{end}{length} {of}: {tested} held by tests, {reasoned} by a reason, {not_yet} not yet"
            )?;
        }
        Ok(())
    }
}

/// Reads `| 12 | what | held by |`, with the mark before the number.
fn row<'a>(mark: &str, line: &'a str) -> Option<(usize, &'a str)> {
    let cells = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let (number, rest) = cells.split_once('|')?;
    let (_, held) = rest.split_once('|')?;
    Some((number.trim().strip_prefix(mark)?.parse().ok()?, held.trim()))
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
    fn the_checklists_are_complete_and_their_tests_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let checklist = Checklists::read(root).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        println!("{checklist}");
    }

    const LIST: List = LISTS[0];

    fn complete() -> Vec<String> {
        (1..=LIST.length)
            .map(|number| format!("| {number} | it works | `a.rs::works` |\n"))
            .collect()
    }

    fn check(rows: &[String]) -> Result<Checklist, String> {
        Checklist::check(LIST, &rows.concat(), |file, name| (file, name) == ("a.rs", "works"))
    }

    #[test]
    fn rows_are_counted_by_what_holds_them() {
        let mut rows = complete();
        rows[0] = "| 1 | it works | — it cannot be otherwise |\n".to_owned();
        rows[1] = format!("| 2 | it works | {MARK} |\n");
        rows[2] = format!("| 3 | it works | `a.rs::works`; {MARK}: the event |\n");
        let checklist = check(&rows).unwrap();
        let tested = LIST.length - 3;
        let expected = Checklist { list: LIST, tested, reasoned: 1, not_yet: vec![2, 3] };
        assert_eq!(checklist, expected);
        let checklists = Checklists(vec![checklist]).to_string();
        assert!(checklists.ends_with("1 by a reason, 2 not yet"), "{checklists}");
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
                "229: there is no such number",
                "7: stands there 0 times",
                "8: stands there 2 times",
            ]
        );
    }

    #[test]
    fn lists_are_told_apart_by_their_marks() {
        let list = List { of: "rules", mark: "R", length: 2 };
        let rows = "| 1 | it | `a.rs::works` |\n| R1 | it | `a.rs::works` |\n| R3 | it | — so |\n";
        let mistakes = Checklist::check(list, rows, |_, _| true).unwrap_err();
        assert_eq!(mistakes, "R3: there is no such number\nR2: stands there 0 times");
    }

    #[test]
    fn a_function_is_found_by_its_whole_name() {
        let source = "pub async fn takes_all(fixture: Fixture) {}\nfn is<T>() {}";
        assert!(has_function(source, "takes_all") && has_function(source, "is"));
        assert!(!has_function(source, "takes") && !has_function(source, "all"));
    }
}

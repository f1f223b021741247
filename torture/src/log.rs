//! A log that loses at most its last line when its process is killed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::marker::PhantomData;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file of JSON lines, to which a process appends.
///
/// Each line is handed to the operating system in one call: what was written before a `kill -9` is
/// there after it.
#[derive(Debug)]
pub struct Log<T> {
    file: File,
    of: PhantomData<fn(T)>,
}

impl<T: Serialize> Log<T> {
    /// Opens the log at `path`, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Log<T>> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Log { file, of: PhantomData })
    }

    /// Appends a line.
    ///
    /// # Panics
    ///
    /// When the line cannot be written whole: a history with holes proves nothing.
    pub fn write(&self, line: &T) {
        let mut text = serde_json::to_string(line).expect("our own types are JSON");
        text.push('\n');
        let written = (&self.file).write(text.as_bytes()).expect("the log can be written");
        assert_eq!(written, text.len(), "the log takes whole lines");
    }
}

/// Reads a log; one that is not there is empty.
///
/// A last line without its end was cut by a kill, and is left out.
///
/// # Panics
///
/// When the file cannot be read, or a whole line is not of the right form.
pub fn read<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => panic!("cannot read {}: {error}", path.display()),
    };
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines
        .map(|line| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}: {error} in {line}", path.display()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Insert;

    fn invoke(key: &str) -> Insert {
        Insert::Invoke { key: key.to_owned() }
    }

    #[test]
    fn lines_are_read_back_but_for_one_that_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert_eq!(read::<Insert>(&path), []);

        Log::open(&path).unwrap().write(&invoke("a"));
        Log::open(&path).unwrap().write(&invoke("b\n"));
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"invoke":{"ke"#).unwrap();
        assert_eq!(read::<Insert>(&path), [invoke("a"), invoke("b\n")]);
    }

    #[test]
    #[should_panic(expected = "log")]
    fn a_broken_line_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "{\"invoke\"\n").unwrap();
        read::<Insert>(&path);
    }
}

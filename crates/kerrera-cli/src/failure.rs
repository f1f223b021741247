//! What is told when something failed.

use std::io;

/// The error as one line: what failed, why, and what to do next.
///
/// Kerrera's own errors have their causes in their words already; those of others are followed down.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let next = cause.to_string();
        if !text.ends_with(&next) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&next);
        }
        if cause.is::<kerrera::Error>() {
            break;
        }
    }
    text
}

/// Whether what failed is only that nobody reads our output any more.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn causes_follow_in_one_line_and_none_twice() {
        let error = anyhow!("it is raining").context("no picnic: it is raining").context("sorry");
        assert_eq!(told(&error), "sorry: no picnic: it is raining");
    }

    #[test]
    fn a_closed_pipe_is_told_from_other_trouble() {
        let error = |kind| Err::<(), _>(io::Error::from(kind)).context("writing").unwrap_err();
        assert!(is_broken_pipe(&error(io::ErrorKind::BrokenPipe)));
        assert!(!is_broken_pipe(&error(io::ErrorKind::StorageFull)));
    }
}

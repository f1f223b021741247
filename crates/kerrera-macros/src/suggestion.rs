//! The name that was probably meant.

/// The known name that is most like the written one, if one is like it at all.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wrong = |name: &&str| distance(written, name) * 100 / written.len().max(name.len()).max(1);
    // Half of the name may be wrong or absent: `que`, `prio` and `attempts` are worth a guess.
    known.into_iter().filter(|name| wrong(name) <= 50).min_by_key(wrong)
}

/// How many characters must be inserted, removed or replaced to make one text of the other.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (at, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, r) in right.chars().enumerate() {
            let replaced = diagonal + usize::from(l != r);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_changes() {
        assert_eq!(distance("", "queue"), 5);
        assert_eq!(distance("queue", "queue"), 0);
        assert_eq!(distance("que", "queue"), 2);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let known = ["name", "queue", "max_attempts", "priority", "timeout"];
        assert_eq!(nearest("que", known), Some("queue"));
        assert_eq!(nearest("prio", known), Some("priority"));
        assert_eq!(nearest("attempts", known), Some("max_attempts"));
        assert_eq!(nearest("time_out", known), Some("timeout"));
        assert_eq!(nearest("cron", known), None);
        assert_eq!(nearest("queue", []), None);
    }
}

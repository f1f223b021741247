//! The name that was probably meant.

/// The known name that is most like the written one, if one is like it at all: 1 is the same, 0 has
/// nothing in common.
///
/// Of a name with dots, its last part is as good as all of it.
///
/// ```
/// use kerrera_core::nearest::nearest;
///
/// let known = ["queue", "worker", "args.path"];
/// assert_eq!(nearest("que", known, 0.5), Some("queue"));
/// assert_eq!(nearest("zebra", known, 0.5), None);
/// ```
pub fn nearest<N: AsRef<str>>(
    written: &str,
    known: impl IntoIterator<Item = N>,
    least: f64,
) -> Option<N> {
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(written, name);
    let likeness = |name: &N| {
        let name = name.as_ref();
        let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
        likeness(name).max(likeness(last))
    };
    let known = known.into_iter().map(|name| (likeness(&name), name));
    let near = known.filter(|(likeness, _)| *likeness >= least);
    near.max_by(|(left, _), (right, _)| left.total_cmp(right)).map(|(_, name)| name)
}

//! Puts what was hidden back into JSON that somebody has edited without seeing it.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::HIDDEN;

/// What was edited, with each part that still is as it was shown replaced by what really stands there, byte
/// for byte; `None` if something hidden would stand where it did not, so that nobody can tell what is meant.
pub(crate) fn restored(edited: &str, shown: &str, original: &str) -> Option<String> {
    let restored = part(edited, Some((shown, original)));
    (!restored.contains(HIDDEN) || original.contains(HIDDEN)).then_some(restored)
}

fn part(edited: &str, was: Option<(&str, &str)>) -> String {
    let edited = edited.trim();
    let Some((shown, original)) = was.map(|(shown, original)| (shown.trim(), original.trim()))
    else {
        return edited.to_owned();
    };
    if edited == shown {
        return original.to_owned();
    }
    object(edited, shown, original)
        .or_else(|| list(edited, shown, original))
        .unwrap_or_else(|| edited.to_owned())
}

type Entries<'a> = HashMap<String, &'a RawValue>;

fn object(edited: &str, shown: &str, original: &str) -> Option<String> {
    let edited = crate::view::json::entries(edited)?;
    let [shown, original]: [Option<Entries<'_>>; 2] =
        [shown, original].map(|text| serde_json::from_str(text).ok());
    let (shown, original) = (shown?, original?);
    let entries = edited.iter().map(|(key, value)| {
        let was = shown.get(key).zip(original.get(key));
        let was = was.map(|(shown, original)| (shown.get(), original.get()));
        format!("{}:{}", serde_json::Value::from(key.as_str()), part(value.get(), was))
    });
    Some(format!("{{{}}}", entries.collect::<Vec<_>>().join(",")))
}

fn list(edited: &str, shown: &str, original: &str) -> Option<String> {
    let [edited, shown, original]: [Option<Vec<&RawValue>>; 3] =
        [edited, shown, original].map(|text| serde_json::from_str(text).ok());
    let (edited, shown, original) = (edited?, shown?, original?);
    let items = edited.iter().enumerate().map(|(at, value)| {
        let was = shown.get(at).zip(original.get(at));
        part(value.get(), was.map(|(shown, original)| (shown.get(), original.get())))
    });
    Some(format!("[{}]", items.collect::<Vec<_>>().join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_hidden_is_kept_and_the_rest_is_as_it_was_edited() {
        let original = r#"{"n": 12345678901234567890123, "user": {"password": "x", "name": "a"}, "list": [{"token": "y"}, 1.10]}"#;
        let shown = r#"{"n": 12345678901234567890123, "user": {"password": "[hidden]", "name": "a"}, "list": [{"token": "[hidden]"}, 1.10]}"#;
        let edit = |from: &str, to: &str| restored(&shown.replace(from, to), shown, original);
        assert_eq!(restored(shown, shown, original).as_deref(), Some(original));
        let named = r#"{"n":12345678901234567890123,"user":{"password":"x","name":"b"},"list":[{"token": "y"}, 1.10]}"#;
        assert_eq!(edit(r#""name": "a""#, r#""name": "b""#).as_deref(), Some(named));
        let other = edit(r#""password": "[hidden]""#, r#""password": "z""#).unwrap();
        assert!(
            other.contains(r#""password":"z""#) && other.contains(r#""token": "y""#),
            "{other}"
        );
        // Nobody moves what is hidden to where it would be seen.
        assert_eq!(edit(r#""password""#, r#""nickname""#), None);
        assert_eq!(edit(r#""name": "a""#, r#""name": "[hidden]""#), None);
    }
}

//! JSON as people read it: a tree that opens and closes without scripts, and the text itself.

use std::fmt;

use maud::{Markup, html};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::service::HIDDEN;
use crate::text::texts;
use crate::view::icon::icon;
use crate::view::number::grouped;
use crate::visit::Visit;

texts! {
    json_empty: "empty" | "비어 있음";
    json_entries(n: u64): one "1 entry" other "{n} entries" | "항목 {n}개";
    json_raw: "As text" | "원문";
    json_filter: "Jobs with this value" | "이 값이 있는 작업";
    json_large(bytes: &str): "{bytes} bytes, not shown as a tree" | "{bytes}바이트, 트리로 표시하지 않음";
    json_hidden: "hidden" | "가려짐";
}

/// Larger texts are not taken apart.
pub(crate) const LARGEST: usize = 64 * 1024;
/// More entries of one list or object are not shown one by one.
const MOST: usize = 200;
/// Deeper than this it is text.
const DEEPEST: usize = 12;

/// JSON, opened two steps deep. With `field`, as `args`, each value leads to the jobs that have it.
pub(crate) fn json(text: &str, name: &str, field: Option<&str>, visit: &Visit) -> Markup {
    let said = visit.text();
    html! {
        div.json {
            @if text.len() > LARGEST {
                p.hint { (said.json_large(&grouped(text.len() as u64))) }
            } @else {
                div.json-tree { (value(text, &mut Vec::new(), field, visit)) }
            }
            details.json-raw id={ "raw-" (name) } {
                summary { (said.json_raw()) }
                pre #{ "text-" (name) } { (text) }
            }
            button.button.button-plain type="button" data-copy={ "text-" (name) } hidden {
                (icon("copy", visit.links().base())) (said.copy())
            }
        }
    }
}

fn value(text: &str, way: &mut Vec<String>, field: Option<&str>, visit: &Visit) -> Markup {
    let text = text.trim();
    if way.len() < DEEPEST {
        match text.as_bytes().first() {
            Some(b'{') => {
                if let Ok(Entries(entries)) = serde_json::from_str(text) {
                    return object(&entries, way, field, visit);
                }
            }
            Some(b'[') => {
                if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) {
                    return list(&items, way, field, visit);
                }
            }
            _ => {}
        }
    }
    scalar(text, way, field, visit)
}

fn object(
    entries: &[(String, &RawValue)],
    way: &mut Vec<String>,
    field: Option<&str>,
    visit: &Visit,
) -> Markup {
    if entries.is_empty() {
        return html! { span.subtle { "{} " (visit.text().json_empty()) } };
    }
    let mut rows = Vec::new();
    for (key, entry) in entries.iter().take(MOST) {
        way.push(key.clone());
        let shown = value(entry.get(), way, field, visit);
        rows.push(html! { div.json-entry { dt { (key) } dd { (shown) } } });
        way.pop();
    }
    let rows = html! { dl { @for row in &rows { (row) } } (left_out(entries.len(), visit)) };
    folded(entries.len(), way.len(), &rows, visit)
}

fn list(items: &[&RawValue], way: &mut Vec<String>, field: Option<&str>, visit: &Visit) -> Markup {
    if items.is_empty() {
        return html! { span.subtle { "[] " (visit.text().json_empty()) } };
    }
    // A way through a list names no single value, so there is nothing to filter by.
    way.push(String::new());
    let shown = items.iter().take(MOST).map(|item| value(item.get(), way, None, visit));
    let shown: Vec<Markup> = shown.collect();
    way.pop();
    let _ = field;
    let rows = html! { ol.json-list { @for item in &shown { li { (item) } } } (left_out(items.len(), visit)) };
    folded(items.len(), way.len(), &rows, visit)
}

fn folded(count: usize, depth: usize, rows: &Markup, visit: &Visit) -> Markup {
    if depth == 0 {
        return rows.clone();
    }
    html! {
        details open[depth < 2 && count <= 20] {
            summary { (visit.text().json_entries(count as u64)) }
            (rows)
        }
    }
}

fn left_out(count: usize, visit: &Visit) -> Markup {
    html! {
        @if count > MOST {
            p.hint { "… " (visit.text().json_entries((count - MOST) as u64)) }
        }
    }
}

fn scalar(text: &str, way: &[String], field: Option<&str>, visit: &Visit) -> Markup {
    let said = visit.text();
    if text == format!("\"{HIDDEN}\"") {
        return html! { span.badge { (icon("lock", visit.links().base())) (said.json_hidden()) } };
    }
    let plain: Option<String> =
        text.starts_with('"').then(|| serde_json::from_str(text).ok()).flatten();
    let class = match text.as_bytes().first() {
        Some(b'"') => "json-text",
        Some(b'-' | b'0'..=b'9') => "json-number",
        _ => "json-word",
    };
    let filter = field.and_then(|field| filter(field, way, text));
    html! {
        span class={ "mono " (class) } { (plain.as_deref().unwrap_or(text)) }
        @if let Some(filter) = filter {
            " " a.json-filter href=(visit.links().jobs(&filter)) title=(said.json_filter()) {
                (icon("filter", visit.links().base()))
                span.visually-hidden { (said.json_filter()) }
            }
        }
    }
}

/// The filter that has the jobs with this value; none where it could not be written.
fn filter(field: &str, way: &[String], text: &str) -> Option<String> {
    let is_plain = |key: &String| {
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    let is_short = text.len() <= 120 && text != "null";
    (!way.is_empty() && way.iter().all(is_plain) && is_short)
        .then(|| format!("{field}.{}:{text}", way.join(".")))
}

/// The entries of an object in their order, as texts; `None` if it is no object.
pub(crate) fn entries(text: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::from_str::<Entries<'_>>(text).ok().map(|Entries(entries)| entries)
}

/// The entries of an object in their order, as texts.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries<'a>, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entries<'de>, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filtered_by_where_that_can_be_written() {
        let way = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let said = filter("args", &way(&["user", "id"]), "12345678901234567890");
        assert_eq!(said.as_deref(), Some("args.user.id:12345678901234567890"));
        assert_eq!(filter("args", &way(&["a b"]), "1"), None);
        assert_eq!(filter("args", &way(&["a"]), "null"), None);
    }
}

//! Files that are taken out: CSV for spreadsheets, and JSON a line for programs.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use kerrera::audit::{AuditQuery, AuditRecord};
use serde_json::{Value, json};

use crate::service::{LARGEST_EXPORT, Service};

/// In which form a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    Csv,
    Ndjson,
}

impl FileFormat {
    fn kind(self) -> &'static str {
        match self {
            FileFormat::Csv => "text/csv",
            FileFormat::Ndjson => "application/x-ndjson",
        }
    }

    fn name(self) -> &'static str {
        match self {
            FileFormat::Csv => "attachment; filename=\"audit.csv\"",
            FileFormat::Ndjson => "attachment; filename=\"audit.ndjson\"",
        }
    }
}

/// The columns of the file, in their order.
const COLUMNS: [&str; 16] = [
    "id",
    "at",
    "instance",
    "actor_id",
    "actor",
    "via",
    "remote_ip",
    "request_id",
    "action",
    "target_type",
    "target",
    "count",
    "jobs",
    "reason",
    "outcome",
    "error",
];

/// The entries of the audit log that a query has, as a file that is written while it is read: a few
/// hundred at a time, so that its size costs no memory. If there are more than go into one, the last line
/// says so; if the database fails on the way, the answer is cut off and no browser takes it for whole.
pub(crate) fn audit(service: Service, query: AuditQuery, format: FileFormat) -> Response {
    let writing = Writing { service, query, format, written: 0, step: Step::Head };
    let lines = stream::unfold(writing, |mut writing| async move {
        let part = writing.next().await?;
        Some((part, writing))
    });
    let mut response = Body::from_stream(lines).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.kind()));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(format.name()));
    response
}

struct Writing {
    service: Service,
    query: AuditQuery,
    format: FileFormat,
    written: usize,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Head,
    Lines,
    Over,
}

impl Writing {
    async fn next(&mut self) -> Option<Result<String, std::io::Error>> {
        match self.step {
            Step::Over => None,
            Step::Head => {
                self.step = Step::Lines;
                // Spreadsheets take a file without this mark for one of their own, old encodings.
                let head = format!("\u{feff}{}\r\n", COLUMNS.join(","));
                Some(Ok(if self.format == FileFormat::Csv { head } else { String::new() }))
            }
            Step::Lines => {
                let list = match self.service.audit_chunk(self.query.clone()).await {
                    Ok(list) => list,
                    Err(error) => {
                        tracing::error!(%error, "an export of the audit log could not go on");
                        self.step = Step::Over;
                        return Some(Err(std::io::Error::other("the database failed")));
                    }
                };
                self.written += list.items.len();
                let mut lines: String = list.items.iter().map(|one| self.line(one)).collect();
                match list.next {
                    Some(next) if self.written < LARGEST_EXPORT => self.query.after = Some(next),
                    Some(next) => {
                        self.step = Step::Over;
                        lines.push_str(&self.truncated(next));
                    }
                    None => self.step = Step::Over,
                }
                Some(Ok(lines))
            }
        }
    }

    fn line(&self, record: &AuditRecord) -> String {
        let fields = fields(record);
        match self.format {
            FileFormat::Ndjson => format!("{}\n", whole(record)),
            FileFormat::Csv => csv(&fields),
        }
    }

    /// That there are more: those that are older than this number.
    fn truncated(&self, after: i64) -> String {
        match self.format {
            FileFormat::Ndjson => {
                format!("{}\n", json!({"truncated": true, "after": after.to_string()}))
            }
            FileFormat::Csv => csv(&[after.to_string(), "truncated".to_owned()]),
        }
    }
}

fn fields(record: &AuditRecord) -> Vec<String> {
    let AuditRecord { id, at, entry, .. } = record;
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let jobs: Vec<String> = entry.jobs.iter().map(ToString::to_string).collect();
    vec![
        id.to_string(),
        at.to_string(),
        entry.instance.clone(),
        entry.actor.id.clone(),
        entry.actor.label.clone(),
        entry.actor.via.to_string(),
        or_empty(&entry.actor.remote_ip),
        or_empty(&entry.actor.request_id),
        entry.action.clone(),
        entry.target_type.clone(),
        entry.target.clone(),
        entry.count.to_string(),
        jobs.join(" "),
        or_empty(&entry.reason),
        entry.outcome.to_string(),
        or_empty(&entry.error),
    ]
}

/// An entry as JSON, with what stood before and stands since.
fn whole(record: &AuditRecord) -> Value {
    let AuditRecord { id, at, entry, .. } = record;
    let jobs: Vec<String> = entry.jobs.iter().map(ToString::to_string).collect();
    json!({
        "id": id.to_string(), "at": at, "instance": entry.instance,
        "actor_id": entry.actor.id, "actor": entry.actor.label, "via": entry.actor.via.as_str(),
        "remote_ip": entry.actor.remote_ip, "request_id": entry.actor.request_id,
        "action": entry.action, "target_type": entry.target_type, "target": entry.target,
        "count": entry.count, "jobs": jobs, "before": entry.before, "after": entry.after,
        "reason": entry.reason, "outcome": entry.outcome.as_str(), "error": entry.error,
    })
}

fn csv(fields: &[String]) -> String {
    let cells: Vec<String> = fields.iter().map(|field| cell(field)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell, in quotes. A text that a spreadsheet would take for a formula gets an apostrophe in front.
fn cell(text: &str) -> String {
    let is_number = text.parse::<i64>().is_ok();
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%']);
    let guard = if is_formula && !is_number { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_leaves_its_place() {
        for (text, expected) in [
            ("mail", "\"mail\""),
            ("=1+1", "\"'=1+1\""),
            ("+cmd|' /C calc'!A0", "\"'+cmd|' /C calc'!A0\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-7", "\"-7\""),
            ("-7+cmd", "\"'-7+cmd\""),
            ("\t=1", "\"'\t=1\""),
            ("a \"b\",c\nd", "\"a \"\"b\"\",c\nd\""),
            ("", "\"\""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}

//! The SQL of a storage, made once from the files in `sql/` when its database is opened.

use std::sync::Arc;

use kerrera_core::failure::ERRORS_KEPT;
use kerrera_core::state::RESCUED;

use crate::rows::Stamp;
use crate::schema::{ErrorsColumn, Layout, channel, quoted};

/// The text of every statement, for one schema.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) channel: String,
    pub(crate) insert: String,
    pub(crate) plan_insert: Arc<str>,
    pub(crate) plan_insert_quiet: Arc<str>,
    pub(crate) claim: String,
    pub(crate) claim_from_floor: String,
    pub(crate) unclaim: String,
    pub(crate) stage: String,
    pub(crate) ack: String,
    pub(crate) ack_completed: String,
    pub(crate) ack_verdict: String,
    pub(crate) enroll: String,
    pub(crate) beat: String,
    pub(crate) presence: String,
    pub(crate) look: String,
    pub(crate) bury: String,
    pub(crate) rescue: String,
    pub(crate) retire: String,
    pub(crate) job: String,
    pub(crate) counts: String,
}

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("sql/", $name, ".sql"))
    };
}

impl Statements {
    /// Fills in what differs from one schema to the next.
    pub(crate) fn new(schema: &str, layout: &Layout) -> Statements {
        let errors = match layout.errors {
            ErrorsColumn::Array => file!("errors_array"),
            ErrorsColumn::Json => file!("errors_json"),
        };
        let parts = [
            ("{errors}", bare(errors)),
            ("{job}", bare(file!("columns"))),
            ("{schema}", quoted(schema)),
            ("{state}", layout.state_type.clone()),
            ("{channel}", channel(schema)),
            ("{kept}", ERRORS_KEPT.to_string()),
            ("{rescued}", RESCUED.to_owned()),
        ];
        let fill = |text: &str| {
            let bare = bare(text);
            parts.iter().fold(bare, |text, (name, part)| text.replace(name, part))
        };
        let plan_insert = |wake: &str| -> Arc<str> {
            fill(&file!("plan_insert").replace("{wake}", &bare(wake))).into()
        };
        let claim = |floor: &str| fill(&file!("claim").replace("{floor}", &bare(floor)));

        Statements {
            channel: channel(schema),
            insert: fill(file!("insert")),
            plan_insert: plan_insert(file!("wake")),
            plan_insert_quiet: plan_insert(""),
            claim: claim(""),
            claim_from_floor: claim(file!("floor")),
            unclaim: fill(file!("unclaim")),
            stage: fill(file!("stage")),
            ack: fill(file!("ack")),
            ack_completed: fill(file!("ack_completed")),
            ack_verdict: fill(file!("ack_verdict")),
            enroll: fill(file!("enroll")),
            beat: fill(file!("beat")),
            presence: fill(file!("presence")),
            look: fill(file!("look")),
            bury: fill(file!("bury")),
            rescue: fill(file!("rescue")),
            retire: fill(file!("retire")),
            job: fill(file!("job")),
            counts: fill(file!("counts")),
        }
    }
}

/// A call of a verb: in which schema, at what time, and what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Call<I> {
    pub(crate) sql: Arc<Statements>,
    /// What a manual clock shows; otherwise the database is asked.
    pub(crate) now: Option<Stamp>,
    pub(crate) input: I,
}

/// The statement without its comments, which need not travel.
pub(crate) fn bare(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in() {
        for errors in [ErrorsColumn::Array, ErrorsColumn::Json] {
            let layout = Layout { errors, state_type: "public.oban_job_state".to_owned() };
            let text = format!("{:?}", Statements::new("jobs", &layout));
            let mut rest = text.as_str();
            while let Some((_, after)) = rest.split_once('{') {
                let end = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
                let (name, next) = after.split_at(end);
                assert!(name.is_empty() || !next.starts_with('}'), "{{{name}}} is left");
                rest = after;
            }
        }
    }
}

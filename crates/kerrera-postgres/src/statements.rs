//! The SQL of a storage, made once from the files in `sql/` when its database is opened.

use std::sync::Arc;

use kerrera_core::failure::ERRORS_KEPT;
use kerrera_core::job::PROGRESS;
use kerrera_core::state::RESCUED;

use crate::insert;
use crate::rows::Stamp;
use crate::schema::{ErrorsColumn, Layout, quoted};
use crate::wire::{Channel, Channels};

/// The text of every statement, for one schema.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) schema: String,
    /// The same, ready for SQL.
    pub(crate) quoted_schema: String,
    /// The newest of a job's errors, as SQL.
    pub(crate) last_error: &'static str,
    pub(crate) channels: Channels,
    pub(crate) now: String,
    pub(crate) insert: String,
    pub(crate) insert_alike: String,
    pub(crate) bulk: Bulk,
    /// For available jobs without meta and tags, as the table has it where nothing is said.
    pub(crate) bulk_plain: Bulk,
    pub(crate) plan_insert: Arc<str>,
    pub(crate) plan_insert_quiet: Arc<str>,
    /// Keeps the locks of this schema's keys apart from those of others.
    pub(crate) lock_salt: u64,
    pub(crate) unique_lock: Arc<str>,
    pub(crate) unique_look: Arc<str>,
    pub(crate) unique_claim: Arc<str>,
    pub(crate) unique_replace: Arc<str>,
    pub(crate) unique_sweep: String,
    pub(crate) claim: String,
    pub(crate) claim_from_floor: String,
    pub(crate) unclaim: String,
    pub(crate) stage: String,
    pub(crate) ack: String,
    pub(crate) ack_completed: String,
    pub(crate) ack_verdict: String,
    pub(crate) crontab: String,
    pub(crate) lock_cron: String,
    pub(crate) declare_crons: String,
    pub(crate) add_cron: String,
    pub(crate) cron_slots: String,
    pub(crate) edit_cron: String,
    pub(crate) pause_cron: String,
    pub(crate) remove_cron: String,
    pub(crate) begin_cron: String,
    pub(crate) fire_slots: String,
    pub(crate) fired_jobs: String,
    pub(crate) forget_slots: String,
    pub(crate) other_nodes: String,
    pub(crate) enroll: String,
    pub(crate) beat: String,
    pub(crate) presence: String,
    pub(crate) look: String,
    pub(crate) bury: String,
    pub(crate) rescue: String,
    pub(crate) retire: String,
    pub(crate) order: String,
    pub(crate) reset_orders: String,
    pub(crate) orders: String,
    pub(crate) known_queues: String,
    pub(crate) lock_orders: String,
    pub(crate) end_orders: String,
    pub(crate) producers: String,
    pub(crate) job: String,
    pub(crate) counts: String,
    pub(crate) lead: String,
    pub(crate) lead_on: String,
    pub(crate) resign: String,
    pub(crate) leader: String,
    pub(crate) prune: String,
    pub(crate) rescue_foreign: String,
    pub(crate) refresh: String,
    pub(crate) reclaim: String,
    pub(crate) waiting: String,
    pub(crate) neighbours: Neighbours,
    pub(crate) jobs: String,
    pub(crate) count: String,
    pub(crate) found: String,
    pub(crate) reading: Reading,
    pub(crate) metrics: Metrics,
    pub(crate) directory: Directory,
    pub(crate) cancel: String,
    pub(crate) retry: String,
    pub(crate) discard: String,
    pub(crate) delete: String,
    pub(crate) standing: String,
    pub(crate) exists: String,
    pub(crate) update: String,
    pub(crate) report: String,
    pub(crate) audit_write: String,
    pub(crate) audit: String,
    pub(crate) prune_audit: String,
    pub(crate) create_operation: String,
    pub(crate) operations: String,
    pub(crate) operation: String,
    pub(crate) lease_operation: String,
    pub(crate) lock_operation: String,
    pub(crate) step_operation: String,
    pub(crate) cancel_operation: String,
    pub(crate) fail_operation: String,
    pub(crate) prune_operations: String,
    pub(crate) note_errors: String,
    pub(crate) errors: String,
    pub(crate) frequent_errors: String,
    pub(crate) error_counts: String,
    pub(crate) prune_errors: String,
    pub(crate) bring_forward: String,
}

/// What is asked for people who look at many jobs.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) page: String,
    pub(crate) page_edge: String,
    pub(crate) available_page: String,
    pub(crate) available_edge: String,
    pub(crate) oldest: String,
    pub(crate) writable: String,
    pub(crate) tallies: String,
    pub(crate) worker_tallies: String,
    pub(crate) tally: String,
    pub(crate) table_pages: String,
    pub(crate) sample: String,
}

/// A `COPY`, and a statement that is only prepared, to learn the types of its columns.
#[derive(Debug)]
pub(crate) struct Bulk {
    pub(crate) copy: String,
    pub(crate) types: String,
}

/// What is done with numbers over time.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) write: String,
    pub(crate) read: String,
    pub(crate) take: String,
    pub(crate) packed: String,
    pub(crate) forget: String,
}

/// What nodes say about themselves and their workers.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) declare_workers: String,
    pub(crate) known_workers: String,
    pub(crate) announce: String,
    pub(crate) depart: String,
    pub(crate) known_nodes: String,
    pub(crate) tidy: String,
}

/// What depends on which neighbours there can be.
#[derive(Debug)]
pub(crate) struct Neighbours {
    /// Whether one of them made the tables.
    pub(crate) made_the_tables: bool,
    /// Asks whether there is a sign of one.
    pub(crate) seen: String,
    /// Copies our producers to where a neighbour looks for them.
    pub(crate) producers: Option<String>,
    /// Removes them from there.
    pub(crate) retired: Option<String>,
    /// For each table in which they elect their leader: standing there, and stepping down.
    pub(crate) stand: Vec<(String, String)>,
}

/// The tables in which Elixir's and Python's nodes elect their leaders, and how each calls the time of
/// the election.
const OFFICES: [(&str, &str); 2] = [("oban_peers", "started_at"), ("oban_leaders", "elected_at")];

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
        let channels = Channels::new(schema);
        // Oban's own query costs what Oban's indexes make of it, so it is asked only where others
        // insert: in tables of theirs, and in ours as long as there is a sign of one of them.
        let neighbours = match layout.foreign {
            true => "true".to_owned(),
            false => format!("({})", neighbours_seen(layout)),
        };
        let neighbours_queues = match layout.producers {
            true => bare(file!("neighbours_queues")),
            false => String::new(),
        };
        let parts = [
            ("{neighbours_queues}", neighbours_queues),
            ("{queues_with_jobs}", bare(file!("queues_with_jobs"))),
            ("{available_first}", bare(file!("available_first"))),
            ("{row}", bare(file!("row"))),
            ("{neighbours}", neighbours),
            ("{stolen}", bare(file!("stolen"))),
            ("{errors}", bare(errors)),
            ("{job}", bare(file!("columns"))),
            ("{operation}", bare(file!("operation_columns"))),
            ("{schema}", quoted(schema)),
            ("{state}", layout.state_type.clone()),
            ("{channel}", channels.name(Channel::Insert).to_owned()),
            ("{leader_channel}", channels.name(Channel::Leader).to_owned()),
            ("{kept}", ERRORS_KEPT.to_string()),
            ("{rescued}", RESCUED.to_owned()),
            ("{progress}", PROGRESS.to_owned()),
        ];
        let fill = |text: &str| {
            let bare = bare(text);
            parts.iter().fold(bare, |text, (name, part)| text.replace(name, part))
        };
        let manage = |part: &str| fill(&file!("manage").replace("{move}", &bare(part)));
        let free = |text: &str| text.replace("{free}", &bare(file!("free")));
        let counted = |text: &str| text.replace("{counted}", &bare(file!("counted_errors")));
        let led = |text: &str| fill(&text.replace("{seat}", &bare(file!("seat"))));
        let plan_insert = |wake: &str| -> Arc<str> {
            fill(&file!("plan_insert").replace("{wake}", &bare(wake))).into()
        };
        let bulk = |columns: &str| Bulk {
            copy: fill(&file!("bulk").replace("{columns}", columns)),
            types: fill(&file!("bulk_types").replace("{columns}", columns)),
        };
        let told = match layout.errors {
            ErrorsColumn::Array => {
                "CASE WHEN cardinality(j.errors) > 0 THEN to_jsonb(j.errors) END"
            }
            ErrorsColumn::Json => "nullif(j.errors, '[]')",
        };
        let claimed = bare(file!("claimed")).replace("{told}", told);
        let claim = |floor: &str| {
            fill(&file!("claim").replace("{floor}", &bare(floor)).replace("{claimed}", &claimed))
        };

        Statements {
            schema: schema.to_owned(),
            quoted_schema: quoted(schema),
            last_error: match layout.errors {
                ErrorsColumn::Array => "j.errors[cardinality(j.errors)]",
                ErrorsColumn::Json => "j.errors -> -1",
            },
            channels,
            now: fill(file!("now")),
            insert: fill(file!("insert")),
            insert_alike: fill(file!("insert_alike")),
            bulk: bulk(
                "state, queue, worker, args, meta, tags, priority, max_attempts, inserted_at, \
                 scheduled_at",
            ),
            bulk_plain: bulk(
                "queue, worker, args, priority, max_attempts, inserted_at, scheduled_at",
            ),
            plan_insert: plan_insert(file!("wake")),
            plan_insert_quiet: plan_insert(""),
            lock_salt: insert::lock_salt(schema),
            unique_lock: fill(file!("unique_lock")).into(),
            unique_look: fill(file!("unique_look")).into(),
            unique_claim: fill(file!("unique_claim")).into(),
            unique_replace: fill(file!("unique_replace")).into(),
            unique_sweep: fill(file!("unique_sweep")),
            claim: claim(""),
            claim_from_floor: claim(file!("floor")),
            unclaim: fill(file!("unclaim")),
            stage: fill(file!("stage")),
            ack: fill(file!("ack")),
            ack_completed: fill(file!("ack_completed")),
            ack_verdict: fill(file!("ack_verdict")),
            crontab: fill(file!("crontab")),
            lock_cron: fill(file!("lock_cron")),
            declare_crons: fill(file!("declare_crons")),
            add_cron: fill(file!("add_cron")),
            cron_slots: fill(file!("cron_slots")),
            edit_cron: fill(file!("edit_cron")),
            pause_cron: fill(file!("pause_cron")),
            remove_cron: fill(file!("remove_cron")),
            begin_cron: fill(file!("begin_cron")),
            fire_slots: fill(file!("fire_slots")),
            fired_jobs: fill(file!("fired_jobs")),
            forget_slots: fill(file!("forget_slots")),
            other_nodes: fill(file!("other_nodes")),
            enroll: fill(file!("enroll")),
            beat: fill(file!("beat")),
            presence: fill(file!("presence")),
            look: fill(file!("look")),
            bury: fill(file!("bury")),
            rescue: fill(&free(file!("rescue"))),
            retire: fill(file!("retire")),
            order: fill(file!("order")),
            reset_orders: fill(file!("reset_orders")),
            orders: fill(file!("orders")),
            known_queues: fill(file!("known_queues")),
            lock_orders: fill(file!("lock_orders")),
            end_orders: fill(file!("end_orders")),
            producers: fill(file!("producers")),
            job: fill(file!("job")),
            counts: fill(file!("counts")),
            lead: fill(file!("lead")),
            lead_on: fill(file!("lead_on")),
            resign: fill(file!("resign")),
            leader: fill(file!("leader")),
            prune: led(file!("prune")),
            rescue_foreign: led(&free(file!("rescue_foreign"))),
            refresh: fill(file!("refresh")),
            reclaim: fill(file!("reclaim")),
            waiting: fill(file!("waiting")),
            neighbours: Neighbours {
                made_the_tables: layout.foreign,
                seen: fill(&format!("SELECT {}", neighbours_seen(layout))),
                producers: layout.producers.then(|| fill(file!("neighbours_producers"))),
                retired: layout.producers.then(|| fill(file!("neighbours_retired"))),
                stand: OFFICES
                    .into_iter()
                    .filter(|(table, _)| layout.has(table))
                    .map(|(table, since)| {
                        let office = [("{table}", table), ("{since}", since)];
                        let text = |text: &str| {
                            let text = office
                                .iter()
                                .fold(bare(text), |text, (name, part)| text.replace(name, part));
                            fill(&text)
                        };
                        (text(file!("stand")), text(file!("step_down")))
                    })
                    .collect(),
            },
            jobs: fill(file!("jobs")),
            count: fill(file!("count")),
            found: fill(file!("found")),
            reading: Reading {
                page: fill(file!("page")),
                page_edge: fill(file!("page_edge")),
                available_page: fill(file!("available_page")),
                available_edge: fill(file!("available_edge")),
                oldest: fill(file!("oldest")),
                writable: fill(file!("writable")),
                tallies: fill(file!("tallies")),
                worker_tallies: fill(file!("worker_tallies")),
                tally: fill(file!("tally")),
                table_pages: fill(file!("table_pages")),
                sample: fill(file!("sample")),
            },
            metrics: Metrics {
                write: fill(file!("write_metrics")),
                read: fill(
                    &file!("read_metrics").replace("{wanted}", &bare(file!("wanted_metrics"))),
                ),
                take: led(file!("take_metrics")),
                packed: fill(file!("packed_metrics")),
                forget: led(file!("forget_metrics")),
            },
            directory: Directory {
                declare_workers: fill(file!("declare_workers")),
                known_workers: fill(file!("known_workers")),
                announce: fill(file!("announce")),
                depart: fill(file!("depart")),
                known_nodes: fill(file!("known_nodes")),
                tidy: led(file!("tidy_directory")),
            },
            cancel: manage(file!("cancel")),
            retry: manage(file!("retry")),
            discard: manage(file!("discard")),
            delete: fill(file!("delete")),
            standing: fill(file!("standing")),
            exists: fill(file!("exists")),
            update: fill(file!("update")),
            report: fill(file!("report")),
            audit_write: fill(file!("audit_write")),
            audit: fill(file!("audit")),
            prune_audit: led(file!("prune_audit")),
            create_operation: fill(file!("create_operation")),
            operations: fill(file!("operations")),
            operation: fill(file!("operation")),
            lease_operation: fill(file!("lease_operation")),
            lock_operation: fill(file!("lock_operation")),
            step_operation: fill(file!("step_operation")),
            cancel_operation: fill(file!("cancel_operation")),
            fail_operation: fill(file!("fail_operation")),
            prune_operations: led(file!("prune_operations")),
            note_errors: fill(file!("note_errors")),
            errors: fill(&counted(file!("errors"))),
            frequent_errors: fill(&counted(file!("frequent_errors"))),
            error_counts: fill(file!("error_counts")),
            prune_errors: led(file!("prune_errors")),
            bring_forward: fill(file!("bring_forward")),
        }
    }
}

/// Whether somebody else is in one of the neighbours' tables, those that are there; as SQL.
fn neighbours_seen(layout: &Layout) -> String {
    let mut asks = Vec::new();
    for (table, _) in OFFICES.into_iter().filter(|(table, _)| layout.has(table)) {
        asks.push(file!("neighbours_leader").replace("{table}", table));
    }
    if layout.producers {
        asks.push(file!("neighbours_producer").to_owned());
    }
    let asks: Vec<String> = asks.iter().map(|ask| bare(ask)).collect();
    format!("false{}", asks.concat())
}

/// A call of a verb: in which schema, at what time, and what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Call<I> {
    pub(crate) sql: Arc<Statements>,
    /// What a manual clock shows; otherwise the database is asked.
    pub(crate) now: Option<Stamp>,
    pub(crate) input: I,
}

impl<I> Call<I> {
    /// A call about something else, in the same schema at the same time.
    pub(crate) fn with<T>(&self, input: T) -> Call<T> {
        Call { sql: Arc::clone(&self.sql), now: self.now, input }
    }
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
            let layout = Layout {
                errors,
                state_type: "public.oban_job_state".to_owned(),
                foreign: errors == ErrorsColumn::Json,
                peers: true,
                leaders: true,
                producers: true,
            };
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

//! What is printed in the end.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::catalogue::{ABSENT, PEERS, Peer};
use crate::measure::Outcome;
use crate::work::{Concurrency, Work};

/// All runs of one peer and work.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) peer: &'static Peer,
    pub(crate) work: Work,
    pub(crate) jobs: u64,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) failures: Vec<String>,
}

/// Everything that was found out.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) head: Vec<String>,
    pub(crate) cells: Vec<Cell>,
    /// Who could not be installed, and why.
    pub(crate) missing: Vec<(&'static str, String)>,
}

/// The middle, the least and the most.
struct Median {
    median: f64,
    least: f64,
    most: f64,
}

impl Cell {
    fn median(&self, of: impl Fn(&Outcome) -> Option<f64>) -> Option<Median> {
        let mut values: Vec<f64> = self.outcomes.iter().filter_map(of).collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            1 => values[middle],
            _ => f64::midpoint(values[middle - 1], values[middle]),
        };
        Some(Median { median, least, most })
    }

    fn rate(&self) -> Option<Median> {
        self.median(|outcome| outcome.jobs_per_second)
    }

    fn text(&self, of: impl Fn(&Outcome) -> Option<String>) -> String {
        self.outcomes.iter().find_map(of).unwrap_or_else(|| "?".to_owned())
    }
}

impl Findings {
    /// For people.
    pub(crate) fn markdown(&self) -> String {
        let mut page = String::from("# Peers, side by side\n\n");
        for line in &self.head {
            let _ = writeln!(page, "- {line}");
        }
        let mut works: Vec<Work> = Vec::new();
        for cell in &self.cells {
            if !works.contains(&cell.work) {
                works.push(cell.work);
            }
        }
        for work in works {
            let title = match work {
                Work::Drain(Concurrency::Best) => "Drain at each one's best concurrency".to_owned(),
                Work::Drain(Concurrency::Of(concurrency)) => {
                    format!("Drain at a concurrency of {concurrency}")
                }
                Work::Insert => "Single inserts, 32 tasks each awaiting its own".to_owned(),
                Work::Latency => continue,
            };
            self.rates(&mut page, &title, work);
        }
        self.latencies(&mut page);
        page.push_str("\n## Settings\n\n");
        for peer in &PEERS {
            let mut settings: Vec<String> = Vec::new();
            for cell in self.cells.iter().filter(|cell| cell.peer.name == peer.name) {
                let text = cell.text(|outcome| outcome.settings.clone());
                if text != "?" && !settings.contains(&text) {
                    settings.push(text);
                }
            }
            if !settings.is_empty() {
                let settings = settings.join("; ");
                let _ = writeln!(page, "- **{}**: {settings} ({})", peer.name, peer.remark);
            }
        }
        page.push_str("\n## Not measured\n\n");
        for (name, why) in self.not_measured() {
            let _ = writeln!(page, "- **{name}**: {why}");
        }
        page
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let cells = self.cells.iter().map(|cell| {
            let all = |of: fn(&Outcome) -> Option<f64>| -> Vec<Option<f64>> {
                cell.outcomes.iter().map(of).collect()
            };
            let median = |of: fn(&Outcome) -> Option<f64>| cell.median(of).map(|it| it.median);
            json!({
                "peer": cell.peer.name,
                "place": cell.peer.place.title(),
                "version": cell.text(|outcome| outcome.version.clone()),
                "keeps_finished_rows": cell.peer.keeps,
                "work": cell.work.name(),
                "concurrency": cell.work.concurrency(cell.peer),
                "jobs": cell.jobs,
                "settings": cell.text(|outcome| outcome.settings.clone()),
                "remark": cell.peer.remark,
                "jobs_per_second": median(|outcome| outcome.jobs_per_second),
                "p50_ms": median(|outcome| outcome.p50_ms),
                "p99_ms": median(|outcome| outcome.p99_ms),
                "cpu_us_per_job": median(|outcome| outcome.cpu_us_per_job),
                "peak_rss_mb": median(|outcome| outcome.peak_rss_mb),
                "rounds": {
                    "jobs_per_second": all(|outcome| outcome.jobs_per_second),
                    "p50_ms": all(|outcome| outcome.p50_ms),
                    "p99_ms": all(|outcome| outcome.p99_ms),
                    "seconds": all(|outcome| outcome.seconds),
                },
                "failures": cell.failures,
            })
        });
        let missing = self.not_measured();
        let missing = missing.iter().map(|(name, why)| json!({ "peer": name, "why": why }));
        json!({
            "head": self.head,
            "cells": cells.collect::<Vec<_>>(),
            "not_measured": missing.collect::<Vec<_>>(),
        })
    }

    fn not_measured(&self) -> Vec<(&str, String)> {
        let absent = ABSENT.iter().map(|(name, why)| (*name, (*why).to_owned()));
        let missing = self.missing.iter().map(|(name, why)| (*name, why.clone()));
        let failed = self.cells.iter().filter_map(|cell| {
            let why = cell.failures.last()?;
            let (failed, all) = (cell.failures.len(), cell.failures.len() + cell.outcomes.len());
            Some((cell.peer.name, format!("{}: {failed} of {all} runs: {why}", cell.work.name())))
        });
        absent.chain(missing).chain(failed).collect()
    }

    fn rates(&self, page: &mut String, title: &str, work: Work) {
        let cells: Vec<&Cell> = self.cells.iter().filter(|cell| cell.work == work).collect();
        let _ = writeln!(
            page,
            "\n## {title}\n\n\
             | peer | version | on | keeps finished rows | concurrency | jobs | jobs/s, median | min–max | \
             of Kerrera's there | client µs/job | peak MB |\n|{}",
            "---|".repeat(11)
        );
        for cell in &cells {
            let Some(rate) = cell.rate() else {
                let _ = writeln!(
                    page,
                    "| {} | ? | {} | | | | failed | | | | |",
                    cell.peer.name,
                    cell.peer.place.title()
                );
                continue;
            };
            // On the same database; on Redis, against PostgreSQL.
            let ours = cells.iter().find(|other| {
                other.peer.name.starts_with("kerrera")
                    && (other.peer.place == cell.peer.place
                        || cell.peer.place.title().starts_with("Redis"))
            });
            let share = ours.and_then(|ours| Some(rate.median / ours.rate()?.median));
            let concurrency = match work {
                Work::Insert => "32 tasks".to_owned(),
                _ => work.concurrency(cell.peer).to_string(),
            };
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {concurrency} | {} | {:.0} | {:.0}–{:.0} | {} | {} | {} |",
                cell.peer.name,
                cell.text(|outcome| outcome.version.clone()),
                cell.peer.place.title(),
                cell.peer.keeps,
                cell.jobs,
                rate.median,
                rate.least,
                rate.most,
                share.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0)),
                number(cell.median(|outcome| outcome.cpu_us_per_job)),
                number(cell.median(|outcome| outcome.peak_rss_mb)),
            );
        }
    }

    fn latencies(&self, page: &mut String) {
        let mut cells = self.cells.iter().filter(|cell| cell.work == Work::Latency).peekable();
        if cells.peek().is_none() {
            return;
        }
        let _ = writeln!(
            page,
            "\n## From an insert to the start of its job, idle system\n\n\
             | peer | version | on | samples | p50 ms, median | min–max | p99 ms, median | min–max |\n|{}",
            "---|".repeat(8)
        );
        for cell in cells {
            let (p50, p99) =
                (cell.median(|outcome| outcome.p50_ms), cell.median(|outcome| outcome.p99_ms));
            let (Some(p50), Some(p99)) = (p50, p99) else {
                let place = cell.peer.place.title();
                let _ = writeln!(page, "| {} | ? | {place} | | failed | | | |", cell.peer.name);
                continue;
            };
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {:.2} | {:.2}–{:.2} | {:.2} | {:.2}–{:.2} |",
                cell.peer.name,
                cell.text(|outcome| outcome.version.clone()),
                cell.peer.place.title(),
                cell.jobs,
                p50.median,
                p50.least,
                p50.most,
                p99.median,
                p99.least,
                p99.most,
            );
        }
    }
}

fn number(median: Option<Median>) -> String {
    median.map_or_else(String::new, |it| format!("{:.1}", it.median))
}

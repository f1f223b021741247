//! Every link is made here.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in a path as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Links within one instance, as the browser needs them.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    base: String,
    instance: String,
}

impl Links {
    pub(crate) fn new(base: String, instance: &str) -> Links {
        Links { base, instance: escape(instance) }
    }

    /// Where the router is mounted; empty at the root.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A path within the instance, of parts that are escaped: `["jobs", "7"]`.
    pub(crate) fn to<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> String {
        let mut link = format!("{}/i/{}", self.base, self.instance);
        for part in parts {
            let _ = write!(link, "/{}", escape(part));
        }
        link
    }

    /// The first page of the instance.
    pub(crate) fn overview(&self) -> String {
        self.to([])
    }

    /// The list of jobs that a filter has.
    pub(crate) fn jobs(&self, filter: &str) -> String {
        let jobs = self.to(["jobs"]);
        match filter {
            "" => jobs,
            filter => format!("{jobs}?q={}", escape(filter)),
        }
    }

    /// One job.
    pub(crate) fn job(&self, id: i64) -> String {
        self.to(["jobs", &id.to_string()])
    }

    /// One queue.
    pub(crate) fn queue(&self, name: &str) -> String {
        self.to(["queues", name])
    }

    /// One worker.
    pub(crate) fn worker(&self, name: &str) -> String {
        self.to(["workers", name])
    }

    /// The jobs of one worker.
    pub(crate) fn jobs_of_worker(&self, name: &str) -> String {
        self.jobs(&format!("worker:\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")))
    }

    /// One node.
    pub(crate) fn node(&self, name: &str) -> String {
        self.to(["nodes", name])
    }

    /// What is done to many jobs at once.
    pub(crate) fn operation(&self, id: i64) -> String {
        self.to(["operations", &id.to_string()])
    }

    /// The entries of the audit log about one thing.
    pub(crate) fn audit_of(&self, sort: &str, name: &str) -> String {
        format!("{}?sort={}&target={}", self.to(["audit"]), escape(sort), escape(name))
    }

    /// One entry of the crontab.
    pub(crate) fn cron(&self, name: &str) -> String {
        match name {
            // That address is the form for a new one.
            "new" => format!("{}/%6Eew", self.to(["crons"])),
            name => self.to(["crons", name]),
        }
    }
}

/// Escapes a part of a path or of a query.
pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_escaped() {
        let links = Links::new("/admin".to_owned(), "ein/aus");
        assert_eq!(links.queue("a b/..?"), "/admin/i/ein%2Faus/queues/a%20b%2F..%3F");
        assert_eq!(links.jobs("state:retryable"), "/admin/i/ein%2Faus/jobs?q=state%3Aretryable");
        assert_eq!(links.overview(), "/admin/i/ein%2Faus");
    }
}

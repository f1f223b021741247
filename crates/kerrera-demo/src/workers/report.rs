//! Reports on a day, and then on the next.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kerrera::prelude::*;

use crate::app::App;
use crate::pace;
use crate::stats::job_stats;

/// Writes the report of a day, and puts that of the next day on the list.
#[derive(Serialize, Deserialize, Worker)]
#[worker(tags = ["kerrera-demo"], backoff = pace::backoff)]
pub(crate) struct DailyReport {
    pub(crate) day: u32,
    /// Where the demonstration ends.
    pub(crate) last_day: u32,
}

/// Where the report of a day is.
pub(crate) fn report_path(folder: &Path, day: u32) -> PathBuf {
    folder.join(format!("report-{day}.txt"))
}

impl Perform<App> for DailyReport {
    async fn perform(&self, cx: &Context<App>) -> JobResult {
        let mut report = format!("Day {} of {}\n\n", self.day, self.last_day);
        for (state, jobs) in job_stats(cx.client()).await? {
            writeln!(report, "{state:<10} {jobs:>6}")?;
        }
        // Written aside and renamed, so that no attempt leaves half a report.
        let path = report_path(&cx.state().folder, self.day);
        let aside = path.with_extension("new");
        tokio::fs::write(&aside, report).await?;
        tokio::fs::rename(&aside, &path).await?;

        if self.day == self.last_day {
            return done();
        }
        let next = DailyReport { day: self.day + 1, last_day: self.last_day };
        // In earnest: `next.schedule_in(1.day())`.
        done().then(next.schedule_in(pace::DAY))
    }
}

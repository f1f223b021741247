//! What this process has used, as Linux counts it.

use std::fs;
use std::time::Duration;

use crate::Result;

/// The unit of the times in `/proc/self/stat`: 100 a second on every Linux that matters here.
const TICK: Duration = Duration::from_millis(10);

/// Where the counters stood.
#[derive(Debug)]
pub(crate) struct Usage {
    ticks: u32,
}

/// What was used since.
#[derive(Debug)]
pub(crate) struct Spent {
    pub(crate) cpu: Duration,
    pub(crate) peak_rss_bytes: u64,
}

impl Usage {
    /// Begins to count, also the peak of memory.
    pub(crate) fn now() -> Result<Usage> {
        // Forgets the peak so far. Where that is not allowed, the peak is the process's.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Ok(Usage { ticks: ticks()? })
    }

    pub(crate) fn since(&self) -> Result<Spent> {
        Ok(Spent { cpu: TICK * (ticks()? - self.ticks), peak_rss_bytes: peak_rss_bytes()? })
    }
}

/// User and system time of all threads.
fn ticks() -> Result<u32> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program stands in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next().ok_or("/proc/self/stat is too short");
    Ok(next()?.parse::<u32>()? + next()?.parse::<u32>()?)
}

fn peak_rss_bytes() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmHWM")?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}

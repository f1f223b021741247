//! What a process uses.

use std::time::Duration;

/// The processor time that this process has used.
#[cfg(unix)]
pub(crate) fn processor() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).ok()
}

#[cfg(not(unix))]
pub(crate) fn processor() -> Option<Duration> {
    None
}

/// The most memory that this process has had, in KiB; Linux tells.
pub(crate) fn peak_memory() -> Option<u64> {
    status_of("self", "VmHWM:")
}

/// The memory that a process has now, in KiB; Linux tells.
pub(crate) fn memory_of(process: u32) -> Option<u64> {
    status_of(&process.to_string(), "VmRSS:")
}

fn status_of(process: &str, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

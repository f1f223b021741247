//! Real processes on real databases, killed, stopped and cut off; afterwards the checker says what in
//! their history must not be.
//!
//! Each scenario prints its seed and its figures; `KERRERA_TORTURE_SEED` repeats a seed. The numbers
//! (T01, T03 …) are those of `docs/torture.md`.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests, and their figures are to be seen"
)]

#[path = "process/kills.rs"]
mod kills;
// What a process uses is read from /proc.
#[cfg(target_os = "linux")]
#[path = "process/restarts.rs"]
mod restarts;
#[path = "process/scene.rs"]
mod scene;
#[path = "process/soak.rs"]
mod soak;
#[path = "process/storm.rs"]
mod storm;
#[path = "process/zombie.rs"]
mod zombie;

//! The decisions of the engine, without I/O and without a clock.
//!
//! Each loop of the runtime is a machine here: `step(now, event)` changes its state and says what is
//! to be done next. The shells in [`runtime`](crate::runtime) do it, and report back with the next
//! event. Time is an argument, so a test or a simulator drives the same code as production does.

pub(crate) mod acker;
pub(crate) mod archivist;
pub(crate) mod bookkeeper;
pub(crate) mod candidate;
pub(crate) mod cron;
pub(crate) mod heart;
pub(crate) mod leader;
pub(crate) mod operator;
pub(crate) mod pace;
pub(crate) mod producer;
pub(crate) mod pruner;
pub(crate) mod queues;
pub(crate) mod recorder;
pub(crate) mod reindexer;
pub(crate) mod rescuer;
pub(crate) mod retry;
pub(crate) mod shutdown;
pub(crate) mod sonar;
pub(crate) mod stager;
pub(crate) mod stock;
pub(crate) mod sweeper;
pub(crate) mod throttle;

//! What is done, one file a command.

pub(crate) mod bench;
pub(crate) mod cron;
pub(crate) mod demo;
pub(crate) mod jobs;
pub(crate) mod migrate;
pub(crate) mod queues;
pub(crate) mod web;

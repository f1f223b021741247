//! The jobs of the application, one file a worker.

mod analytics;
mod bulk;
mod import;
mod mail;
mod report;

pub(crate) use analytics::LogAnalytics;
pub(crate) use bulk::BulkEmailSend;
pub(crate) use import::{BATCH, DataImport, airports_in};
pub(crate) use mail::SendWelcomeEmail;
pub(crate) use report::{DailyReport, report_path};

/// The tag of every job of the demonstration, by which it knows its own.
pub(crate) const TAG: &str = "kerrera-demo";

#[cfg(test)]
mod tests;

//! The state that workers are given.

use std::path::PathBuf;
use std::sync::Arc;

use crate::geocoder::Geocoder;
use crate::mailer::Mailer;
use crate::store::Store;

/// What the application's workers need: its tables, its services, and where its files are.
#[derive(Debug)]
pub(crate) struct App {
    /// Shared with the endpoint.
    pub(crate) store: Arc<Store>,
    pub(crate) mailer: Mailer,
    pub(crate) geocoder: Geocoder,
    /// Uploads are read from here, and reports are written here.
    pub(crate) folder: PathBuf,
}

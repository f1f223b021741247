//! What pages are made of: functions from what is known to HTML.
//!
//! One anatomy for every list, one chip for every state. What stands here knows no request and asks no
//! database.

pub(crate) mod bar;
pub(crate) mod button;
pub(crate) mod chart;
pub(crate) mod done;
pub(crate) mod empty;
pub(crate) mod icon;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod order;
pub(crate) mod question;
pub(crate) mod rail;
pub(crate) mod state;
pub(crate) mod when;
pub(crate) mod window;

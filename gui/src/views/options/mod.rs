//! How to accept an offer where it is not the usual way: the place, what about a taken name and, of a
//! folder, which files.

mod data;
mod picker;
mod ui;

pub(crate) use data::Options;
pub(crate) use ui::{policy, show};

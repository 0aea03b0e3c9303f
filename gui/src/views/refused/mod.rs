//! The full stop: the coordinator's key is not the one that is pinned.

mod data;
mod ui;

pub(crate) use data::{Stop, stop};
pub(crate) use ui::show;

//! The line at the bottom: how the coordinator is reached, and what moves.

mod data;
mod ui;

pub(crate) use data::status;
pub(crate) use ui::show;

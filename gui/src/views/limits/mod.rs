//! How transfers behave until it is set anew: slots, limits, and what about taken names.

mod data;
mod ui;

pub(crate) use data::{LimitsForm, limit};
pub(crate) use ui::show;

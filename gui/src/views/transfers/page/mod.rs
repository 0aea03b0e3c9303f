//! All transfers on one page: what goes on, what waits, and who took what.

mod data;
mod row;
mod ui;

pub(crate) use data::page;
pub(crate) use ui::show as show_page;

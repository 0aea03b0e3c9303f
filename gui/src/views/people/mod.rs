//! The left panel: conversations first, then everybody else, online and offline.

mod data;
mod ui;

pub(crate) use data::{Row, avatar, everyone, list, seen};
pub(crate) use ui::show;

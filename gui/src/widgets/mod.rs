//! The controls of which the views are made. Each has a name for screen readers and can be reached
//! and seen with the keyboard.

mod avatar;
mod button;
mod field;
mod icon_button;
mod marks;
mod menu;
mod pieces;
mod segments;
pub(crate) mod text;

pub(crate) use avatar::{Avatar, Presence};
pub(crate) use button::{Button, Kind};
pub(crate) use field::Field;
pub(crate) use icon_button::IconButton;
pub(crate) use marks::{badge, brand, focus_ring, hairline, progress, tile};
pub(crate) use menu::menu_item;
pub(crate) use pieces::pieces;
pub(crate) use segments::segments;

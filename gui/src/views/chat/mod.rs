//! The conversation: header, the line of time with its bubbles and cards, composer.

mod bubble;
mod composer;
mod data;
mod person;
mod timeline;
mod ui;

pub(crate) use data::{conversation, newest};
pub(crate) use person::PersonForm;
pub(crate) use timeline::Heights;
pub(crate) use ui::{nothing_open, show};

//! A file on its way: as a card in the conversation and as a row in the transfers panel.

mod card;
mod data;
mod ui;

pub(crate) use card::Layout;
pub(crate) use data::{FileCard, card, is_current, summary};
pub(crate) use ui::{show, speeds};

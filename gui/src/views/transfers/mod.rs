//! A file or folder on its way: as a card in the conversation, as a row in the transfers panel, and
//! on the page of all transfers.

mod card;
mod data;
mod does;
mod incoming;
mod outgoing;
mod page;
mod plot;
mod summary;
mod ui;

pub(crate) use card::Layout;
pub(crate) use data::{Around, FileCard, card};
pub(crate) use page::{page, show_page};
pub(crate) use summary::{is_current, speeds, summary};
pub(crate) use ui::show;

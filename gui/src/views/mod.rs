//! What is on the screen. Each view has a pure `data.rs`, made from the snapshot, and a painter
//! `ui.rs` that pushes commands. No lock, no waiting and no file IO is reachable from here.

pub(crate) mod chat;
pub(crate) mod files;
pub(crate) mod format;
pub(crate) mod invite;
pub(crate) mod limits;
pub(crate) mod options;
pub(crate) mod people;
pub(crate) mod refused;
pub(crate) mod settings;
pub(crate) mod sign_in;
pub(crate) mod status;
pub(crate) mod toasts;
pub(crate) mod transfers;
pub(crate) mod waiting;

//! The menu under the cog: theme, keys, download folder, signing out.

mod ui;

use std::path::PathBuf;

use landline_protocol::DeviceId;

use crate::theme::ThemeChoice;

pub(crate) use ui::show;

/// What the menu shows.
#[derive(Clone, Debug)]
pub(crate) struct Menu {
    pub(crate) theme: ThemeChoice,
    /// This machine's key.
    pub(crate) device: DeviceId,
    /// Where the coordinator is dialled.
    pub(crate) coordinator: String,
    /// Its key.
    pub(crate) coordinator_key: DeviceId,
    /// Whether that came with an invite.
    pub(crate) key_from_invite: bool,
    /// Where accepted files go.
    pub(crate) download_folder: PathBuf,
    /// The address that others dial, if this window hosts.
    pub(crate) hosting: Option<String>,
}

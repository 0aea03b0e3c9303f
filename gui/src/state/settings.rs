//! What the window keeps on disk: `window.json` in the profile.
//!
//! Read once before the first frame and written on the runtime's thread, never within a frame.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::theme::ThemeChoice;

/// The window's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// Light, dark or the system's.
    pub(crate) theme: ThemeChoice,
    /// Present once this profile hosts a coordinator: it is started again with the window.
    pub(crate) hosting: Option<Hosting>,
}

/// How the coordinator in this process listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hosting {
    /// Where.
    pub(crate) listen: SocketAddr,
}

impl Settings {
    fn path(profile: &Path) -> PathBuf {
        profile.join("window.json")
    }

    /// The settings of a profile; the usual ones where there are none or they cannot be read.
    pub(crate) fn load(profile: &Path) -> Self {
        match std::fs::read(Self::path(profile)) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, "window.json is not readable; using the usual settings");
                Self::default()
            }),
            Err(_) => Self::default(),
        }
    }

    /// Writes them beside the old ones and then in their place.
    pub(crate) fn save(&self, profile: &Path) -> io::Result<()> {
        std::fs::create_dir_all(profile)?;
        let bytes = serde_json::to_vec_pretty(self)?;
        let draft = profile.join("window.json.new");
        std::fs::write(&draft, bytes)?;
        std::fs::rename(draft, Self::path(profile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_a_restart_and_damage() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Settings::load(dir.path()), Settings::default());
        let settings = Settings {
            theme: ThemeChoice::Dark,
            hosting: Some(Hosting { listen: "0.0.0.0:4810".parse().unwrap() }),
        };
        settings.save(dir.path()).unwrap();
        assert_eq!(Settings::load(dir.path()), settings);
        std::fs::write(dir.path().join("window.json"), b"{").unwrap();
        assert_eq!(Settings::load(dir.path()), Settings::default());
    }
}

//! What must not be read by others: the refresh token and the peer credential. Kept in the
//! system's keyring where one answers, else in a file only its owner can read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use landline_protocol::DeviceId;
use landline_trust::private_file::{PrivateFileError, read_private, write_private};
use serde::{Deserialize, Serialize};

/// Where secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretsIn {
    /// The keyring of the desktop; the file when it does not answer within three seconds.
    Keyring,
    /// `secrets.json` in the profile, mode 0600.
    File,
}

/// What a signed-in device holds between runs.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// The next refresh token.
    pub(crate) refresh_token: String,
    /// Shown to other peers; good for a day without the coordinator.
    pub(crate) peer_credential: String,
}

/// Why secrets could not be kept or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretsError {
    #[error(transparent)]
    Write(#[from] PrivateFileError),
    #[error(transparent)]
    Remove(#[from] std::io::Error),
}

/// A keyring that does not answer must not hold up a start.
const KEYRING_PATIENCE: Duration = Duration::from_secs(3);

/// The secrets of one profile.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    place: SecretsIn,
    file: PathBuf,
    entry: String,
}

impl Secrets {
    pub(crate) fn new(place: SecretsIn, profile: &Path, device: DeviceId) -> Self {
        Self { place, file: profile.join("secrets.json"), entry: device.to_string() }
    }

    /// What was stored last, from wherever it was stored.
    pub(crate) async fn load(&self) -> Option<Stored> {
        if let Ok(Some(text)) = read_private(&self.file) {
            return serde_json::from_slice(&text).ok();
        }
        let text = self.keyring(keyring::Entry::get_password).await?;
        serde_json::from_str(&text).ok()
    }

    /// Replaces what is stored. An error means that the next start must sign in again.
    pub(crate) async fn store(&self, stored: &Stored) -> Result<(), SecretsError> {
        let text = serde_json::to_string(stored).unwrap_or_default();
        let kept = text.clone();
        if self.keyring(move |entry| entry.set_password(&kept)).await.is_some() {
            return Ok(self.remove_file()?);
        }
        Ok(write_private(&self.file, text.as_bytes())?)
    }

    /// Forgets everything, everywhere.
    pub(crate) async fn clear(&self) -> Result<(), SecretsError> {
        self.keyring(keyring::Entry::delete_credential).await;
        Ok(self.remove_file()?)
    }

    fn remove_file(&self) -> std::io::Result<()> {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn keyring<T, F>(&self, work: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce(&keyring::Entry) -> keyring::Result<T> + Send + 'static,
    {
        if self.place == SecretsIn::File {
            return None;
        }
        let account = self.entry.clone();
        let task = tokio::task::spawn_blocking(move || work(&keyring::Entry::new("landline", &account)?));
        match tokio::time::timeout(KEYRING_PATIENCE, task).await {
            Ok(Ok(Ok(value))) => Some(value),
            Ok(Ok(Err(error))) => {
                tracing::debug!(%error, "keyring");
                None
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("the keyring does not answer: secrets are kept in a file of the profile");
                None
            }
        }
    }
}

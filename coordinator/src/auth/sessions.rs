//! Refresh and sign-out.

use landline_protocol::account::Session;
use landline_protocol::{DeviceId, WireError};
use landline_trust::hash_secret;

use super::accounts::Fresh;
use super::{Auth, revoked};
use crate::store::sessions::{self, Refreshed};

/// What showing a refresh token led to.
pub(crate) enum RefreshOutcome {
    /// The next session of the family.
    Renewed(Box<Session>),
    /// Refused; the family of that id is over, and its sockets are to be closed.
    Over(Option<String>, WireError),
}

impl Auth {
    /// Takes a refresh token as shown by `device` and gives its successor.
    pub(crate) async fn refresh(&self, device: DeviceId, shown: &str) -> Result<RefreshOutcome, WireError> {
        let (shown, now) = (hash_secret(shown), self.clock.now());
        let fresh = Fresh::new()?;
        let successor = fresh.refresh_hash;
        let refreshed = self
            .store
            .write(move |db| sessions::refresh(db, &shown, &device, &successor, now).map_err(WireError::from))
            .await?;
        match refreshed {
            Refreshed::Renewed(of) => {
                let session = self.session(of.user, of.admin, &device, &of.session, fresh.refresh_token)?;
                Ok(RefreshOutcome::Renewed(Box::new(session)))
            }
            Refreshed::Over(family) => {
                if let Some(family) = &family {
                    tracing::warn!(family, device = device.short(), "a refresh token came twice or is over");
                }
                Ok(RefreshOutcome::Over(family, revoked()))
            }
        }
    }

    /// Ends the family of a refresh token; gives its id, so that its sockets can be closed.
    /// A token that is not good any more has nothing to end: that is no error.
    pub(crate) async fn sign_out(&self, device: DeviceId, shown: &str) -> Result<Option<String>, WireError> {
        let shown = hash_secret(shown);
        self.store.write(move |db| sessions::sign_out(db, &shown, &device).map_err(WireError::from)).await
    }
}

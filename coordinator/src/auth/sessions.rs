//! Refresh and sign-out.

use landline_protocol::account::Session;
use landline_protocol::{DeviceId, Timestamp, WireError};
use landline_trust::hash_secret;

use super::accounts::Fresh;
use super::{Auth, Keep, revoked};
use crate::store::StoreError;
use crate::store::revocations::{self, Revocations};
use crate::store::sessions::{self, Refreshed, SessionOf};

/// What showing a refresh token led to.
pub(crate) enum RefreshOutcome {
    /// The next session of the family.
    Renewed(Box<Session>),
    /// Refused.
    Over(Option<Ended>, WireError),
}

/// A family is over: its sockets are to be closed, and everybody told what else is void.
pub(crate) struct Ended {
    /// Its id.
    pub(crate) family: String,
    /// The list of revocations as of now.
    pub(crate) revocations: Revocations,
}

impl Auth {
    /// Takes a refresh token as shown by `device` and gives its successor.
    pub(crate) async fn refresh(&self, device: DeviceId, shown: &str) -> Result<RefreshOutcome, WireError> {
        self.rates.refresh(device, self.clock.now())?;
        let (shown, clock) = (hash_secret(shown), self.clock.clone());
        let fresh = Fresh::new()?;
        let successor = fresh.refresh_hash;
        let refreshed = self
            .store
            .write(move |db| {
                let now = clock.now();
                match sessions::refresh(db, &shown, &device, &successor, now)? {
                    Refreshed::Renewed(of) => {
                        Ok(Taken::Renewed(of, revocations::next_issue(db, &device, now)?))
                    }
                    Refreshed::Over(Some(family)) => {
                        Ok(Taken::Over(Some(Ended { family, revocations: revocations::list(db)? })))
                    }
                    Refreshed::Over(None) => Ok::<_, StoreError>(Taken::Over(None)),
                }
            })
            .await?;
        match refreshed {
            Taken::Renewed(of, at) => {
                let keep = Keep { family: of.session, refresh_token: fresh.refresh_token, at };
                let session = self.session(of.user, of.admin, &device, keep)?;
                Ok(RefreshOutcome::Renewed(Box::new(session)))
            }
            Taken::Over(ended) => {
                if let Some(Ended { family, .. }) = &ended {
                    tracing::warn!(family, device = device.short(), "a refresh token came twice or is over");
                }
                Ok(RefreshOutcome::Over(ended, revoked()))
            }
        }
    }

    /// Ends the family of a refresh token. A token that is not good any more has nothing to end:
    /// that is no error.
    pub(crate) async fn sign_out(&self, device: DeviceId, shown: &str) -> Result<Option<Ended>, WireError> {
        self.rates.refresh(device, self.clock.now())?;
        let (shown, clock) = (hash_secret(shown), self.clock.clone());
        let ended = self.store.write(move |db| {
            let family = sessions::sign_out(db, &shown, &device, clock.now())?;
            let end = |family| Ok::<_, StoreError>(Ended { family, revocations: revocations::list(db)? });
            family.map(end).transpose()
        });
        Ok(ended.await?)
    }
}

/// What the database says of a refresh token.
enum Taken {
    /// The successor is good, and a peer credential may be dated so.
    Renewed(SessionOf, Timestamp),
    Over(Option<Ended>),
}

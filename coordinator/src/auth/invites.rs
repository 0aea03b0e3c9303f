//! Invites: made by the first start, by admins, and by whoever owns the data directory.

use landline_protocol::account::Invite;
use landline_protocol::{ErrorCode, Timestamp, WireError};
use landline_trust::{hash_secret, random_code};

use super::{Auth, Authorized, internal};
use crate::store::invites;

/// An invite is good for seven days.
pub(crate) const INVITE_MILLIS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Random bytes of a code.
const CODE_BYTES: usize = 16;

/// A code that is not stored yet; only its hash will be.
pub(crate) struct NewInvite {
    /// What to hand out.
    pub(crate) invite: Invite,
    /// What to store.
    pub(crate) hash: [u8; 32],
}

/// Makes a code.
pub(crate) fn new_invite(now: Timestamp) -> Result<NewInvite, WireError> {
    let code = random_code(CODE_BYTES).map_err(internal)?;
    let hash = hash_secret(&code);
    Ok(NewInvite { invite: Invite { code, expires_at: now.plus_millis(INVITE_MILLIS) }, hash })
}

impl Auth {
    /// Makes an invite for an admin to hand out.
    pub(crate) async fn invite_by(&self, who: &Authorized) -> Result<Invite, WireError> {
        if !who.admin {
            return Err(WireError::new(
                ErrorCode::Forbidden,
                "only an admin can invite people: ask one for a link",
            ));
        }
        tracing::info!(user = %who.user, "made an invite");
        self.invite(false).await
    }

    /// Makes an invite. One that makes an admin takes the place of unused earlier ones.
    pub(crate) async fn invite(&self, admin: bool) -> Result<Invite, WireError> {
        let now = self.clock.now();
        let NewInvite { invite, hash } = new_invite(now)?;
        let expires_at = invite.expires_at;
        self.store
            .write(move |db| invites::add(db, &hash, admin, now, expires_at).map_err(WireError::from))
            .await?;
        Ok(invite)
    }
}

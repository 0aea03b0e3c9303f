//! What the file server's gatekeeper goes by, kept up to date: whose credentials count, which were
//! taken back, and which bindings are known.

use std::collections::HashMap;
use std::sync::Arc;

use landline_protocol::revocation::{RevocationList, SignedRevocations};
use landline_protocol::{DeviceId, Timestamp};
use landline_trust::revocation;
use landline_trust::token::TokenVerifier;

use super::{Engine, SignedIn};
use crate::api::Failure;
use crate::gate::Gatekeeper;

/// A difference between clocks that is worth writing down, in milliseconds: less than the leeway of
/// the tokens.
const SKEW_NOTED: u64 = 1_000;

impl Engine {
    /// Lets askers in. Everything they could ask for is there, or awaited.
    pub(super) fn open_gate(&self) {
        let Some(signed_in) = &self.signed_in else { return };
        let verifier = signed_in.account.keys.clone().map(|keys| Arc::new(TokenVerifier::new(keys)));
        let known = Arc::new(signed_in.directory.bindings());
        let revoked = Arc::new(held_revocations(signed_in).map(|list| voided(&list)).unwrap_or_default());
        self.files.gatekeeper.send_modify(|keeper| {
            *keeper = Gatekeeper { verifier, known, revoked, ..keeper.clone() };
        });
    }

    /// Lets nobody in.
    pub(super) fn shut_gate(&self) {
        let shut = Gatekeeper { offline: true, skew_ms: self.skew_ms, ..Gatekeeper::default() };
        self.files.gatekeeper.send_replace(shut);
    }

    /// The coordinator is out of reach.
    pub(super) fn coordinator_gone(&self) {
        self.files.gatekeeper.send_modify(|keeper| keeper.offline = true);
    }

    /// The coordinator is there, and its clock shows this. How far ours is from it is remembered:
    /// credentials are checked by it even after a restart without the coordinator.
    pub(super) async fn coordinator_shows(&mut self, now: Timestamp) {
        let (theirs, mine) = (now.as_millis().cast_signed(), self.clock.now().as_millis().cast_signed());
        let skew = theirs.saturating_sub(mine);
        self.files.gatekeeper.send_modify(|keeper| {
            keeper.offline = false;
            keeper.skew_ms = skew;
        });
        if skew.abs_diff(self.skew_ms) < SKEW_NOTED {
            return;
        }
        self.skew_ms = skew;
        let kept = self.history.call(move |db| db.set_setting("skew", &skew.to_le_bytes())).await;
        if let Err(error) = kept {
            self.notice(error);
        }
    }

    /// Takes in a list of void credentials: nothing more for those devices, at once.
    pub(super) async fn revocations(&mut self, signed: SignedRevocations) -> Result<(), Failure> {
        let Some(signed_in) = &mut self.signed_in else { return Ok(()) };
        let list = match revocation::open(&signed, &signed_in.account.coordinator) {
            Ok(list) => list,
            Err(error) => {
                tracing::warn!(%error, "a list of revocations that is not genuine");
                return Ok(());
            }
        };
        let held = held_revocations(signed_in);
        if held.as_ref().is_some_and(|held| held.version >= list.version) {
            return Ok(());
        }
        let before = held.map(|held| voided(&held)).unwrap_or_default();
        let account = signed_in.account.id;
        signed_in.account.revocations = Some(signed.clone());
        self.history.call(move |db| db.set_revocations(account, &signed)).await?;
        self.open_gate();
        for one in list.revoked.iter().filter(|one| before.get(&one.device) != Some(&one.before)) {
            self.shares.stop_device(&one.device);
        }
        Ok(())
    }
}

/// The list that is held, checked again: it may come from a database that others can write.
fn held_revocations(signed_in: &SignedIn) -> Option<RevocationList> {
    let account = &signed_in.account;
    account.revocations.as_ref().and_then(|signed| revocation::open(signed, &account.coordinator).ok())
}

fn voided(list: &RevocationList) -> HashMap<DeviceId, Timestamp> {
    list.revoked.iter().map(|one| (one.device, one.before)).collect()
}

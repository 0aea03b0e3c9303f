//! Who may ask this machine for files at all: the device proves itself by its TLS key, its user by a
//! credential that the coordinator bound to that key and has not taken back. And what for, beside what
//! this machine offered itself: that a content pass says.

use std::collections::HashMap;
use std::sync::Arc;

use hyper::HeaderMap;
use landline_protocol::swarm::PASS_HEADER;
use landline_protocol::{DeviceId, ErrorCode, HeldKey, Timestamp, UserName, WireError};
use landline_transfer::serve::Asker;
use landline_trust::token::{PeerClaims, TokenError, TokenVerifier};

/// When to ask again a machine that is not ready to serve, in milliseconds.
const NOT_READY_MS: u64 = 1_000;

/// What other peers' credentials are checked against, at one moment.
#[derive(Clone, Default)]
pub(crate) struct Gatekeeper {
    /// Absent while nobody is signed in, or it is not known yet what was shared in the last run: whoever
    /// asks is told to come back, not that there is nothing.
    pub(crate) verifier: Option<Arc<TokenVerifier>>,
    /// The coordinator is out of reach. A binding known from before is honoured for a week past its
    /// expiry then, for it cannot be renewed.
    pub(crate) offline: bool,
    /// How far the coordinator's clock is ahead of ours, in milliseconds: its tokens go by its own.
    pub(crate) skew_ms: i64,
    /// Which user (folded) each device was listed under.
    pub(crate) known: Arc<HashMap<DeviceId, String>>,
    /// Credentials of these devices issued until then are void.
    pub(crate) revoked: Arc<HashMap<DeviceId, Timestamp>>,
}

impl Gatekeeper {
    /// Settles who asks. `device` is the key of the connection, `now` this machine's clock.
    pub(crate) fn admit(
        &self,
        device: Option<DeviceId>,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Asker, WireError> {
        let refused = |message: &str| WireError::new(ErrorCode::Unauthenticated, message);
        let device = device.ok_or_else(|| refused("No client certificate was shown."))?;
        let verifier = self.verifier.as_ref().ok_or_else(|| {
            let text = "This machine is not ready to serve files. Try again in a moment.";
            WireError::new(ErrorCode::TooManyRequests, text).retry_after_ms(NOT_READY_MS)
        })?;
        let token = landline_net::bearer(headers).ok_or_else(|| refused("No peer credential was shown."))?;
        let claims = self.check(verifier, token, &device, self.coordinator_time(now)).map_err(|error| {
            WireError::new(error.code(), format!("The peer credential is not good: {error}."))
        })?;
        if self.revoked.get(&device).is_some_and(|before| claims.issued_at <= *before) {
            let text = "This device was signed out. Sign in again.";
            return Err(WireError::new(ErrorCode::SessionRevoked, text));
        }
        let pass = self.pass(verifier, headers, &claims.user, &device, now);
        Ok(Asker { user: claims.user, device, pass })
    }

    /// The offer that a content pass is for; a pass that is not good is none.
    fn pass(
        &self,
        verifier: &TokenVerifier,
        headers: &HeaderMap,
        user: &UserName,
        device: &DeviceId,
        now: Timestamp,
    ) -> Option<HeldKey> {
        let token = headers.get(PASS_HEADER)?.to_str().ok()?;
        match verifier.content_pass(token, device, self.coordinator_time(now)) {
            Ok(pass) => (pass.user.folded() == user.folded()).then(|| pass.offer.key()),
            Err(error) => {
                tracing::debug!(device = device.short(), %error, "a content pass is not good");
                None
            }
        }
    }

    fn check(
        &self,
        verifier: &TokenVerifier,
        token: &str,
        device: &DeviceId,
        now: Timestamp,
    ) -> Result<PeerClaims, TokenError> {
        match verifier.peer_credential(token, device, now) {
            Err(TokenError::Expired) if self.offline => {
                let claims = verifier.peer_credential_offline(token, device, now)?;
                let known = self.known.get(device) == Some(&claims.user.folded());
                if known { Ok(claims) } else { Err(TokenError::Expired) }
            }
            result => result,
        }
    }

    fn coordinator_time(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.as_millis().saturating_add_signed(self.skew_ms))
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{AUTHORIZATION, HeaderValue};
    use landline_protocol::{ConversationId, MessageId, OfferRef};
    use landline_trust::{DeviceKey, TokenSigner};

    use super::*;

    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    struct Fixture {
        signer: TokenSigner,
        keeper: Gatekeeper,
        device: DeviceId,
        headers: HeaderMap,
    }

    fn offer() -> OfferRef {
        let (conversation, device) = (ConversationId::lobby(), DeviceId::from_bytes([3; 32]));
        OfferRef { conversation, device, id: MessageId::new(NOW, [7; 10]) }
    }

    /// Bob's device with a credential issued at [`NOW`].
    fn fixture() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let signer = TokenSigner::load_or_create(dir.path(), DeviceKey::generate().unwrap().id()).unwrap();
        let device = DeviceKey::generate().unwrap().id();
        let (token, _) = signer.peer_credential(&"bob".parse().unwrap(), &device, NOW).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
        let verifier = Some(Arc::new(TokenVerifier::new(signer.key_set())));
        Fixture { signer, keeper: Gatekeeper { verifier, ..Gatekeeper::default() }, device, headers }
    }

    impl Fixture {
        fn ask(&self, later_ms: u64) -> Result<String, ErrorCode> {
            let asked = self.keeper.admit(Some(self.device), &self.headers, NOW.plus_millis(later_ms));
            asked.map(|asker| asker.user.to_string()).map_err(|error| error.code)
        }

        /// What the pass beside the credential admits to, if whoever shows it gets in at all.
        fn passed(&self, later_ms: u64) -> Option<HeldKey> {
            let asked = self.keeper.admit(Some(self.device), &self.headers, NOW.plus_millis(later_ms));
            asked.unwrap().pass
        }

        fn show(&mut self, user: &str, device: &DeviceId) {
            let (token, _) = self.signer.content_pass(&user.parse().unwrap(), device, &offer(), NOW).unwrap();
            self.headers.insert(PASS_HEADER, HeaderValue::from_str(&token).unwrap());
        }
    }

    #[test]
    fn only_a_device_with_its_own_credential_gets_in() {
        let mut bob = fixture();
        assert_eq!(bob.ask(0), Ok("bob".into()));
        bob.device = DeviceKey::generate().unwrap().id();
        assert_eq!(bob.ask(0), Err(ErrorCode::Unauthenticated), "somebody else's credential");
        bob.headers.clear();
        assert_eq!(bob.ask(0), Err(ErrorCode::Unauthenticated));
        assert!(bob.keeper.admit(None, &bob.headers, NOW).is_err());
    }

    #[test]
    fn a_pass_counts_beside_the_credential_of_the_same_person_and_device() {
        let mut bob = fixture();
        assert_eq!(bob.passed(0), None);
        let device = bob.device;
        bob.show("Bob", &device);
        assert_eq!(bob.passed(0), Some(offer().key()));
        assert_eq!(bob.passed(11 * 60 * 1000), None, "expired");
        bob.keeper.skew_ms = -(11 * 60 * 1000);
        assert_eq!(bob.passed(11 * 60 * 1000), Some(offer().key()), "by the coordinator's clock it is not");
        bob.keeper.skew_ms = 0;
        bob.show("mallory", &device);
        assert_eq!(bob.passed(0), None, "somebody else's");
        bob.show("bob", &DeviceKey::generate().unwrap().id());
        assert_eq!(bob.passed(0), None, "another device's");
        let credential = bob.headers[AUTHORIZATION].to_str().unwrap().replace("Bearer ", "");
        bob.headers.insert(PASS_HEADER, HeaderValue::from_str(&credential).unwrap());
        assert_eq!(bob.passed(0), None, "a credential is no pass");
    }

    #[test]
    fn whoever_comes_too_early_is_told_to_come_back() {
        let mut bob = fixture();
        bob.keeper.verifier = None;
        let error = bob.keeper.admit(Some(bob.device), &bob.headers, NOW).unwrap_err();
        assert_eq!(error.details.retry_after_ms, Some(NOT_READY_MS));
    }

    #[test]
    fn offline_only_a_known_binding_outlives_its_expiry_and_not_for_ever() {
        let mut bob = fixture();
        assert_eq!(bob.ask(2 * DAY_MS), Err(ErrorCode::TokenExpired));
        bob.keeper.offline = true;
        assert_eq!(bob.ask(2 * DAY_MS), Err(ErrorCode::TokenExpired), "never seen before");
        bob.keeper.known = Arc::new([(bob.device, "mallory".to_owned())].into());
        assert_eq!(bob.ask(2 * DAY_MS), Err(ErrorCode::TokenExpired), "known as somebody else");
        bob.keeper.known = Arc::new([(bob.device, "bob".to_owned())].into());
        assert_eq!(bob.ask(2 * DAY_MS), Ok("bob".into()));
        assert_eq!(bob.ask(9 * DAY_MS), Err(ErrorCode::TokenExpired));
    }

    #[test]
    fn a_revoked_device_needs_a_credential_from_after_its_revocation() {
        let mut bob = fixture();
        bob.keeper.revoked = Arc::new([(bob.device, NOW)].into());
        assert_eq!(bob.ask(0), Err(ErrorCode::SessionRevoked));
        bob.keeper.revoked = Arc::new([(bob.device, Timestamp::from_millis(NOW.as_millis() - 1000))].into());
        assert_eq!(bob.ask(0), Ok("bob".into()), "signed in again since");
    }

    #[test]
    fn a_clock_that_is_wrong_by_a_day_does_not_matter_while_the_difference_is_known() {
        let mut bob = fixture();
        bob.keeper.skew_ms = -(2 * DAY_MS).cast_signed();
        assert_eq!(bob.ask(2 * DAY_MS), Ok("bob".into()));
    }
}

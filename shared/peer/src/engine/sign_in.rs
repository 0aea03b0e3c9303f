//! One try at signing up or in, away from the engine's loop.

use std::sync::Arc;
use std::time::Instant;

use landline_protocol::account::{Session, SignIn, SignUp};
use landline_protocol::{InviteLink, UserName};
use landline_trust::device::DeviceKey;
use landline_trust::tls::Expect;

use crate::api::{Failure, FailureKind, Secret, Target};
use crate::history::{Account, History, HistoryError, Pin};
use crate::secrets::Stored;
use crate::session::Access;
use crate::session::coordinator::{Address, Client, Requests};
use landline_net::Clock;

/// What a successful sign-in brings.
pub(super) struct Fresh {
    pub(super) account: Account,
    pub(super) stored: Stored,
    pub(super) access: Access,
}

/// Who wants to sign in, as whom.
pub(super) enum Credentials {
    /// Somebody new.
    SignUp { username: UserName, password: Secret },
    /// Somebody with an account.
    SignIn { username: String, password: Secret },
}

/// One try at signing in, away from the engine's loop.
pub(super) struct Attempt {
    pub(super) key: Arc<DeviceKey>,
    pub(super) history: History,
    pub(super) clock: Clock,
    pub(super) device_name: String,
}

impl Attempt {
    /// Dials, pins the key, signs up or in, and fetches the keys of the others' credentials.
    pub(super) async fn run(self, target: Target, credentials: Credentials) -> Result<Fresh, Failure> {
        let (address, invite) = match target {
            Target::Address(typed) => (Address::parse(&typed)?, None),
            Target::Invite(link) => (Address { host: link.host.clone(), port: link.port }, Some(link)),
        };
        let name = address.to_string();
        let pinned = {
            let name = name.clone();
            self.history.call(move |db| db.pin(&name)).await?
        };
        let expect = match (&invite, pinned) {
            (Some(link), Some(pin)) if link.key != pin.key => return Err(other_key(&name, pin, link)),
            (_, Some(pin)) => Expect::Pinned(pin.key),
            (Some(link), None) => Expect::Pinned(link.key),
            (None, None) => Expect::FirstUse,
        };
        let client = Client { address, expect, key: Arc::clone(&self.key) };
        let mut requests = client.open().await?;
        let from_invite = invite.is_some() || pinned.is_some_and(|pin| pin.from_invite);
        let pin = Pin { key: requests.device, from_invite };
        // Before the password leaves this machine.
        self.remember(&name, pin).await?;
        let code = invite.map(|link| link.code);
        let asked = Instant::now();
        let session = self.sign(&mut requests, credentials, code).await?;
        let keys = requests.keys().await?;
        let access = Access::new(&session.access_token, asked);
        let account = Account {
            id: 0,
            coordinator: requests.device,
            user: session.user,
            address: name,
            admin: session.admin,
            from_invite,
            keys: Some(keys),
            revocations: None,
        };
        let stored =
            Stored { refresh_token: session.refresh_token, peer_credential: session.peer_credential };
        Ok(Fresh { account, stored, access })
    }

    async fn remember(&self, address: &str, pin: Pin) -> Result<(), HistoryError> {
        let (address, now) = (address.to_owned(), self.clock.now());
        self.history.call(move |db| db.set_pin(&address, pin, now)).await
    }

    async fn sign(
        &self,
        requests: &mut Requests,
        credentials: Credentials,
        invite: Option<String>,
    ) -> Result<Session, Failure> {
        let device_name = self.device_name.clone();
        match credentials {
            Credentials::SignUp { username, password } => {
                let password = password.expose().to_owned();
                requests.sign_up(&SignUp { username, password, invite, device_name }).await
            }
            Credentials::SignIn { username, password } => {
                let password = password.expose().to_owned();
                requests.sign_in(&SignIn { username, password, device_name }).await
            }
        }
    }
}

/// An invite is no way around a pinned key: whoever can send a link could then replace the
/// coordinator that somebody knows.
fn other_key(address: &str, pin: Pin, link: &InviteLink) -> Failure {
    let text = format!(
        "This invite is for another key than the one this machine knows at {address}. Known {}, in the invite {}. \
         If whoever runs the coordinator confirms that it was set up anew, forget the known key first \
         (`landline forget {address}`), then join again.",
        pin.key.fingerprint(),
        link.key.fingerprint()
    );
    Failure::new(FailureKind::KeyChanged, text)
}

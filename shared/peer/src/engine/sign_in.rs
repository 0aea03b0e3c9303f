//! One try at signing up or in, away from the engine's loop.

use std::sync::Arc;

use landline_protocol::account::{KeySet, Session, SignIn, SignUp};
use landline_protocol::{DeviceId, UserName};
use landline_trust::device::DeviceKey;
use landline_trust::tls::Expect;

use crate::api::{Failure, Secret, Target};
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
            // An invite came by another way than this network: its key is the better knowledge.
            (Some(link), _) => Expect::Pinned(link.key),
            (None, Some(pin)) => Expect::Pinned(pin.key),
            (None, None) => Expect::FirstUse,
        };
        let client = Client { address, expect, key: Arc::clone(&self.key) };
        let mut requests = client.open().await?;
        let from_invite = invite.is_some() || pinned.is_some_and(|pin| pin.from_invite);
        let pin = Pin { key: requests.device, from_invite };
        // Before the password leaves this machine.
        self.remember(&name, pin).await?;
        let code = invite.map(|link| link.code);
        let session = self.sign(&mut requests, credentials, code).await?;
        let keys = requests.keys().await?;
        Ok(fresh(session, keys, requests.device, name, from_invite))
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

fn fresh(session: Session, keys: KeySet, coordinator: DeviceId, address: String, from_invite: bool) -> Fresh {
    Fresh {
        account: Account {
            id: 0,
            coordinator,
            user: session.user,
            address,
            admin: session.admin,
            from_invite,
            keys: Some(keys),
        },
        stored: Stored { refresh_token: session.refresh_token, peer_credential: session.peer_credential },
        access: Access { token: session.access_token.into(), expires_at: session.access_expires_at },
    }
}

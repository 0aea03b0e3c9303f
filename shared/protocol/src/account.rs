//! The coordinator's HTTP routes: accounts, tokens, invites, health.
//!
//! All but [`HEALTH`] need a client certificate; the device key in it is the device that signs in
//! and to which every token is bound. Bodies are JSON; errors are a [`crate::WireError`].

use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, PublicKey, Timestamp};
use crate::user::UserName;

/// `GET`: [`Health`]. The only route beside the front page `/` that needs no certificate.
pub const HEALTH: &str = "/health";
/// `POST` [`SignUp`]: a new account and its first [`Session`].
pub const SIGN_UP: &str = "/v1/sign-up";
/// `POST` [`SignIn`]: a [`Session`].
pub const SIGN_IN: &str = "/v1/sign-in";
/// `POST` [`Refresh`]: the next [`Session`] of the same family.
pub const REFRESH: &str = "/v1/refresh";
/// `POST` [`Refresh`]: revokes the family; 204.
pub const SIGN_OUT: &str = "/v1/sign-out";
/// `POST` with a bearer access token, by an admin: a fresh [`Invite`].
pub const INVITES: &str = "/v1/invites";
/// `GET`: the [`KeySet`] that checks peer credentials.
pub const KEYS: &str = "/v1/keys";
/// `GET` with a bearer access token: upgrades to the WebSocket of [`crate::frame`].
pub const SESSION: &str = "/v1/session";

/// Asks for a new account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignUp {
    /// The name wanted.
    pub username: UserName,
    /// 8 characters to 1 KiB.
    pub password: String,
    /// The code of an invite, where registration is by invite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
    /// What to call this machine in lists.
    pub device_name: String,
}

/// Asks for a session of an account that exists.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The account's name.
    pub username: String,
    /// Its password.
    pub password: String,
    /// What to call this machine in lists.
    pub device_name: String,
}

/// Presents a refresh token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// Opaque. Each is good once.
    pub refresh_token: String,
}

/// What signing in gives.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The account, as its owner spelled it when signing up.
    pub user: UserName,
    /// Whether it may invite people and administer.
    pub admin: bool,
    /// A JWT for the coordinator alone; ten minutes.
    pub access_token: String,
    /// When the access token stops being accepted.
    pub access_expires_at: Timestamp,
    /// A JWT that proves to other peers which user this device belongs to; 24 hours.
    pub peer_credential: String,
    /// When the peer credential stops being accepted.
    pub peer_expires_at: Timestamp,
    /// The successor of whatever was presented.
    pub refresh_token: String,
}

/// A way in for one person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// The code alone; the client makes the link, for it knows the address it came by.
    pub code: String,
    /// Seven days after it was made.
    pub expires_at: Timestamp,
}

/// The coordinator's token-signing keys, current and recent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// The coordinator, as pinned: `iss` of every token is this.
    pub issuer: DeviceId,
    /// Newest first.
    pub keys: Vec<SigningKey>,
}

/// One token-signing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// `kid` in the header of tokens.
    pub id: String,
    /// Raw Ed25519.
    pub key: PublicKey,
}

/// Whether the coordinator is able to do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok`, or what is wrong: `storage_full`, `storage_failed`, `shutting_down`.
    pub status: String,
    /// The coordinator's release.
    pub version: String,
}

/// Requests and answers that hold secrets show none when they are logged.
macro_rules! redacted {
    ($($name:ident { $($shown:ident),* })*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($shown), &self.$shown))*.finish_non_exhaustive()
            }
        }
    )*};
}

redacted! {
    SignUp { username, device_name }
    SignIn { username, device_name }
    Refresh {}
    Session { user, admin, access_expires_at, peer_expires_at }
    Invite { expires_at }
}

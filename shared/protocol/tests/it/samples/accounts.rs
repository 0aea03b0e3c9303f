//! Samples of what travels over HTTP: account requests and answers, and links.

use std::fmt::Debug;

use landline_protocol::account::{Health, Invite, KeySet, Refresh, Session, SignIn, SignUp, SigningKey};
use landline_protocol::{InviteLink, PublicKey};
use serde_json::Value;

use super::{Sample, device, moment, sample, user};

/// Requests and answers of the account routes.
pub(super) fn accounts() -> Vec<Sample> {
    let (password, device_name) = ("correct horse battery".to_owned(), "Alice's laptop".to_owned());
    let sign_up = |invite| SignUp {
        username: user("alice"),
        password: password.clone(),
        invite,
        device_name: device_name.clone(),
    };
    let sign_in =
        SignIn { username: "Alice".into(), password: password.clone(), device_name: device_name.clone() };
    let session = Session {
        user: user("alice"),
        admin: true,
        access_token: "eyJhbGciOiJFZERTQSJ9.e30.YWNjZXNz".into(),
        access_expires_at: moment(600),
        peer_credential: "eyJhbGciOiJFZERTQSJ9.e30.cGVlcg".into(),
        peer_expires_at: moment(86_400),
        refresh_token: "Zm9yIGFub3RoZXIgdGltZQ".into(),
    };
    let refresh = Refresh { refresh_token: "b25jZSBvbmx5".into() };
    let invite = Invite { code: "aW52aXRl".into(), expires_at: moment(604_800) };
    let keys = KeySet { issuer: device(9), keys: vec![signing_key()] };
    let health = Health { status: "ok".into(), version: "0.1.0".into() };
    vec![
        sample("account.sign_up", sign_up(Some("aW52aXRl".into()))),
        sample("account.sign_up.open", sign_up(None)),
        sample("account.sign_in", sign_in),
        sample("account.refresh", refresh),
        sample("account.session", session),
        sample("account.invite", invite),
        sample("account.key_set", keys),
        sample("account.health", health),
    ]
}

/// Links.
pub(super) fn texts() -> Vec<Sample> {
    let link =
        |host: &str| InviteLink { host: host.into(), port: 4810, key: device(9), code: "aW52aXRl".into() };
    vec![
        text("text.invite_link", link("192.0.2.7"), |t| t.parse().ok(), ToString::to_string),
        text("text.invite_link.ipv6", link("2001:db8::7"), |t| t.parse().ok(), ToString::to_string),
    ]
}

/// A sample of something that is written as text rather than JSON.
pub(super) fn text<T: PartialEq + Debug + 'static>(
    name: &'static str,
    original: T,
    parse: fn(&str) -> Option<T>,
    write: fn(&T) -> String,
) -> Sample {
    Sample {
        name,
        value: Value::String(write(&original)),
        reread: Box::new(move |json| {
            let text: String = serde_json::from_str(json).map_err(|why| why.to_string())?;
            match parse(&text) {
                Some(read) if read == original => Ok(()),
                other => Err(format!("{other:?}")),
            }
        }),
    }
}

pub(super) fn signing_key() -> SigningKey {
    SigningKey { id: "0404040404040404".into(), key: PublicKey::from_bytes([4; 32]) }
}

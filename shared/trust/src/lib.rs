//! Who says it: device keys and certificates, signed envelopes, revocations, pinned TLS, tokens,
//! passes and secrets.
//!
//! Nothing here opens a connection or reads a clock: the caller brings the moment, and what is
//! made here is handed to `landline-net`. The only files touched are the private ones of
//! [`private_file`].

pub mod device;
pub mod envelope;
pub mod pass;
pub mod private_file;
pub mod revocation;
pub mod secret;
pub mod tls;
pub mod token;

mod claims;
mod genuine;
mod identity;
mod verify;

pub use device::{DeviceKey, KeyError, device_id};
pub use envelope::{OpenError, open, open_head, seal};
pub use revocation::RevocationError;
pub use secret::{hash_secret, random_code};
pub use tls::{
    ClientAuth, Expect, KeyMismatch, TlsError, client_config, key_mismatch, peer_device, server_config,
};
pub use token::{AccessClaims, PassClaims, PeerClaims, TokenError, TokenSigner, TokenVerifier};

//! What trust promises, seen from outside.

mod envelopes;
mod files;
mod handshake;
mod tokens;

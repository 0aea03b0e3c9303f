//! What trust promises, seen from outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests say what they expect by panicking, too")]

mod envelopes;
mod files;
mod handshake;
mod passes;
mod revocations;
mod tokens;

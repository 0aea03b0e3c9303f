//! The coordinator over real sockets: what a user would lose if it broke.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, helpers too")]
#![allow(clippy::wildcard_imports, reason = "the support module is the prelude of all of these")]

mod accounts;
mod binary;
mod browser;
mod catalog;
mod chat;
mod dial_back;
mod hostile;
mod presence;
mod revocations;
mod sessions;
mod storm;
mod support;

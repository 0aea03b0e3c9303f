//! The peer engine as people use it: real engines, a real coordinator, real sockets and files.
//!
//! The engine's own crate knows no coordinator, so its life with one is tested here, where both
//! are at hand.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, helpers too")]
#![allow(clippy::wildcard_imports, reason = "the support modules are the prelude of all of these")]

mod cancelling;
mod changed;
mod chat;
mod clocks;
mod devices;
mod dial_back;
mod files;
mod folders;
mod keys;
mod limits;
mod log;
mod office;
mod person;
mod probe;
mod queue;
mod restarts;
mod revoked;
mod storage;
mod swarm;
mod views;

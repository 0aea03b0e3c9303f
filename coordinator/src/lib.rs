//! Who is here, who may speak, and where a message goes.
//!
//! A coordinator knows accounts and devices, tells who is connected, and carries messages, each on
//! disk before it is acknowledged and before anybody sees it. Of files it carries the offers; their
//! bytes go from peer to peer. [`Coordinator::start`] runs one in this process; the
//! `landline-coordinator` binary is little more than that.

pub mod config;
pub mod server;
pub mod settings;

mod auth;
mod catalog;
mod error;
mod http;
mod hub;
mod links;
mod platform;
mod running;
mod state;
mod store;

pub use config::{Config, DEFAULT_PORT, Limits, Registration};
pub use error::StartError;
pub use landline_net::Clock;
pub use links::{invite_into, reachable_at};
pub use server::Coordinator;
pub use store::StoreError;

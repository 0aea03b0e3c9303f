//! One participant: its session with a coordinator, its history, its shares and downloads, behind
//! one engine. No window, no terminal.
//!
//! [`start`] opens a profile and gives a [`Handle`]: [`Command`](api::Command)s go in,
//! [`Snapshot`](api::Snapshot)s and [`Event`](api::Event)s come out.

pub mod api;
mod engine;
mod files;
mod gate;
mod history;
mod profile;
mod rate;
mod reach;
mod secrets;
mod service;
mod session;

pub use engine::{Handle, Options, StartError, start};
pub use files::FileServerError;
pub use history::HistoryError;
pub use landline_net::Clock;
pub use profile::{
    ProfileError, default_download_folder, default_profile_dir, device_name, suggested_username,
};
pub use secrets::SecretsIn;
pub use session::coordinator::DEFAULT_PORT;

//! What a coordinator is told before it starts, with the defaults of one box on one LAN.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// The TCP port when none is asked for.
pub const DEFAULT_PORT: u16 = 4810;

/// Descriptors for everything but connections: database, log, timers, names being looked up.
const DESCRIPTORS_KEPT: u64 = 64;

/// Settings of one coordinator.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where the key, the token key and the database are; made with mode 0700.
    pub data_dir: PathBuf,
    /// Who may make an account.
    pub registration: Registration,
    /// How often each side of a session pings.
    pub heartbeat: Duration,
    /// How long a side may be silent before the other takes it for gone.
    pub heartbeat_timeout: Duration,
    /// How much one client may ask of it.
    pub limits: Limits,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Whoever holds an unused invite.
    #[default]
    Invite,
    /// Whoever reaches the port.
    Open,
}

/// How much clients may ask. None of these depends on who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections open at once.
    pub connections: usize,
    /// Connections open at once from one address.
    pub connections_per_address: usize,
    /// Sign-ins and sign-ups at once from one address; one more every 200 ms.
    pub sign_ins_per_address: u32,
    /// Sign-ins at once to one account from unknown devices; one more every 5 s.
    pub sign_ins_per_account: u32,
    /// Frames a second from one session, with four seconds' worth at once. Beyond that the
    /// session is read more slowly; nothing is lost.
    pub frames_per_second: u32,
    /// Passwords hashed at once, each using one core and 19 MiB.
    pub password_hashes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            connections_per_address: 256,
            sign_ins_per_address: 60,
            sign_ins_per_account: 10,
            frames_per_second: 1_000,
            password_hashes: 2,
        }
    }
}

impl Config {
    /// The defaults, with data in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), DEFAULT_PORT),
            data_dir: data_dir.into(),
            registration: Registration::default(),
            heartbeat: Duration::from_secs(5),
            heartbeat_timeout: Duration::from_secs(15),
            limits: Limits::default(),
        }
    }

    /// Makes room for the connections allowed, and allows no more than there is room for: a process
    /// that runs out of descriptors cannot accept anybody, nor open its database. Called by whoever
    /// runs a coordinator for real: a test does not change its process.
    pub fn fit_descriptors(&mut self) {
        let Some(descriptors) = crate::platform::raise_descriptors() else {
            return;
        };
        let room = usize::try_from(descriptors.saturating_sub(DESCRIPTORS_KEPT)).unwrap_or(usize::MAX);
        if self.limits.connections > room {
            tracing::warn!(
                descriptors,
                connections = room,
                "the system allows few open files, so fewer connections are taken: raise the limit (ulimit -n, LimitNOFILE)"
            );
            self.limits.connections = room;
        }
    }

    /// Where data goes when nothing is said: the platform's directory for this application.
    /// `None` where the user has no home directory.
    pub fn default_data_dir() -> Option<PathBuf> {
        directories::ProjectDirs::from("", "", "landline-coordinator")
            .map(|dirs| dirs.data_dir().to_path_buf())
    }
}

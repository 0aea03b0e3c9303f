//! Why a coordinator does not start.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;

use landline_protocol::WireError;
use landline_trust::private_file::PrivateFileError;
use landline_trust::{KeyError, TlsError};

use crate::store::StoreError;

/// Why a coordinator did not start. Each is a sentence for whoever started it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be made, or others could read it.
    #[error("the data directory cannot be used: {0}")]
    DataDir(#[from] PrivateFileError),
    /// Another process runs on the same data.
    #[error("another coordinator already uses {}: stop it first, or choose another data directory", .0.display())]
    Locked(PathBuf),
    /// No coordinator has ever run on this data.
    #[error("no coordinator has run in {} yet: start it once, it prints an invite link itself", .0.display())]
    NeverRan(PathBuf),
    /// The lock file cannot be made.
    #[error("{}: {error}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The device key or the token key cannot be made or read.
    #[error("the coordinator's key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// The key does not serve for TLS.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] TlsError),
    /// The database cannot be opened.
    #[error("the database in the data directory cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}. {}", listen_advice(.error))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// Anything else.
    #[error("{0}")]
    Other(#[from] WireError),
}

fn listen_advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => "Another program uses this port: stop it, or choose a port with --port",
        ErrorKind::PermissionDenied => "Choose a port of 1024 or above with --port",
        _ => "Choose an address of this machine with --listen",
    }
}

//! The two ends of the transfer engine as programs of their own, for `cargo xtask bench`: no accounts,
//! no coordinator; whoever asks is let in, and every pass is good.

mod fetching;
mod serving;
mod unverified;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use landline_protocol::{DeviceId, Root, ShareId};
use serde::{Deserialize, Serialize};

/// Which end.
#[derive(Subcommand)]
pub(crate) enum End {
    /// Share a file or folder until killed; prints the offer once it is hashed
    Serve {
        /// What to share
        path: PathBuf,
    },
    /// Fetch what was offered; prints how long it took
    Fetch(fetching::Fetch),
}

/// What the serving end says of itself, and the fetching end is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Offer {
    device: DeviceId,
    address: SocketAddr,
    share: ShareId,
    name: String,
    size: u64,
    root: Root,
    folder: bool,
    hash_seconds: f64,
}

impl End {
    /// Does it.
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::Serve { path } => serving::serve(&path).await,
            Self::Fetch(fetch) => fetch.run().await,
        }
    }
}

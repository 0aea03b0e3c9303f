//! The two ends of the transfer engine as programs of their own, for `cargo xtask bench` and `soak`: no
//! accounts, no coordinator; whoever asks is let in, and every pass is good.

mod fetching;
pub(crate) mod log;
mod serving;
mod tap;
mod unverified;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use landline_protocol::{
    ConversationId, DeviceId, FolderSummary, MessageId, OfferRef, Root, ShareId, Timestamp,
};
use landline_trust::device::DeviceKey;
use serde::{Deserialize, Serialize};

/// Which end.
#[derive(Subcommand)]
pub(crate) enum End {
    /// Share a file or folder until killed; prints the offer once it is hashed
    Serve(serving::Serve),
    /// Fetch what was offered; prints how long it took and how much came
    Fetch(fetching::Fetch),
}

/// What both ends understand.
#[derive(Args)]
struct Common {
    /// Where the key of the device is kept, so that it comes back as the same; else it is a new one
    #[arg(long)]
    key_dir: Option<PathBuf>,
    /// End when standard input does: for programs that start this one and may die themselves
    #[arg(long)]
    until_stdin_closes: bool,
}

/// What the serving end says of itself, and the fetching end is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Offer {
    pub(crate) device: DeviceId,
    pub(crate) address: SocketAddr,
    share: ShareId,
    /// It is not the author, but holds what this device offered.
    holds_for: Option<DeviceId>,
    name: String,
    size: u64,
    root: Root,
    folder: Option<FolderSummary>,
    hash_seconds: f64,
}

impl End {
    /// Does it.
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::Serve(serve) => serve.run().await,
            Self::Fetch(fetch) => fetch.run().await,
        }
    }
}

impl Common {
    /// Takes care of how this program ends, and gives the key of its device.
    fn begin(&self) -> Result<DeviceKey> {
        if self.until_stdin_closes {
            std::thread::spawn(|| {
                let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
                std::process::exit(1);
            });
        }
        Ok(match &self.key_dir {
            Some(dir) => DeviceKey::load_or_create(dir)?,
            None => DeviceKey::generate()?,
        })
    }
}

/// The one offer of an author in these programs.
fn offer_of(author: DeviceId) -> OfferRef {
    OfferRef {
        conversation: ConversationId::lobby(),
        device: author,
        id: MessageId::new(Timestamp::from_millis(0), [0; 10]),
    }
}

//! The end that has something.

use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use hyper::Request;
use hyper::body::Incoming;
use landline_net::serve::{AcceptLimits, Peer, serve as accept};
use landline_protocol::{DeviceId, HeldKey, ShareId};
use landline_transfer::{Asker, Audience, Rates, Shares, respond};
use landline_trust::tls::{ClientAuth, server_config};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Common, Offer, offer_of};

/// The one share of this program.
const SHARE: ShareId = ShareId::from_bytes([1; 16]);

/// What to share, and how.
#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    common: Common,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// No more bytes a second than this
    #[arg(long)]
    limit: Option<u64>,
    /// Not as the author but as somebody who holds all that this device offered
    #[arg(long)]
    holds_for: Option<DeviceId>,
    /// A file or folder
    path: PathBuf,
}

impl Serve {
    /// Shares it until killed.
    pub(crate) async fn run(self) -> Result<()> {
        let key = self.common.begin()?;
        let rates = Rates::new();
        rates.set(self.limit, std::collections::HashMap::new());
        let shares = Shares::new(rates);
        let content = Shares::open(&self.path)?;
        let begun = Instant::now();
        let hashed = content.hash(&mut |_| ControlFlow::Continue(()))?;
        let hash_seconds = begun.elapsed().as_secs_f64();
        let listener = TcpListener::bind(self.listen).await?;
        let offer = Offer {
            device: key.id(),
            address: listener.local_addr()?,
            share: SHARE,
            holds_for: self.holds_for,
            name: content.name().as_raw().to_owned(),
            size: content.size(),
            root: hashed.root(),
            folder: content.summary(),
            hash_seconds,
        };
        let held = self.holds_for.map(offer_of);
        if let Some(offer) = held {
            ensure!(shares.hold_complete(offer, &content, hashed), "it changed while it was read");
        } else {
            shares.add(SHARE, content, Audience::Everyone);
            shares.set_hashed(&SHARE, &hashed);
        }
        println!("{}", serde_json::to_string(&offer)?);
        std::io::stdout().flush()?;
        let key_of_pass = held.map(|offer| offer.key());
        let handler = move |peer: Peer, request: Request<Incoming>| {
            let shares = shares.clone();
            async move { answer(&shares, peer, key_of_pass, request).await }
        };
        let tls = server_config(&key, ClientAuth::Required)?;
        accept(listener, tls, AcceptLimits::default(), handler, CancellationToken::new()).await;
        Ok(())
    }
}

async fn answer(
    shares: &Shares,
    peer: Peer,
    pass: Option<HeldKey>,
    request: Request<Incoming>,
) -> hyper::Response<landline_net::Body> {
    match anybody(&peer, pass) {
        Ok(asker) => respond(shares, &asker, &peer.hangup, request).await,
        Err(why) => {
            let error = landline_protocol::WireError::new(
                landline_protocol::ErrorCode::Unauthenticated,
                why.to_string(),
            );
            landline_net::error(&error)
        }
    }
}

fn anybody(peer: &Peer, pass: Option<HeldKey>) -> Result<Asker> {
    let device = peer.device.context("no certificate was shown")?;
    Ok(Asker { user: "anybody".parse()?, device, pass })
}

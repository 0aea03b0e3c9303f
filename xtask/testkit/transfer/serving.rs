//! The end that has something.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use hyper::Request;
use hyper::body::Incoming;
use landline_net::serve::{AcceptLimits, Peer, serve as accept};
use landline_protocol::ShareId;
use landline_transfer::{Asker, Audience, Shares, respond};
use landline_trust::device::DeviceKey;
use landline_trust::tls::{ClientAuth, server_config};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Offer;

/// The one share of this program.
const SHARE: ShareId = ShareId::from_bytes([1; 16]);

/// Shares a path until killed.
pub(super) async fn serve(path: &Path) -> Result<()> {
    let key = DeviceKey::generate()?;
    let shares = Shares::default();
    let shared = Shares::open(path)?;
    let begun = Instant::now();
    let hashed = shared.hash(&mut |_| ControlFlow::Continue(()))?;
    let hash_seconds = begun.elapsed().as_secs_f64();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let offer = Offer {
        device: key.id(),
        address: listener.local_addr()?,
        share: SHARE,
        name: shared.name().as_raw().to_owned(),
        size: shared.size(),
        root: hashed.root(),
        folder: shared.summary().is_some(),
        hash_seconds,
    };
    shares.add(SHARE, shared, Audience::Everyone);
    shares.set_hashed(&SHARE, &hashed);
    println!("{}", serde_json::to_string(&offer)?);
    std::io::stdout().flush()?;
    let handler = move |peer: Peer, request: Request<Incoming>| {
        let shares = shares.clone();
        async move { answer(&shares, peer, request).await }
    };
    let tls = server_config(&key, ClientAuth::Required)?;
    accept(listener, tls, AcceptLimits::default(), handler, CancellationToken::new()).await;
    Ok(())
}

async fn answer(
    shares: &Shares,
    peer: Peer,
    request: Request<Incoming>,
) -> hyper::Response<landline_net::Body> {
    match anybody(&peer) {
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

fn anybody(peer: &Peer) -> Result<Asker> {
    let device = peer.device.context("no certificate was shown")?;
    Ok(Asker { user: "anybody".parse()?, device, pass: None })
}

//! Somebody who fetches from a download under way, all the time: what is passed on must be right, whatever
//! the sources of the download send.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use data_encoding::BASE64;
use hyper::Request;
use landline_protocol::peer_routes::{Door, Resource};
use landline_protocol::{DeviceId, Have};
use landline_transfer::{Asker, Shares, respond};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::answer::Answer;
use super::offers::Offered;
use crate::random::Random;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(15);
const PIECE: usize = 1 << 20;

/// A spy at work.
pub(super) struct Spy {
    pub(super) shares: Shares,
    enough: CancellationToken,
    task: AbortOnDropHandle<Result<Found>>,
}

/// What it got.
#[derive(Default)]
pub(super) struct Found {
    /// Pieces, each as it should be.
    pub(super) right: u64,
    /// What was not.
    pub(super) wrong: Vec<String>,
}

impl Spy {
    /// Sent to a file that is being downloaded.
    pub(super) fn send(offered: Arc<Offered>, random: Random) -> Self {
        let (shares, enough) = (Shares::default(), CancellationToken::new());
        let task = AbortOnDropHandle::new(tokio::spawn(spy(shares.clone(), offered, random, enough.clone())));
        Self { shares, enough, task }
    }

    /// Called back.
    pub(super) async fn report(self) -> Result<Found> {
        self.enough.cancel();
        self.task.await?
    }
}

async fn spy(
    shares: Shares,
    offered: Arc<Offered>,
    mut random: Random,
    enough: CancellationToken,
) -> Result<Found> {
    let bytes = offered.bytes()?;
    let pieces = bytes.len().div_ceil(PIECE);
    let mut found = Found::default();
    while !enough.is_cancelled() {
        sleep(PAUSE).await;
        let have = get(&shares, &offered, Resource::Have, None).await?;
        if have.status != 200 {
            continue; // nothing is passed on yet, or any more
        }
        let have: Have = serde_json::from_slice(&have.body)?;
        let map = have.map.map(|map| BASE64.decode(map.as_bytes())).transpose()?;
        let has = |piece: usize| match &map {
            Some(map) => map.get(piece / 8).is_some_and(|byte| byte >> (piece % 8) & 1 == 1),
            None => have.complete,
        };
        // Also what it does not say that it has.
        let piece = random.below(pieces);
        let (start, end) = (piece * PIECE, ((piece + 1) * PIECE).min(bytes.len()));
        if start == end {
            continue;
        }
        // It breaks off where the download ends.
        let Ok(answer) = get(&shares, &offered, Resource::Content, Some((start, end))).await else {
            continue;
        };
        match answer.status {
            206 if answer.body == bytes[start..end] => found.right += 1,
            206 => found.wrong.push(format!("piece {piece} was passed on wrongly")),
            status if has(piece) && status != 404 => {
                found.wrong.push(format!("piece {piece} is said to be there and is not: {status}"));
            }
            _ => {}
        }
    }
    Ok(found)
}

async fn get(
    shares: &Shares,
    offered: &Offered,
    what: Resource,
    range: Option<(usize, usize)>,
) -> Result<Answer> {
    let key = offered.offer.key();
    let mut request = Request::get(Door::Held(key).to(what).to_string());
    if let Some((start, end)) = range {
        request = request.header("range", format!("bytes={start}-{}", end - 1));
    }
    let device = DeviceId::from_bytes([3; 32]);
    let asker = Asker { user: "eve".parse()?, device, pass: Some(key) };
    let answer = respond(shares, &asker, &CancellationToken::new(), request.body(())?).await;
    Answer::of(answer).await.context("what is passed on broke off")
}

//! The end that wants it.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use landline_net::client::HttpConnection;
use landline_net::dial::{DialError, dial};
use landline_protocol::peer_routes::Door;
use landline_protocol::{DeviceId, OfferedName, Root};
use landline_transfer::fetch::{Connect, FetchJob, Kind, Line, Phase, Progress, Source, fetch};
use landline_transfer::{Conflict, Destination, Rates};
use landline_trust::device::DeviceKey;
use landline_trust::tls::Expect;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::log::Log;
use super::tap::Tap;
use super::{Common, Offer, offer_of, unverified};

/// For reaching a source.
const DIAL: Duration = Duration::from_secs(5);

/// What to fetch, and how.
#[derive(Args)]
pub(crate) struct Fetch {
    #[command(flatten)]
    common: Common,
    /// The offer as the serving end printed it
    #[arg(long)]
    offer: String,
    /// Another source of the same
    #[arg(long)]
    also: Vec<String>,
    /// Write down here what comes, as it comes
    #[arg(long)]
    log: Option<PathBuf>,
    /// Stop when so much is here, keeping the part
    #[arg(long)]
    stop_at_percent: Option<u64>,
    /// Do not know the root before so much is here, as with an offer that is hashed still; a folder waits
    /// for it before anything
    #[arg(long)]
    root_at_percent: Option<u64>,
    /// Write what comes without verifying it: how fast the line is
    #[arg(long)]
    unverified: bool,
    /// The folder for it
    into: PathBuf,
}

/// What is printed at the end.
#[derive(Serialize)]
struct Report {
    /// From the start of the program until the last byte was verified and written.
    transfer_seconds: f64,
    /// From then until it was synced and had its name.
    finish_seconds: f64,
    /// Bytes of content that came over the network in this attempt, repeats included.
    received: u64,
}

impl Fetch {
    /// Fetches, and tells how long it took and how much came.
    pub(crate) async fn run(self) -> Result<()> {
        let begun = Instant::now();
        let key = Arc::new(self.common.begin()?);
        let offer: Offer = serde_json::from_str(&self.offer).context("the offer cannot be read")?;
        let sources = self.sources(&offer)?;
        let connect = Arc::new(Direct { key, log: self.open_log()?, sources: devices(&sources) });
        if self.unverified {
            let file = unverified::create(&self.into, &offer.name)?;
            unverified::fetch(connect, sources[0].clone(), offer.size, file).await?;
            let end = Instant::now();
            return report(begun, end, end, offer.size);
        }
        let (progress, watched) = watch::channel(Progress::default());
        let root = watch::Sender::new(self.root_at_percent.is_none().then_some(offer.root));
        let job = self.job(&offer, root.subscribe(), sources, connect);
        if let Some(percent) = self.root_at_percent {
            tokio::spawn(seal(root, offer.root, watched.clone(), percent, offer.size));
        }
        let mut fetching = std::pin::pin!(fetch(job, progress, CancellationToken::new()));
        let finishing = tokio::select! {
            at = until_finishing(watched.clone()) => at,
            at = until_enough(watched.clone(), self.stop_at_percent, offer.size) => {
                // Dropped with the part as it is, as a pause.
                return report(begun, at, at, received(&watched));
            }
            ended = &mut fetching => {
                // A small download is over before anybody looks.
                ended?;
                let end = Instant::now();
                return report(begun, end, end, received(&watched));
            }
        };
        fetching.await?;
        report(begun, finishing, Instant::now(), received(&watched))
    }

    fn sources(&self, offer: &Offer) -> Result<Vec<Source>> {
        let also = self.also.iter().map(|text| source(&serde_json::from_str(text)?));
        std::iter::once(source(offer)).chain(also).collect()
    }

    fn open_log(&self) -> Result<Option<Arc<Log>>> {
        Ok(self.log.as_deref().map(Log::create).transpose()?.map(Arc::new))
    }

    fn job(
        &self,
        offer: &Offer,
        root: watch::Receiver<Option<Root>>,
        sources: Vec<Source>,
        connect: Arc<Direct>,
    ) -> FetchJob {
        let name = OfferedName::new(&offer.name).to_file_name().0;
        let (_, sources) = watch::channel(sources.into());
        let (_, credential) = watch::channel(Arc::from("none"));
        let (_, pass) = watch::channel(Arc::from("good"));
        FetchJob {
            offer: offer_of(offer.device),
            kind: if offer.folder.is_some() { Kind::Folder } else { Kind::File },
            size: offer.size,
            summary: offer.folder,
            root,
            to: Destination { folder: self.into.clone(), name, conflict: Conflict::Rename },
            picks: None,
            sources,
            line: Line { connect, credential, pass },
            rates: Rates::new(),
            pass_on: None,
        }
    }
}

fn source(offer: &Offer) -> Result<Source> {
    let door = match offer.holds_for {
        Some(author) => Door::Held(offer_of(author).key()),
        None => Door::Share(offer.share),
    };
    Ok(Source { user: "sender".parse()?, device: offer.device, addresses: vec![offer.address], door })
}

fn devices(sources: &[Source]) -> Vec<DeviceId> {
    sources.iter().map(|source| source.device).collect()
}

/// Dials the address there is.
struct Direct {
    key: Arc<DeviceKey>,
    log: Option<Arc<Log>>,
    /// As they are numbered in the log.
    sources: Vec<DeviceId>,
}

impl Connect for Direct {
    fn connect<'a>(
        &'a self,
        source: &'a Source,
    ) -> Pin<Box<dyn Future<Output = Result<HttpConnection, DialError>> + Send + 'a>> {
        Box::pin(async move {
            let dialled = dial(&source.addresses, &self.key, Expect::Pinned(source.device), DIAL).await?;
            let number = self.sources.iter().position(|device| *device == source.device).unwrap_or(0);
            let opened = match &self.log {
                None => HttpConnection::open(dialled).await,
                Some(log) => {
                    let tap = Tap::new(dialled.stream, Arc::clone(log), number as u64);
                    HttpConnection::over(tap, dialled.device, dialled.remote).await.map_err(Into::into)
                }
            };
            opened.map_err(|error| DialError::Tls(error.to_string()))
        })
    }
}

async fn until_finishing(mut watched: watch::Receiver<Progress>) -> Instant {
    match watched.wait_for(|progress| progress.phase == Phase::Finishing).await {
        Ok(_) => Instant::now(),
        // The download ended without; whoever waits for it tells.
        Err(_) => std::future::pending().await,
    }
}

/// Tells the root once so much is here, or once nothing is done but waiting for it.
async fn seal(
    to: watch::Sender<Option<Root>>,
    root: Root,
    mut watched: watch::Receiver<Progress>,
    percent: u64,
    size: u64,
) {
    let is_due = |now: &Progress| now.phase == Phase::Unsealed || is_so_much(now, percent, size);
    if watched.wait_for(is_due).await.is_ok() {
        to.send_replace(Some(root));
    }
}

fn is_so_much(progress: &Progress, percent: u64, size: u64) -> bool {
    progress.here * 100 >= size * percent
}

async fn until_enough(mut watched: watch::Receiver<Progress>, percent: Option<u64>, size: u64) -> Instant {
    let Some(percent) = percent else {
        return std::future::pending().await;
    };
    match watched.wait_for(|progress| is_so_much(progress, percent, size)).await {
        Ok(_) => Instant::now(),
        Err(_) => std::future::pending().await,
    }
}

/// What came so far; of a download that has ended, all of it.
fn received(watched: &watch::Receiver<Progress>) -> u64 {
    watched.borrow().received
}

fn report(begun: Instant, finishing: Instant, end: Instant, received: u64) -> Result<()> {
    let report = Report {
        transfer_seconds: (finishing - begun).as_secs_f64(),
        finish_seconds: (end - finishing).as_secs_f64(),
        received,
    };
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

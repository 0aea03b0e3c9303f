//! Downloads from sources that lie in every way there is, beside one that does not: what gets its name is
//! what was offered, nothing else is ever under it, nothing else is touched, memory stays bounded, and the
//! honest source finishes the job.

mod answer;
mod askers;
mod attempt;
mod case;
mod download;
mod ledger;
mod lies;
mod manifests;
mod offers;
mod server;
mod spy;
mod watch;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use hyper::Request;
use hyper::body::Incoming;
use landline_net::serve::{AcceptLimits, Peer, serve};
use landline_protocol::swarm::PASS_HEADER;
use landline_protocol::{DeviceId, WireError};
use landline_transfer::{Asker as Admitted, Shares, respond};
use landline_trust::device::DeviceKey;
use landline_trust::tls::{ClientAuth, server_config};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::campaign::{Campaign, Kind, Verdict};
use crate::random::Random;
use askers::Asker;
use case::{Case, HOSTILE};
use download::Outcome;
use offers::Offered;
use server::{Hostile, Stage};

/// Downloads at a time.
const AT_A_TIME: usize = 16;
/// Of those who ask badly.
const ASKERS: u64 = 3;
/// Downloads for each hostile answer that is to strike, at most.
const MOST_FOR_EACH: u64 = 2;
/// What this process may grow by, all its sources and downloads together, in KiB.
const MEMORY: u64 = 200 * 1024;

/// What all downloads share.
struct World {
    work: PathBuf,
    stage: Arc<Stage>,
    hostile: Vec<Hostile>,
    honest: (DeviceId, SocketAddr),
    offers: Vec<Offered>,
    _honest: AbortOnDropHandle<()>,
}

/// What all downloads gave.
#[derive(Default)]
struct Total {
    verdict: Verdict,
    downloads: u64,
    alone: u64,
    named: u64,
    passed_on: u64,
    /// Bad requests to the honest source.
    asked: u64,
    kinds: BTreeMap<&'static str, u64>,
}

/// Runs downloads until so many hostile answers were swallowed.
pub(crate) async fn run(campaign: &Campaign) -> Result<Verdict> {
    let work = work()?;
    let world = Arc::new(World::make(work.path().to_owned(), campaign.seed).await?);
    let before = memory("VmHWM:")?;
    let enough = CancellationToken::new();
    let _enough = enough.clone().drop_guard();
    let askers = world.askers(campaign.seed, &enough)?;
    let mut total = tokio::select! {
        total = all(campaign, &world) => total?,
        () = crate::told_to_end() => bail!("interrupted"),
    };
    enough.cancel();
    for asker in askers.join_all().await {
        total.asked += asker.asked;
        total.verdict.failures.extend(asker.failures);
    }
    let grown = memory("VmHWM:")?.saturating_sub(before);
    total.tell(grown);
    let mut verdict = total.verdict;
    verdict.checked += 2 + total.asked;
    if grown > MEMORY {
        verdict.failures.push(Kind::Memory.failure(format!("memory grew by {grown} KiB")));
    }
    let trapped = world.stage.trapped.load(Ordering::Relaxed);
    if trapped > 0 {
        verdict.failures.push(Kind::Outside.failure(format!("{trapped} redirects were followed")));
    }
    Ok(verdict)
}

/// In memory, if that can be: this is about lies, and thousands of files are not waited for on a disk.
fn work() -> std::io::Result<tempfile::TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())
}

async fn all(campaign: &Campaign, world: &Arc<World>) -> Result<Total> {
    let (next, total) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Total::default())));
    let mut lanes = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let (next, total, world) = (Arc::clone(&next), Arc::clone(&total), Arc::clone(world));
        lanes.spawn(lane(campaign.seed, campaign.count as u64, world, next, total));
    }
    while let Some(ended) = lanes.join_next().await {
        ended??;
    }
    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *total))
}

/// One download after the other.
async fn lane(
    seed: u64,
    count: u64,
    world: Arc<World>,
    next: Arc<AtomicU64>,
    total: Arc<Mutex<Total>>,
) -> Result<()> {
    let key = Arc::new(DeviceKey::generate()?);
    loop {
        let enough = total.lock().unwrap_or_else(PoisonError::into_inner).verdict.injected >= count;
        let number = next.fetch_add(1, Ordering::Relaxed);
        if enough || number >= count * MOST_FOR_EACH {
            return Ok(());
        }
        let case = Case::draw(seed, number, &world.offers);
        let outcome = download::run(&world, case, Arc::clone(&key)).await?;
        total.lock().unwrap_or_else(PoisonError::into_inner).add(outcome);
    }
}

impl World {
    async fn make(work: PathBuf, seed: u64) -> Result<Self> {
        let (honest_shares, hostile_shares) = (Shares::default(), Shares::default());
        let offered = work.join("offered");
        std::fs::create_dir(&offered)?;
        let offers = offers::make(&offered, seed, &[honest_shares.clone(), hostile_shares.clone()])?;
        let stage = Arc::new(Stage::new(hostile_shares));
        let mut hostile = Vec::new();
        for number in 0..HOSTILE {
            hostile.push(Hostile::start(Arc::clone(&stage), number).await?);
        }
        let key = DeviceKey::generate()?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let honest = (key.id(), listener.local_addr()?);
        let tls = server_config(&key, ClientAuth::Required)?;
        let handler = move |peer: Peer, request: Request<Incoming>| {
            let shares = honest_shares.clone();
            async move {
                match asker(&peer, &request) {
                    Ok(asker) => respond(&shares, &asker, &peer.hangup, request).await,
                    Err(_) => landline_net::error(&WireError::new(
                        landline_protocol::ErrorCode::Unauthenticated,
                        "Who are you?",
                    )),
                }
            }
        };
        let serving = serve(listener, tls, AcceptLimits::default(), handler, CancellationToken::new());
        let serving = AbortOnDropHandle::new(tokio::spawn(serving));
        Ok(Self { work, stage, hostile, honest, offers, _honest: serving })
    }
}

impl World {
    /// Whoever asks badly meanwhile.
    fn askers(&self, seed: u64, enough: &CancellationToken) -> Result<JoinSet<Asker>> {
        let mut askers = JoinSet::new();
        for number in 0..ASKERS {
            let random = Random::of_part(seed ^ u64::MAX, number);
            let files: Vec<_> = self.offers.iter().filter(|offer| offer.summary.is_none()).collect();
            let file = files[usize::try_from(number)? * 4 % files.len()].clone();
            askers.spawn(Asker::new(self.honest, file, random)?.pester(enough.clone()));
        }
        Ok(askers)
    }
}

fn asker(peer: &Peer, request: &Request<Incoming>) -> Result<Admitted> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let token = header("authorization").and_then(|token| token.strip_prefix("Bearer "));
    Ok(Admitted {
        user: token.context("no token")?.parse()?,
        device: peer.device.context("no device")?,
        pass: header(PASS_HEADER).and_then(|pass| pass.parse().ok()),
    })
}

impl Total {
    fn add(&mut self, outcome: Outcome) {
        self.verdict.injected += outcome.struck.len() as u64;
        self.verdict.checked += outcome.checked;
        self.verdict.failures.extend(outcome.failures);
        self.downloads += 1;
        self.alone += u64::from(outcome.is_alone);
        self.named += outcome.named;
        self.passed_on += outcome.passed_on;
        for what in outcome.struck {
            *self.kinds.entry(what).or_default() += 1;
        }
    }

    fn tell(&self, grown: u64) {
        for (what, times) in &self.kinds {
            println!("{times:>6} {what}");
        }
        let Self { downloads, alone, named, passed_on, asked, .. } = self;
        println!(
            "{downloads} downloads, {alone} of them completed by hostile sources alone; {named} liars that were alone \
             gave themselves away; {passed_on} pieces were passed on meanwhile; {asked} bad requests to the honest \
             source; memory grew by {} MiB at most",
            grown / 1024
        );
    }
}

/// A figure about this process, in KiB.
fn memory(what: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let figure = line.and_then(|line| line.split_whitespace().next());
    Ok(figure.context("the system does not say how much memory is used")?.parse()?)
}

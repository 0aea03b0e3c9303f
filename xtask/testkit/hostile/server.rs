//! A hostile source: a real file server as far as TLS and requests go, whose answers are lies drawn from
//! the seed of the download that asks.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use hyper::Request;
use landline_protocol::DeviceId;
use landline_protocol::peer_routes::{Door, FileRoute, Resource};
use landline_transfer::{Asker, Shares, respond};
use landline_trust::device::DeviceKey;
use landline_trust::tls::{ClientAuth, peer_device, server_config};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::answer::{Answer, Line, Step, play};
use super::ledger::Ledger;
use super::lies::{self, Asked, Lie};
use super::offers::Offered;
use crate::random::Random;

/// The largest request.
const REQUEST: usize = 64 * 1024;
/// Answers made at a time.
const AT_A_TIME: usize = 3;
/// How often a range is swapped for another, in a hundred.
const SWAPPED: usize = 6;

/// How a hostile source behaves in one download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// It lies this often in a hundred.
    Lies(usize),
    /// It has everything, and refuses it.
    Refuses,
    /// It begins pieces wrongly and goes.
    Poisons,
    /// The same lie again and again.
    Repeats,
    /// It says what it was told to, as it should.
    Serves,
}

/// A download, as the hostile sources see it.
pub(super) struct Act {
    pub(super) seed: u64,
    pub(super) offered: Arc<Offered>,
    /// Of each hostile source, by its number.
    pub(super) moods: Vec<Mood>,
    /// Requests so far, likewise.
    asked: Vec<AtomicU64>,
    pub(super) ledger: Ledger,
}

/// What all hostile sources share.
pub(super) struct Stage {
    shares: Shares,
    acts: Mutex<HashMap<String, Arc<Act>>>,
    /// Times somebody followed a redirect.
    pub(super) trapped: AtomicU64,
    /// For making answers, which takes memory: what is measured is the receivers' use of it.
    desk: Semaphore,
}

/// A hostile source that runs.
pub(super) struct Hostile {
    pub(super) device: DeviceId,
    pub(super) address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

/// One line.
struct Ear {
    stage: Arc<Stage>,
    number: usize,
    remote: SocketAddr,
    device: DeviceId,
    hangup: CancellationToken,
    /// Bytes of earlier answers.
    said: u64,
}

/// A request as it came.
struct Heard {
    path: String,
    headers: HashMap<String, String>,
}

impl Act {
    pub(super) fn new(seed: u64, offered: Arc<Offered>, moods: Vec<Mood>) -> Self {
        let asked = moods.iter().map(|_| AtomicU64::new(0)).collect();
        Self { seed, offered, moods, asked, ledger: Ledger::default() }
    }
}

impl Stage {
    pub(super) fn new(shares: Shares) -> Self {
        Self { shares, acts: Mutex::default(), trapped: AtomicU64::new(0), desk: Semaphore::new(AT_A_TIME) }
    }

    /// From now on whoever shows this token is in this act.
    pub(super) fn enter(&self, token: &str, act: Arc<Act>) {
        self.acts.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), act);
    }

    pub(super) fn leave(&self, token: &str) {
        self.acts.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    fn act(&self, token: &str) -> Option<Arc<Act>> {
        self.acts.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }
}

impl Hostile {
    /// Starts number so-and-so.
    pub(super) async fn start(stage: Arc<Stage>, number: usize) -> Result<Self> {
        let key = DeviceKey::generate()?;
        let acceptor = TlsAcceptor::from(server_config(&key, ClientAuth::Required)?);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let task = AbortOnDropHandle::new(tokio::spawn(accept(listener, acceptor, stage, number)));
        Ok(Self { device: key.id(), address, _task: task })
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, stage: Arc<Stage>, number: usize) {
    let mut lines = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((tcp, remote)) = accepted {
                lines.spawn(line(tcp, remote, acceptor.clone(), Arc::clone(&stage), number));
            },
            Some(_) = lines.join_next() => {}
        }
    }
}

/// Answers until one answer is the last.
async fn line(tcp: TcpStream, remote: SocketAddr, acceptor: TlsAcceptor, stage: Arc<Stage>, number: usize) {
    let Ok(mut stream) = acceptor.accept(tcp).await else { return };
    let Some(device) = peer_device(stream.get_ref().1.peer_certificates()) else { return };
    let mut ear = Ear { stage, number, remote, device, hangup: CancellationToken::new(), said: 0 };
    let mut buffer = Vec::new();
    while let Some(heard) = hear(&mut stream, &mut buffer).await {
        let Some(steps) = ear.answer(&heard).await else { return };
        if play(&mut stream, steps).await == Line::Ended {
            return;
        }
    }
}

async fn hear<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Option<Heard> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head: Vec<u8> = buffer.drain(..end + 4).collect();
            return Heard::read(&String::from_utf8_lossy(&head));
        }
        if buffer.len() > REQUEST || stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

impl Heard {
    fn read(head: &str) -> Option<Self> {
        let (line, rest) = head.split_once("\r\n")?;
        let path = line.strip_prefix("GET ")?.split(' ').next()?.to_owned();
        let headers = rest.lines().filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Some(Self { path, headers })
    }

    fn token(&self) -> Option<&str> {
        self.headers.get("authorization")?.strip_prefix("Bearer ")
    }

    /// The range, its end not included.
    fn range(&self) -> Option<(u64, u64)> {
        let (start, last) = self.headers.get("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((start.parse().ok()?, last.parse::<u64>().ok()? + 1))
    }

    fn asked(&self, act: &Act) -> Asked {
        let is_folder = act.offered.summary.is_some();
        match (FileRoute::parse(&self.path).map(|route| route.resource), self.range()) {
            (Some(Resource::Content), Some((start, end))) => Asked::Content { start, end, is_folder },
            (Some(Resource::Tree), _) => Asked::Tree,
            (Some(Resource::Manifest), Some((start, end))) => Asked::Manifest { start, end },
            (Some(Resource::Have), _) => Asked::Have,
            _ => Asked::Other,
        }
    }
}

impl Ear {
    /// What is done about a request; `None` for nothing any more.
    async fn answer(&mut self, heard: &Heard) -> Option<Vec<Step>> {
        let stage = Arc::clone(&self.stage);
        if heard.path.contains(lies::TRAP) {
            self.stage.trapped.fetch_add(1, Ordering::Relaxed);
        }
        let token = heard.token()?;
        let act = self.stage.act(token)?;
        let count = act.asked.get(self.number)?.fetch_add(1, Ordering::Relaxed);
        let (mood, part) = (act.moods[self.number], (self.number as u64) << 32);
        let asked = heard.asked(&act);
        let _desk = stage.desk.acquire().await.ok()?;
        let honest = self.honest(&act, heard, heard.range()).await.ok()?;
        let mut random = Random::of_part(act.seed, part | if mood == Mood::Repeats { 0 } else { count + 1 });
        match self.lie(&act, mood, asked, &honest, heard, &mut random).await {
            None => {
                let raw = honest.raw();
                self.said += raw.len() as u64;
                // Of a vile offer, what is said as it should be is the attack.
                if act.offered.manifest.is_some() && matches!(asked, Asked::Manifest { .. }) {
                    act.ledger.shoot(self.remote, self.number, "a vile manifest", (self.said, None));
                }
                Some(vec![Step::Send(raw)])
            }
            Some(lie) => {
                let at = |offset: usize| self.said + offset as u64;
                let place = (at(lie.strikes_at), lie.proven_at.map(at));
                act.ledger.shoot(self.remote, self.number, lie.what, place);
                self.said += lie.steps.iter().map(Step::len).sum::<u64>();
                Some(lie.steps)
            }
        }
    }

    async fn lie(
        &self,
        act: &Act,
        mood: Mood,
        asked: Asked,
        honest: &Answer,
        heard: &Heard,
        random: &mut Random,
    ) -> Option<Lie> {
        let is_content = matches!(asked, Asked::Content { .. });
        match mood {
            Mood::Refuses if is_content => Some(lies::refuse(random)),
            Mood::Poisons if is_content => Some(lies::poison(&asked, honest, random)),
            Mood::Serves | Mood::Refuses | Mood::Poisons => None,
            Mood::Lies(percent) if !random.percent(percent) => None,
            Mood::Lies(_) | Mood::Repeats => {
                let elsewhere = asked.elsewhere(act.offered.size, random).filter(|_| random.percent(SWAPPED));
                if let Some(range) = elsewhere
                    && let Ok(other) = self.honest(act, heard, Some(range)).await
                    && other.status == 206
                {
                    return Some(lies::swapped(&asked, other, act.offered.size));
                }
                Some(lies::draw(&asked, honest, random))
            }
        }
    }

    /// What an honest source would say.
    async fn honest(&self, act: &Act, heard: &Heard, range: Option<(u64, u64)>) -> Result<Answer> {
        let route = FileRoute::parse(&heard.path).context("no route")?;
        if let (Some(manifest), Resource::Manifest, Some((start, end))) =
            (&act.offered.manifest, route.resource, range)
        {
            return Ok(part(manifest, start, end));
        }
        // As the author would, whichever door was asked at.
        let mut request = Request::get(Door::Share(act.offered.share).to(route.resource).to_string());
        if let Some((start, end)) = range {
            request = request.header("range", format!("bytes={start}-{}", end - 1));
        }
        let user = heard.token().context("no token")?.parse()?;
        let asker = Asker { user, device: self.device, pass: None };
        let response = respond(&self.stage.shares, &asker, &self.hangup, request.body(())?).await;
        Ok(Answer::of(response).await?)
    }
}

/// A range of a list.
fn part(list: &[u8], start: u64, end: u64) -> Answer {
    let end = end.min(list.len() as u64);
    let place = |at| usize::try_from(at).unwrap_or(usize::MAX);
    match list.get(place(start)..place(end)) {
        Some(bytes) if !bytes.is_empty() => {
            let mut answer = Answer::new(206, bytes);
            answer.set("content-range", &format!("bytes {start}-{}/{}", end - 1, list.len()));
            answer
        }
        _ => Answer::new(416, ""),
    }
}

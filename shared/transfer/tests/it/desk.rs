//! Machines on loopback that send, receive and pass on, and what to look at between them.

use std::fs;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use landline_net::Body;
use landline_net::client::HttpConnection;
use landline_net::dial::{DialError, dial};
use landline_net::serve::{AcceptLimits, Peer, serve};
use landline_protocol::peer_routes::{Door, Resource};
use landline_protocol::swarm::PASS_HEADER;
use landline_protocol::{
    ConversationId, DeviceId, FileName, FolderSummary, Have, HeldKey, MessageId, OfferRef, Root, ShareId,
    Timestamp, UserName,
};
use landline_transfer::fetch::{Connect, FetchError, FetchJob, Fetched, Line, Progress, Source, fetch};
use landline_transfer::{Asker, Audience, Conflict, Destination, Hashed, Kind, Rates, Shares, respond};
use landline_trust::device::DeviceKey;
use landline_trust::tls::{ClientAuth, Expect, server_config};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const MIB: u64 = 1024 * 1024;
pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// Longer than anything takes that does not hang.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// What a test does to an answer on its way out.
pub(crate) type Tamper = Arc<dyn Fn(&str, Response<Body>) -> Response<Body> + Send + Sync>;

/// A machine that shares or passes on. The bearer token is simply the asker's name here, and a pass the
/// name of what it is for: who may say so is not this crate's business.
pub(crate) struct Sender {
    pub(crate) shares: Shares,
    pub(crate) key: Arc<DeviceKey>,
    pub(crate) address: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) user: UserName,
    /// `user path range` of each request, in order.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    tamper: Tamper,
    shutdown: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Sender {
    pub(crate) async fn start() -> Self {
        Self::tampering(Arc::new(|_, answer| answer)).await
    }

    pub(crate) async fn tampering(tamper: Tamper) -> Self {
        Self::with(Shares::default(), tamper).await
    }

    /// Sends no faster than this, in bytes a second.
    pub(crate) async fn slow(rate: u64) -> Self {
        let up = Rates::new();
        up.set(Some(rate), [].into());
        Self::with(Shares::new(up), Arc::new(|_, answer| answer)).await
    }

    /// The same machine at another address, honest there.
    pub(crate) async fn elsewhere(&self) -> Self {
        Self::known(self.shares.clone(), Arc::clone(&self.key), Arc::new(|_, answer| answer)).await
    }

    pub(crate) async fn with(shares: Shares, tamper: Tamper) -> Self {
        Self::known(shares, Arc::new(DeviceKey::generate().unwrap()), tamper).await
    }

    async fn known(shares: Shares, key: Arc<DeviceKey>, tamper: Tamper) -> Self {
        let mut sender = Self {
            shares,
            key,
            address: ([127, 0, 0, 1], 0).into(),
            folder: tempfile::tempdir().unwrap(),
            user: "Alice".parse().unwrap(),
            asked: Arc::default(),
            tamper,
            shutdown: CancellationToken::new(),
            task: None,
        };
        sender.listen().await;
        sender
    }

    /// Goes down and comes up at the same address, honest from then on.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.tamper = Arc::new(|_, answer| answer);
        self.shutdown = CancellationToken::new();
        self.listen().await;
    }

    /// The same, at another address.
    pub(crate) async fn move_away(&mut self) {
        self.stop().await;
        self.address.set_port(0);
        self.shutdown = CancellationToken::new();
        self.listen().await;
    }

    pub(crate) async fn stop(&mut self) {
        self.shutdown.cancel();
        if let Some(task) = self.task.take() {
            task.await.unwrap();
        }
    }

    async fn listen(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let tls = server_config(&self.key, ClientAuth::Required).unwrap();
        let (shares, tamper, asked) = (self.shares.clone(), self.tamper.clone(), self.asked.clone());
        let handler = move |peer: Peer, request: Request<Incoming>| {
            let (shares, tamper, asked) = (shares.clone(), tamper.clone(), asked.clone());
            async move {
                let path = request.uri().path().to_owned();
                let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap());
                let user: UserName =
                    header("authorization").unwrap().strip_prefix("Bearer ").unwrap().parse().unwrap();
                let pass: Option<HeldKey> = header(PASS_HEADER).map(|pass| pass.parse().unwrap());
                let line = format!("{user} {path} {}", header("range").unwrap_or_default());
                asked.lock().unwrap().push(line);
                let who = Asker { user, device: peer.device.unwrap(), pass };
                tamper(&path, respond(&shares, &who, &peer.hangup, request).await)
            }
        };
        let running = serve(listener, tls, AcceptLimits::default(), handler, self.shutdown.clone());
        self.task = Some(tokio::spawn(running));
    }

    /// Writes a file and shares it with everyone.
    pub(crate) fn share(&self, id: u8, name: &str, bytes: &[u8]) -> Offered {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        self.share_path(id, &path, Audience::Everyone)
    }

    pub(crate) fn share_path(&self, id: u8, path: &Path, audience: Audience) -> Offered {
        let mut offered = self.offer(id, path, audience);
        self.seal(&mut offered);
        offered
    }

    /// Shares it without a root.
    pub(crate) fn offer(&self, id: u8, path: &Path, audience: Audience) -> Offered {
        let share = ShareId::from_bytes([id; 16]);
        let shared = Shares::open(path).unwrap();
        let (size, summary) = (shared.size(), shared.summary());
        self.shares.add(share, shared, audience);
        let offer = OfferRef {
            conversation: ConversationId::from_bytes([1; 32]),
            device: self.key.id(),
            id: MessageId::new(Timestamp::from_millis(1), [id; 10]),
        };
        Offered { offer, share, size, summary, root: None, hashed: None, path: path.to_owned() }
    }

    /// Hashes what was offered and tells.
    pub(crate) fn seal(&self, offered: &mut Offered) {
        let hashed = Shares::open(&offered.path).unwrap().hash(&mut |_| ControlFlow::Continue(())).unwrap();
        self.shares.set_hashed(&offered.share, &hashed);
        (offered.root, offered.hashed) = (Some(hashed.root()), Some(hashed));
    }

    /// Passes on a complete copy of what somebody else offered, which is at `path`.
    pub(crate) fn hold(&self, offered: &Offered, path: &Path) {
        let shared = Shares::open(path).unwrap();
        assert!(self.shares.hold_complete(offered.offer, &shared, offered.hashed.clone().unwrap()));
    }

    /// It as the author of an offer.
    pub(crate) fn author(&self, offered: &Offered) -> Source {
        self.source(Door::Share(offered.share))
    }

    /// It as somebody who passes on.
    pub(crate) fn holder(&self, offered: &Offered) -> Source {
        self.source(Door::Held(offered.offer.key()))
    }

    fn source(&self, door: Door) -> Source {
        Source { user: self.user.clone(), device: self.key.id(), addresses: vec![self.address], door }
    }

    /// Bytes of content that this receiver has asked for. One that goes under another name for a
    /// second attempt is not confused with what is left of the first.
    pub(crate) fn asked_bytes(&self, receiver: &Receiver) -> u64 {
        let own = format!("{} ", receiver.user);
        let asked = self.asked.lock().unwrap();
        let ranges = asked
            .iter()
            .filter(|line| line.starts_with(&own))
            .filter_map(|line| line.split_once("/content bytes="));
        let len = |range: &str| {
            let (first, last) = range.split_once('-').unwrap();
            last.parse::<u64>().unwrap() + 1 - first.parse::<u64>().unwrap()
        };
        ranges.map(|(_, range)| len(range)).sum()
    }

    /// Bytes of content handed to the network, for everyone.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.shares.uploads().iter().map(|upload| upload.bytes_sent).sum()
    }

    /// Waits until the shares look so.
    pub(crate) async fn until(&self, looks: impl Fn(&Shares) -> bool) {
        let mut changed = self.shares.changed();
        let waiting = async {
            while !looks(&self.shares) {
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    }
}

/// What an offer says.
pub(crate) struct Offered {
    pub(crate) offer: OfferRef,
    pub(crate) share: ShareId,
    pub(crate) size: u64,
    pub(crate) summary: Option<FolderSummary>,
    pub(crate) root: Option<Root>,
    pub(crate) hashed: Option<Hashed>,
    pub(crate) path: PathBuf,
}

/// A machine that downloads.
pub(crate) struct Receiver {
    pub(crate) key: Arc<DeviceKey>,
    pub(crate) user: UserName,
    pub(crate) folder: tempfile::TempDir,
}

/// A download under way.
pub(crate) struct Running {
    pub(crate) task: JoinHandle<Result<Fetched, FetchError>>,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) cancel: CancellationToken,
}

/// Dials with a key.
struct Dialler(Arc<DeviceKey>);

impl Connect for Dialler {
    fn connect<'a>(
        &'a self,
        source: &'a Source,
    ) -> Pin<Box<dyn Future<Output = Result<HttpConnection, DialError>> + Send + 'a>> {
        Box::pin(async move {
            let expect = Expect::Pinned(source.device);
            let dialled = dial(&source.addresses, &self.0, expect, SECOND * 10).await?;
            HttpConnection::open(dialled).await.map_err(|error| DialError::Tls(error.to_string()))
        })
    }
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Self {
            key: Arc::new(DeviceKey::generate().unwrap()),
            user: "Bob".parse().unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// From its author alone.
    pub(crate) fn job(&self, sender: &Sender, offered: &Offered, name: &str) -> FetchJob {
        self.job_from([sender.author(offered)], offered, name)
    }

    pub(crate) fn job_from(
        &self,
        sources: impl IntoIterator<Item = Source>,
        offered: &Offered,
        name: &str,
    ) -> FetchJob {
        let line = Line {
            connect: Arc::new(Dialler(Arc::clone(&self.key))),
            credential: fixed(Arc::from(self.user.as_str())),
            pass: fixed(Arc::from(offered.offer.key().to_string())),
        };
        FetchJob {
            offer: offered.offer,
            kind: if offered.summary.is_some() { Kind::Folder } else { Kind::File },
            size: offered.size,
            summary: offered.summary,
            root: fixed(offered.root),
            to: Destination {
                folder: self.folder.path().to_owned(),
                name: FileName::parse(name).unwrap(),
                conflict: Conflict::Rename,
            },
            picks: None,
            sources: fixed(sources.into_iter().collect()),
            line,
            rates: Rates::new(),
            pass_on: None,
        }
    }

    pub(crate) async fn fetch(
        &self,
        sender: &Sender,
        offered: &Offered,
        name: &str,
    ) -> Result<Fetched, FetchError> {
        Running::begin(self.job(sender, offered, name)).end().await
    }

    /// Which pieces a machine passes on; none while it passes on nothing.
    pub(crate) async fn map(&self, machine: &Sender, offered: &Offered) -> Vec<bool> {
        let source = machine.holder(offered);
        let mut connection = Dialler(Arc::clone(&self.key)).connect(&source).await.unwrap();
        let request = Request::get(source.door.to(Resource::Have).to_string())
            .header("authorization", "Bearer Asker")
            .header(PASS_HEADER, offered.offer.key().to_string());
        let answer = connection.send(request.body(Full::default()).unwrap()).await.unwrap();
        let pieces = usize::try_from(offered.size.div_ceil(MIB)).unwrap();
        if !answer.status().is_success() {
            return vec![false; pieces];
        }
        let have: Have =
            serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap();
        let map = have.map.map_or(Vec::new(), |map| BASE64.decode(map.as_bytes()).unwrap());
        let bit = |piece: usize| {
            have.complete || map.get(piece / 8).is_some_and(|byte| byte >> (piece % 8) & 1 == 1)
        };
        (0..pieces).map(bit).collect()
    }

    /// The names in the download folder, hidden ones included.
    pub(crate) fn names(&self) -> Vec<String> {
        names_in(self.folder.path())
    }

    /// Whether nothing is there but what belongs to unfinished downloads.
    pub(crate) fn has_only_parts(&self) -> bool {
        self.names().iter().all(|name| name.starts_with(".landline-"))
    }

    /// The file of pieces of a single file.
    pub(crate) fn part(&self) -> PathBuf {
        let name = self
            .names()
            .into_iter()
            .find(|name| Path::new(name).extension().is_some_and(|kind| kind == "part"));
        self.folder.path().join(name.unwrap())
    }
}

impl Running {
    pub(crate) fn begin(job: FetchJob) -> Self {
        let (progress, watching) = watch::channel(Progress::default());
        let cancel = CancellationToken::new();
        let task = tokio::spawn(fetch(job, progress, cancel.clone()));
        Self { task, progress: watching, cancel }
    }

    /// How it ends.
    pub(crate) async fn end(&mut self) -> Result<Fetched, FetchError> {
        tokio::time::timeout(PATIENCE, &mut self.task).await.expect("it ends").unwrap()
    }

    /// Stops it in its tracks, as a pause does.
    pub(crate) async fn pause(&mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }

    /// Waits until it looks so.
    pub(crate) async fn until(&mut self, looks: impl Fn(&Progress) -> bool) -> Progress {
        let waiting = self.progress.wait_for(|progress| looks(progress));
        let seen = tokio::time::timeout(PATIENCE, waiting).await;
        seen.expect("it comes to look so").expect("it goes on until then").clone()
    }

    /// Waits until this many bytes are proven.
    pub(crate) async fn until_verified(&mut self, bytes: u64) {
        self.until(|progress| progress.verified >= bytes).await;
    }

    pub(crate) fn now(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// How a source of it stands.
    pub(crate) fn state_of(&self, device: DeviceId) -> landline_transfer::fetch::SourceState {
        self.now().sources[&device].state.clone()
    }
}

/// What never changes.
pub(crate) fn fixed<T>(value: T) -> watch::Receiver<T> {
    watch::channel(value).1
}

pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Bytes without a pattern, different for each seed.
pub(crate) fn noise(len: u64, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(len).unwrap()];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

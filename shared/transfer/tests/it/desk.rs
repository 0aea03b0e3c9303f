//! A sender and a receiver on loopback, and what to look at between them.

use std::fs;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming};
use hyper::{Request, Response};
use landline_net::Body;
use landline_net::serve::{AcceptLimits, Peer, serve};
use landline_protocol::{FileName, Root, ShareId, UserName};
use landline_transfer::fetch::{FetchError, FetchJob, Fetched, Progress, fetch};
use landline_transfer::{Asker, Audience, PieceTree, Shares, respond};
use landline_trust::device::DeviceKey;
use landline_trust::tls::{ClientAuth, server_config};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const MIB: u64 = 1024 * 1024;
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// What a test does to an answer on its way out.
pub(crate) type Tamper = Arc<dyn Fn(&str, Response<Body>) -> Response<Body> + Send + Sync>;

/// A machine that shares files. The bearer token is simply the asker's name here: who may call
/// themselves what is not this crate's business.
pub(crate) struct Sender {
    pub(crate) shares: Shares,
    pub(crate) key: Arc<DeviceKey>,
    pub(crate) address: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
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
        let mut sender = Self {
            shares: Shares::new(),
            key: Arc::new(DeviceKey::generate().unwrap()),
            address: ([127, 0, 0, 1], 0).into(),
            folder: tempfile::tempdir().unwrap(),
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
                let range = request.headers().get("range").map_or("", |r| r.to_str().unwrap());
                let bearer = request.headers()["authorization"].to_str().unwrap();
                let user: UserName = bearer.strip_prefix("Bearer ").unwrap().parse().unwrap();
                asked.lock().unwrap().push(format!("{user} {path} {range}"));
                let who = Asker { user, device: peer.device.unwrap() };
                tamper(&path, respond(&shares, &who, request).await)
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
        let share = ShareId::from_bytes([id; 16]);
        let file = Shares::open(path).unwrap();
        let tree: PieceTree = file.hash(&mut |_| ControlFlow::Continue(())).unwrap();
        let offered = Offered { share, size: file.size(), root: tree.root(), path: path.to_owned() };
        self.shares.add(share, file, audience);
        self.shares.set_tree(&share, &tree);
        offered
    }

    /// Bytes of content that this receiver has asked for. One that goes under another name for a
    /// second attempt is not confused with what is left of the first.
    pub(crate) fn asked_bytes(&self, receiver: &Receiver) -> u64 {
        let own = format!("{} ", receiver.user);
        let asked = self.asked.lock().unwrap();
        let ranges =
            asked.iter().filter(|line| line.starts_with(&own)).filter_map(|line| line.split_once(" bytes="));
        let len = |range: &str| {
            let (first, last) = range.split_once('-').unwrap();
            last.parse::<u64>().unwrap() + 1 - first.parse::<u64>().unwrap()
        };
        ranges.map(|(_, range)| len(range)).sum()
    }

    /// Waits until the shares look so.
    pub(crate) async fn until(&self, looks: impl Fn(&Shares) -> bool) {
        let mut changed = self.shares.changed();
        let waiting = async {
            while !looks(&self.shares) {
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(SECOND * 20, waiting).await.unwrap();
    }
}

/// What an offer says.
pub(crate) struct Offered {
    pub(crate) share: ShareId,
    pub(crate) size: u64,
    pub(crate) root: Root,
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

impl Receiver {
    pub(crate) fn new() -> Self {
        Self {
            key: Arc::new(DeviceKey::generate().unwrap()),
            user: "Bob".parse().unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn job(&self, sender: &Sender, offered: &Offered, name: &str) -> FetchJob {
        FetchJob {
            share: offered.share,
            entry: 0,
            size: offered.size,
            root: offered.root,
            name: FileName::parse(name).unwrap(),
            folder: self.folder.path().to_owned(),
            device: sender.key.id(),
            addresses: vec![sender.address],
        }
    }

    pub(crate) fn begin(&self, job: FetchJob) -> Running {
        let (progress, watching) = watch::channel(Progress::default());
        let (_, credential) = watch::channel(Arc::<str>::from(self.user.as_str()));
        let cancel = CancellationToken::new();
        let task = tokio::spawn(fetch(job, self.key.clone(), credential, progress, cancel.clone()));
        Running { task, progress: watching, cancel }
    }

    pub(crate) async fn fetch(
        &self,
        sender: &Sender,
        offered: &Offered,
        name: &str,
    ) -> Result<Fetched, FetchError> {
        self.begin(self.job(sender, offered, name)).task.await.unwrap()
    }

    /// The names in the download folder, hidden ones included.
    pub(crate) fn names(&self) -> Vec<String> {
        names_in(self.folder.path())
    }

    /// Whether nothing is there but what belongs to unfinished downloads.
    pub(crate) fn has_only_parts(&self) -> bool {
        self.names().iter().all(|name| name.starts_with(".landline-"))
    }
}

impl Running {
    /// Waits until this many bytes are proven.
    pub(crate) async fn until_verified(&mut self, bytes: u64) {
        let waiting = self.progress.wait_for(|progress| progress.verified >= bytes);
        tokio::time::timeout(SECOND * 30, waiting).await.unwrap().unwrap();
    }

    pub(crate) fn verified(&self) -> u64 {
        self.progress.borrow().verified
    }
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

/// Lets content through up to a number of bytes, over all answers; the rest waits for more.
pub(crate) struct Gate {
    limit: watch::Sender<u64>,
    passed: Arc<Mutex<u64>>,
}

impl Gate {
    pub(crate) fn after(bytes: u64) -> Arc<Self> {
        Arc::new(Self { limit: watch::Sender::new(bytes), passed: Arc::default() })
    }

    pub(crate) fn open(&self) {
        self.limit.send_replace(u64::MAX);
    }

    /// The tamper that puts it before all content, the tree excepted.
    pub(crate) fn tamper(self: &Arc<Self>) -> Tamper {
        let gate = Arc::clone(self);
        Arc::new(move |path, answer| {
            if path.ends_with("/tree") {
                return answer;
            }
            let (limit, passed) = (gate.limit.subscribe(), gate.passed.clone());
            let before = move || {
                let (mut limit, passed) = (limit.clone(), passed.clone());
                async move {
                    let _ = limit.wait_for(|limit| *limit > *passed.lock().unwrap()).await;
                }
            };
            let passed = gate.passed.clone();
            answer.map(|inner| Gated { inner, waiting: None, before: Box::new(before), passed }.boxed())
        })
    }
}

type Wait = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

struct Gated<F> {
    inner: Body,
    waiting: Option<Wait>,
    before: Box<F>,
    passed: Arc<Mutex<u64>>,
}

impl<F, W> HttpBody for Gated<F>
where
    F: Fn() -> W,
    W: Future<Output = ()> + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let mut waiting = self.waiting.take().unwrap_or_else(|| Box::pin((self.before)()));
        if waiting.as_mut().poll(context).is_pending() {
            self.waiting = Some(waiting);
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            *self.passed.lock().unwrap() += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.inner.size_hint()
    }
}

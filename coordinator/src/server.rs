//! Starting, being found, and ending.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use landline_net::{AcceptLimits, serve};
use landline_protocol::{DeviceId, InviteLink, WireError};
use landline_trust::private_file::private_dir;
use landline_trust::{ClientAuth, DeviceKey, TokenSigner, TokenVerifier, server_config};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{Auth, Passwords, Rates};
use crate::config::Config;
use crate::error::StartError;
use crate::hub::Hub;
use crate::links::{LISTENS, links};
use crate::running;
use crate::state::App;
use crate::store::{Opened, Store, StoreError, accounts, end_process, messages, revocations};
use landline_net::Clock;

/// A coordinator that runs until [`shutdown`](Self::shutdown), or until it is dropped.
pub struct Coordinator {
    app: Arc<App>,
    address: SocketAddr,
    device: DeviceId,
    /// The code of the invite that makes the admin.
    first_code: Option<String>,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Coordinator {
    /// Starts with the clock of this machine.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with_clock(config, Clock::system()).await
    }

    /// Starts with a clock brought along.
    pub async fn start_with_clock(config: Config, clock: Clock) -> Result<Self, StartError> {
        private_dir(&config.data_dir)?;
        let lock = lock(&config.data_dir)?;
        let key = DeviceKey::load_or_create(&config.data_dir)?;
        let tls = server_config(&key, ClientAuth::Optional)?;
        let signer = TokenSigner::load_or_create(&config.data_dir, key.id())?;
        let Opened { store, committed, writer } =
            Store::open(&config.data_dir, clock.clone(), end_process())?;
        let listener = listen(config.listen).await?;
        let address =
            listener.local_addr().map_err(|error| StartError::Listen { address: config.listen, error })?;
        store.note(LISTENS, &address.to_string()).await?;
        let device = key.id();
        let app = Arc::new(assemble(config, clock, store, key, signer).await?);
        let first_code = if app.is_settled() { None } else { Some(app.auth.invite(true).await?.code) };
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let limits = accept_limits(&app.config);
        let serving = tokio::spawn(serve_app(app.clone(), listener, tls, limits, stop.clone()));
        let parts = running::Parts { app: app.clone(), serving, committed, writer, lock };
        tokio::spawn(running::run(parts, stop.clone(), ended.clone()));
        tracing::info!(%address, %device, "the coordinator listens");
        Ok(Self { app, address, device, first_code, stop, ended })
    }

    /// Where it listens; the port is the one that the system chose, if it was to choose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its key's hash, which joining pins.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// The link whose user becomes the admin, by the address that is most likely reachable. `None`
    /// as soon as there is an account.
    pub fn first_invite(&self) -> Option<InviteLink> {
        self.invite_links().into_iter().next()
    }

    /// [`first_invite`](Self::first_invite) by each address of this machine.
    pub fn invite_links(&self) -> Vec<InviteLink> {
        match &self.first_code {
            Some(code) if !self.app.is_settled() => links(self.address, self.device, code),
            _ => Vec::new(),
        }
    }

    /// A fresh invite for one person, as a link by each address of this machine. It makes no admin.
    pub async fn invite(&self) -> Result<Vec<InviteLink>, WireError> {
        let invite = self.app.auth.invite(false).await?;
        Ok(links(self.address, self.device, &invite.code))
    }

    /// Stops accepting, commits what was accepted, tells every client to come back, and ends;
    /// within five seconds.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }

    /// Returns when the coordinator has ended.
    pub async fn join(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One process uses a data directory at a time: two writers would give the same place twice.
fn lock(data_dir: &Path) -> Result<File, StartError> {
    let path = data_dir.join("coordinator.lock");
    let file = crate::platform::open_private(&path)
        .map_err(|error| StartError::File { path: path.clone(), error })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::Locked(data_dir.to_path_buf())),
        Err(TryLockError::Error(error)) => Err(StartError::File { path, error }),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Listen { address, error })
}

async fn assemble(
    config: Config,
    clock: Clock,
    store: Store,
    key: DeviceKey,
    signer: TokenSigner,
) -> Result<App, StartError> {
    let load = |db: &rusqlite::Connection| {
        let (people, conversations) = (accounts::everybody(db)?, messages::conversations(db)?);
        Ok::<_, StoreError>((people, conversations, accounts::any(db)?, revocations::list(db)?))
    };
    let (people, conversations, settled, revoked) = store.read(load).await?;
    let auth = Auth {
        store: store.clone(),
        clock: clock.clone(),
        key,
        verifier: TokenVerifier::new(signer.key_set()),
        signer,
        passwords: Passwords::new(config.limits.password_hashes).await?,
        rates: Rates::new(&config.limits),
        registration: config.registration,
    };
    let app = App {
        hub: Hub::new(people, conversations, clock.clone())?,
        config,
        clock,
        store,
        auth,
        sessions: TaskTracker::new(),
        settled: AtomicBool::new(settled),
    };
    app.publish(revoked);
    Ok(app)
}

fn accept_limits(config: &Config) -> AcceptLimits {
    AcceptLimits {
        connections: config.limits.connections,
        per_address: config.limits.connections_per_address,
        // Who reads slowly for a moment is not cut off: the kernel keeps more than the hub's queues.
        unsent_bytes: None,
        ..AcceptLimits::default()
    }
}

async fn serve_app(
    app: Arc<App>,
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    limits: AcceptLimits,
    stop: CancellationToken,
) {
    let handler = move |peer, request| crate::http::handle(app.clone(), peer, request);
    serve(listener, tls, limits, handler, stop).await;
}

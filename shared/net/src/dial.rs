//! Reaching another device: several addresses raced, the key checked before anything is said.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use landline_protocol::DeviceId;
use landline_trust::{DeviceKey, Expect, KeyMismatch, TlsError, client_config, key_mismatch, peer_device};
use rustls::pki_types::ServerName;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::tcp::{UNSENT_BYTES, tune};
use crate::wakes::Wakes;

/// The stream of a dialled connection. rustls reads 4 KiB at a time; the buffer beneath it turns
/// sixteen system calls into one.
pub type ClientTls = TlsStream<BufReader<TcpStream>>;

/// A connection whose other end has proved its key.
#[derive(Debug)]
pub struct Dialled {
    /// What to speak on.
    pub stream: ClientTls,
    /// Who answered.
    pub device: DeviceId,
    /// The address that answered first.
    pub remote: SocketAddr,
    /// The address of this machine that the other side sees, unless something translates it.
    pub local: SocketAddr,
    /// When whoever reads from the stream is woken.
    pub wakes: Arc<Wakes>,
}

/// No connection, and why.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// There was nothing to try.
    #[error("no address is known for the other side")]
    NoAddress,
    /// Every address refused or could not be reached.
    #[error("no connection could be made: {}. Check that the other side is running and on the same network", list(.0))]
    Unreachable(Vec<(SocketAddr, io::Error)>),
    /// Nobody answered in time.
    #[error("no answer in time. Check that the other side is running and that no firewall is in between")]
    Timeout,
    /// Somebody answered who does not have the pinned key. Nothing was sent.
    #[error(
        "the key of the other side has changed, so the connection was refused: expected {}, seen {}. Ask its owner \
         in person before trusting the new one", .0.expected.fingerprint(), .0.seen.fingerprint()
    )]
    KeyChanged(KeyMismatch),
    /// What answered does not speak this TLS, or this device's key cannot be used.
    #[error("no secure connection could be made: {0}")]
    Tls(String),
    /// The name has no address.
    #[error("the address of {host} could not be found: {why}")]
    Resolve {
        /// The name.
        host: String,
        /// What the system said.
        why: String,
    },
}

impl From<TlsError> for DialError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error.to_string())
    }
}

/// How long one address has before the next is tried beside it (RFC 8305, 8).
const STAGGER: Duration = Duration::from_millis(250);
/// Bytes read ahead of rustls.
const READ_AHEAD: usize = 64 * 1024;

/// Connects to whichever address first proves the expected key; the others are dropped.
///
/// An address that answers with another key does not stop the race, for addresses are only hints;
/// but if no address has the right key, that is what is reported. An address that leads back to this
/// device says nothing about the other side: it counts as one that cannot be reached.
pub async fn dial(
    addresses: &[SocketAddr],
    key: &DeviceKey,
    expect: Expect,
    timeout: Duration,
) -> Result<Dialled, DialError> {
    let connector = TlsConnector::from(client_config(key, expect)?);
    let mut failures = Vec::new();
    match tokio::time::timeout(timeout, race(addresses, &connector, &mut failures)).await {
        Ok(Some(dialled)) => Ok(dialled),
        Ok(None) => Err(verdict(failures, key.id(), false)),
        Err(_) => Err(verdict(failures, key.id(), true)),
    }
}

async fn race(
    addresses: &[SocketAddr],
    connector: &TlsConnector,
    failures: &mut Vec<(SocketAddr, Failure)>,
) -> Option<Dialled> {
    let mut waiting = addresses.iter().copied();
    let mut attempts = FuturesUnordered::new();
    loop {
        if let Some(address) = waiting.next() {
            attempts.push(attempt(address, connector));
        } else if attempts.is_empty() {
            return None;
        }
        tokio::select! {
            Some((address, outcome)) = attempts.next() => match outcome {
                Ok(dialled) => return Some(dialled),
                Err(failure) => failures.push((address, failure)),
            },
            () = tokio::time::sleep(STAGGER), if waiting.len() > 0 => {}
        }
    }
}

enum Failure {
    Tcp(io::Error),
    Tls(io::Error),
}

async fn attempt(address: SocketAddr, connector: &TlsConnector) -> (SocketAddr, Result<Dialled, Failure>) {
    (address, connect(address, connector).await)
}

async fn connect(remote: SocketAddr, connector: &TlsConnector) -> Result<Dialled, Failure> {
    let tcp = TcpStream::connect(remote).await.map_err(Failure::Tcp)?;
    tune(&tcp, Some(UNSENT_BYTES)).map_err(Failure::Tcp)?;
    let local = tcp.local_addr().map_err(Failure::Tcp)?;
    let wakes = Arc::new(Wakes::of(&tcp).map_err(Failure::Tcp)?);
    let name = ServerName::IpAddress(remote.ip().into());
    let buffered = BufReader::with_capacity(READ_AHEAD, tcp);
    let stream = connector.connect(name, buffered).await.map_err(Failure::Tls)?;
    let device = peer_device(stream.get_ref().1.peer_certificates())
        .ok_or_else(|| Failure::Tls(io::Error::other("the other side showed no device certificate")))?;
    Ok(Dialled { stream, device, remote, local, wakes })
}

/// The one reason that helps most.
fn verdict(failures: Vec<(SocketAddr, Failure)>, own: DeviceId, timed_out: bool) -> DialError {
    let mut unreachable = Vec::new();
    let mut tls = None;
    for (address, failure) in failures {
        match failure {
            Failure::Tcp(error) => unreachable.push((address, error)),
            Failure::Tls(error) => match key_mismatch(&error) {
                Some(mismatch) if mismatch.seen == own => {
                    unreachable.push((address, io::Error::other("this address is this machine itself")));
                }
                Some(mismatch) => return DialError::KeyChanged(mismatch),
                None => tls = Some(format!("{address}: {error}")),
            },
        }
    }
    match tls {
        Some(why) => DialError::Tls(why),
        None if timed_out => DialError::Timeout,
        None if unreachable.is_empty() => DialError::NoAddress,
        None => DialError::Unreachable(unreachable),
    }
}

fn list(failures: &[(SocketAddr, io::Error)]) -> String {
    let all: Vec<String> = failures.iter().map(|(address, error)| format!("{address}: {error}")).collect();
    all.join(", ")
}

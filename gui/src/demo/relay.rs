//! Counts what goes through the coordinator, from outside: a plain relay on the coordinator's
//! doorstep through which everyone reaches it.
//!
//! It sees only ciphertext: keys are pinned, so that something between two ends can count and
//! nothing else. It counts every byte of TLS, handshakes included, and works the same on every
//! system; a process's own counters (as /proc/PID/io) leave sockets out.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A running relay; it ends when dropped.
pub(super) struct Relay {
    /// Where it listens.
    pub(super) address: SocketAddr,
    counts: Arc<Counts>,
    task: AbortHandle,
}

/// Bytes so far.
#[derive(Debug, Default)]
struct Counts {
    inward: AtomicU64,
    outward: AtomicU64,
}

impl Relay {
    /// Listens on loopback, and passes everything on to `target`.
    pub(super) async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(accept(listener, target, counts.clone())).abort_handle();
        Ok(Self { address, counts, task })
    }

    /// Bytes to the coordinator and from it.
    pub(super) fn counted(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.counts.inward), read(&self.counts.outward))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, counts: Arc<Counts>) {
    // Connections end with the relay: dropping the set aborts them.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let counts = counts.clone();
        connections.spawn(async move { pass(client, target, &counts).await });
        while connections.try_join_next().is_some() {}
    }
}

async fn pass(client: TcpStream, target: SocketAddr, counts: &Counts) -> io::Result<()> {
    let coordinator = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    coordinator.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_coordinator, to_coordinator) = coordinator.into_split();
    tokio::try_join!(
        pump(from_client, to_coordinator, &counts.inward),
        pump(from_coordinator, to_client, &counts.outward),
    )?;
    Ok(())
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        count.fetch_add(u64::try_from(read).unwrap_or(0), Ordering::Relaxed);
        to.write_all(&buffer[..read]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_arrives_and_is_counted_once() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let relay = Relay::start(server.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(relay.address).await.unwrap();
        let sent = vec![7; 100_000];
        let (mut accepted, _) = server.accept().await.unwrap();
        let upward = async {
            client.write_all(&sent).await.unwrap();
            client.shutdown().await.unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.unwrap();
            answer
        };
        let downward = async {
            let mut got = Vec::new();
            accepted.read_to_end(&mut got).await.unwrap();
            accepted.write_all(b"thanks").await.unwrap();
            accepted.shutdown().await.unwrap();
            got
        };
        let (answer, got) = tokio::join!(upward, downward);
        assert_eq!((answer.as_slice(), got), (b"thanks".as_slice(), sent));
        assert_eq!(relay.counted(), (100_000, 6));
    }
}

//! How much must have come over a connection before whoever reads from it is woken (`SO_RCVLOWAT`,
//! socket(7)).
//!
//! On a link that is slower than the machine, every few packets wake the reader, and most of what a
//! wake costs (leaving idle, finding everything in cold caches) does not depend on how much there is.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;

/// Of one connection. It holds the socket open: it must not outlive the connection.
#[derive(Debug)]
pub struct Wakes {
    socket: OwnedFd,
    after: AtomicUsize,
}

impl Wakes {
    /// The reader is woken by whatever comes, at first.
    pub(crate) fn of(tcp: &TcpStream) -> io::Result<Self> {
        use std::os::fd::AsFd as _;
        Ok(Self { socket: tcp.as_fd().try_clone_to_owned()?, after: AtomicUsize::new(1) })
    }

    /// From now on the reader is woken once so many bytes are there, at least one, or the end. Whoever
    /// asks for more than one must see to it that they come, or ask for one in time: what is there
    /// already is told at once then. A system that cannot do it wakes as before.
    pub fn after(&self, bytes: usize) {
        if self.after.swap(bytes, Ordering::Relaxed) != bytes {
            let bytes = i32::try_from(bytes).unwrap_or(i32::MAX).max(1);
            if let Err(error) = set_low_water_mark(&self.socket, bytes) {
                tracing::debug!(%error, "the low-water mark of a socket cannot be set");
            }
        }
    }
}

/// No crate in use offers this option safely.
#[expect(unsafe_code, reason = "one setsockopt that takes an integer")]
fn set_low_water_mark(socket: &OwnedFd, bytes: libc::c_int) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let len = libc::socklen_t::try_from(size_of::<libc::c_int>()).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for as long as it is borrowed, and the kernel reads one integer of
    // the given length from a reference that lives until the call returns.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            std::ptr::from_ref(&bytes).cast(),
            len,
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

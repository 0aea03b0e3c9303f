//! What the kernel is asked to do with every connection, whichever side made it.

use std::io;

use socket2::SockRef;
use tokio::net::TcpStream;

/// How many bytes that are not on their way yet may wait in the kernel before a writer waits. Without
/// it megabytes do: cold by the time they are sent, and beyond the reach of a limit, a pause or a cancel
/// (on a slow line, for seconds). What is under way and not acknowledged does not count, so it costs no
/// speed on a long line. On a fast one a quarter of this gains no more, on slow ones it wakes the writer
/// more often.
pub(crate) const UNSENT_BYTES: u32 = 512 * 1024;

/// Sets up a fresh connection. A failure only costs speed.
pub(crate) fn tune(tcp: &TcpStream, unsent_bytes: Option<u32>) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    unsent_bytes.map_or(Ok(()), |bytes| SockRef::from(tcp).set_tcp_notsent_lowat(bytes))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn little_that_is_not_on_its_way_waits_in_the_kernel() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let before = SockRef::from(&tcp).tcp_notsent_lowat().unwrap();
        tune(&tcp, None).unwrap();
        assert_eq!(SockRef::from(&tcp).tcp_notsent_lowat().unwrap(), before);
        tune(&tcp, Some(UNSENT_BYTES)).unwrap();
        assert_eq!(SockRef::from(&tcp).tcp_notsent_lowat().unwrap(), UNSENT_BYTES);
        assert!(tcp.nodelay().unwrap());
    }
}

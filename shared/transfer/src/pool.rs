//! Buffers for body frames, used again and again.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::lock;

/// Bytes of a frame. Of a large one, what is read from the disk is out of the processor's cache when TLS
/// comes to it; between small ones too much else is done.
pub(crate) const FRAME_BYTES: usize = 256 * 1024;
/// Buffers kept while nobody needs them (2 MiB).
const KEPT: usize = 8;

/// A store of buffers, cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Box<[u8]>>>>);

impl Pool {
    /// A buffer of [`FRAME_BYTES`]; what is in it is of no use.
    pub(crate) fn take(&self) -> Buffer {
        let kept = lock(&self.0).pop();
        Buffer {
            bytes: kept.unwrap_or_else(|| vec![0; FRAME_BYTES].into_boxed_slice()),
            len: 0,
            pool: self.clone(),
        }
    }
}

/// A buffer that returns to its pool.
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    len: usize,
    pool: Pool,
}

impl Buffer {
    /// The space to fill.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The first `len` bytes as a frame. The buffer returns when the last clone is dropped.
    pub(crate) fn freeze(mut self, len: usize) -> Bytes {
        self.len = len.min(self.bytes.len());
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut kept = lock(&self.pool.0);
        if kept.len() < KEPT {
            kept.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_return_and_only_so_many_are_kept() {
        let pool = Pool::default();
        let mut buffer = pool.take();
        buffer.space()[..3].copy_from_slice(b"abc");
        let frame = buffer.freeze(3);
        assert_eq!(&frame[..], b"abc");
        assert_eq!(lock(&pool.0).len(), 0);
        drop(frame);
        assert_eq!(lock(&pool.0).len(), 1);
        drop((0..20).map(|_| pool.take()).collect::<Vec<_>>());
        assert_eq!(lock(&pool.0).len(), KEPT);
    }
}

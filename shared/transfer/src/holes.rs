//! Holes of sparse files while they are hashed: known to be zeros without reading them.

use std::fs::File;
use std::io;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

use crate::disk;

/// Fills buffers with what is in the holes of one file.
pub(crate) struct Holes<'a> {
    /// Absent when the file has none, as far as its blocks tell, or cannot say.
    sparse: Option<&'a File>,
    /// Whether the buffer is zeros from the last time.
    zeroed: bool,
}

impl<'a> Holes<'a> {
    /// Of a file that should be so long.
    pub(crate) fn of(file: &'a File, size: u64) -> Self {
        // Less than a page cannot have one.
        let sparse = size > 4096 && disk::allocated(file).is_ok_and(|bytes| bytes < size);
        Self { sparse: sparse.then_some(file), zeroed: false }
    }

    /// Makes the buffer zeros when the file has nothing but a hole from `offset` on, and says whether it
    /// did. Expects each time the buffer that it filled before, unchanged unless `false` was answered.
    pub(crate) fn fill(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
        let Some(file) = self.sparse else {
            return Ok(false);
        };
        let end = offset + buffer.len() as u64;
        if !is_hole(file, offset, end)? {
            self.zeroed = false;
            return Ok(false);
        }
        if !self.zeroed {
            buffer.fill(0);
            self.zeroed = true;
        }
        Ok(true)
    }
}

fn is_hole(file: &File, start: u64, end: u64) -> io::Result<bool> {
    match rustix::fs::seek(file, SeekFrom::Data(start)) {
        Ok(data) => Ok(data >= end),
        // No more data; beyond the end of a file that became shorter there is no hole either.
        Err(Errno::NXIO) => Ok(file.metadata()?.len() >= end),
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::tree::PieceTree;

    #[test]
    fn holes_hash_like_the_zeros_they_are() {
        let size = (5 << 20) + 77;
        let sparse = tempfile::tempfile().unwrap();
        sparse.set_len(size).unwrap();
        let full = tempfile::tempfile().unwrap();
        let mut bytes = vec![0; usize::try_from(size).unwrap()];
        for at in [(1 << 20) + 5, (3 << 20) - 1] {
            bytes[at] = 9;
            disk::write_at(&sparse, &[9], at as u64).unwrap();
        }
        disk::write_at(&full, &bytes, 0).unwrap();
        assert!(Holes::of(&sparse, size).sparse.is_some(), "the file system has no holes: nothing is tested");
        let hash = |file| PieceTree::hash_file(file, size, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(hash(&sparse), hash(&full));
        assert_eq!(hash(&sparse).root().as_bytes(), blake3::hash(&bytes).as_bytes());
    }
}

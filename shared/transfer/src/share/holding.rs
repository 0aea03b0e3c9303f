//! What can be served: something with pieces that knows which of them are verified.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use landline_protocol::Root;

use crate::layout::Layout;

/// Verified pieces that this machine passes on under an offer: a download under way. Called from the
/// serving side; reading may block as long as a disk read takes, everything else answers at once.
pub trait Holding: Send + Sync + 'static {
    /// How the content falls into pieces.
    fn layout(&self) -> &Arc<Layout>;

    /// What it is proven against; `None` while the author has not said. Becomes the entity tag.
    fn root(&self) -> Option<Root>;

    /// One bit for each piece, the lowest first, set where it is verified; `None` when all are.
    fn map(&self) -> Option<Vec<u8>>;

    /// Whether every byte of this range of the content is in verified pieces.
    fn has(&self, start: u64, end: u64) -> bool;

    /// Fills `buffer` with the bytes of the content from `start` on, all of which it has.
    fn read(&self, start: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// The values of a single file's pieces, in order; `None` for a folder, or not known yet.
    fn tree(&self) -> Option<Bytes>;

    /// The manifest of a folder, whole; `None` for a single file.
    fn manifest(&self) -> Option<Bytes>;
}

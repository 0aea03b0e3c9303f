//! Whether there is room, asked before anything is fetched.

use std::fs::File;
use std::io;

use super::Destination;
use super::names::Listing;
use crate::beneath::Directory;
use crate::disk;
use crate::layout::Layout;
use crate::tree::piece_len;
use crate::values::{Values, compute};

/// The largest content that is begun although it would fit only if most of it is zeros, in bytes. What
/// is kept in memory for one of this size is 36 MiB.
const SPARSE_BYTES: u64 = 1 << 40;
/// Pieces looked at to guess how much of a content is zeros.
const SAMPLE: usize = 256;

/// What is known about a destination before anything is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Bytes free for this user there; absent where the file system does not say.
    pub free: Option<u64>,
    /// Whether something with this name, or one that differs only in case, is there.
    pub taken: bool,
}

/// Looks at a destination. Blocks briefly.
pub fn outlook(to: &Destination) -> io::Result<Outlook> {
    let folder = Directory::open(&to.folder)?;
    let taken = Listing::of(&folder)?.find(&to.name).is_some();
    Ok(Outlook { free: disk::free(folder.handle()), taken })
}

/// Refuses a size that no disk has, before memory is set aside for its hashes.
pub(super) fn plausible(folder: &Directory, size: u64) -> io::Result<()> {
    let free = disk::free(folder.handle()).unwrap_or(SPARSE_BYTES);
    if size > free.max(SPARSE_BYTES) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

/// Bytes of disk that what is missing of a part will still take. Space that it has already beyond what is
/// here of it, as when some was set aside, is not taken again.
pub(super) fn need(part: &File, size: u64, here: u64) -> io::Result<u64> {
    let missing = size.saturating_sub(here);
    Ok(missing - missing.min(disk::allocated(part)?.saturating_sub(here)))
}

/// Whether `need` more bytes of a content fit. What does not fit as it is may still fit with holes:
/// the hashes of some of its pieces tell how much is zeros.
pub(super) fn check(folder: &Directory, values: &Values, need: u64) -> io::Result<()> {
    let Some(free) = disk::free(folder.handle()) else { return Ok(()) };
    if need <= free {
        return Ok(());
    }
    let (data, all) = sample(values);
    let fits = u128::from(need) * u128::from(data) <= u128::from(free) * u128::from(all);
    if fits { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
}

/// Of some bytes of the content, how many are not in pieces of zeros, and how many there are.
fn sample(values: &Values) -> (u64, u64) {
    let layout: &Layout = values.layout();
    let longest = layout.files().iter().map(|file| piece_len(file.size, 0)).max();
    let zeros = vec![0; longest.unwrap_or(0)];
    let count = layout.pieces().min(SAMPLE);
    let numbers = (0..count).map(|n| n * (layout.pieces() / count) + layout.pieces() % count * n / count);
    numbers.filter_map(|number| Some((number, layout.piece(number)?))).fold(
        (0, 0),
        |(data, all), (number, piece)| {
            let is_zero = compute(layout, number, &zeros[..piece.len]).as_ref() == values.all().get(number);
            let len = piece.len as u64;
            (data + if is_zero { 0 } else { len }, all + len)
        },
    )
}

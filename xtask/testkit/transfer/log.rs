//! What came over the network, written down before anything else happens to it: exact at the moment
//! at which a process is killed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of one answer's entry.
const ENTRY: usize = 40;
/// Where in an entry the bytes that came stand.
const GOT: u64 = 24;
/// Where in an entry it says how it stands.
const STATE: u64 = 32;

/// The log of one process.
pub(super) struct Log {
    file: File,
    entries: AtomicU64,
}

/// One answer to a request for content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Which of the sources, as they were named.
    pub(crate) source: u64,
    /// What was asked for: bytes of the content.
    pub(crate) start: u64,
    /// The end of what was asked for.
    pub(crate) end: u64,
    /// Bytes of the body that came.
    pub(crate) got: u64,
    /// How it stands.
    pub(crate) state: State,
}

/// How an answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// More may come.
    Open,
    /// Likewise, but compressed: nobody knows from here which bytes of the content came.
    Coded,
    /// Its connection has ended.
    Ended,
}

impl Answer {
    /// Whether its bytes are on their way.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.state != State::Ended && self.got < self.end - self.start
    }
}

impl Log {
    /// An empty one.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::create(path)?, entries: AtomicU64::new(0) })
    }

    /// An answer begins; returns its number.
    pub(super) fn begin(&self, answer: Answer) -> io::Result<u64> {
        let number = self.entries.fetch_add(1, Ordering::Relaxed);
        let state = answer.state as u64;
        let words = [answer.source, answer.start, answer.end, answer.got, state];
        let mut entry = [0; ENTRY];
        for (bytes, word) in entry.chunks_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        self.file.write_all_at(&entry, at(number))?;
        Ok(number)
    }

    /// So many bytes of it have come.
    pub(super) fn got(&self, number: u64, bytes: u64) -> io::Result<()> {
        self.file.write_all_at(&bytes.to_le_bytes(), at(number) + GOT)
    }

    /// Its connection ended.
    pub(super) fn end(&self, number: u64) -> io::Result<()> {
        self.file.write_all_at(&(State::Ended as u64).to_le_bytes(), at(number) + STATE)
    }
}

/// Where the entry with this number is.
fn at(number: u64) -> u64 {
    number * ENTRY as u64
}

/// What a log says, also while it is written.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Answer>> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let (entries, _) = bytes.as_chunks::<ENTRY>();
    Ok(entries.iter().map(read_entry).collect())
}

fn read_entry(entry: &[u8; ENTRY]) -> Answer {
    let (words, _) = entry.as_chunks::<8>();
    let word = |index: usize| u64::from_le_bytes(words[index]);
    let state = match word(4) {
        0 => State::Open,
        1 => State::Coded,
        _ => State::Ended,
    };
    Answer { source: word(0), start: word(1), end: word(2), got: word(3), state }
}

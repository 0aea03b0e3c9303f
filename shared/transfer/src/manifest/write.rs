//! Writes a manifest.

use std::io::{self, Write};

use landline_protocol::Root;

use super::{EntryPath, FileEntry, FolderEntry, Manifest, ManifestError};
use crate::tree::ChainingValue;

/// What every manifest begins with.
pub(super) const MAGIC: &[u8; 8] = b"LLFOLDER";
/// The version of the form.
pub(super) const VERSION: u8 = 1;
/// How much is gathered before it is written and hashed: both are better at large steps.
const STEP: usize = 64 * 1024;

/// Writes all of it.
pub(super) fn manifest(manifest: &Manifest, to: impl Write) -> Result<Root, ManifestError> {
    let mut out = Out { to, hasher: blake3::Hasher::new(), ready: Vec::with_capacity(STEP) };
    out.ready.extend_from_slice(MAGIC);
    out.ready.push(VERSION);
    number(&mut out.ready, manifest.folders.len() as u64);
    number(&mut out.ready, manifest.files.len() as u64);
    let mut before = "";
    for entry in &manifest.folders {
        folder(&mut out.ready, before, entry);
        before = entry.path.as_str();
        out.step()?;
    }
    before = "";
    for (index, entry) in manifest.files.iter().enumerate() {
        file(&mut out.ready, before, entry);
        before = entry.path.as_str();
        out.values(manifest.values_of(index))?;
    }
    Ok(out.finish()?)
}

struct Out<W> {
    to: W,
    hasher: blake3::Hasher,
    ready: Vec<u8>,
}

impl<W: Write> Out<W> {
    fn values(&mut self, values: &[ChainingValue]) -> io::Result<()> {
        for some in values.chunks(STEP / size_of::<ChainingValue>()) {
            self.ready.extend_from_slice(some.as_flattened());
            self.step()?;
        }
        self.step()
    }

    fn step(&mut self) -> io::Result<()> {
        if self.ready.len() >= STEP { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.write_all(&self.ready)?;
        self.hasher.update(&self.ready);
        self.ready.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Root> {
        self.flush()?;
        self.to.flush()?;
        Ok(Root::from_bytes(*self.hasher.finalize().as_bytes()))
    }
}

fn folder(out: &mut Vec<u8>, before: &str, entry: &FolderEntry) {
    path(out, before, &entry.path);
    time(out, entry.modified);
}

fn file(out: &mut Vec<u8>, before: &str, entry: &FileEntry) {
    path(out, before, &entry.path);
    number(out, entry.size);
    time(out, entry.modified);
    out.push(u8::from(entry.executable));
}

fn path(out: &mut Vec<u8>, before: &str, path: &EntryPath) {
    let (bytes, common) = (path.as_str().as_bytes(), in_common(before, path.as_str()));
    number(out, common as u64);
    number(out, (bytes.len() - common) as u64);
    out.extend_from_slice(&bytes[common..]);
}

/// How many bytes two texts have in common at their beginning.
pub(super) fn in_common(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
}

fn time(out: &mut Vec<u8>, (seconds, nanos): (i64, u32)) {
    number(out, (seconds.cast_unsigned() << 1) ^ (seconds >> 63).cast_unsigned());
    number(out, nanos.into());
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

//! Reads a manifest that somebody else wrote, and checks every rule.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use landline_protocol::limits;

use super::write::{MAGIC, VERSION, in_common};
use super::{EntryPath, FileEntry, FolderEntry, Manifest, ManifestError, PATH_BYTES, compare};
use crate::layout::Layout;
use crate::tree::{ChainingValue, VALUE_BYTES, piece_count};
use crate::values::Values;

use ManifestError::Damaged;

const CUT: ManifestError = Damaged("it ends too soon");

/// Values taken at a time: what is claimed is believed 64 KiB at a time.
const VALUES: u64 = 2_048;

/// Reads all of it.
pub(super) fn manifest(from: impl Read) -> Result<Manifest, ManifestError> {
    let mut input = Input(BufReader::with_capacity(64 * 1024, from.take(limits::MANIFEST_BYTES)));
    if input.array()? != *MAGIC {
        return Err(Damaged("it is not such a list"));
    }
    if input.byte()? != VERSION {
        return Err(Damaged("it is of a later version; update Landline to fetch it"));
    }
    let (folders, files) = (input.number()?, input.number()?);
    let mut checked = Checked::new(read_folders(&mut input, folders)?)?;
    let mut path = String::new();
    for _ in 0..files {
        path = input.path(&path)?;
        let file = FileEntry {
            path: entry(&path)?,
            size: input.number()?,
            modified: input.time()?,
            executable: input.flag()?,
        };
        let values = piece_count(file.size);
        checked.push(file)?;
        input.values(values, &mut checked.values)?;
    }
    input.end()?;
    checked.finish()
}

fn read_folders<R: Read>(input: &mut Input<R>, count: u64) -> Result<Vec<FolderEntry>, ManifestError> {
    let (mut folders, mut path) = (Vec::new(), String::new());
    for _ in 0..count {
        path = input.path(&path)?;
        folders.push(FolderEntry { path: entry(&path)?, modified: input.time()? });
    }
    Ok(folders)
}

fn entry(path: &str) -> Result<EntryPath, ManifestError> {
    EntryPath::parse(path).ok_or(Damaged("a path in it is not allowed"))
}

/// A manifest in the making: what is in it keeps to the rules so far.
pub(super) struct Checked {
    folders: Vec<FolderEntry>,
    files: Vec<FileEntry>,
    size: u64,
    pub(super) values: Vec<ChainingValue>,
}

impl Checked {
    /// Begins with the folders, which must be sorted.
    pub(super) fn new(folders: Vec<FolderEntry>) -> Result<Self, ManifestError> {
        if !folders.is_sorted_by(|one, other| one.path < other.path) {
            return Err(Damaged("its folders are not in order"));
        }
        let checked = Self { folders, files: Vec::new(), size: 0, values: Vec::new() };
        for folder in &checked.folders {
            checked.has_parent(&folder.path)?;
        }
        Ok(checked)
    }

    /// Adds the next file.
    pub(super) fn push(&mut self, file: FileEntry) -> Result<(), ManifestError> {
        if self.files.last().is_some_and(|last| last.path >= file.path) {
            return Err(Damaged("its files are not in order"));
        }
        self.has_parent(&file.path)?;
        if self.has_folder(file.path.as_str()) {
            return Err(Damaged("a file in it is a folder too"));
        }
        self.size = self.size.checked_add(file.size).ok_or(Damaged("its sizes are absurd"))?;
        self.files.push(file);
        Ok(())
    }

    /// The whole, if every piece has its value.
    pub(super) fn finish(self) -> Result<Manifest, ManifestError> {
        let layout = Arc::new(Layout::of(self.files.iter().map(|file| file.size)));
        let values = Values::of_folder(layout, self.values).ok_or(Damaged("hashes are missing in it"))?;
        Ok(Manifest { files: self.files, folders: self.folders, values })
    }

    /// What is in a folder that is not listed would be in nothing, or beneath a file.
    fn has_parent(&self, path: &EntryPath) -> Result<(), ManifestError> {
        match path.parent() {
            Some(parent) if !self.has_folder(parent) => Err(Damaged("a folder is missing in it")),
            _ => Ok(()),
        }
    }

    fn has_folder(&self, path: &str) -> bool {
        self.folders.binary_search_by(|folder| compare(folder.path.as_str(), path)).is_ok()
    }
}

/// The parts of the form.
struct Input<R>(BufReader<io::Take<R>>);

impl<R: Read> Input<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), ManifestError> {
        self.0.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => CUT,
            _ => error.into(),
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ManifestError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, ManifestError> {
        Ok(self.array::<1>()?[0])
    }

    fn flag(&mut self) -> Result<bool, ManifestError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Damaged("it says something unknown about a file")),
        }
    }

    /// LEB128, in its shortest form only.
    fn number(&mut self) -> Result<u64, ManifestError> {
        const BAD: ManifestError = Damaged("a number in it cannot be read");
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                return Err(BAD);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(BAD)
    }

    fn time(&mut self) -> Result<(i64, u32), ManifestError> {
        let (coded, nanos) = (self.number()?, self.number()?);
        let seconds = (coded >> 1).cast_signed() ^ -(coded & 1).cast_signed();
        let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
        Ok((seconds, nanos.ok_or(Damaged("a time in it cannot be"))?))
    }

    fn path(&mut self, before: &str) -> Result<String, ManifestError> {
        const BAD: ManifestError = Damaged("a path in it is not allowed");
        let length = |number: u64| usize::try_from(number).ok().filter(|len| *len <= PATH_BYTES).ok_or(BAD);
        let (common, more) = (length(self.number()?)?, length(self.number()?)?);
        let kept = before.as_bytes().get(..common).ok_or(BAD)?;
        let mut bytes = vec![0; common + more];
        bytes[..common].copy_from_slice(kept);
        self.fill(&mut bytes[common..])?;
        let path = String::from_utf8(bytes).map_err(|_| BAD)?;
        // One form only: as much in common as there is.
        if in_common(before, &path) == common { Ok(path) } else { Err(BAD) }
    }

    fn values(&mut self, count: u64, into: &mut Vec<ChainingValue>) -> Result<(), ManifestError> {
        let mut left = count;
        let mut buffer = Vec::new();
        while left > 0 {
            let now = left.min(VALUES);
            buffer.resize(usize::try_from(now).unwrap_or(0) * VALUE_BYTES, 0);
            self.fill(&mut buffer)?;
            into.extend_from_slice(buffer.as_chunks().0);
            left -= now;
        }
        Ok(())
    }

    /// That nothing follows, within what a manifest may be.
    fn end(mut self) -> Result<(), ManifestError> {
        if self.0.read(&mut [0])? > 0 {
            return Err(Damaged("something follows it"));
        }
        // Where the limit cut it off, more may follow; a whole one of exactly that size is refused too.
        if self.0.get_ref().limit() == 0 {
            return Err(Damaged("it is larger than such a list may be"));
        }
        Ok(())
    }
}

//! What a user would lose if the store were wrong: bytes, names, what was there before.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use landline_protocol::limits::PIECE_BYTES;

use super::*;
use crate::manifest::{EntryPath, FileEntry, FolderEntry};
use crate::share;
use crate::tree::{ChainingValue, value_of};

mod file;
mod folder;
mod hostile;
mod policy;

/// A time that no clock shows by itself.
const WHEN: (i64, u32) = (1_000_000_000, 123_456_789);

/// Bytes that no two files share and that hold no zeros to speak of.
fn noise(len: usize, seed: &str) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn part() -> PartName {
    PartName::of(HeldKey::from_bytes([7; 16]))
}

fn values_of(bytes: &[u8]) -> Vec<ChainingValue> {
    let size = bytes.len() as u64;
    (0..).zip(bytes.chunks(MIB)).map(|(index, piece)| value_of(size, index, piece)).collect()
}

/// A content, and a folder to fetch it into.
struct Sample {
    temp: tempfile::TempDir,
    bytes: Vec<u8>,
    layout: Arc<Layout>,
    values: Values,
    manifest: Option<Arc<Manifest>>,
    to: Destination,
}

impl Sample {
    fn file(bytes: Vec<u8>) -> Self {
        let layout = Arc::new(Layout::single(bytes.len() as u64));
        let values = Values::of_folder(layout.clone(), values_of(&bytes)).unwrap();
        Self::new(bytes, layout, values, None, "Name.bin")
    }

    /// Files by path; a path that ends in `/` is a folder, `*` before a path makes it executable.
    fn folder(entries: &[(&str, Vec<u8>)]) -> Self {
        let folders = entries.iter().filter_map(|(path, _)| path.strip_suffix('/'));
        let folders =
            folders.map(|path| FolderEntry { path: EntryPath::parse(path).unwrap(), modified: WHEN });
        let files = entries.iter().filter(|(path, _)| !path.ends_with('/')).map(|(path, bytes)| {
            let entry = FileEntry {
                path: EntryPath::parse(path.trim_start_matches('*')).unwrap(),
                size: bytes.len() as u64,
                modified: WHEN,
                executable: path.starts_with('*'),
            };
            (entry, values_of(bytes))
        });
        let manifest = Manifest::new(files.collect(), folders.collect()).unwrap();
        let by_path: BTreeMap<&str, &Vec<u8>> =
            entries.iter().map(|(path, bytes)| (path.trim_start_matches('*'), bytes)).collect();
        let bytes = manifest.files.iter().flat_map(|file| by_path[file.path.as_str()].clone()).collect();
        let (layout, values) = (manifest.layout().clone(), manifest.values.clone());
        Self::new(bytes, layout, values, Some(Arc::new(manifest)), "Sent")
    }

    fn new(
        bytes: Vec<u8>,
        layout: Arc<Layout>,
        values: Values,
        manifest: Option<Arc<Manifest>>,
        name: &str,
    ) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let name = FileName::parse(name).unwrap();
        let to = Destination { folder: temp.path().to_owned(), name, conflict: Conflict::Rename };
        Self { temp, bytes, layout, values, manifest, to }
    }

    fn conflict(mut self, conflict: Conflict) -> Self {
        self.to.conflict = conflict;
        self
    }

    fn open(&self) -> io::Result<Store> {
        self.open_some(|_| true)
    }

    fn open_some(&self, wanted: impl Fn(&str) -> bool) -> io::Result<Store> {
        let subject = match &self.manifest {
            None => Subject::File,
            Some(manifest) => Subject::Folder {
                manifest: manifest.clone(),
                wanted: manifest.files.iter().map(|file| wanted(file.path.as_str())).collect(),
            },
        };
        Store::open(&self.to, &part(), subject, &self.layout)
    }

    fn piece(&self, number: usize) -> &[u8] {
        let piece = self.layout.piece(number).unwrap();
        let start = usize::try_from(piece.start).unwrap();
        &self.bytes[start..start + piece.len]
    }

    fn good(&self, store: &Store) -> io::Result<Vec<usize>> {
        let mut good = Vec::new();
        let stop = AtomicBool::new(false);
        let in_doubt = store.survey(&self.values, &stop, &mut |number| good.push(number))?;
        store.check(&self.values, &stop, &in_doubt, &mut |number, is_there| {
            if is_there {
                good.push(number);
            }
        })?;
        good.sort_unstable();
        Ok(good)
    }

    /// What a download does: checks, brings what is missing and wanted, in steps, and places it.
    fn fetch(&self) -> io::Result<(Placed, usize)> {
        let store = self.open()?;
        let brought = self.bring(&store)?;
        store.sync()?;
        Ok((store.place()?, brought))
    }

    /// Checks and brings what is missing; tells how many pieces that were.
    fn bring(&self, store: &Store) -> io::Result<usize> {
        let good = self.good(store)?;
        let wanted = store.wanted();
        let missing: Vec<usize> = (0..self.layout.pieces())
            .filter(|number| wanted[self.layout.piece(*number).unwrap().file] && !good.contains(number))
            .collect();
        for number in &missing {
            self.write(store, *number);
        }
        Ok(missing.len())
    }

    fn write(&self, store: &Store, number: usize) {
        for (step, bytes) in self.piece(number).chunks(256 * 1024).enumerate() {
            store.write(number, step * 256 * 1024, bytes).unwrap();
        }
    }

    fn write_all(&self, store: &Store, numbers: impl Iterator<Item = usize>) {
        numbers.for_each(|number| self.write(store, number));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        names(self.temp.path())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every file and folder beneath a path, files with their content.
fn contents(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut all = BTreeMap::new();
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            let inner = contents(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes));
            all.extend(inner.collect::<Vec<_>>());
            all.insert(format!("{name}/"), None);
        } else {
            all.insert(name, Some(fs::read(path).unwrap()));
        }
    }
    all
}

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn kind(result: io::Result<impl std::fmt::Debug>) -> io::ErrorKind {
    result.unwrap_err().kind()
}

const MIB: usize = 1024 * 1024;
const _: () = assert!(MIB as u64 == PIECE_BYTES);

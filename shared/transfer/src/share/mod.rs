//! The shares of this machine: which file each id stands for, and who may have it.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use bytes::Bytes;
use landline_protocol::{DeviceId, OfferedName, ShareId, UserName};
use tokio::sync::watch;

use crate::beneath::{Directory, OpenError};
use crate::disk::FileVersion;
use crate::lock;
use crate::pool::Pool;
use crate::tree::{HashError, PieceTree};
use crate::upload::{Asker, Meters, Pulse, Upload};

/// What is shared at this moment. Clones are handles of one registry.
#[derive(Clone)]
pub struct Shares {
    table: Arc<Mutex<Table>>,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) pool: Pool,
    /// Responses under way, over all shares.
    pub(crate) live: Arc<AtomicUsize>,
}

/// A file as it was when it was shared: its name beneath an open directory, and its version. Holds
/// no handle of the file itself, so thousands of shares cost no descriptors.
#[derive(Clone, Debug)]
pub struct SharedFile {
    directory: Arc<Directory>,
    name: OsString,
    version: FileVersion,
}

/// Who may fetch a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone who can prove to be somebody at the coordinator.
    Everyone,
    /// These people, with any of their devices.
    Users(Vec<UserName>),
}

/// Why a file cannot be shared, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// It is not there.
    #[error("{} is not there; choose the file again", .0.display())]
    Missing(PathBuf),
    /// A folder, a link or a device.
    #[error("{} is not a regular file; only files can be shared", .0.display())]
    NotRegular(PathBuf),
    /// Not what it was when it was shared.
    #[error("{} was changed after it was shared; share it again", .0.display())]
    Changed(PathBuf),
    /// The system refused.
    #[error("{} cannot be read: {source}; check that you may open it", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl Default for Shares {
    fn default() -> Self {
        Self::new()
    }
}

impl Shares {
    /// Nothing shared yet.
    pub fn new() -> Self {
        Self {
            table: Arc::default(),
            pulse: Arc::new(Pulse::new()),
            pool: Pool::default(),
            live: Arc::default(),
        }
    }

    /// Opens a file for sharing: a regular file, not a symlink, as it is now.
    pub fn open(path: &Path) -> Result<SharedFile, ShareError> {
        let missing = || ShareError::Missing(path.to_owned());
        let name = path.file_name().ok_or_else(missing)?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let directory = Directory::open(parent).map_err(|error| at(path, error.into()))?;
        let file = directory.open_file(name).map_err(|error| at(path, error))?;
        let version = FileVersion::of(&file).map_err(|error| at(path, error.into()))?;
        Ok(SharedFile { directory: Arc::new(directory), name: name.to_owned(), version })
    }

    /// Opens a file that was shared before a restart; [`ShareError::Changed`] when it is not the
    /// same any more.
    pub fn reopen(path: &Path, shared: &FileVersion) -> Result<SharedFile, ShareError> {
        let file = Self::open(path)?;
        if file.version.same_after_restart(shared) {
            Ok(file)
        } else {
            Err(ShareError::Changed(path.to_owned()))
        }
    }

    /// Serves a file under an id from now on. The same id again replaces what it stood for and
    /// stops its transfers.
    pub fn add(&self, id: ShareId, mut file: SharedFile, audience: Audience) {
        let mut table = lock(&self.table);
        file.directory = table.one_handle(file.directory);
        let share = Share {
            id,
            file,
            audience: Folded::from(audience),
            tree: OnceLock::new(),
            stopped: AtomicBool::new(false),
            meters: Meters::default(),
        };
        if let Some(old) = table.shares.insert(id, Arc::new(share)) {
            old.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Gives a share its tree, once it is hashed; until then the tree route says "not yet". A tree
    /// of another size than the file's is not taken.
    pub fn set_tree(&self, id: &ShareId, tree: &PieceTree) {
        if let Some(share) = self.get(id)
            && share.file.version.size == tree.size()
        {
            let _ = share.tree.set(tree.to_bytes());
        }
    }

    /// Stops serving a share. Responses under way end with an error.
    pub fn remove(&self, id: &ShareId) {
        let removed = lock(&self.table).remove(id);
        if let Some(share) = removed {
            share.stopped.store(true, Ordering::Relaxed);
            self.pulse.now();
        }
    }

    /// Ends every response under way to a device, as when it was signed out. What it asks for later
    /// is for whoever admits it to judge.
    pub fn stop_device(&self, device: &DeviceId) {
        for share in lock(&self.table).shares.values() {
            share.meters.stop(device);
        }
    }

    /// Who fetched what, since each share was added.
    pub fn uploads(&self) -> Vec<Upload> {
        let shares: Vec<_> = lock(&self.table).shares.values().cloned().collect();
        shares.iter().flat_map(|share| share.meters.read(share.id, share.file.version.size)).collect()
    }

    /// Changes whenever [`uploads`](Self::uploads) does: at once for a beginning or an end, at
    /// most ten times a second while bytes flow.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.pulse.watch()
    }

    /// The share, if there is one and it is for this user.
    pub(crate) fn find(&self, id: &ShareId, asker: &Asker) -> Option<Arc<Share>> {
        self.get(id).filter(|share| share.audience.admits(&asker.user))
    }

    fn get(&self, id: &ShareId) -> Option<Arc<Share>> {
        lock(&self.table).shares.get(id).cloned()
    }
}

impl SharedFile {
    /// What it is called, as an offer says it.
    pub fn name(&self) -> OfferedName {
        OfferedName::new(self.name.to_string_lossy())
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.version.size
    }

    /// Its version when it was shared.
    pub fn version(&self) -> FileVersion {
        self.version
    }

    /// Hashes it, telling `progress` the bytes done; `Break` stops. Blocks for as long as reading
    /// the file takes.
    pub fn hash(&self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<PieceTree, HashError> {
        let file = self.reopen().map_err(|_| HashError::Changed)?;
        let tree = PieceTree::hash_file(&file, self.version.size, progress)?;
        if FileVersion::of(&file)? == self.version { Ok(tree) } else { Err(HashError::Changed) }
    }

    /// The same file, unchanged, opened anew beneath its directory.
    pub(crate) fn reopen(&self) -> Result<File, ShareError> {
        let path = || self.directory.path().join(&self.name);
        let file = self.directory.open_file(&self.name).map_err(|error| match error {
            // Something is there, which is not what was shared.
            OpenError::NotRegular => ShareError::Changed(path()),
            other => at(&path(), other),
        })?;
        match FileVersion::of(&file) {
            Ok(version) if version == self.version => Ok(file),
            Ok(_) => Err(ShareError::Changed(path())),
            Err(error) => Err(at(&path(), error.into())),
        }
    }
}

/// One entry of the registry.
pub(crate) struct Share {
    pub(crate) id: ShareId,
    pub(crate) file: SharedFile,
    audience: Folded,
    pub(crate) tree: OnceLock<Bytes>,
    pub(crate) stopped: AtomicBool,
    pub(crate) meters: Meters,
}

#[derive(Default)]
struct Table {
    shares: HashMap<ShareId, Arc<Share>>,
    /// Shares of one folder share its handle.
    directories: HashMap<(u64, u64), Weak<Directory>>,
}

impl Table {
    fn one_handle(&mut self, directory: Arc<Directory>) -> Arc<Directory> {
        let Ok(identity) = directory.identity() else {
            return directory;
        };
        if let Some(known) = self.directories.get(&identity).and_then(Weak::upgrade) {
            return known;
        }
        self.directories.insert(identity, Arc::downgrade(&directory));
        directory
    }

    fn remove(&mut self, id: &ShareId) -> Option<Arc<Share>> {
        let share = self.shares.remove(id)?;
        self.directories.retain(|_, handle| handle.strong_count() > 0);
        Some(share)
    }
}

/// An audience ready to be asked.
enum Folded {
    Everyone,
    Users(HashSet<String>),
}

impl Folded {
    fn admits(&self, user: &UserName) -> bool {
        match self {
            Self::Everyone => true,
            Self::Users(users) => users.contains(&user.folded()),
        }
    }
}

impl From<Audience> for Folded {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Everyone => Self::Everyone,
            Audience::Users(users) => Self::Users(users.iter().map(UserName::folded).collect()),
        }
    }
}

fn at(path: &Path, error: OpenError) -> ShareError {
    let path = path.to_owned();
    match error {
        OpenError::Missing => ShareError::Missing(path),
        OpenError::NotRegular | OpenError::BadName => ShareError::NotRegular(path),
        OpenError::Io(source) if source.kind() == io::ErrorKind::NotFound => ShareError::Missing(path),
        OpenError::Io(source) => ShareError::Io { path, source },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_regular_files_are_shared() {
        let temp = tempfile::tempdir().unwrap();
        let path = |name: &str| temp.path().join(name);
        fs::write(path("real"), "x").unwrap();
        symlink("real", path("link")).unwrap();
        assert_eq!(Shares::open(&path("real")).unwrap().size(), 1);
        assert!(matches!(Shares::open(&path("link")), Err(ShareError::NotRegular(_))));
        assert!(matches!(Shares::open(temp.path()), Err(ShareError::NotRegular(_))));
        assert!(matches!(Shares::open(&path("none")), Err(ShareError::Missing(_))));
        assert!(matches!(Shares::open(&path("no/ne")), Err(ShareError::Missing(_))));
        assert!(Shares::open(Path::new("/")).is_err());
    }

    #[test]
    fn a_thousand_shares_of_a_folder_hold_one_descriptor() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("file");
        fs::write(&path, "x").unwrap();
        let shares = Shares::new();
        for n in 0u16..1000 {
            let mut id = [0; 16];
            id[..2].copy_from_slice(&n.to_le_bytes());
            shares.add(ShareId::from_bytes(id), Shares::open(&path).unwrap(), Audience::Everyone);
        }
        let table = lock(&shares.table);
        assert_eq!((table.shares.len(), table.directories.len()), (1000, 1));
        let handles: HashSet<_> = table.shares.values().map(|s| Arc::as_ptr(&s.file.directory)).collect();
        assert_eq!(handles.len(), 1);
    }

    #[test]
    fn a_file_changed_over_a_restart_is_noticed() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("file");
        fs::write(&path, "one").unwrap();
        let version = Shares::open(&path).unwrap().version();
        assert!(Shares::reopen(&path, &version).is_ok());
        fs::write(&path, "other").unwrap();
        assert!(matches!(Shares::reopen(&path, &version), Err(ShareError::Changed(_))));
    }
}

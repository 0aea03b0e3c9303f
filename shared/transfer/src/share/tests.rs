//! What is shared, and how it is found.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use bytes::Bytes;
use landline_protocol::{ConversationId, FolderSummary, MessageId, Root};

use super::*;
use crate::layout::Layout;
use crate::manifest::{EntryPath, ManifestError};
use crate::tree::HashError;

const ID: ShareId = ShareId::from_bytes([5; 16]);

fn hash(shared: &Shared) -> Hashed {
    shared.hash(&mut |_| ControlFlow::Continue(())).unwrap()
}

fn offer() -> OfferRef {
    let id = MessageId::from_slice(&[1; 16])
        .unwrap_or_else(|| MessageId::new(landline_protocol::Timestamp::default(), [1; 10]));
    OfferRef { conversation: ConversationId::lobby(), device: DeviceId::from_bytes([3; 32]), id }
}

fn asker(name: &str, pass: Option<HeldKey>) -> Asker {
    Asker { user: name.parse().unwrap(), device: DeviceId::from_bytes([1; 32]), pass }
}

/// A folder with a bit of everything.
fn folder() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join("f").join(name);
    fs::create_dir_all(at("d/e")).unwrap();
    fs::create_dir(at("empty")).unwrap();
    fs::write(at("a"), "").unwrap();
    fs::write(at("d/e/big"), vec![7; (2 << 20) + 5]).unwrap();
    fs::write(at("d/run"), "#!").unwrap();
    fs::set_permissions(at("d/run"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(at("d.txt"), "text").unwrap();
    fs::write(temp.path().join("secret"), "secret").unwrap();
    symlink("../secret", at("link")).unwrap();
    symlink("..", at("d/up")).unwrap();
    fs::write(at("d/.landline-07.part"), "somebody else's").unwrap();
    temp
}

#[test]
fn files_folders_and_nothing_else() {
    let temp = folder();
    let path = |name: &str| temp.path().join(name);
    symlink("f", path("folder-link")).unwrap();
    assert_eq!(Shares::open(&path("secret")).unwrap().size(), 6);
    assert!(matches!(Shares::open(&path("f/link")), Err(ShareError::NotRegular(_))));
    assert!(matches!(Shares::open(&path("folder-link")), Err(ShareError::NotRegular(_))));
    assert!(matches!(Shares::open(&path("none")), Err(ShareError::Missing(_))));
    assert!(matches!(Shares::open(&path("no/ne")), Err(ShareError::Missing(_))));
    assert!(Shares::open(Path::new("/")).is_err());
    for same in ["f", "f/", "f/.", "f/d/.."] {
        let shared = Shares::open(&path(same)).unwrap();
        assert_eq!((shared.name().as_raw(), shared.size()), ("f", (2 << 20) + 11), "{same}");
        assert_eq!(shared.summary(), Some(FolderSummary { files: 4, folders: 3 }));
        assert_eq!(shared.left_out(), 3, "a symlink to a file, one to a folder, and a download");
    }
}

#[test]
fn a_folder_hashes_to_its_manifest() {
    let temp = folder();
    let shared = Shares::open(&temp.path().join("f")).unwrap();
    let mut told = Vec::new();
    let hashed = shared
        .hash(&mut |done| {
            told.push(done);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(told.is_sorted() && told.last() == Some(&shared.size()));
    let Hashed::Folder { manifest, root } = &hashed else { panic!("a folder") };
    let files: Vec<_> = manifest.files.iter().map(|f| (f.path.as_str(), f.size, f.executable)).collect();
    let big = (2 << 20) + 5;
    assert_eq!(files, [("a", 0, false), ("d/e/big", big, false), ("d/run", 2, true), ("d.txt", 4, false)]);
    let folders: Vec<_> = manifest.folders.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(folders, ["d", "d/e", "empty"]);
    assert_eq!(manifest.values_of(2), [*blake3::hash(b"#!").as_bytes()]);
    let mut bytes = Vec::new();
    hashed.write(&mut bytes).unwrap();
    assert_eq!(root.as_bytes(), blake3::hash(&bytes).as_bytes());
    let read = Hashed::read(Kind::Folder, &bytes[..], shared.size(), root).unwrap();
    assert_eq!(read.root(), hashed.root());
    let damaged = |size, root| {
        matches!(Hashed::read(Kind::Folder, &bytes[..], size, root), Err(ManifestError::Damaged(_)))
    };
    assert!(damaged(shared.size() + 1, root) && damaged(shared.size(), &Root::from_bytes([0; 32])));
}

#[test]
fn hashing_stops_when_told_and_names_what_changed() {
    let temp = folder();
    let shared = Shares::open(&temp.path().join("f")).unwrap();
    assert!(matches!(shared.hash(&mut |_| ControlFlow::Break(())), Err(HashError::Stopped)));
    fs::write(temp.path().join("f/d/run"), "##").unwrap();
    let error = shared.hash(&mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("d/run"), "{error}");
}

#[test]
fn a_name_that_cannot_be_told_is_named() {
    let temp = folder();
    fs::write(temp.path().join("f/d").join(OsStr::from_bytes(b"caf\xe9")), "x").unwrap();
    let error = Shares::open(&temp.path().join("f")).unwrap_err();
    assert!(matches!(error, ShareError::NotUtf8(_)) && error.to_string().contains("caf"), "{error}");
}

#[test]
fn too_deep_is_said() {
    let temp = tempfile::tempdir().unwrap();
    let deep = |n: usize| temp.path().join("f").join(vec!["x"; n].join("/"));
    fs::create_dir_all(deep(64)).unwrap();
    assert_eq!(Shares::open(&temp.path().join("f")).unwrap().summary().unwrap().folders, 64);
    fs::create_dir_all(deep(65)).unwrap();
    assert!(matches!(Shares::open(&temp.path().join("f")), Err(ShareError::TooDeep(_))));
}

#[test]
fn a_change_over_a_restart_is_noticed() {
    let temp = folder();
    for (name, changed) in [("secret", "secret"), ("f", "f/d/run")] {
        let path = temp.path().join(name);
        let version = Shares::open(&path).unwrap().version();
        let kept = serde_json::to_string(&version).unwrap();
        let version: SharedVersion = serde_json::from_str(&kept).unwrap();
        assert!(Shares::reopen(&path, &version).is_ok());
        fs::write(temp.path().join(changed), "other").unwrap();
        assert!(matches!(Shares::reopen(&path, &version), Err(ShareError::Changed(_))));
    }
    let path = temp.path().join("f");
    let version = Shares::open(&path).unwrap().version();
    fs::create_dir(path.join("new")).unwrap();
    assert!(matches!(Shares::reopen(&path, &version), Err(ShareError::Changed(_))));
}

#[test]
fn a_thousand_shares_of_a_folder_hold_one_descriptor() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("file");
    fs::write(&path, "x").unwrap();
    let shares = Shares::default();
    for n in 0u16..1000 {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_le_bytes());
        shares.add(ShareId::from_bytes(id), Shares::open(&path).unwrap(), Audience::Everyone);
    }
    let table = lock(&shares.0.table);
    assert_eq!((table.all().len(), table.directories()), (1000, 1));
}

#[test]
fn hashes_of_something_else_are_not_taken() {
    let temp = folder();
    let shares = Shares::default();
    let open = |name: &str| Shares::open(&temp.path().join(name)).unwrap();
    shares.add(ID, open("f"), Audience::Everyone);
    shares.set_hashed(&ID, &hash(&open("secret")));
    shares.set_hashed(&ID, &hash(&open("f/d")));
    let share = shares.find(&Door::Share(ID), &asker("eve", None)).unwrap();
    assert!(matches!(share.manifest(), List::NotYet));
    shares.set_hashed(&ID, &hash(&open("f")));
    assert!(matches!(share.manifest(), List::Here(_)));
    assert!(matches!(share.tree(), List::Nothing));
}

#[test]
fn what_is_complete_is_held_by_its_manifest() {
    let temp = folder();
    let shares = Shares::default();
    let path = temp.path().join("f");
    let hashed = hash(&Shares::open(&path).unwrap());
    fs::write(path.join("extra"), "not of the offer").unwrap();
    assert!(shares.hold_complete(offer(), &Shares::open(&path).unwrap(), hashed.clone()));
    let key = offer().key();
    assert!(shares.find(&Door::Held(key), &asker("bob", None)).is_none());
    let other = HeldKey::from_bytes([9; 16]);
    assert!(shares.find(&Door::Held(key), &asker("bob", Some(other))).is_none());
    let held = shares.find(&Door::Held(key), &asker("bob", Some(key))).unwrap();
    let mut text = [0; 6];
    held.reader().read((2 << 20) + 5, &mut text).unwrap();
    assert_eq!(&text, b"#!text");
    shares.release(&key);
    assert!(shares.find(&Door::Held(key), &asker("bob", Some(key))).is_none());
    fs::remove_file(path.join("d.txt")).unwrap();
    assert!(!shares.hold_complete(offer(), &Shares::open(&path).unwrap(), hashed.clone()));
    let file = Shares::open(&path.join("extra")).unwrap();
    assert!(!shares.hold_complete(offer(), &file, hashed));
}

#[test]
fn what_was_saved_under_safe_names_is_held_too() {
    let (offered, saved) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (folder, names) in [(&offered, ["z:a", "aux", "m"]), (&saved, ["z_a", "_aux", "m"])] {
        fs::create_dir_all(folder.path().join("f").join(names[1])).unwrap();
        fs::write(folder.path().join("f").join(names[0]), "colon").unwrap();
        fs::write(folder.path().join("f").join(names[1]).join(names[0]), "device").unwrap();
        fs::write(folder.path().join("f").join(names[2]), "plain").unwrap();
    }
    let hashed = hash(&Shares::open(&offered.path().join("f")).unwrap());
    let shares = Shares::default();
    assert!(shares.hold_complete(offer(), &Shares::open(&saved.path().join("f")).unwrap(), hashed));
    let key = offer().key();
    let held = shares.find(&Door::Held(key), &asker("bob", Some(key))).unwrap();
    let mut text = [0; 16];
    held.reader().read(0, &mut text).unwrap();
    assert_eq!(&text, b"deviceplaincolon");
}

#[test]
fn what_changed_is_told_once_and_not_held() {
    let temp = folder();
    let shares = Shares::default();
    let mut spoiled = shares.spoiled().unwrap();
    assert!(shares.spoiled().is_none());
    let path = temp.path().join("secret");
    let file = Shares::open(&path).unwrap();
    let key = offer().key();
    assert!(shares.hold_complete(offer(), &file, hash(&file)));
    let held = shares.find(&Door::Held(key), &asker("bob", Some(key))).unwrap();
    for _ in 0..3 {
        shares.spoil(&held, ShareError::Changed(path.clone()));
    }
    let out_of_reach = ShareError::Io { path, source: io::ErrorKind::PermissionDenied.into() };
    shares.spoil(&held, out_of_reach);
    assert!(matches!(spoiled.try_recv(), Ok((Door::Held(k), ShareError::Changed(_))) if k == key));
    assert!(spoiled.try_recv().is_err());
    assert!(shares.find(&Door::Held(key), &asker("bob", Some(key))).is_none());
}

/// Every way of cutting a folder into reads gives the same bytes.
#[test]
fn files_are_read_one_after_the_other() {
    let temp = folder();
    let shared = Shares::open(&temp.path().join("f")).unwrap();
    let whole = [vec![7; (2 << 20) + 5], b"#!text".to_vec()].concat();
    let registry = Shares::default();
    registry.add(ID, shared, Audience::Everyone);
    let share = registry.find(&Door::Share(ID), &asker("bob", None)).unwrap();
    for step in [1 << 20, 524_288, 2_097_160, 2_097_163] {
        let mut reader = share.reader();
        let mut read = vec![0; whole.len()];
        for (n, part) in read.chunks_mut(step).enumerate() {
            reader.read((n * step) as u64, part).unwrap();
        }
        assert!(read == whole, "{step}");
    }
    let mut tail = [0; 5];
    share.reader().read(whole.len() as u64 - 5, &mut tail).unwrap();
    assert_eq!(&tail, b"!text");
    fs::write(temp.path().join("f/d.txt"), "TEXT").unwrap();
    assert!(matches!(share.reader().read(whole.len() as u64 - 5, &mut tail), Err(ReadError::Source(_))));
}

struct Nothing(Arc<Layout>);

impl Holding for Nothing {
    fn layout(&self) -> &Arc<Layout> {
        &self.0
    }
    fn root(&self) -> Option<Root> {
        None
    }
    fn map(&self) -> Option<Vec<u8>> {
        Some(vec![0])
    }
    fn has(&self, _: u64, _: u64) -> bool {
        false
    }
    fn read(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn tree(&self) -> Option<Bytes> {
        None
    }
    fn manifest(&self) -> Option<Bytes> {
        None
    }
}

#[test]
fn another_holding_takes_the_place_and_the_past_stays() {
    let shares = Shares::default();
    let key = offer().key();
    let bob = asker("bob", Some(key));
    shares.hold(offer(), Arc::new(Nothing(Arc::new(Layout::single(5)))));
    let first = shares.find(&Door::Held(key), &bob).unwrap();
    first.past.meters.begin(&bob, shares.pulse()).sent(3);
    shares.hold(offer(), Arc::new(Nothing(Arc::new(Layout::single(5)))));
    assert!(!first.is_withdrawn());
    assert_eq!(shares.uploads().iter().map(|u| u.bytes_sent).collect::<Vec<_>>(), [3]);
    assert_eq!(shares.finished(), [], "not over yet");
    shares.release(&key);
    assert!(shares.find(&Door::Held(key), &bob).is_none());
    assert_eq!(
        shares.finished().iter().map(|t| (t.door, t.bytes)).collect::<Vec<_>>(),
        [(Door::Held(key), 3)]
    );
}

#[test]
fn paths_of_a_manifest_are_those_found() {
    let temp = folder();
    let shared = Shares::open(&temp.path().join("f")).unwrap();
    let Shared::Folder(found) = &shared else { panic!("a folder") };
    let Hashed::Folder { manifest, .. } = hash(&shared) else { panic!("a folder") };
    for (index, file) in manifest.files.iter().enumerate() {
        assert_eq!(found.path(index), temp.path().join("f").join(file.path.as_str()));
    }
    assert!(EntryPath::parse("d/e/big").is_some_and(|path| manifest.files[1].path == path));
}

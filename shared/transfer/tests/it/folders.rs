//! Folders: what is in them arrives as it was, all of it or what was picked.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use landline_transfer::fetch::Fetched;
use landline_transfer::{Audience, Conflict, FetchError, Shares};

use crate::desk::{MIB, Offered, Receiver, Running, Sender, noise};
use crate::gate::Gate;

/// What a person would notice about each thing beneath a folder: content (none for a folder), whether
/// it can be executed, and when it was changed.
type Tree = BTreeMap<String, (Option<Vec<u8>>, bool, i64)>;

fn read_tree(root: &Path) -> Tree {
    let (mut tree, mut open) = (Tree::new(), vec![root.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if meta.is_dir() {
                open.push(path);
                tree.insert(name, (None, true, meta.mtime()));
            } else if meta.is_file() {
                let executable = meta.permissions().mode() & 0o100 != 0;
                tree.insert(name, (Some(fs::read(path).unwrap()), executable, meta.mtime()));
            }
        }
    }
    tree
}

/// A folder with everything that is easily lost.
fn sample(root: &Path) {
    for folder in ["", "empty", "deep/deeper/deepest", "ünïcode 😀"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("nothing"), "").unwrap();
    fs::write(root.join("large"), noise(5 * MIB + 77, 1)).unwrap();
    fs::write(root.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(root.join("deep/deeper/deepest/file"), "deep").unwrap();
    for n in 0..200 {
        fs::write(root.join(format!("ünïcode 😀/{n}")), noise(n * 100, n)).unwrap();
    }
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for name in ["run.sh", "large", "ünïcode 😀/7", "empty", "deep/deeper"] {
        fs::File::open(root.join(name)).unwrap().set_modified(long_ago).unwrap();
    }
}

fn share_sample(sender: &Sender) -> Offered {
    let path = sender.folder.path().join("sample");
    sample(&path);
    sender.share_path(1, &path, Audience::Everyone)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_arrives_as_it_was() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let path = sender.folder.path().join("sample");
    sample(&path);
    let before = read_tree(&path);
    symlink("/etc/passwd", path.join("link")).unwrap();
    let offered = sender.share_path(1, &path, Audience::Everyone);
    let mut running = Running::begin(receiver.job(&sender, &offered, "sample"));
    let fetched = running.end().await.unwrap();
    assert_eq!(fetched.placed.path, receiver.folder.path().join("sample"));
    assert_eq!(fetched.root, offered.root.unwrap());
    let arrived = read_tree(&fetched.placed.path);
    assert!(arrived.keys().eq(before.keys()), "{:?}", arrived.keys());
    for (name, what) in &before {
        assert!(arrived[name] == *what, "{name}: {:?} {:?}", &arrived[name].1, &arrived[name].2);
    }
    let progress = running.now();
    assert_eq!(
        (progress.wanted, progress.verified, progress.received),
        (offered.size, offered.size, offered.size)
    );
    assert_eq!(progress.files, (204, 204));
    assert_eq!(receiver.names(), ["sample"]);
    let requests = sender.asked.lock().unwrap().iter().filter(|line| line.contains("/content")).count();
    assert!(requests < 20, "many small files go in few requests: {requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_picked_is_fetched() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let offered = share_sample(&sender);
    let landline_transfer::Hashed::Folder { manifest, .. } = offered.hashed.clone().unwrap() else {
        unreachable!()
    };
    let index = |name: &str| {
        let at = manifest.files.iter().position(|file| file.path.as_str() == name).unwrap();
        u32::try_from(at).unwrap()
    };
    let mut job = receiver.job(&sender, &offered, "sample");
    job.picks = Some([index("run.sh"), index("nothing"), index("deep/deeper/deepest/file")].into());
    let mut running = Running::begin(job);
    let path = running.end().await.unwrap().placed.path;
    let arrived = read_tree(&path);
    let files: Vec<_> =
        arrived.iter().filter(|(_, what)| what.0.is_some()).map(|(name, _)| name.as_str()).collect();
    assert_eq!(files, ["deep/deeper/deepest/file", "nothing", "run.sh"]);
    assert_eq!(running.now().received, 10 + 4);
    assert_eq!((running.now().files, running.now().wanted), ((3, 3), 14));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_goes_on_where_it_was() {
    let gate = Gate::after(3 * MIB);
    let (sender, mut receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let offered = share_sample(&sender);
    let mut running = Running::begin(receiver.job(&sender, &offered, "sample"));
    running.until_verified(2 * MIB).await;
    running.pause().await;
    gate.open();
    receiver.user = "Again".parse().unwrap();
    let mut again = Running::begin(receiver.job(&sender, &offered, "sample"));
    let path = again.end().await.unwrap().placed.path;
    assert!(read_tree(&path) == read_tree(&offered.path));
    assert!(again.now().reused >= 2 * MIB);
    assert!(sender.asked_bytes(&receiver) <= offered.size - again.now().reused);
    let asked = sender.asked.lock().unwrap();
    let manifests = asked.iter().filter(|line| line.starts_with("Again") && line.contains("/manifest"));
    assert_eq!(manifests.count(), 0, "the list of files was kept too");
}

/// Sending a folder again costs only what changed.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_and_identical_is_not_fetched_again() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let offered = share_sample(&sender);
    receiver.fetch(&sender, &offered, "sample").await.unwrap();
    fs::write(offered.path.join("run.sh"), "#!/bin/sh\necho\n").unwrap();
    let offered = sender.share_path(2, &offered.path, Audience::Everyone);
    let mut job = receiver.job(&sender, &offered, "sample");
    job.to.conflict = Conflict::Replace;
    let mut running = Running::begin(job);
    let placed = running.end().await.unwrap().placed;
    assert_eq!(fs::read(placed.path.join("run.sh")).unwrap(), b"#!/bin/sh\necho\n");
    assert_eq!((placed.identical, placed.moved_aside.len()), (203, 1));
    assert_eq!(running.now().received, 15);
}

/// A person's own file may have a name and a size that are listed: it is not passed on as what was offered.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_the_persons_own_is_told_from_what_was_fetched() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let offered = share_sample(&sender);
    let content = |fetched: &Fetched| {
        let found = Shares::open(&fetched.placed.path).unwrap().part_in(&fetched.hashed).unwrap();
        let is_content = found.is_content(&fetched.hashed, &mut |_| ControlFlow::Continue(())).unwrap();
        (fetched.is_still(&found), is_content)
    };
    let fetched = receiver.fetch(&sender, &offered, "sample").await.unwrap();
    assert_eq!(content(&fetched), (true, true));
    // Of another time: it is read to find out.
    let script = fs::File::open(fetched.placed.path.join("run.sh")).unwrap();
    script.set_modified(SystemTime::now()).unwrap();
    assert_eq!(content(&fetched), (false, true));
    fs::create_dir(receiver.folder.path().join("own")).unwrap();
    fs::write(receiver.folder.path().join("own/run.sh"), "#!/my/own\n").unwrap();
    let mut job = receiver.job(&sender, &offered, "own");
    job.to.conflict = Conflict::Skip;
    let fetched = Running::begin(job).end().await.unwrap();
    assert_eq!((fetched.placed.kept, content(&fetched)), (1, (false, false)));
}

/// The offer promises another number of files than the list has.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_not_what_the_offer_said_is_refused() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let mut offered = share_sample(&sender);
    offered.summary.as_mut().unwrap().files += 1;
    let error = receiver.fetch(&sender, &offered, "sample").await.unwrap_err();
    assert!(matches!(error, FetchError::Corrupt), "{error}");
    assert_eq!(sender.asked_bytes(&receiver), 0);
}

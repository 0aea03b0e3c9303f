//! Downloads that begin before their root is known.

use std::fs;

use landline_transfer::fetch::SourceState;
use landline_transfer::{Audience, FetchError, Phase};
use tokio::sync::watch;

use crate::desk::{MIB, Receiver, Running, Sender, noise};
use crate::gate::Gate;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_arrives_before_its_root_and_counts_only_with_it() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let path = sender.folder.path().join("x");
    let bytes = noise(20 * MIB + 5, 1);
    fs::write(&path, &bytes).unwrap();
    let mut offered = sender.offer(1, &path, Audience::Everyone);
    let (root, watching) = watch::channel(None);
    let mut job = receiver.job(&sender, &offered, "file");
    (job.root, job.pass_on) = (watching, Some(sender.shares.clone()));
    let mut running = Running::begin(job);
    let seen = running.until(|progress| progress.phase == Phase::Unsealed).await;
    assert_eq!((seen.here, seen.verified, seen.received), (offered.size, 0, offered.size));
    assert!(receiver.has_only_parts(), "nothing unverified has its final name");

    sender.seal(&mut offered);
    root.send_replace(offered.root);
    let fetched = running.end().await.unwrap();
    assert!(fs::read(fetched.placed.path).unwrap() == bytes);
    assert_eq!(fetched.root.as_bytes(), blake3::hash(&bytes).as_bytes());
    assert_eq!(running.now().received, offered.size, "and nothing twice");
}

/// A pause before the root: what is there counts when it comes, and is not fetched again.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_the_root_survives_a_restart() {
    let gate = Gate::after(10 * MIB);
    let (sender, mut receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let path = sender.folder.path().join("x");
    let bytes = noise(20 * MIB, 1);
    fs::write(&path, &bytes).unwrap();
    let mut offered = sender.offer(1, &path, Audience::Everyone);
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until(|progress| progress.here >= 8 * MIB).await;
    running.pause().await;

    receiver.user = "Again".parse().unwrap();
    gate.open();
    let mut again = Running::begin(receiver.job(&sender, &offered, "file"));
    let seen = again.until(|progress| progress.phase == Phase::Unsealed).await;
    assert!(seen.reused >= 8 * MIB, "{}", seen.reused);
    again.pause().await;

    sender.seal(&mut offered);
    receiver.user = "Third".parse().unwrap();
    let mut last = Running::begin(receiver.job(&sender, &offered, "file"));
    let path = last.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    assert_eq!((last.now().reused, last.now().received), (offered.size, 0));
}

/// What came first is not what the root says in the end: only that is fetched again, and the sender,
/// who could not have known, is not called a liar.
#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_the_root_refutes_is_fetched_again() {
    let gate = Gate::after(u64::MAX);
    let flips = std::sync::atomic::AtomicBool::new(true);
    let once: crate::desk::Tamper = std::sync::Arc::new(move |path, answer| {
        let flip = path.ends_with("/content") && flips.swap(false, std::sync::atomic::Ordering::Relaxed);
        answer.map(|body| {
            crate::hostile::changed(body, move |bytes| {
                if flip && bytes.len() > 7 {
                    bytes[7] ^= 1;
                }
            })
        })
    });
    drop(gate);
    let (sender, receiver) = (Sender::tampering(once).await, Receiver::new());
    let path = sender.folder.path().join("x");
    let bytes = noise(6 * MIB, 1);
    fs::write(&path, &bytes).unwrap();
    let mut offered = sender.offer(1, &path, Audience::Everyone);
    let (root, watching) = watch::channel(None);
    let mut job = receiver.job(&sender, &offered, "file");
    job.root = watching;
    let mut running = Running::begin(job);
    running.until(|progress| progress.phase == Phase::Unsealed).await;
    sender.seal(&mut offered);
    root.send_replace(offered.root);
    let path = running.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    assert_eq!(running.state_of(sender.key.id()), SourceState::Active);
    assert_eq!(running.now().received, 7 * MIB);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_waits_for_its_root() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let path = sender.folder.path().join("tree");
    fs::create_dir_all(path.join("a")).unwrap();
    fs::write(path.join("a/b"), "b").unwrap();
    let mut offered = sender.offer(1, &path, Audience::Everyone);
    let (root, watching) = watch::channel(None);
    let mut job = receiver.job(&sender, &offered, "tree");
    job.root = watching;
    let mut running = Running::begin(job);
    running.until(|progress| progress.phase == Phase::Unsealed).await;
    assert!(sender.asked.lock().unwrap().is_empty());
    sender.seal(&mut offered);
    root.send_replace(offered.root);
    let path = running.end().await.unwrap().placed.path;
    assert_eq!(fs::read(path.join("a/b")).unwrap(), b"b");
}

/// The root belongs to something else: an offer that nobody can fulfil.
#[tokio::test(flavor = "multi_thread")]
async fn a_root_of_something_else_never_completes() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let mut offered = sender.share(1, "x", &noise(3 * MIB, 1));
    offered.root = sender.share(2, "y", &noise(3 * MIB, 2)).root;
    let error = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
    assert!(matches!(error, FetchError::Corrupt), "{error}");
    assert!(receiver.has_only_parts());
}

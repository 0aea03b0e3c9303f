//! Either side can stop, and the other knows within a second.

use std::fs;
use std::time::Instant;

use landline_transfer::{Audience, FetchError, discard};
use tokio::time::timeout;

use crate::desk::{MIB, Receiver, Running, SECOND, Sender, fixed, noise};
use crate::gate::Gate;

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_cancels() {
    let gate = Gate::after(12 * MIB);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let offered = sender.share(1, "x", &noise(30 * MIB, 1));
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(9 * MIB).await;
    // Between two requests it is not, for a moment.
    sender.until(|shares| shares.uploads()[0].active).await;
    let began = Instant::now();
    running.cancel.cancel();
    let error = running.task.await.unwrap().unwrap_err();
    assert!(matches!(error, FetchError::Cancelled), "{error}");
    sender.until(|shares| !shares.uploads()[0].active).await;
    assert!(began.elapsed() < SECOND, "{:?}", began.elapsed());
    assert_eq!(receiver.names(), [""; 0], "a cancel leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_withdraws() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    // Large enough that it cannot be through before the removal, and takes no room on disk.
    let path = sender.folder.path().join("sparse");
    fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    let offered = sender.share_path(1, &path, Audience::Everyone);
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(8 * MIB).await;
    let began = Instant::now();
    sender.shares.remove(&offered.share);
    let ended = timeout(SECOND, &mut running.task).await.expect("ends within a second");
    let error = ended.unwrap().unwrap_err();
    assert!(matches!(error, FetchError::NotFound), "{error}");
    assert!(began.elapsed() < SECOND);
    assert_eq!(sender.shares.uploads(), []);
    assert!(receiver.has_only_parts());
    let part = receiver.job(&sender, &offered, "file").part();
    discard(receiver.folder.path(), &part).unwrap();
    assert_eq!(receiver.names(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_before_anybody_answers_is_prompt_too() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let offered = sender.share(1, "x", b"x");
    let mut job = receiver.job(&sender, &offered, "file");
    // Accepts and says nothing, as a machine does that sleeps.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut nowhere = sender.author(&offered);
    nowhere.addresses = vec![silent.local_addr().unwrap()];
    job.sources = fixed([nowhere].into());
    let running = Running::begin(job);
    let _held = silent.accept().await.unwrap();
    running.cancel.cancel();
    let ended = timeout(SECOND, running.task).await.expect("ends within a second");
    assert!(matches!(ended.unwrap(), Err(FetchError::Cancelled)));
}

//! What is offered arrives: every size, odd names, many at once, names that are taken.

use std::fs;

use landline_protocol::{FileName, ShareId};
use landline_transfer::{Phase, Progress};

use crate::desk::{MIB, Receiver, Sender, noise};

const NAME: &str = "отчёт 2026 (финал) 😀.pdf";

#[tokio::test(flavor = "multi_thread")]
async fn every_size_arrives_under_its_own_name() {
    let sender = Sender::start().await;
    for (id, size) in
        [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB, 5 * MIB + 123, 70 * MIB + 1].into_iter().enumerate()
    {
        let receiver = Receiver::new();
        let bytes = noise(size, size);
        let offered = sender.share(u8::try_from(id).unwrap(), NAME, &bytes);
        let running = receiver.begin(receiver.job(&sender, &offered, NAME));
        let fetched = running.task.await.unwrap().unwrap();
        assert_eq!(fetched.path, receiver.folder.path().join(NAME));
        assert!(fs::read(fetched.path).unwrap() == bytes, "{size}");
        assert_eq!(receiver.names(), [NAME], "nothing else stays behind");
        let progress = *running.progress.borrow();
        assert_eq!(progress, Progress { verified: size, reused: 0, phase: Phase::Finishing });
        let uploads = sender.shares.uploads();
        let upload = uploads.iter().find(|upload| upload.share == offered.share);
        assert_eq!(upload.map_or(0, |upload| upload.bytes_sent), size);
        sender.until(|shares| shares.uploads().iter().all(|upload| !upload.active)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_people_fetch_many_files_at_once() {
    let sender = Sender::start().await;
    let bytes: Vec<_> = (0..4).map(|n| noise(2 * MIB + n, n)).collect();
    let offered: Vec<_> =
        (0u8..4).map(|n| sender.share(n, &format!("{n}"), &bytes[usize::from(n)])).collect();
    let receivers: Vec<_> = (0..10).map(|_| Receiver::new()).collect();
    let mut running = Vec::new();
    for receiver in &receivers {
        for (n, offered) in offered.iter().enumerate() {
            // All under one name in one folder: each gets one of its own.
            running.push((n, receiver.begin(receiver.job(&sender, offered, "same.bin"))));
        }
    }
    for (n, download) in running {
        let path = download.task.await.unwrap().unwrap().path;
        assert!(fs::read(path).unwrap() == bytes[n]);
    }
    for receiver in &receivers {
        assert_eq!(receiver.names(), ["same (1).bin", "same (2).bin", "same (3).bin", "same.bin"]);
    }
    assert_eq!(sender.shares.uploads().len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_is_left_alone() {
    let sender = Sender::start().await;
    let receiver = Receiver::new();
    let offered = sender.share(1, "x", b"new");
    fs::write(receiver.folder.path().join("REPORT.pdf"), "mine").unwrap();
    fs::write(receiver.folder.path().join("report (1).PDF"), "mine too").unwrap();
    let path = receiver.fetch(&sender, &offered, "report.pdf").await.unwrap().path;
    assert_eq!(path.file_name().unwrap(), "report (2).pdf");
    assert_eq!(fs::read(path).unwrap(), b"new");
    assert_eq!(fs::read(receiver.folder.path().join("REPORT.pdf")).unwrap(), b"mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symlink_under_the_final_name_is_not_followed() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    std::os::unix::fs::symlink(&victim, receiver.folder.path().join("file")).unwrap();
    let offered = sender.share(1, "x", b"new");
    let path = receiver.fetch(&sender, &offered, "file").await.unwrap().path;
    assert_eq!(path.file_name().unwrap(), "file (1)");
    assert!(!victim.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_offer_is_downloaded_once_at_a_time() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let offered = sender.share(1, "x", &noise(3 * MIB, 1));
    let part = landline_transfer::PartName::of(&offered.share, 0, &offered.root);
    let held = fs::File::create(receiver.folder.path().join(part.data())).unwrap();
    held.lock().unwrap();
    let error = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
    assert!(matches!(error, landline_transfer::FetchError::Busy) && error.retryable());
    drop(held);
    receiver.fetch(&sender, &offered, "file").await.unwrap();
    let other = landline_transfer::PartName::of(&ShareId::from_bytes([2; 16]), 0, &offered.root);
    assert_ne!(part, other, "another offer of the same content has a part of its own");
    assert!(FileName::parse(&part.data()).is_ok());
}

//! What is offered arrives: every size, odd names, many at once, names that are taken.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use landline_net::Body;
use landline_protocol::peer_routes::Door;
use landline_transfer::{Conflict, FetchError, Phase};

use crate::desk::{MIB, Receiver, Running, SECOND, Sender, noise};
use crate::gate::Gate;

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
        let mut running = Running::begin(receiver.job(&sender, &offered, NAME));
        let fetched = running.end().await.unwrap();
        assert_eq!(fetched.placed.path, receiver.folder.path().join(NAME));
        assert_eq!(fetched.root.as_bytes(), blake3::hash(&bytes).as_bytes());
        assert_eq!(Some(fetched.hashed.root()), offered.root);
        assert!(fs::read(fetched.placed.path).unwrap() == bytes, "{size}");
        assert_eq!(receiver.names(), [NAME], "nothing else stays behind");
        let progress = running.now();
        let told = (progress.phase, progress.wanted, progress.here, progress.verified, progress.reused);
        assert_eq!(told, (Phase::Finishing, size, size, size, 0));
        assert_eq!((progress.received, progress.files), (size, (0, 0)));
        assert!(progress.picture.iter().all(|cell| *cell == 255));
        assert_eq!(progress.sources[&sender.key.id()].bytes, size);
        let uploads = sender.shares.uploads();
        let upload = uploads.iter().find(|upload| upload.door == Door::Share(offered.share));
        assert_eq!(upload.map_or(0, |upload| upload.bytes_sent), size);
        sender.until(|shares| shares.uploads().iter().all(|upload| !upload.active)).await;
    }
}

/// However the zeros of a file are cut on their way, they take no disk.
#[tokio::test(flavor = "multi_thread")]
async fn zeros_that_come_in_odd_amounts_become_holes() {
    let sender = Sender::tampering(Arc::new(|path, answer| {
        let is_content = path.ends_with("/content");
        if is_content { answer.map(|body| in_frames_of(body, 10_007)) } else { answer }
    }))
    .await;
    let (receiver, mut bytes) = (Receiver::new(), noise(16 * MIB, 1));
    bytes.chunks_mut(64 * 1024).step_by(3).for_each(|block| block.fill(0));
    let offered = sender.share(1, "x", &bytes);
    let path = Running::begin(receiver.job(&sender, &offered, "file")).end().await.unwrap().placed.path;
    assert!(fs::read(&path).unwrap() == bytes);
    let on_disk = fs::metadata(path).unwrap().blocks() * 512;
    assert!(on_disk < offered.size * 2 / 3 + 64 * 1024, "{on_disk}");
}

/// The same content, a moment between any two small pieces of it.
fn in_frames_of(body: Body, len: usize) -> Body {
    let frames = futures_util::stream::unfold((body, Bytes::new()), move |(mut body, mut rest)| async move {
        if rest.is_empty() {
            rest = body.frame().await?.unwrap().into_data().unwrap();
        }
        tokio::time::sleep(Duration::from_micros(200)).await; // so that it is read by itself
        let frame = rest.split_to(len.min(rest.len()));
        Some((Ok(Frame::data(frame)), (body, rest)))
    });
    StreamBody::new(frames).boxed()
}

/// A source that is good is asked over two connections: one alone leaves half of a machine idle.
#[tokio::test(flavor = "multi_thread")]
async fn a_good_source_is_asked_twice_at_once() {
    for _ in 0..20 {
        let gate = Gate::after(3 * MIB);
        let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
        let offered = sender.share(1, "x", &noise(40 * MIB, 1));
        let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
        // One connection alone would end with two requests: for a first piece, and for more than the
        // gate lets through.
        let contents = |asked: &&String| asked.contains("/content ");
        let both = async {
            while sender.asked.lock().unwrap().iter().filter(contents).count() < 3 {
                tokio::time::sleep(SECOND / 100).await; // nothing tells of a request
            }
        };
        tokio::time::timeout(SECOND * 5, both).await.expect("a second connection");
        gate.open();
        running.end().await.unwrap();
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
            running.push((n, Running::begin(receiver.job(&sender, offered, "same.bin"))));
        }
    }
    for (n, mut download) in running {
        let path = download.end().await.unwrap().placed.path;
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
    let path = receiver.fetch(&sender, &offered, "report.pdf").await.unwrap().placed.path;
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
    let path = receiver.fetch(&sender, &offered, "file").await.unwrap().placed.path;
    assert_eq!(path.file_name().unwrap(), "file (1)");
    assert!(!victim.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_offer_is_downloaded_once_at_a_time() {
    let gate = Gate::after(MIB);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let offered = sender.share(1, "x", &noise(3 * MIB, 1));
    let mut first = Running::begin(receiver.job(&sender, &offered, "file"));
    first.until_verified(MIB).await;
    let error = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
    assert!(matches!(error, FetchError::Busy), "{error}");
    gate.open();
    first.end().await.unwrap();
    assert_eq!(receiver.names(), ["file"]);
}

/// Each policy for a taken name, from the fetcher's side: what is asked, fetched and kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_is_dealt_with_as_the_person_wants() {
    let sender = Sender::start().await;
    let (mine, theirs) = (noise(3 * MIB, 1), noise(3 * MIB, 2));
    let offered = sender.share(1, "x", &theirs);
    let with = |conflict, receiver: &Receiver| {
        let mut job = receiver.job(&sender, &offered, "file");
        job.to.conflict = conflict;
        Running::begin(job)
    };
    let taken = || {
        let receiver = Receiver::new();
        fs::write(receiver.folder.path().join("file"), &mine).unwrap();
        receiver
    };

    let receiver = taken();
    let error = with(Conflict::Ask, &receiver).end().await.unwrap_err();
    let there = receiver.folder.path().join("file");
    assert!(matches!(&error, FetchError::NameTaken(path) if *path == there), "{error}");
    let kept = with(Conflict::Skip, &receiver).end().await.unwrap().placed;
    assert_eq!((kept.path, kept.kept), (there.clone(), 1));
    assert_eq!(sender.sent_bytes(), 0, "nothing was fetched in vain");
    let replaced = with(Conflict::Replace, &receiver).end().await.unwrap().placed;
    assert!(fs::read(&replaced.path).unwrap() == theirs && replaced.path == there);
    assert!(fs::read(&replaced.moved_aside[0]).unwrap() == mine, "nothing is lost");

    let sent = sender.sent_bytes();
    for conflict in [Conflict::Ask, Conflict::Skip, Conflict::Rename, Conflict::Replace] {
        let receiver = Receiver::new();
        fs::write(receiver.folder.path().join("file"), &theirs).unwrap();
        let placed = with(conflict, &receiver).end().await.unwrap().placed;
        assert_eq!((placed.identical, receiver.names()), (1, vec!["file".to_owned()]), "{conflict:?}");
    }
    assert_eq!(sender.sent_bytes(), sent, "what is identical is not fetched again");
}

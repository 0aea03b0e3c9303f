//! Senders that lie, and files that do not hold still.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use hyper::header::HeaderValue;
use hyper::{Response, StatusCode};
use landline_net::Body;
use landline_transfer::fetch::SourceState;
use landline_transfer::{Audience, FetchError, Phase};
use landline_trust::device::DeviceKey;
use tokio::sync::watch;

use crate::desk::{MIB, Receiver, Running, Sender, Tamper, noise};
use crate::gate::Gate;

/// Changes one byte of the content, this far into what is sent.
pub(crate) fn flip_at(position: u64) -> Tamper {
    let passed = Arc::new(AtomicU64::new(0));
    Arc::new(move |path, answer| {
        if !path.ends_with("/content") {
            return answer;
        }
        let passed = passed.clone();
        answer.map(|body| {
            changed(body, move |bytes| {
                let before = passed.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                let within = position.checked_sub(before).and_then(|at| usize::try_from(at).ok());
                if let Some(byte) = within.and_then(|at| bytes.get_mut(at)) {
                    *byte ^= 1;
                }
            })
        })
    })
}

pub(crate) fn changed(body: Body, change: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Body {
    let map = move |frame: hyper::body::Frame<Bytes>| {
        frame.map_data(|data| {
            let mut bytes = data.to_vec();
            change(&mut bytes);
            Bytes::from(bytes)
        })
    };
    body.map_frame(map).boxed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_is_caught_and_only_its_piece_is_fetched_again() {
    let mut sender = Sender::tampering(flip_at(2 * MIB + 5)).await;
    let mut receiver = Receiver::new();
    let bytes = noise(4 * MIB, 1); // one connection, one run
    let offered = sender.share(1, "x", &bytes);
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    let error = running.end().await.unwrap_err();
    assert!(matches!(error, FetchError::Corrupt), "{error}");
    assert_eq!(running.now().verified, 2 * MIB, "the piece did not count");
    assert!(matches!(running.state_of(sender.key.id()), SourceState::Dropped(_)));
    assert!(receiver.has_only_parts());

    sender.restart().await;
    receiver.user = "Again".parse().unwrap();
    let path = receiver.fetch(&sender, &offered, "file").await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    let asked = sender.asked_bytes(&receiver);
    assert!(asked < 3 * MIB, "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_are_checked_too() {
    let sender = Sender::tampering(flip_at(0)).await;
    let receiver = Receiver::new();
    let offered = sender.share(1, "x", b"four");
    let error = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
    assert!(matches!(error, FetchError::Corrupt), "{error}");
    assert!(receiver.has_only_parts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_tree_is_refused_before_anything_is_fetched() {
    let forge: Tamper = Arc::new(|path, answer| {
        let forged = path.ends_with("/tree");
        answer.map(|body| changed(body, move |bytes| bytes[0] ^= u8::from(forged)))
    });
    let (sender, receiver) = (Sender::tampering(forge).await, Receiver::new());
    let offered = sender.share(1, "x", &noise(3 * MIB, 1));
    let error = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
    assert!(matches!(error, FetchError::Corrupt), "{error}");
    assert_eq!(sender.asked_bytes(&receiver), 0);
    assert!(receiver.has_only_parts());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_device_at_the_address_gets_nothing() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let offered = sender.share(1, "x", b"bytes");
    let mut job = receiver.job(&sender, &offered, "file");
    let mut other = sender.author(&offered);
    other.device = DeviceKey::generate().unwrap().id();
    let (tell, sources) = watch::channel(Arc::from([other]));
    job.sources = sources;
    let mut running = Running::begin(job);
    let is_seen = |phase: &Phase| matches!(phase, Phase::WrongKey(key) if key.seen == sender.key.id());
    running.until(|progress| is_seen(&progress.phase)).await;
    assert!(sender.asked.lock().unwrap().is_empty(), "not even a request was sent");
    // Addresses change hands: when the right one is there again, it goes on.
    tell.send_replace(Arc::from([sender.author(&offered)]));
    running.end().await.unwrap();
}

/// Whoever honours `If-Range` says by a 200 and another tag that it is another version now (RFC 9110, 13.1.5).
#[tokio::test(flavor = "multi_thread")]
async fn another_version_in_answer_to_if_range_is_a_change_and_no_lie() {
    let answers = AtomicU64::new(0);
    let change: Tamper = Arc::new(move |path, mut answer| {
        if path.ends_with("/content") && answers.fetch_add(1, Ordering::Relaxed) >= 2 {
            *answer.status_mut() = StatusCode::OK;
            answer.headers_mut().insert("etag", HeaderValue::from_static("\"another\""));
        }
        answer
    });
    let (sender, receiver) = (Sender::tampering(change).await, Receiver::new());
    let offered = sender.share(1, "x", &noise(30 * MIB, 1));
    let error = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
    assert!(matches!(error, FetchError::SourceChanged), "{error}");
    assert!(receiver.has_only_parts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_vanishes_midway_is_told_apart() {
    let gate = Gate::after(4 * MIB);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let offered = sender.share(1, "x", &noise(200 * MIB, 1));
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(MIB).await;
    fs::remove_file(&offered.path).unwrap();
    gate.open();
    let error = running.end().await.unwrap_err();
    assert!(matches!(error, FetchError::Gone), "{error}");
    assert!(receiver.has_only_parts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_midway_never_completes() {
    let gate = Gate::after(4 * MIB);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let offered = sender.share(1, "x", &noise(40 * MIB, 1));
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(MIB).await;
    fs::write(&offered.path, noise(40 * MIB, 2)).unwrap();
    gate.open();
    let first = running.end().await.unwrap_err();
    assert!(matches!(first, FetchError::SourceChanged), "{first}");
    let second = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
    assert!(matches!(second, FetchError::SourceChanged), "{second}");
    assert!(receiver.has_only_parts());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_outside_the_audience_gets_anything() {
    let (sender, mut receiver) = (Sender::start().await, Receiver::new());
    let path = sender.folder.path().join("x");
    fs::write(&path, "for Bob").unwrap();
    let offered = sender.share_path(1, &path, Audience::Users(vec!["bob".parse().unwrap()]));
    receiver.user = "Eve".parse().unwrap();
    let error = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
    assert!(matches!(error, FetchError::NotFound), "{error}");
    receiver.user = "BOB".parse().unwrap();
    receiver.fetch(&sender, &offered, "file").await.unwrap();
}

/// Time is made to pass: on a real clock this takes twenty seconds.
#[tokio::test]
async fn a_sender_that_falls_silent_is_left_and_tried_again() {
    let gate = Gate::after(4 * MIB);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(7 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(3 * MIB).await;
    tokio::time::pause();
    let stalled = running.progress.wait_for(|progress| match &progress.sources[&sender.key.id()].state {
        SourceState::Waiting(why) => why.contains("20 seconds"),
        _ => false,
    });
    stalled.await.unwrap();
    gate.open();
    tokio::time::resume();
    let path = running.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
}

/// Answers with whole classes of nonsense. Each is one that no honest machine gives.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_lie_about_a_range_is_noticed() {
    type Lie = fn(&mut Response<Body>);
    let lies: [(&str, Lie); 6] = [
        ("200 for 206", |answer| *answer.status_mut() = StatusCode::OK),
        ("another range", |answer| range(answer, "bytes 5-1048580/4194304")),
        ("another size", |answer| range(answer, "bytes 0-1048575/9194304")),
        ("no range", |answer| drop(answer.headers_mut().remove("content-range"))),
        ("a coding nobody knows", |answer| coding(answer, "gzip")),
        ("plain bytes said to be zstd", |answer| coding(answer, "zstd")),
    ];
    for (what, lie) in lies {
        let lying: Tamper = Arc::new(move |path, mut answer| {
            if path.ends_with("/content") {
                lie(&mut answer);
            }
            answer
        });
        let (sender, receiver) = (Sender::tampering(lying).await, Receiver::new());
        let offered = sender.share(1, "x", &noise(4 * MIB, 1));
        let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
        let error = running.end().await.unwrap_err();
        assert!(matches!(error, FetchError::Corrupt), "{what}: {error}");
        assert_eq!(running.now().verified, 0, "{what}");
        assert!(receiver.has_only_parts(), "{what}");
    }
}

fn range(answer: &mut Response<Body>, value: &'static str) {
    answer.headers_mut().insert("content-range", HeaderValue::from_static(value));
}

fn coding(answer: &mut Response<Body>, value: &'static str) {
    answer.headers_mut().insert("content-encoding", HeaderValue::from_static(value));
}

/// A list of hashes, a refusal and a map that never end are cut off.
#[tokio::test(flavor = "multi_thread")]
async fn endless_answers_are_cut_off() {
    for endless in ["/tree", "/have"] {
        let pouring: Tamper = Arc::new(move |path, mut answer| {
            if path.ends_with(endless) {
                answer.headers_mut().remove("content-length");
                let flood = futures_util::stream::repeat_with(|| {
                    Ok(hyper::body::Frame::data(Bytes::from_static(&[b' '; 4096])))
                });
                *answer.body_mut() = Body::new(http_body_util::StreamBody::new(flood));
            }
            answer
        });
        let (sender, receiver) = (Sender::tampering(pouring).await, Receiver::new());
        let offered = sender.share(1, "x", &noise(20 * MIB, 1));
        let error = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
        assert!(matches!(error, FetchError::Corrupt), "{endless}: {error}");
    }
}

/// Of a list of files, no more is read than the offer leaves room for, whoever says that there is more.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_for_a_small_folder_is_cut_off() {
    let asked: Arc<OnceLock<Arc<Mutex<Vec<String>>>>> = Arc::default();
    let log = asked.clone();
    let vast: Tamper = Arc::new(move |path, mut answer| {
        if path.ends_with("/manifest") {
            // Whatever range was asked for is there.
            let asked = log.get().unwrap().lock().unwrap();
            let range = asked.last().unwrap().rsplit_once("bytes=").unwrap().1;
            let (first, last) = range.split_once('-').unwrap();
            let len = last.parse::<usize>().unwrap() + 1 - first.parse::<usize>().unwrap();
            let range = format!("bytes {range}/{}", 200 * MIB).parse().unwrap();
            answer.headers_mut().insert("content-range", range);
            answer.headers_mut().insert("content-length", len.into());
            *answer.body_mut() = landline_net::full(vec![0; len]);
        }
        answer
    });
    let (sender, receiver) = (Sender::tampering(vast).await, Receiver::new());
    asked.set(sender.asked.clone()).unwrap();
    let path = sender.folder.path().join("folder");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("file"), "small").unwrap();
    let offered = sender.share_path(1, &path, Audience::Everyone);
    let mut running = Running::begin(receiver.job(&sender, &offered, "folder"));
    let error = running.end().await.unwrap_err();
    assert!(matches!(error, FetchError::Corrupt), "{error}");
    assert!(matches!(running.state_of(sender.key.id()), SourceState::Dropped(why) if why.contains("no end")));
    let asked = sender.asked.lock().unwrap();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].rsplit_once('-').unwrap().1.parse::<u64>().unwrap() < 10_000, "{asked:?}");
}

/// Breaks the first three answers off in the middle.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_now_and_then_is_dialled_again() {
    let broken = Arc::new(AtomicU64::new(0));
    let breaking: Tamper = Arc::new(move |path, answer| {
        let breaks = path.ends_with("/content") && broken.fetch_add(1, Ordering::Relaxed) < 3;
        let left = AtomicU64::new(3 * MIB);
        answer.map(|body| {
            let end = move |frame: hyper::body::Frame<Bytes>| {
                let len = frame.data_ref().map_or(0, |data| data.len() as u64);
                let over = breaks && left.fetch_sub(len, Ordering::Relaxed) < len;
                if over { Err(std::io::Error::other("broken")) } else { Ok(frame) }
            };
            let frames = http_body_util::BodyStream::new(body).map(move |frame| frame.and_then(&end));
            Body::new(http_body_util::StreamBody::new(frames))
        })
    });
    let (sender, receiver) = (Sender::tampering(breaking).await, Receiver::new());
    let bytes = noise(40 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let path = receiver.fetch(&sender, &offered, "file").await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
}

//! Interrupted downloads go on where they were; full disks are noticed at the start.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use landline_protocol::peer_routes::Door;
use landline_protocol::{ConversationId, MessageId, OfferRef, ShareId, Timestamp};
use landline_transfer::fetch::{Source, SourceState};
use landline_transfer::{FetchError, Phase};
use tokio::io::AsyncBufReadExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::desk::{MIB, Offered, PATIENCE, Receiver, Running, SECOND, Sender, fixed, noise};
use crate::gate::Gate;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proven_is_not_fetched_again() {
    let gate = Gate::after(20 * MIB);
    let (sender, mut receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(50 * MIB + 7, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(16 * MIB).await;
    let verified = running.now().verified;
    running.pause().await;
    assert!(receiver.has_only_parts());

    gate.open();
    receiver.user = "Again".parse().unwrap();
    let mut again = Running::begin(receiver.job(&sender, &offered, "file"));
    let path = again.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    let reused = again.now().reused;
    assert!(reused >= verified, "{reused} of {verified}");
    let asked = sender.asked_bytes(&receiver);
    assert!(asked <= offered.size - reused, "{asked}");
    assert_eq!(again.now().received, asked);
    assert_eq!(receiver.names(), ["file"]);
}

/// With everybody away it is known at once what is here, and what is damaged meanwhile is noticed.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_here_is_told_with_nobody_to_ask() {
    let gate = Gate::after(12 * MIB);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(30 * MIB + 7, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(10 * MIB).await;
    let verified = running.now().verified;
    running.pause().await;
    let alone = || {
        let mut job = receiver.job(&sender, &offered, "file");
        job.sources = fixed([].into());
        job
    };
    let mut running = Running::begin(alone());
    running.until_verified(verified).await;
    assert_eq!((running.now().received, running.now().wanted), (0, offered.size));
    running.pause().await;

    // A tree that is not the one says nothing: it is asked for again.
    let tree = receiver.part().with_extension("tree");
    fs::write(&tree, noise(fs::metadata(&tree).unwrap().len(), 2)).unwrap();
    gate.open();
    let mut again = Running::begin(receiver.job(&sender, &offered, "file"));
    let path = again.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    assert!(again.now().reused >= verified);
    assert_eq!(receiver.names(), ["file"], "nothing is left of it");
}

/// Half a piece is on disk: of that piece only the other half is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_was_half_there_is_fetched_from_its_middle() {
    let gate = Gate::after(5 * MIB + MIB / 2);
    let (sender, mut receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(7 * MIB, 1); // one connection
    let offered = sender.share(1, "x", &bytes);
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until(|progress| progress.received >= 5 * MIB + MIB / 2).await;
    running.pause().await;

    gate.open();
    receiver.user = "Again".parse().unwrap();
    let mut again = Running::begin(receiver.job(&sender, &offered, "file"));
    let path = again.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    assert_eq!(again.now().reused, 5 * MIB);
    let asked = sender.asked_bytes(&receiver);
    assert!(asked <= 2 * MIB - MIB / 5, "{asked}");
}

/// The half that is on disk is wrong: nobody is blamed, and the piece is fetched whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_half_piece_that_is_damaged_is_nobodys_fault() {
    let gate = Gate::after(5 * MIB + MIB / 2);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(7 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until(|progress| progress.received >= 5 * MIB + MIB / 2).await;
    running.pause().await;
    let part = fs::OpenOptions::new().write(true).open(receiver.part()).unwrap();
    part.write_at(b"damage", 5 * MIB + 1000).unwrap();

    gate.open();
    let mut again = Running::begin(receiver.job(&sender, &offered, "file"));
    let path = again.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    assert_eq!(again.state_of(sender.key.id()), SourceState::Active);
}

/// The line broke and the machine does not answer, as when it is about to end: word that it is back ends the
/// wait, however long reaching it may take yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_hangs_is_reached_anew_when_it_is_said_to_be_back() {
    let gate = Gate::after(12 * MIB);
    let (mut sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(30 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut job = receiver.job(&sender, &offered, "file");
    let (news, sources) = watch::channel(Arc::from([sender.author(&offered)]));
    job.sources = sources;
    let mut running = Running::begin(job);
    running.until_verified(8 * MIB).await;
    sender.stop().await;
    let hung = TcpListener::bind(sender.address).await.unwrap();
    let _held = hung.accept().await.unwrap();
    // Only who was tried for long is tried anew.
    tokio::time::sleep(2 * SECOND + SECOND / 2).await;
    drop(hung);
    sender.restart().await;
    let began = Instant::now();
    news.send_replace(Arc::from([sender.author(&offered)]));
    let path = running.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    assert!(began.elapsed() < 2 * SECOND, "it took {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_restarts_is_waited_for_and_costs_nothing_that_was_proven() {
    let gate = Gate::after(12 * MIB);
    let (mut sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(30 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(9 * MIB).await;
    sender.stop().await;
    let waiting = running.until(|progress| matches!(progress.phase, Phase::Waiting(_))).await;
    let Phase::Waiting(why) = waiting.phase else { unreachable!() };
    assert!(why.contains("cannot be reached"), "{why}");

    sender.restart().await;
    let path = running.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    let came = running.now().received;
    assert!(came <= offered.size + 2 * MIB, "{came}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_comes_back_elsewhere_is_found() {
    let (mut sender, receiver) = (Sender::slow(8 * MIB).await, Receiver::new());
    let bytes = noise(12 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut job = receiver.job(&sender, &offered, "file");
    let (sources, watching) = watch::channel(Arc::from([sender.author(&offered)]));
    job.sources = watching;
    let mut running = Running::begin(job);
    running.until_verified(MIB).await;
    sender.move_away().await;
    running.until(|progress| matches!(progress.phase, Phase::Waiting(_))).await;
    // From here on it is not found where it was, however often that is tried.
    tokio::time::sleep(SECOND * 2).await;
    let began = Instant::now();
    let before = running.now().verified;
    sources.send_replace(Arc::from([sender.author(&offered)]));
    running.until_verified(before + 1).await;
    assert!(began.elapsed() < SECOND, "tried at once: {:?}", began.elapsed());
    let path = running.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
}

/// A line that is dead and does not say so, as after a change of network: with the new address it is
/// left in seconds, not when the silence has lasted long enough by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_line_is_left_when_the_sender_is_elsewhere() {
    let gate = Gate::after(3 * MIB);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(7 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut job = receiver.job(&sender, &offered, "file");
    let (sources, watching) = watch::channel(Arc::from([sender.author(&offered)]));
    job.sources = watching;
    let mut running = Running::begin(job);
    running.until_verified(2 * MIB).await;
    let elsewhere = sender.elsewhere().await;
    let began = Instant::now();
    sources.send_replace(Arc::from([elsewhere.author(&offered)]));
    let path = running.end().await.unwrap().placed.path;
    assert!(began.elapsed() < SECOND * 8, "{:?}", began.elapsed());
    assert!(fs::read(path).unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_on_disk_is_found_and_mended() {
    let gate = Gate::after(12 * MIB);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(30 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(9 * MIB).await;
    running.pause().await;
    let part = receiver.part();
    let mut damaged = fs::read(&part).unwrap();
    damaged.iter_mut().step_by(4 << 20).for_each(|byte| *byte ^= 1);
    fs::write(&part, damaged).unwrap();

    gate.open();
    let mut again = Running::begin(receiver.job(&sender, &offered, "file"));
    let path = again.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    assert!(again.now().reused > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_known_at_the_start_and_freeing_it_is_enough() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a small disk needs root");
        return;
    };
    let sender = Sender::start().await;
    let mut receiver = Receiver::new();
    receiver.folder = tempfile::tempdir_in(&disk.0).unwrap();
    let filler = disk.0.join("filler");
    fs::write(&filler, vec![1; 20 << 20]).unwrap();
    let bytes = noise(20 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let error = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
    assert!(matches!(error, FetchError::DiskFull { needed, .. } if needed == 20 * MIB), "{error}");
    assert!(error.to_string().contains("Free some space"), "{error}");
    assert_eq!(sender.asked_bytes(&receiver), 0, "nothing was asked for in vain");
    fs::remove_file(filler).unwrap();
    let path = receiver.fetch(&sender, &offered, "file").await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_meanwhile_ends_it_and_keeps_what_is_there() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a small disk needs root");
        return;
    };
    let gate = Gate::after(6 * MIB);
    let (sender, mut receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    receiver.folder = tempfile::tempdir_in(&disk.0).unwrap();
    let bytes = noise(20 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(3 * MIB).await;
    let filler = fs::write(disk.0.join("filler"), vec![1; 40 << 20]).unwrap_err();
    assert_eq!(filler.kind(), std::io::ErrorKind::StorageFull);
    gate.open();
    let error = running.end().await.unwrap_err();
    assert!(matches!(error, FetchError::DiskFull { .. }), "{error}");
    fs::remove_file(disk.0.join("filler")).unwrap();
    let mut again = Running::begin(receiver.job(&sender, &offered, "file"));
    let path = again.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    assert!(again.now().reused >= 3 * MIB);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_size_is_refused_before_memory_is_taken_for_it() {
    let (sender, receiver) = (Sender::start().await, Receiver::new());
    let mut offered = sender.share(1, "x", b"x");
    for size in [1 << 60, u64::MAX] {
        offered.size = size;
        let error = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
        assert!(matches!(error, FetchError::DiskFull { .. }), "{error}");
    }
    assert!(sender.asked.lock().unwrap().is_empty());
    assert_eq!(receiver.names(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there_is_said_plainly() {
    let (sender, mut receiver) = (Sender::start().await, Receiver::new());
    let offered = sender.share(1, "x", b"x");
    receiver.folder = tempfile::tempdir().unwrap();
    fs::remove_dir(receiver.folder.path()).unwrap();
    let error = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
    assert!(matches!(&error, FetchError::Io { folder, .. } if folder == receiver.folder.path()), "{error}");
    assert!(sender.asked.lock().unwrap().is_empty());
}

/// The process is gone at once, the machine is not: what it had written counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_receiver_loses_less_than_a_piece_for_each_connection() {
    let gate = Gate::after(12 * MIB);
    let (sender, mut receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(30 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let task = format!(
        "{} {} {} {} {}",
        sender.address,
        sender.key.id(),
        offered.root.unwrap(),
        offered.size,
        receiver.folder.path().display()
    );
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["resume::what_the_killed_receiver_does", "--exact", "--nocapture"])
        .env(CHILD_TASK, task)
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = tokio::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let came: u64 = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some((_, came)) = line.split_once("received ") {
            break came.parse().unwrap();
        }
    };
    child.kill().await.unwrap(); // SIGKILL

    gate.open();
    receiver.user = "Again".parse().unwrap();
    let mut again = Running::begin(receiver.job(&sender, &offered, "file"));
    let path = again.end().await.unwrap().placed.path;
    assert!(fs::read(path).unwrap() == bytes);
    assert!(again.now().reused >= 9 * MIB, "{}", again.now().reused);
    let asked = sender.asked_bytes(&receiver);
    assert!(came + asked <= offered.size + 2 * MIB, "{came} and then {asked}");
}

const CHILD_TASK: &str = "LANDLINE_TEST_CHILD";

/// The other half of the test above; by itself it does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_killed_receiver_does() {
    let Ok(task) = std::env::var(CHILD_TASK) else {
        return;
    };
    let fields: Vec<_> = task.splitn(5, ' ').collect();
    let device = fields[1].parse().unwrap();
    let offer = OfferRef {
        conversation: ConversationId::from_bytes([1; 32]),
        device,
        id: MessageId::new(Timestamp::from_millis(1), [1; 10]),
    };
    let share = ShareId::from_bytes([1; 16]);
    let offered = Offered {
        offer,
        share,
        size: fields[3].parse().unwrap(),
        summary: None,
        root: Some(fields[2].parse().unwrap()),
        hashed: None,
        path: PathBuf::new(),
    };
    let user = "Alice".parse().unwrap();
    let source =
        Source { user, device, addresses: vec![fields[0].parse().unwrap()], door: Door::Share(share) };
    let receiver = Receiver::new();
    let mut job = receiver.job_from([source], &offered, "file");
    job.to.folder = fields[4].into();
    let mut running = Running::begin(job);
    let seen = running.until(|progress| progress.verified >= 9 * MIB).await;
    println!("received {}", seen.received);
    let _ = running.task.await;
}

/// With the machine gone too, the record says what had reached the disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_download_keeps_its_record() {
    let gate = Gate::after(90 * MIB);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let offered = sender.share(1, "x", &noise(120 * MIB, 1));
    let mut running = Running::begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(70 * MIB).await;
    let record = receiver.part().with_extension("state");
    let written = async {
        while fs::metadata(&record).map_or(0, |meta| meta.len()) == 0 {
            tokio::time::sleep(SECOND / 100).await; // nothing tells of a write by another's hand
        }
    };
    tokio::time::timeout(PATIENCE, written).await.unwrap();
    gate.open();
    running.end().await.unwrap();
    assert_eq!(receiver.names(), ["file"]);
}

/// A file system of 32 MiB in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let path = tempfile::tempdir().unwrap().keep();
        let done = command("mount", &["-t", "tmpfs", "-o", "size=32m", "landline-test"], &path);
        if done {
            Some(Self(path))
        } else {
            fs::remove_dir(path).unwrap();
            None
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        command("umount", &["-l"], &self.0);
        let _ = fs::remove_dir(&self.0);
    }
}

fn command(name: &str, arguments: &[&str], path: &Path) -> bool {
    let output = Command::new(name).args(arguments).arg(path).output();
    output.is_ok_and(|output| output.status.success())
}

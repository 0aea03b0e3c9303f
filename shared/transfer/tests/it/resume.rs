//! Interrupted downloads go on where they were; full disks are noticed at the start.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use landline_protocol::{FileName, ShareId};
use landline_transfer::{FetchError, FetchJob};
use tokio::io::AsyncBufReadExt;

use crate::desk::{Gate, MIB, Receiver, SECOND, Sender, noise};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proven_is_not_fetched_again() {
    let gate = Gate::after(20 * MIB);
    let (sender, mut receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(50 * MIB + 7, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut running = receiver.begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(16 * MIB).await;
    running.task.abort();
    assert!((&mut running.task).await.unwrap_err().is_cancelled());
    let verified = running.verified();
    assert!(receiver.has_only_parts());

    gate.open();
    receiver.user = "Again".parse().unwrap();
    let again = receiver.begin(receiver.job(&sender, &offered, "file"));
    let path = again.task.await.unwrap().unwrap().path;
    assert!(fs::read(path).unwrap() == bytes);
    let reused = again.progress.borrow().reused;
    assert!(reused >= verified, "{reused} of {verified}");
    assert_eq!(sender.asked_bytes(&receiver), offered.size - reused);
    assert_eq!(receiver.names(), ["file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_restarts_costs_nothing_that_was_proven() {
    let gate = Gate::after(12 * MIB);
    let (mut sender, mut receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(30 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut running = receiver.begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(9 * MIB).await;
    sender.stop().await;
    let error = running.task.await.unwrap().unwrap_err();
    assert!(error.retryable(), "{error}");
    let away = receiver.fetch(&sender, &offered, "file").await.unwrap_err();
    assert!(matches!(away, FetchError::Unreachable(_)) && away.retryable(), "{away}");

    sender.restart().await;
    receiver.user = "Again".parse().unwrap();
    let path = receiver.fetch(&sender, &offered, "file").await.unwrap().path;
    assert!(fs::read(path).unwrap() == bytes);
    assert!(sender.asked_bytes(&receiver) <= 21 * MIB);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_on_disk_is_found_and_mended() {
    let gate = Gate::after(12 * MIB);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(30 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut running = receiver.begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(9 * MIB).await;
    running.task.abort();
    let _ = running.task.await;
    let part = receiver.folder.path().join(receiver.job(&sender, &offered, "file").part().data());
    let mut damaged = fs::read(&part).unwrap();
    damaged.iter_mut().step_by(4 << 20).for_each(|byte| *byte ^= 1);
    fs::write(&part, damaged).unwrap();

    gate.open();
    let again = receiver.begin(receiver.job(&sender, &offered, "file"));
    let path = again.task.await.unwrap().unwrap().path;
    assert!(fs::read(path).unwrap() == bytes);
    assert!(again.progress.borrow().reused > 0);
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
    assert!(sender.asked.lock().unwrap().is_empty(), "nothing was asked for in vain");
    fs::remove_file(filler).unwrap();
    let path = receiver.fetch(&sender, &offered, "file").await.unwrap().path;
    assert!(fs::read(path).unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_meanwhile_takes_nothing_from_what_was_set_aside() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a small disk needs root");
        return;
    };
    let gate = Gate::after(6 * MIB);
    let (sender, mut receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    receiver.folder = tempfile::tempdir_in(&disk.0).unwrap();
    let bytes = noise(20 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let mut running = receiver.begin(receiver.job(&sender, &offered, "file"));
    running.until_verified(3 * MIB).await;
    let filler = fs::write(disk.0.join("filler"), vec![1; 40 << 20]).unwrap_err();
    assert_eq!(filler.kind(), std::io::ErrorKind::StorageFull);
    gate.open();
    let path = running.task.await.unwrap().unwrap().path;
    assert!(fs::read(path).unwrap() == bytes);
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
async fn a_killed_receiver_loses_nothing_it_had_proven() {
    let gate = Gate::after(12 * MIB);
    let (sender, mut receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let bytes = noise(30 * MIB, 1);
    let offered = sender.share(1, "x", &bytes);
    let task = format!(
        "{} {} {} {} {}",
        sender.address,
        sender.key.id(),
        offered.root,
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
    while !lines.next_line().await.unwrap().unwrap().contains("proven") {}
    child.kill().await.unwrap(); // SIGKILL

    gate.open();
    receiver.user = "Again".parse().unwrap();
    let again = receiver.begin(receiver.job(&sender, &offered, "file"));
    let path = again.task.await.unwrap().unwrap().path;
    assert!(fs::read(path).unwrap() == bytes);
    let reused = again.progress.borrow().reused;
    assert!(reused >= 9 * MIB, "{reused}");
    assert_eq!(sender.asked_bytes(&receiver), offered.size - reused);
}

const CHILD_TASK: &str = "LANDLINE_TEST_CHILD";

/// The other half of the test above; by itself it does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_killed_receiver_does() {
    let Ok(task) = std::env::var(CHILD_TASK) else {
        return;
    };
    let fields: Vec<_> = task.splitn(5, ' ').collect();
    let job = FetchJob {
        share: ShareId::from_bytes([1; 16]),
        entry: 0,
        size: fields[3].parse().unwrap(),
        root: fields[2].parse().unwrap(),
        name: FileName::parse("file").unwrap(),
        folder: fields[4].into(),
        device: fields[1].parse().unwrap(),
        addresses: vec![fields[0].parse().unwrap()],
    };
    let mut running = Receiver::new().begin(job);
    running.until_verified(9 * MIB).await;
    println!("proven");
    let _ = running.task.await;
}

/// With the machine gone too, the record says what had reached the disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_download_keeps_its_record() {
    let gate = Gate::after(90 * MIB);
    let (sender, receiver) = (Sender::tampering(gate.tamper()).await, Receiver::new());
    let offered = sender.share(1, "x", &noise(120 * MIB, 1));
    let job = receiver.job(&sender, &offered, "file");
    let record = receiver.folder.path().join(job.part().record());
    let mut running = receiver.begin(job);
    running.until_verified(70 * MIB).await;
    let written = async {
        while fs::metadata(&record).map_or(0, |meta| meta.len()) == 0 {
            tokio::time::sleep(SECOND / 100).await; // nothing tells of a write by another's hand
        }
    };
    tokio::time::timeout(SECOND * 20, written).await.unwrap();
    gate.open();
    running.task.await.unwrap().unwrap();
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

//! A coordinator whose disk is full for a while.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use landline_peer::api::{Event, FailureKind};

use crate::office::Office;
use crate::views::*;

const MESSAGES: usize = 60;
/// How long the disk stays full: longer than the coordinator says one should wait.
const FULL: Duration = Duration::from_secs(7);

/// A disk of its own, a few megabytes large. `None` where this process may not mount one.
struct SmallDisk {
    home: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(home.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self { home })
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    /// Takes all the room there is.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        let block = [0; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The coordinator’s files may still be open for a moment: unmounted when they are not.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_coordinator_refuses_is_sent_again_without_multiplying() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: a full disk, for no small one can be mounted here (needs root)");
        return;
    };
    let mut office = Office::in_directory(disk.path().join("data")).await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let filler = disk.fill();
    let long = "a long message ".repeat(800);
    let all: Vec<String> = (0..MESSAGES).map(|number| format!("{number} {long}")).collect();
    alice.says_all(&LOBBY, &all).await;
    alice.event("word of the full disk", |event| is_disk_full(event).then_some(())).await;
    let watching = alice.until("the line is lost", |snapshot| (!is_up(&snapshot.line)).then_some(()));
    assert!(tokio::time::timeout(FULL, watching).await.is_err(), "the line was lost while the disk was full");
    std::fs::remove_file(filler).unwrap();

    let mut lost = false;
    alice
        .sees("everything is taken", |snapshot| {
            lost |= !is_up(&snapshot.line);
            all.iter().all(|text| is_sent(snapshot, &LOBBY, text))
        })
        .await;
    assert!(!lost, "the line was lost when the disk had room again");
    for text in &all {
        bob.hears(&LOBBY, text).await;
    }
    assert_eq!(texts(&bob.snapshot(), &LOBBY), all, "each once, in order");
    let notices = alice.happened.iter().filter(|event| is_disk_full(event)).count();
    assert!(notices <= 4 * MESSAGES, "{notices} refusals of {MESSAGES} messages");
    let missed = alice.happened.iter().any(|event| matches!(event, Event::Missed(_)));
    assert!(!missed, "so many refusals that they were not even told");
    office.stop().await;
}

fn is_disk_full(event: &Event) -> bool {
    matches!(event, Event::Notice(failure) if failure.kind == FailureKind::DiskFull)
}

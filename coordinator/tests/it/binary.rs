//! The real binary: what it prints, how it ends, and a disk that fills up.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use landline_protocol::{ConversationId, ConversationKind, ErrorCode, InviteLink, Seq, WireError, account};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::*;

pub(crate) fn command(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landline-coordinator"));
    command.args(["--listen", "127.0.0.1", "--data-dir"]).arg(data_dir);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A coordinator in a process of its own, killed at the end if it still runs.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) printed: Vec<String>,
}

impl Process {
    /// Starts it and reads what it prints until it is ready.
    pub(crate) fn start(data_dir: &Path, port: u16, more: &[&str]) -> Self {
        // The fingerprint comes last but for the first invite, which a first start has.
        let first = !data_dir.join("coordinator.db").exists();
        let child = command(data_dir).args(["--port", &port.to_string()]).args(more).spawn().unwrap();
        Self::read(child, if first { "Invite:" } else { "Fingerprint:" })
    }

    /// Reads what it prints until a line that begins so.
    fn read(mut child: Child, last: &str) -> Self {
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printed = Vec::new();
        loop {
            let line = lines.next().expect("it ended").unwrap();
            let done = line.starts_with(last);
            printed.push(line);
            if done {
                break;
            }
        }
        Self { child, printed }
    }

    pub(crate) fn line(&self, label: &str) -> &str {
        let found = self.printed.iter().find_map(|line| line.strip_prefix(label));
        found.unwrap_or_else(|| panic!("no {label} in {:?}", self.printed)).trim()
    }

    pub(crate) fn invite(&self) -> InviteLink {
        self.line("Invite:").parse().unwrap()
    }

    pub(crate) fn device(&self) -> Device {
        let link = self.invite();
        Device::new(self.line("Address:").parse().unwrap(), link.key)
    }

    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_prints_the_way_in_and_ends_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), 0, &[]);
    let first = process.invite();
    assert_eq!(process.line("Fingerprint:"), first.key.fingerprint());
    let alice = process.device();
    let session = alice.sign_up("alice", Some(&first.code)).await.unwrap();
    assert!(session.admin);
    let mut line = alice.connect(&session).await;
    line.post(&ConversationKind::Lobby, "for the next start").await;
    let invite = command(dir.path()).arg("invite").output().unwrap();
    assert!(invite.status.success(), "{}", String::from_utf8_lossy(&invite.stderr));
    let printed = String::from_utf8(invite.stdout).unwrap();
    let another: InviteLink =
        printed.lines().find_map(|l| l.strip_prefix("Invite:")).unwrap().parse().unwrap();
    assert_eq!((another.port, another.key), (first.port, first.key));
    process.device().sign_up("bob", Some(&another.code)).await.unwrap();
    let begun = Instant::now();
    process.terminate();
    assert_eq!(line.goodbye().await.code, ErrorCode::ShuttingDown);
    assert!(process.child.wait().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(5));
    let mut log = String::new();
    process.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("connected"), "{log}");
    for secret in [&first.code, &another.code, PASSWORD, &session.refresh_token, &session.access_token] {
        assert!(!log.contains(secret), "a secret in the log: {log}");
    }
    let again = Process::start(dir.path(), first.port, &[]);
    assert!(again.printed.iter().all(|line| !line.contains("landline://")), "no way in is open any more");
    let mut line = alice.connect(&session).await;
    assert_eq!(line.backlog(ConversationId::lobby(), Seq::ZERO).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_makes_room_for_its_connections_and_takes_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let start = |ulimit: &str| {
        let coordinator = env!("CARGO_BIN_EXE_landline-coordinator");
        let script = format!("{ulimit} && exec {coordinator} --listen 127.0.0.1 --port 0 --data-dir \"$0\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(dir.path().join("data"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Process::read(command.spawn().unwrap(), "Invite:")
    };
    let process = start("ulimit -Sn 80 && ulimit -Hn 2000");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.child.id())).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().take(2).collect::<Vec<_>>(), ["2000", "2000"]);
    drop(process);

    let process = start("ulimit -n 74");
    let address = process.line("Address:").parse().unwrap();
    let mut held = Vec::new();
    let (key, expect) = (landline_trust::DeviceKey::generate().unwrap(), landline_trust::Expect::FirstUse);
    while let Ok(dialled) = landline_net::dial(&[address], &key, expect, PATIENCE).await {
        held.push(dialled);
        assert!(held.len() <= 10, "more connections than there is room for");
    }
    assert_eq!(held.len(), 10);
    held.truncate(9);
    while landline_net::dial(&[address], &key, expect, PATIENCE).await.is_err() {}
}

#[test]
fn mistakes_in_the_settings_are_said_and_end_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("coordinator.toml"), "prot = 4811\n").unwrap();
    let output = command(dir.path()).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("prot") && said.contains("coordinator.toml"), "{said}");
}

#[test]
fn the_environment_comes_between_flags_and_the_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("coordinator.toml"), "timeout = 4\nheartbeat = 3\n").unwrap();
    // 9 s by the environment, over the file; 8 s by the flag, over both; each clashes differently.
    let said = |flags: &[&str]| {
        let output =
            command(dir.path()).env("LANDLINE_COORDINATOR_HEARTBEAT", "9").args(flags).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&[]).contains("heartbeat (9 s)"));
    assert!(said(&["--heartbeat", "8"]).contains("heartbeat (8 s)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_said_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = command(dir.path()).args(["--port", &port]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(said.contains(&port) && said.contains("Another program uses this port"), "{said}");
    assert!(!said.contains("backtrace"), "{said}");
}

/// A small file system of its own, if this user may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

async fn health(device: &Device) -> u16 {
    let request = hyper::Request::get(account::HEALTH).body(http_body_util::Full::default()).unwrap();
    device.http().await.send(request).await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_what_it_cannot_keep_and_recovers_by_itself() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: mounting a small file system needs root");
        return;
    };
    let process = Process::start(&disk.0.path().join("data"), 0, &["--registration", "open"]);
    let alice = process.device();
    let mut line = alice.connect(&alice.sign_up("alice", None).await.unwrap()).await;
    let text = "x".repeat(15_000);
    let (mut kept, mut refused): (u64, Option<WireError>) = (0, None);
    while refused.is_none() && kept < 1_000 {
        let message = line.compose(&ConversationKind::Lobby, &text);
        match line.post_signed(&ConversationKind::Lobby, message).await {
            Ok(_) => kept += 1,
            Err(error) => refused = Some(error),
        }
    }
    let refused = refused.expect("a disk of 4 MiB took 15 MB");
    assert_eq!(refused.code, ErrorCode::StorageFull, "{refused}");
    let message = line.compose(&ConversationKind::Lobby, &text);
    assert_eq!(
        code(line.post_signed(&ConversationKind::Lobby, message.clone()).await),
        ErrorCode::StorageFull
    );
    assert_eq!(health(&alice).await, 507, "it says so");
    let larger = Command::new("mount").args(["-o", "remount,size=64m"]).arg(disk.0.path()).status().unwrap();
    assert!(larger.success());
    assert_eq!(health(&alice).await, 200, "looking makes it notice");
    assert_eq!(line.post_signed(&ConversationKind::Lobby, message).await, Ok(Seq(kept + 1)));
    let all = line.backlog(ConversationId::lobby(), Seq::ZERO).await;
    assert!(all.iter().map(|m| m.seq.0).eq(1..=kept + 1));
    drop(process);
}

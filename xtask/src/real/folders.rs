//! Folders: what arrives is what was sent, with names, times and modes; what is there comes once.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};

use super::world::World;
use crate::command;

const MIB: u64 = 1 << 20;
const ALICE_PORT: u16 = 5001;
/// What may cross for a folder that is there already: the manifest and the talk about it.
const TALK: u64 = 2 * MIB;

/// A folder of everything that folders have, there and back; then again, for nearly nothing.
pub(super) fn mixed_folder(world: &World) -> Result<String> {
    world.net.count(ALICE_PORT)?;
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", ALICE_PORT)?, world.person("bob", 5002)?);
    let folder = make(&world.path("site visit"))?;
    let sending = alice.offer(&[&folder], "bob")?;
    let got = bob.run(&["get", "--wait", "site visit"])?.expect(0)?;
    ensure!(got.records("received").len() == 1, "nothing is said to have come");
    sending.wait()?.expect(0)?;
    let arrived = bob.downloads().join("site visit");
    alike(&folder, &arrived)?;
    let (_, first) = world.net.counted(ALICE_PORT)?;

    let sending = alice.offer(&[&folder], "bob")?;
    bob.run(&["get", "--wait", "site visit", "--on-conflict", "skip"])?.expect(0)?;
    sending.wait()?.expect(0)?;
    alike(&folder, &arrived)?;
    let again = world.net.counted(ALICE_PORT)?.1 - first;
    ensure!(again < TALK, "{} KiB crossed again", again / 1024);
    Ok(format!("{} files; sent again: {} KiB", files(&folder)?, again / 1024))
}

/// Only what is wanted of a folder comes.
pub(super) fn picked_files(world: &World) -> Result<String> {
    world.coordinator("coordinator")?;
    let (alice, bob) = (world.person("alice", ALICE_PORT)?, world.person("bob", 5002)?);
    let folder = make(&world.path("site visit"))?;
    let sending = alice.offer(&[&folder], "bob")?;
    // The listing comes once the author has read the folder.
    let listed = loop {
        let listed = bob.run(&["get", "--wait", "site visit", "--list"])?;
        if listed.code == 0 {
            break listed.records("entry");
        }
        ensure!(listed.code == 4 || listed.code == 7, "{}", listed.sentence()?);
        std::thread::sleep(Duration::from_millis(200));
    };
    ensure!(listed.len() as u64 == files(&folder)?, "{} files are listed", listed.len());
    bob.run(&["get", "site visit", "--only", "*.txt", "--only", "photos/may"])?.expect(0)?;
    sending.wait()?.expect(0)?;
    let arrived = bob.downloads().join("site visit");
    let mut there = entries(&arrived)?;
    there.retain(|path, _| arrived.join(path).is_file());
    let expected = entries(&folder)?.into_keys().filter(|path| {
        let text = path.extension().is_some_and(|ending| ending == "txt");
        folder.join(path).is_file() && (text || path.starts_with("photos/may"))
    });
    let (expected, there): (Vec<_>, Vec<_>) = (expected.collect(), there.into_keys().collect());
    ensure!(expected == there, "{there:?} came instead of {expected:?}");
    Ok(format!("{} of {} files", there.len(), listed.len()))
}

/// Large, small, empty, deep, executable, old, and with names that few programs like. A link, too,
/// which does not come along.
fn make(top: &Path) -> Result<PathBuf> {
    let file = |path: &str, size: u64| -> Result<PathBuf> {
        let path = top.join(path);
        std::fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
        super::random_file(&path, size)
    };
    file("plan.txt", 17)?;
    file("large.bin", 9 * MIB + 1)?;
    file("exactly one piece", MIB)?;
    file("empty", 0)?;
    file("photos/may/отчёт 2026 (финал) 😀.jpg", 300_000)?;
    file("photos/may/a.txt", 5)?;
    file("a/b/c/d/e/f/deep.txt", 70_000)?;
    for number in 0..200 {
        file(&format!("small/{number:03}"), number * 37)?;
    }
    std::fs::create_dir_all(top.join("an empty folder/and another"))?;
    let run = file("tools/run.sh", 100)?;
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755))?;
    let old = SystemTime::UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_700);
    std::fs::File::options().append(true).open(top.join("plan.txt"))?.set_modified(old)?;
    std::os::unix::fs::symlink("/etc/passwd", top.join("a link"))?;
    Ok(top.to_owned())
}

/// What is known of an entry: whether it is a folder, whether it may be run, when it was changed.
type Facts = (bool, bool, Option<Duration>);

fn entries(top: &Path) -> Result<BTreeMap<PathBuf, Facts>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let facts = path.symlink_metadata()?;
            if facts.is_symlink() {
                continue;
            }
            let name = path.strip_prefix(top)?.to_owned();
            let runs = facts.is_file() && facts.permissions().mode() & 0o100 != 0;
            let changed = facts.modified()?.duration_since(SystemTime::UNIX_EPOCH)?;
            // What is in a folder changes its own time.
            let changed =
                facts.is_file().then(|| Duration::from_millis(changed.as_millis().try_into().unwrap_or(0)));
            found.insert(name, (facts.is_dir(), runs, changed));
            if facts.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(found)
}

fn files(top: &Path) -> Result<u64> {
    Ok(entries(top)?.into_values().filter(|(folder, ..)| !folder).count() as u64)
}

/// The same names, kinds, modes and times by `stat`, and the same bytes by `diff`.
fn alike(one: &Path, other: &Path) -> Result<()> {
    ensure!(other.symlink_metadata()?.is_dir(), "{} is no folder", other.display());
    ensure!(other.join("a link").symlink_metadata().is_err(), "a link came along");
    let (left, right) = (entries(one)?, entries(other)?);
    for (path, facts) in &left {
        let there = right.get(path);
        ensure!(there == Some(facts), "{}: {facts:?} became {there:?}", path.display());
    }
    ensure!(left.len() == right.len(), "there is more than was sent: {} and {}", left.len(), right.len());
    let mut diff = Command::new("diff");
    diff.args(["--recursive", "--brief", "--no-dereference", "--exclude=a link"]).args([one, other]);
    command::output(&mut diff).map(drop)
}

//! One seeder and eight downloaders, each behind a link of 200 Mbit/s: how long until all have it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::figures::{Row, Sample};
use super::measure::{self, Cost, Server};
use super::peers::tell;
use super::{Ground, content};
use crate::lan::{HUB, Lan};

/// What ratios go by.
pub(super) const YARDSTICK: &str = "one-link";

const MIB: u64 = 512;
const MEGABITS: u32 = 200;
const DOWNLOADERS: usize = 8;
/// The seeder's number on the LAN; the others follow.
const SEEDER: usize = 0;
/// The longest that any of it may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// Landline on one link, Landline with everybody, aria2 with everybody.
pub(super) fn measure(ground: &Ground) -> Result<Vec<Row>> {
    eprintln!("swarm-8: {MIB} MiB to {DOWNLOADERS} machines, {MEGABITS} Mbit/s each way");
    let folder = ground.memory.path().join("seed");
    let file = content::big_file(&folder, MIB)?;
    let subjects: [(&'static str, &dyn Fn() -> Result<Sample>); 3] = [
        (YARDSTICK, &|| landline(ground, &file, 1)),
        ("landline", &|| landline(ground, &file, DOWNLOADERS)),
        ("aria2-bittorrent", &|| aria2(ground, &file)),
    ];
    let mut rows = Vec::new();
    for (subject, run) in subjects.into_iter().filter(|(subject, _)| ground.wants(subject)) {
        let mut row = Row { case: "swarm-8", subject, samples: Vec::new() };
        for round in 1..=ground.runs {
            let sample = run()?;
            eprintln!("    round {round}: {subject} {:.1} s", sample.seconds);
            row.samples.push(sample);
        }
        rows.push(row);
    }
    fs::remove_dir_all(folder)?;
    Ok(rows)
}

/// Real programs: a coordinator, somebody who sends to everybody, and downloaders that wait for it.
fn landline(ground: &Ground, file: &Path, downloaders: usize) -> Result<Sample> {
    let work = tempfile::tempdir_in(ground.memory.path())?;
    let lan = Lan::new(1 + downloaders, MEGABITS)?;
    let coordinator = coordinator(ground, &lan, work.path())?;
    for number in 0..=downloaders {
        sign_up(ground, &lan, work.path(), number)?;
    }
    let waiting: Vec<_> = (1..=downloaders)
        .map(|number| {
            let mut get = person(ground, &lan, work.path(), number);
            get.args(["--timeout", "300", "get", "--wait", "--from", "person-0", "--into"]);
            let into = work.path().join(format!("received-{number}"));
            get.arg(&into).stderr(Stdio::null());
            std::thread::spawn(move || -> Result<(Instant, Cost, PathBuf)> {
                let (cost, _) = measure::run(&mut get)?;
                Ok((Instant::now(), cost, into))
            })
        })
        .collect();
    // They must all be waiting when the offer comes; nothing tells from outside.
    std::thread::sleep(Duration::from_secs(3));
    let before = lan.sent(SEEDER)?;
    let mut send = person(ground, &lan, work.path(), SEEDER);
    send.args(["--json", "send"]).arg(file).arg("lobby").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut seeder = Server::start(&mut send)?;
    let mut output = BufReader::new(seeder.output()?);
    let mut offered = String::new();
    output.read_line(&mut offered)?;
    let begun = Instant::now();
    // Drained, so that it never waits for whoever reads.
    let drain = std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    let mut sample = Sample { bytes: (MIB << 20) * downloaders as u64, ..Sample::default() };
    for downloader in waiting {
        let (ended, cost, into) =
            downloader.join().map_err(|_| anyhow::anyhow!("a downloader could not be watched"))??;
        sample.seconds = sample.seconds.max(ended.duration_since(begun).as_secs_f64());
        sample.cpu_seconds += cost.cpu_seconds;
        sample.peak_mib.1 = sample.peak_mib.1.max(cost.peak_mib);
        content::same(file, &into.join(file.file_name().context("a name")?))?;
    }
    let copies = (lan.sent(SEEDER)? - before) as f64 / (MIB << 20) as f64;
    tell(&format!("landline, {downloaders} downloading: the seeder sent {copies:.2} copies"));
    sample.cpu_seconds += seeder.cpu()? + coordinator.cpu()?;
    sample.peak_mib.0 = seeder.peak_mib();
    drop(seeder);
    let _ = drain.join();
    Ok(sample)
}

fn coordinator(ground: &Ground, lan: &Lan, work: &Path) -> Result<Server> {
    let mut host = lan.at_hub(&ground.landline);
    host.args(["host", "--json", "--open", "--at", &format!("{HUB}:4810"), "--data"]).arg(work.join("data"));
    host.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Server::start(&mut host)?;
    let mut line = String::new();
    BufReader::new(server.output()?).read_line(&mut line)?;
    ensure!(line.contains("address"), "the coordinator did not begin: {line}");
    Ok(server)
}

/// The program with a profile of somebody on one of the machines.
fn person(ground: &Ground, lan: &Lan, work: &Path, number: usize) -> Command {
    let mut command = lan.on(number, &ground.landline);
    command.env("LANDLINE_PROFILE", work.join(format!("profile-{number}")));
    command.env("LANDLINE_LISTEN", format!("{}:0", Lan::address(number)));
    command.env("LANDLINE_SECRETS", "file").env("DBUS_SESSION_BUS_ADDRESS", "disabled:");
    command.env("HOME", work);
    command
}

fn sign_up(ground: &Ground, lan: &Lan, work: &Path, number: usize) -> Result<()> {
    let mut command = person(ground, lan, work, number);
    command.args(["sign-up", &format!("{HUB}:4810"), &format!("person-{number}")]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().context("no pipe")?.write_all(b"a long password\n")?;
    ensure!(child.wait()?.success(), "person-{number} could not sign up");
    Ok(())
}

/// aria2 with a tracker of its own and nothing that looks beyond it.
fn aria2(ground: &Ground, file: &Path) -> Result<Sample> {
    let work = tempfile::tempdir_in(ground.memory.path())?;
    let lan = Lan::new(1 + DOWNLOADERS, MEGABITS)?;
    let script = work.path().join("tracker.py");
    fs::write(&script, include_str!("tracker.py"))?;
    let _tracker = Server::start(lan.at_hub("python3").arg(&script).arg(HUB).stderr(Stdio::null()))?;
    let torrent = work.path().join("big.torrent");
    let mut make = Command::new("mktorrent");
    make.args(["-a", &format!("http://{HUB}:6969/announce"), "-l", "20", "-o"]).arg(&torrent).arg(file);
    crate::command::output(&mut make)?;
    let done = work.path().join("done.sh");
    fs::write(&done, "#!/bin/sh\ntouch \"$(dirname \"$3\")/done\"\n")?;
    fs::set_permissions(&done, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;

    let one = |number: usize, folder: &Path| {
        let mut aria = lan.on(number, "aria2c");
        aria.args(["--quiet", "--enable-dht=false", "--bt-enable-lpd=false", "--enable-peer-exchange=true"]);
        aria.args(["--seed-ratio=0.0", "--bt-request-peer-speed-limit=0", "--file-allocation=none"]);
        aria.args(["--bt-max-peers=0", "--listen-port=6881", "--dir"]).arg(folder);
        aria.arg(format!("--on-bt-download-complete={}", done.display())).arg(&torrent);
        aria
    };
    let folder = file.parent().context("a folder")?;
    let mut seed = one(SEEDER, folder);
    seed.args(["--check-integrity=true", "--bt-seed-unverified=false"]);
    tell(&crate::command::show(&seed));
    let seeder = Server::start(&mut seed)?;
    std::thread::sleep(Duration::from_secs(4)); // it checks what it has first
    let folders: Vec<PathBuf> =
        (1..=DOWNLOADERS).map(|number| work.path().join(format!("received-{number}"))).collect();
    let begun = Instant::now();
    let mut everybody = Vec::new();
    for (folder, number) in folders.iter().zip(1..) {
        fs::create_dir_all(folder)?;
        everybody.push(Server::start(&mut one(number, folder))?);
    }
    while !folders.iter().all(|folder| folder.join("done").exists()) {
        if begun.elapsed() > PATIENCE {
            bail!("aria2 did not finish");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let mut sample = Sample { seconds, bytes: (MIB << 20) * DOWNLOADERS as u64, ..Sample::default() };
    for one in &everybody {
        sample.cpu_seconds += one.cpu()?;
        sample.peak_mib.1 = sample.peak_mib.1.max(one.peak_mib());
    }
    sample.cpu_seconds += seeder.cpu()?;
    sample.peak_mib.0 = seeder.peak_mib();
    for folder in &folders {
        content::same(file, &folder.join(file.file_name().context("a name")?))?;
    }
    Ok(sample)
}

//! One seeder and eight downloaders, each behind a link of 200 Mbit/s: how long until all have it.

use std::cell::Cell;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::big::{Run, rounds};
use super::figures::{Row, Sample};
use super::measure::{self, Cost, Server};
use super::peers::{tell, tell_command};
use super::{Ground, content};
use crate::command;
use crate::lan::{HUB, Lan, link};

/// What ratios go by.
pub(super) const YARDSTICK: &str = "one-link";

const MIB: u64 = 512;
const MEGABITS: u32 = 200;
const DOWNLOADERS: usize = 8;
/// The seeder's number on the LAN; the others follow.
const SEEDER: usize = 0;
/// Where aria2 is told to go on.
const RPC: u16 = 6800;
/// What it says of downloads that are paused; `[0,9]` in base64 is the first nine.
const PAUSED: &str = "aria2.tellWaiting&params=WzAsOV0=";
/// How long it may take to come up.
const UP: Duration = Duration::from_secs(10);
/// The longest that any of it may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// Landline on one link, Landline with everybody, aria2 with everybody; in turn, round after round.
pub(super) fn measure(ground: &Ground) -> Result<Vec<Row>> {
    eprintln!("swarm-8: {MIB} MiB to {DOWNLOADERS} machines, {MEGABITS} Mbit/s each way");
    tell(&format!("each link, either way: tc qdisc {}", link(MEGABITS)));
    let folder = ground.memory.path().join("seed");
    let file = content::big_file(&folder, MIB)?;
    let news = [(); 3].map(|()| News::default());
    let subjects: Vec<(&'static str, Run<'_>)> = vec![
        (YARDSTICK, Box::new(|| landline(ground, &file, 1, &news[0]))),
        ("landline", Box::new(|| landline(ground, &file, DOWNLOADERS, &news[1]))),
        ("aria2-bittorrent", Box::new(|| aria2(ground, &file, &news[2]))),
    ];
    let rows = rounds(ground, "swarm-8", (MIB << 20) * DOWNLOADERS as u64, subjects, || Ok(()))?;
    for row in rows.iter().filter(|row| row.subject == YARDSTICK) {
        tell_theory(row);
    }
    fs::remove_dir_all(folder)?;
    Ok(rows)
}

/// What one link can do beside what was measured: a Landline that is slow on one link would else improve
/// its own ratio unseen.
fn tell_theory(one_link: &Row) {
    let theory = (MIB << 23) as f64 / (f64::from(MEGABITS) * 1e6);
    let measured = one_link.median(|sample| sample.seconds);
    tell(&format!(
        "{YARDSTICK}: {measured:.1} s, {:.2} x the {theory:.1} s that {MIB} MiB take at {MEGABITS} Mbit/s \
         without any header",
        measured / theory
    ));
}

/// Commands of a subject, which are news in its first round only.
#[derive(Default)]
struct News(Cell<bool>);

impl News {
    fn tell(&self, command: &Command) {
        if !self.0.get() {
            tell_command(command);
        }
    }

    fn is_told(&self) {
        self.0.set(true);
    }
}

/// Real programs: a coordinator, somebody who sends to everybody, and downloaders that wait for it.
fn landline(ground: &Ground, file: &Path, downloaders: usize, news: &News) -> Result<Sample> {
    let work = tempfile::tempdir_in(ground.memory.path())?;
    let lan = Lan::new(1 + downloaders, MEGABITS)?;
    let coordinator = coordinator(ground, &lan, work.path(), news)?;
    for number in 0..=downloaders {
        sign_up(ground, &lan, work.path(), number, news)?;
    }
    let waiting: Vec<_> = (1..=downloaders)
        .map(|number| {
            let mut get = person(ground, &lan, work.path(), number);
            get.args(["--timeout", "300", "get", "--wait", "--from", "person-0", "--into"]);
            let into = work.path().join(format!("received-{number}"));
            get.arg(&into).stderr(Stdio::null());
            if number == 1 {
                news.tell(&get);
            }
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
    news.tell(&send);
    news.is_told();
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

fn coordinator(ground: &Ground, lan: &Lan, work: &Path, news: &News) -> Result<Server> {
    let mut host = lan.at_hub(&ground.landline);
    host.args(["host", "--json", "--open", "--at", &format!("{HUB}:4810"), "--data"]).arg(work.join("data"));
    host.stdout(Stdio::piped()).stderr(Stdio::null());
    news.tell(&host);
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

/// With a password on standard input.
fn sign_up(ground: &Ground, lan: &Lan, work: &Path, number: usize, news: &News) -> Result<()> {
    let mut command = person(ground, lan, work, number);
    command.args(["sign-up", &format!("{HUB}:4810"), &format!("person-{number}")]);
    if number == SEEDER {
        news.tell(&command);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    child.stdin.take().context("no pipe")?.write_all(b"a long password\n")?;
    ensure!(child.wait()?.success(), "person-{number} could not sign up");
    Ok(())
}

/// aria2 with a tracker of its own and nothing that looks beyond it.
///
/// The clock is as fair as Landline's, whose downloaders are up and wait when it starts, with the offer:
/// here they are up with the torrent read and are paused, and it starts when they are told to go on.
/// The seeder has hashed and announced what it has by then, which Landline's does while the clock runs.
fn aria2(ground: &Ground, file: &Path, news: &News) -> Result<Sample> {
    let work = tempfile::tempdir_in(ground.memory.path())?;
    let lan = Lan::new(1 + DOWNLOADERS, MEGABITS)?;
    let _tracker = tracker(&lan, work.path(), news)?;
    let torrent = torrent(work.path(), file, news)?;
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
    let mut seed = one(SEEDER, file.parent().context("a folder")?);
    seed.args(["--check-integrity=true", "--bt-seed-unverified=false"]);
    news.tell(&seed);
    let seeder = Server::start(&mut seed)?;
    let folders: Vec<PathBuf> =
        (1..=DOWNLOADERS).map(|number| work.path().join(format!("received-{number}"))).collect();
    let mut everybody = Vec::new();
    for (folder, number) in folders.iter().zip(1..) {
        fs::create_dir_all(folder)?;
        let mut downloader = one(number, folder);
        downloader.args(["--pause=true", "--enable-rpc=true", "--rpc-listen-all=true"]);
        downloader.arg(format!("--rpc-listen-port={RPC}"));
        if number == 1 {
            news.tell(&downloader);
        }
        everybody.push(Server::start(&mut downloader)?);
    }
    std::thread::sleep(Duration::from_secs(4)); // the seeder checks what it has first
    (1..=DOWNLOADERS).try_for_each(|number| until_paused(&lan, number))?;
    let mut go = ask(&lan, 1..=DOWNLOADERS, "aria2.unpauseAll");
    news.tell(&go);
    news.is_told();
    let begun = Instant::now();
    command::output(&mut go)?;
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

fn tracker(lan: &Lan, work: &Path, news: &News) -> Result<Server> {
    let script = work.join("tracker.py");
    fs::write(&script, include_str!("tracker.py"))?;
    let mut tracker = lan.at_hub("python3");
    tracker.arg(&script).arg(HUB).stderr(Stdio::null());
    news.tell(&tracker);
    Server::start(&mut tracker)
}

fn torrent(work: &Path, file: &Path, news: &News) -> Result<PathBuf> {
    let torrent = work.join("big.torrent");
    let mut make = Command::new("mktorrent");
    make.args(["-a", &format!("http://{HUB}:6969/announce"), "-l", "20", "-o"]).arg(&torrent).arg(file);
    news.tell(&make);
    command::output(&mut make)?;
    Ok(torrent)
}

/// Lasts until aria2 is up on a machine and has read the torrent.
fn until_paused(lan: &Lan, number: usize) -> Result<()> {
    let begun = Instant::now();
    // As long as it is not up, the question fails.
    while !command::output(&mut ask(lan, number..=number, PAUSED)).is_ok_and(|told| told.contains("paused")) {
        ensure!(begun.elapsed() < UP, "aria2 does not come up on machine {number}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Tells or asks aria2 something on some machines, on all at once (aria2c(1), JSON-RPC using HTTP GET).
fn ask(lan: &Lan, machines: RangeInclusive<usize>, method: &str) -> Command {
    let mut curl = lan.at_hub("curl");
    curl.args(["--silent", "--show-error", "--fail", "--parallel"]);
    curl.args(
        machines
            .map(|number| format!("http://{}:{RPC}/jsonrpc?method={method}&id=bench", Lan::address(number))),
    );
    curl
}

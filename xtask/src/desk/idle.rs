//! An idle window paints nothing and takes no time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};
use x11rb::rust_connection::RustConnection;

use super::Scene;
use super::display::Display;
use super::people::{LEFT, Stage};

/// How long it is watched.
const WATCHED: Duration = Duration::from_secs(10);
/// Longer than the time between two heartbeats of the line.
const HEARTBEAT: Duration = Duration::from_secs(6);
/// The processor time it may take meanwhile: 0.5 %.
const MOST: Duration = Duration::from_millis(50);

/// Signed in, with nothing going on: no repaint and next to no processor time in ten seconds.
pub(super) fn idle(scene: &Scene) -> Result<String> {
    let display = Display::start(1280, 860)?;
    let stage = Stage::new(scene)?;
    stage.sign_up("alice")?;
    let mut window = stage.window(&display, "alice", LEFT)?;
    window.settle()?;
    let watcher = Watcher::new(&display, window.id())?;
    watcher.comes_to_rest()?;
    let id = window.process().id();
    let before = processor_time(id)?;
    let painted = watcher.repaints(WATCHED)?;
    let took = processor_time(id)?.saturating_sub(before);
    ensure!(painted == 0, "{painted} repaints in {WATCHED:?}");
    ensure!(took <= MOST, "{took:?} of processor time in {WATCHED:?}");
    Ok(format!("{painted} repaints, {} ms of processor time in 10 s", took.as_millis()))
}

/// Somebody who is told about every repaint of a window.
struct Watcher {
    connection: RustConnection,
}

impl Watcher {
    fn new(display: &Display, window: u32) -> Result<Self> {
        let (connection, _) = x11rb::connect(Some(display.name()))?;
        connection.damage_query_version(1, 1)?.reply()?;
        let damage = connection.generate_id()?;
        connection.damage_create(damage, window, ReportLevel::RAW_RECTANGLES)?;
        connection.flush()?;
        Ok(Self { connection })
    }

    /// How often something is painted within this time.
    fn repaints(&self, watched: Duration) -> Result<usize> {
        let (begun, mut count) = (Instant::now(), 0);
        while begun.elapsed() < watched {
            match self.connection.poll_for_event()? {
                Some(Event::DamageNotify(_)) => count += 1,
                Some(_) => {}
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Ok(count)
    }

    /// Waits until nothing was painted for longer than a heartbeat: by then the line's round trip
    /// has been measured and shown.
    fn comes_to_rest(&self) -> Result<()> {
        for _ in 0..6 {
            if self.repaints(HEARTBEAT)? == 0 {
                return Ok(());
            }
        }
        bail!("the window does not come to rest")
    }
}

/// What a process has used so far, in user and kernel mode (proc(5), fields 14 and 15 of `stat`).
fn processor_time(id: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().context("no fields")?.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok());
    // Counted after the closing parenthesis of field 2; a tick is 10 ms on Linux.
    let ticks = ticks(11).zip(ticks(12)).context("no times")?;
    Ok(Duration::from_millis((ticks.0 + ticks.1) * 10))
}

//! Responses under way: how each is ended although nobody reads it, and who reads too slowly.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use landline_protocol::DeviceId;
use landline_protocol::peer_routes::Door;
use tokio_util::sync::CancellationToken;

use crate::limit::LEAST_RATE;
use crate::lock;

/// The slowest receiver worth serving, in bytes a second: far from what any limit allows.
const SLOWEST: f64 = LEAST_RATE as f64 / 2.0;
/// How long it may be slower.
const PATIENCE: Duration = Duration::from_mins(1);

/// All responses with a body that are under way.
pub(crate) struct Live {
    all: Mutex<HashMap<u64, Arc<Response>>>,
    next: AtomicU64,
    count: AtomicUsize,
    began: Instant,
}

/// One of them.
struct Response {
    door: Door,
    device: DeviceId,
    hangup: CancellationToken,
    stopped: AtomicBool,
    /// When the other side will have taken too long, in milliseconds since the beginning; `u64::MAX`
    /// while it is not being waited for.
    deadline: AtomicU64,
}

impl Live {
    pub(crate) fn new() -> Self {
        let (all, next, count) = (Mutex::default(), AtomicU64::new(0), AtomicUsize::new(0));
        Self { all, next, count, began: Instant::now() }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Ends those behind a door.
    pub(crate) fn stop_door(&self, door: Door) {
        self.stop(|response| response.door == door);
    }

    /// Ends those to a device.
    pub(crate) fn stop_device(&self, device: DeviceId) {
        self.stop(|response| response.device == device);
    }

    /// Ends those whose receivers took too little for too long.
    pub(crate) fn stop_slow(&self, now: Instant) {
        let now = self.elapsed_ms(now);
        self.stop(|response| {
            let slow = response.deadline.load(Ordering::Relaxed) < now;
            if slow {
                tracing::info!(device = %response.device, "a receiver that hardly reads is cut off");
            }
            slow
        });
    }

    fn stop(&self, which: impl Fn(&Response) -> bool) {
        for response in lock(&self.all).values().filter(|response| which(response)) {
            response.stopped.store(true, Ordering::Relaxed);
            response.hangup.cancel();
        }
    }

    fn elapsed_ms(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Keeps one response in the list.
pub(crate) struct Listed {
    live: Arc<Live>,
    number: u64,
    response: Arc<Response>,
    patience: Patience,
}

impl Listed {
    pub(crate) fn new(live: &Arc<Live>, door: Door, device: DeviceId, hangup: &CancellationToken) -> Self {
        let number = live.next.fetch_add(1, Ordering::Relaxed);
        let (stopped, deadline) = (AtomicBool::new(false), AtomicU64::new(u64::MAX));
        let response = Arc::new(Response { door, device, hangup: hangup.clone(), stopped, deadline });
        lock(&live.all).insert(number, Arc::clone(&response));
        live.count.fetch_add(1, Ordering::Relaxed);
        Self { live: Arc::clone(live), number, response, patience: Patience::new() }
    }

    /// Who gets it.
    pub(crate) fn device(&self) -> DeviceId {
        self.response.device
    }

    /// Whether it must end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.response.stopped.load(Ordering::Relaxed)
    }

    /// So many bytes are on their way: from now on the other side is waited for.
    pub(crate) fn handed(&mut self, bytes: usize) {
        let now = Instant::now();
        let deadline = now + self.patience.handed(bytes, now);
        self.response.deadline.store(self.live.elapsed_ms(deadline), Ordering::Relaxed);
    }

    /// The other side took enough for more to be asked for.
    pub(crate) fn asked(&mut self) {
        self.response.deadline.store(u64::MAX, Ordering::Relaxed);
        self.patience.asked(Instant::now());
    }

    /// Whether the last frame took so long that smaller ones should follow, by which slowness is told
    /// sooner.
    pub(crate) fn is_slow(&self) -> bool {
        self.patience.waited > Duration::from_secs(2)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        lock(&self.live.all).remove(&self.number);
        self.live.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long a receiver is waited for: credit that goes down at the slowest rate worth serving while
/// it is waited for, and up with what it takes, to what it may take in a minute.
struct Patience {
    credit: f64,
    since: Option<Instant>,
    waited: Duration,
}

impl Patience {
    fn new() -> Self {
        Self { credit: SLOWEST * PATIENCE.as_secs_f64(), since: None, waited: Duration::ZERO }
    }

    /// Tells for how long the other side is waited for.
    fn handed(&mut self, bytes: usize, now: Instant) -> Duration {
        // Beside a minute's worth, what is on its way now: it was asked for in one step.
        let most = SLOWEST * PATIENCE.as_secs_f64() + bytes as f64;
        self.credit = (self.credit + bytes as f64).min(most);
        self.since = Some(now);
        Duration::from_secs_f64((self.credit / SLOWEST).max(0.0))
    }

    fn asked(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.waited = now.duration_since(since);
            self.credit -= self.waited.as_secs_f64() * SLOWEST;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a receiver of this rate is served frames of this size, up to an hour.
    fn served(rate: f64, frame: usize) -> Duration {
        let (mut patience, began) = (Patience::new(), Instant::now());
        let mut now = began;
        loop {
            let deadline = now + patience.handed(frame, now);
            now += Duration::from_secs_f64(frame as f64 / rate);
            if now > deadline {
                return deadline - began;
            }
            if now - began > Duration::from_hours(1) {
                return now - began;
            }
            patience.asked(now);
        }
    }

    #[test]
    fn who_takes_too_little_for_a_minute_is_cut_and_nobody_else() {
        for frame in [16 * 1024, 32 * 1024, 512 * 1024] {
            assert!(served(8.5 * 1024.0, frame) > Duration::from_hours(1), "{frame}");
            assert!(served(1e6, frame) > Duration::from_hours(1), "{frame}");
        }
        let cut = served(4.0 * 1024.0, 32 * 1024);
        assert!(cut > Duration::from_mins(1) && cut < Duration::from_mins(3), "{cut:?}");
        let stalled = served(1.0, 32 * 1024);
        assert!(stalled > Duration::from_mins(1) && stalled < Duration::from_secs(70), "{stalled:?}");
    }

    #[test]
    fn only_those_who_are_waited_for_can_be_slow() {
        let live = Arc::new(Live::new());
        let door = Door::Share(landline_protocol::ShareId::from_bytes([1; 16]));
        let list = || Listed::new(&live, door, DeviceId::from_bytes([1; 32]), &CancellationToken::new());
        let (mut reads, mut hangs, limited) = (list(), list(), list());
        reads.handed(1_000);
        reads.asked();
        hangs.handed(1_000);
        live.stop_slow(Instant::now() + PATIENCE / 2);
        assert!(!hangs.is_stopped());
        live.stop_slow(Instant::now() + PATIENCE * 2);
        assert!(hangs.is_stopped() && !reads.is_stopped() && !limited.is_stopped());
    }

    #[test]
    fn ending_reaches_those_meant_and_no_others() {
        let live = Arc::new(Live::new());
        let door = |n| Door::Share(landline_protocol::ShareId::from_bytes([n; 16]));
        let device = |n| DeviceId::from_bytes([n; 32]);
        let list = |d, m| (Listed::new(&live, door(d), device(m), &CancellationToken::new()), (d, m));
        let all = [list(1, 1), list(1, 2), list(2, 1), list(2, 2)];
        live.stop_door(door(1));
        live.stop_device(device(1));
        for (listed, (d, m)) in &all {
            assert_eq!(listed.is_stopped(), *d == 1 || *m == 1);
            assert_eq!(listed.response.hangup.is_cancelled(), listed.is_stopped());
        }
        assert_eq!(live.count(), 4);
        drop(all);
        assert_eq!(live.count(), 0);
    }
}

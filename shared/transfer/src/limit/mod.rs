//! Limits on how fast bytes go: a bucket for everyone together and one for each person, that can
//! change while bytes flow.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use landline_protocol::UserName;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::lock;

mod bucket;

use bucket::{Bucket, Place};

/// The least limit that is one, in bytes a second: with less, whoever waits would take the line for dead.
pub const LEAST_RATE: u64 = 16 * 1024;

/// Limits in one direction. Clones are handles of the same limits.
#[derive(Clone, Debug, Default)]
pub struct Rates(Arc<Inner>);

/// The limits of one direction that concern one person's bytes.
#[derive(Clone, Debug, Default)]
pub struct Throttle {
    rates: Rates,
    /// Folded, as names are compared.
    user: Arc<str>,
}

#[derive(Debug)]
struct Inner {
    buckets: Mutex<Buckets>,
    /// Whether there is any limit: those who have none to heed ask no more than this.
    limited: AtomicBool,
    /// Moves on when limits change, so that whoever waits looks again.
    changes: watch::Sender<()>,
    /// What buckets count time from.
    began: Instant,
}

#[derive(Debug, Default)]
struct Buckets {
    all: Option<Bucket>,
    people: HashMap<String, Bucket>,
}

/// What a person's bytes took in the buckets they concern.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    all: Option<Place>,
    person: Option<Place>,
}

/// A frame is what goes in this part of a second, so that a limited rate is smooth.
const FRAMES_A_SECOND: u64 = 40;
/// The smallest frame at a limited rate: below, headers would cost as much as content.
const LEAST_FRAME: u64 = 1_024;

impl Default for Inner {
    fn default() -> Self {
        Self {
            buckets: Mutex::default(),
            limited: AtomicBool::new(false),
            changes: watch::Sender::new(()),
            began: Instant::now(),
        }
    }
}

impl Rates {
    /// No limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits in bytes a second from now on, transfers under way included. `None` is no limit; less
    /// than 1 is taken for 1.
    pub fn set(&self, all: Option<u64>, people: HashMap<UserName, u64>) {
        let now = self.now();
        let mut buckets = lock(&self.0.buckets);
        buckets.all = Bucket::changed(buckets.all.take(), all, now);
        let mut before = std::mem::take(&mut buckets.people);
        for (user, rate) in people {
            let user = user.folded();
            let bucket = Bucket::changed(before.remove(&user), Some(rate), now);
            buckets.people.extend(bucket.map(|bucket| (user, bucket)));
        }
        let limited = buckets.all.is_some() || !buckets.people.is_empty();
        self.0.limited.store(limited, Ordering::Relaxed);
        drop(buckets);
        self.0.changes.send_replace(());
    }

    /// What holds for this person's bytes, now and after every later change.
    pub fn of(&self, user: &UserName) -> Throttle {
        Throttle { rates: self.clone(), user: user.folded().into() }
    }

    fn now(&self) -> Duration {
        self.0.began.elapsed()
    }
}

impl Throttle {
    /// Waits until so many bytes may go: in the order of asking, at the rate of the tighter limit. Bytes
    /// of one call go at once, so that calls for much make a rate rough; see [`frame`](Self::frame).
    /// Dropped while waiting, it has taken nothing.
    pub async fn take(&self, bytes: usize) {
        if !self.rates.0.limited.load(Ordering::Relaxed) {
            return;
        }
        let mut changes = self.rates.0.changes.subscribe();
        let mut waiting = Waiting { throttle: self, bytes: bytes as u64, places: self.reserve(bytes as u64) };
        while let Some(wait) = waiting.left() {
            let until = Instant::now() + wait;
            tokio::select! {
                () = sleep_until(until) => {}
                // The sender lives as long as `self`, so this is a change.
                _ = changes.changed() => {}
            }
        }
        waiting.places = Places::default();
    }

    /// Whether any limit is set now that concerns these bytes: without one, large reads are best.
    pub fn is_limited(&self) -> bool {
        self.rate().is_some()
    }

    /// The tightest limit now, in bytes a second.
    pub fn rate(&self) -> Option<u64> {
        if !self.rates.0.limited.load(Ordering::Relaxed) {
            return None;
        }
        let buckets = lock(&self.rates.0.buckets);
        let rates = buckets.all.iter().chain(buckets.people.get(&*self.user)).map(Bucket::rate);
        rates.min()
    }

    /// How many bytes to move at a time now, `most` at most: small steps when limited, so that the rate
    /// is smooth.
    pub fn frame(&self, most: usize) -> usize {
        let Some(rate) = self.rate() else {
            return most;
        };
        let step = (rate / FRAMES_A_SECOND).max(LEAST_FRAME);
        most.min(usize::try_from(step).unwrap_or(most))
    }

    fn reserve(&self, bytes: u64) -> Places {
        let now = self.rates.now();
        let mut buckets = lock(&self.rates.0.buckets);
        Places {
            all: buckets.all.as_mut().map(|bucket| bucket.reserve(bytes, now)),
            person: buckets.people.get_mut(&*self.user).map(|bucket| bucket.reserve(bytes, now)),
        }
    }
}

/// Bytes that are reserved and may not go yet.
struct Waiting<'a> {
    throttle: &'a Throttle,
    bytes: u64,
    places: Places,
}

impl Waiting<'_> {
    /// How much longer, as limits are now; `None` when they may go. A bucket that came only after the
    /// reservation has no place for them and lets them pass.
    fn left(&self) -> Option<Duration> {
        let now = self.throttle.rates.now();
        let mut buckets = lock(&self.throttle.rates.0.buckets);
        let all = left(buckets.all.as_mut(), self.places.all, now);
        let person = left(buckets.people.get_mut(&*self.throttle.user), self.places.person, now);
        all.max(person)
    }
}

fn left(bucket: Option<&mut Bucket>, place: Option<Place>, now: Duration) -> Option<Duration> {
    bucket?.left(place?, now)
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut buckets = lock(&self.throttle.rates.0.buckets);
        if let (Some(bucket), Some(place)) = (buckets.all.as_mut(), self.places.all) {
            bucket.refund(place, self.bytes);
        }
        if let (Some(bucket), Some(place)) =
            (buckets.people.get_mut(&*self.throttle.user), self.places.person)
        {
            bucket.refund(place, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests;

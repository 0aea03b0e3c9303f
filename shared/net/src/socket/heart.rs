//! When to ping, what the answer tells, and when silence has lasted too long.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use super::SocketSettings;

/// The clock of one connection: a single timer for both deadlines.
pub(super) struct Heart {
    timer: Pin<Box<Sleep>>,
    heard: Instant,
    pinged: Instant,
    count: u64,
    answered: bool,
}

/// What the time has come for.
pub(super) enum Beat {
    Ping(Bytes),
    Silence,
}

impl Heart {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            timer: Box::pin(tokio::time::sleep_until(now)),
            heard: now,
            pinged: now,
            count: 0,
            answered: true,
        }
    }

    /// The other side is alive, or is not to blame for the silence.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// The round trip, if this answers the latest ping.
    pub(super) fn pong(&mut self, payload: &[u8]) -> Option<Duration> {
        let latest = payload == self.count.to_be_bytes() && !self.answered;
        latest.then(|| {
            self.answered = true;
            self.pinged.elapsed()
        })
    }

    pub(super) fn poll_beat(&mut self, settings: SocketSettings, cx: &mut Context<'_>) -> Poll<Beat> {
        loop {
            let now = Instant::now();
            let (silence, ping) = (self.heard + settings.timeout, self.pinged + settings.heartbeat);
            if now >= silence {
                return Poll::Ready(Beat::Silence);
            }
            if now >= ping {
                self.pinged = now;
                self.count += 1;
                self.answered = false;
                return Poll::Ready(Beat::Ping(Bytes::copy_from_slice(&self.count.to_be_bytes())));
            }
            let next = silence.min(ping);
            if self.timer.deadline() != next {
                self.timer.as_mut().reset(next);
            }
            std::task::ready!(self.timer.as_mut().poll(cx));
        }
    }

    /// Uses the timer for a last deadline from now on.
    pub(super) fn set_deadline(&mut self, patience: Duration) {
        self.timer.as_mut().reset(Instant::now() + patience);
    }

    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }
}

//! Looks now and then at what is under way: receivers that hardly read, and takings that are over.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio_util::task::AbortOnDropHandle;

use super::{Inner, Shares};
use crate::lock;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

impl Shares {
    /// To be called when something is under way: has it looked after until it is over.
    pub(crate) fn look_after(&self) {
        let mut sweeper = lock(&self.0.sweeper);
        if sweeper.as_ref().is_none_or(AbortOnDropHandle::is_finished) {
            *sweeper = Some(AbortOnDropHandle::new(tokio::spawn(sweep(Arc::downgrade(&self.0)))));
        }
    }

    /// Logs takings that are over. Whether others are not.
    pub(super) fn close_takings(&self) -> bool {
        let all = lock(&self.0.table).all();
        let mut log = lock(&self.0.log);
        let mut is_open = false;
        for served in all {
            is_open |= served.past.meters.close(served.door, self.0.pulse.elapsed_ms(), false, |taken| {
                log.push(taken);
                self.0.pulse.now();
            });
        }
        is_open
    }
}

async fn sweep(shares: Weak<Inner>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(shares) = shares.upgrade().map(Shares) else {
            return;
        };
        shares.0.live.stop_slow(Instant::now());
        let more = shares.close_takings();
        let mut sweeper = lock(&shares.0.sweeper);
        // Whatever begins from now on finds nobody here and starts anew: it is listed before it looks.
        if !more && shares.0.live.count() == 0 {
            *sweeper = None;
            return;
        }
    }
}

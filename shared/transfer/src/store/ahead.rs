//! Space set aside ahead of writing, where that makes writing faster.
//!
//! On ext4, writing 1 GiB into space that is set aside ran at 4.3 to 7.0 GB/s, into holes at 2.4 to 4.6;
//! on tmpfs setting aside gains nothing and pays for pages that may stay zeros. So it is done on
//! the former, a window at a time, and no more once a file turns out to have holes.

use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{disk, lock};

const WINDOW: u64 = 256 * 1024 * 1024;

/// Which windows of a file are set aside.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    windows: Vec<AtomicU64>,
    size: u64,
    stopped: AtomicBool,
    /// Held while space is set aside and while that is stopped, so that nothing is set aside over a
    /// hole of which somebody else has just seen that nothing needs to be given back.
    alone: Mutex<()>,
}

impl Ahead {
    /// Of an open file that is going to be dense, for all one knows.
    pub(super) fn of(file: &File, size: u64) -> Self {
        if size < WINDOW || !disk::is_better_set_aside(file) {
            return Self::none();
        }
        let words = usize::try_from(size.div_ceil(WINDOW).div_ceil(64)).unwrap_or(0);
        Self { windows: (0..words).map(|_| AtomicU64::new(0)).collect(), size, ..Self::default() }
    }

    /// Sets nothing aside.
    pub(super) fn none() -> Self {
        Self { stopped: AtomicBool::new(true), ..Self::default() }
    }

    /// Sets aside the window that `offset` is in, once. A full disk is for the write itself to find.
    pub(super) fn reserve(&self, file: &File, offset: u64) {
        if self.stopped.load(Ordering::Relaxed) {
            return;
        }
        let Some((word, bit)) = self.place(offset) else { return };
        if word.load(Ordering::Relaxed) & bit != 0 {
            return;
        }
        let _alone = lock(&self.alone);
        if self.stopped.load(Ordering::Relaxed) || word.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
            return;
        }
        let start = offset / WINDOW * WINDOW;
        if disk::set_aside(file, start, WINDOW.min(self.size - start)).is_err() {
            self.stopped.store(true, Ordering::Release);
        }
    }

    /// Whether there may be space set aside at `offset`.
    pub(super) fn has(&self, offset: u64) -> bool {
        self.place(offset).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Sets nothing aside from now on: zeros came, and what is set aside is no hole.
    pub(super) fn stop(&self) {
        if !self.stopped.load(Ordering::Acquire) {
            let _alone = lock(&self.alone);
            self.stopped.store(true, Ordering::Release);
        }
    }

    fn place(&self, offset: u64) -> Option<(&AtomicU64, u64)> {
        let window = offset / WINDOW;
        let word = self.windows.get(usize::try_from(window / 64).ok()?)?;
        Some((word, 1 << (window % 64)))
    }
}

//! Counts frames, for the test that an idle window paints none.
//!
//! With `LANDLINE_FRAME_LOG=PATH` the count is written to that file twice a second while it
//! changes, by a thread of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Frames painted so far.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicU64>);

impl Counter {
    /// A counter that reports where the environment says.
    pub(crate) fn from_environment() -> Self {
        let counter = Self::default();
        if let Some(path) = std::env::var_os("LANDLINE_FRAME_LOG") {
            counter.clone().write_to(path.into());
        }
        counter
    }

    /// One more.
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn write_to(self, path: PathBuf) {
        let report = move || {
            let mut written = u64::MAX;
            loop {
                let now = self.0.load(Ordering::Relaxed);
                if now != written && std::fs::write(&path, format!("{now}\n")).is_ok() {
                    written = now;
                }
                std::thread::sleep(Duration::from_millis(500));
            }
        };
        // It ends with the process; without it there is merely no log.
        let _ = std::thread::Builder::new().name("landline-frames".to_owned()).spawn(report);
    }
}

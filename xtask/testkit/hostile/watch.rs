//! Watches the folder that a download goes into, and the folder that is in, as things happen: a name
//! other than a part's appears complete, in one step, and is not written to afterwards.

use std::collections::HashSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use tokio::io::unix::AsyncFd;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::offers::Offered;
use crate::campaign::{Failure, Kind};

/// What the parts of downloads begin with.
const PART: &str = ".landline-";

/// A watch, until it is ended.
pub(super) struct Watch {
    task: JoinHandle<Seen>,
    stop: CancellationToken,
}

/// What was seen.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) failures: Vec<Failure>,
    /// Names that appeared, each compared at once.
    pub(super) appeared: Vec<String>,
    known: HashSet<String>,
}

struct Eye {
    events: AsyncFd<OwnedFd>,
    folder: PathBuf,
    inner: i32,
    offered: Arc<Offered>,
}

impl Watch {
    /// Begins, before anything can have happened.
    pub(super) fn begin(folder: &Path, offered: Arc<Offered>) -> Result<Self> {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let changes = WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::MODIFY;
        let inner = inotify::add_watch(&events, folder, changes)?;
        if let Some(outer) = folder.parent() {
            inotify::add_watch(&events, outer, changes)?;
        }
        let eye = Eye { events: AsyncFd::new(events)?, folder: folder.to_owned(), inner, offered };
        let stop = CancellationToken::new();
        let task = tokio::spawn(eye.watch(stop.clone()));
        Ok(Self { task, stop })
    }

    /// Ends, when everything that has happened was looked at.
    pub(super) async fn end(self) -> Result<Seen> {
        self.stop.cancel();
        Ok(self.task.await?)
    }
}

impl Eye {
    async fn watch(self, stop: CancellationToken) -> Seen {
        let mut seen = Seen::default();
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                ready = self.events.readable() => {
                    if let Ok(mut ready) = ready {
                        ready.clear_ready();
                    }
                    false
                }
            };
            if let Err(error) = self.look(&mut seen) {
                seen.failures.push(Kind::Early.failure(format!("the folder cannot be watched: {error}")));
                return seen;
            }
            if stopped {
                return seen;
            }
        }
    }

    /// Everything that has happened since.
    fn look(&self, seen: &mut Seen) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let mut reader = Reader::new(self.events.get_ref(), &mut buffer);
        loop {
            match reader.next() {
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_string_lossy().into_owned());
                    let name = name.unwrap_or_default();
                    if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                        return Err(io::Error::other("too much happened at once"));
                    }
                    if event.wd() == self.inner {
                        self.inside(seen, event.events(), name);
                    } else {
                        let what = format!("outside of the folder, to {name}: {:?}", event.events());
                        seen.failures.push(Kind::Outside.failure(what));
                    }
                }
            }
        }
    }

    fn inside(&self, seen: &mut Seen, events: ReadFlags, name: String) {
        if name.starts_with(PART) {
            return;
        }
        let is_new = seen.known.insert(name.clone());
        if !events.contains(ReadFlags::MOVED_TO) || !is_new {
            let what = format!("{name} was not put there whole, in one step: {events:?}");
            seen.failures.push(Kind::Early.failure(what));
            return;
        }
        for difference in self.offered.compare(&self.folder.join(&name)) {
            let what = format!("{} was there with something else: {difference}", self.offered.what);
            seen.failures.push(Kind::Content.failure(what));
        }
        seen.appeared.push(name);
    }
}

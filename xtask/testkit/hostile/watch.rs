//! Watches the folder that a download goes into, and the folder that is in, as things happen: a name
//! other than a part's appears complete, in one step, and is not written to afterwards.

use std::collections::HashSet;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use tokio::sync::oneshot;

use super::offers::Offered;
use crate::campaign::{Failure, Kind};

/// What the parts of downloads begin with.
const PART: &str = ".landline-";
/// Made at the end: whoever has seen that has seen everything.
const END: &str = "end of the watch";

/// A watch, until it is ended.
pub(super) struct Watch {
    seen: oneshot::Receiver<Result<Seen>>,
    folder: PathBuf,
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
    events: OwnedFd,
    folder: PathBuf,
    inner: i32,
    offered: Arc<Offered>,
}

impl Watch {
    /// Begins, before anything can have happened.
    pub(super) fn begin(folder: &Path, offered: Arc<Offered>) -> Result<Self> {
        let events = inotify::init(CreateFlags::CLOEXEC)?;
        let changes = WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::MODIFY;
        let inner = inotify::add_watch(&events, folder, changes)?;
        let outer = folder.parent().context("no folder around")?;
        inotify::add_watch(&events, outer, changes)?;
        let eye = Eye { events, folder: folder.to_owned(), inner, offered };
        let (tell, seen) = oneshot::channel();
        // Waits in the system until something happens, and ends with `END` or this program.
        std::thread::spawn(move || tell.send(eye.watch()));
        Ok(Self { seen, folder: folder.to_owned() })
    }

    /// Ends, when everything that has happened was looked at.
    pub(super) async fn end(self) -> Result<Seen> {
        let end = self.folder.join(END);
        fs::create_dir(&end)?;
        let seen = self.seen.await?;
        fs::remove_dir(end)?;
        seen
    }
}

impl Eye {
    fn watch(self) -> Result<Seen> {
        let mut seen = Seen::default();
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let mut reader = Reader::new(&self.events, &mut buffer);
        loop {
            let event = reader.next()?;
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                bail!("too much happened at once to be watched");
            }
            let name = event.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if event.wd() != self.inner {
                let what = format!("outside of the folder, to {name}: {:?}", event.events());
                seen.failures.push(Kind::Outside.failure(what));
            } else if name == END {
                return Ok(seen);
            } else {
                self.inside(&mut seen, event.events(), name);
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

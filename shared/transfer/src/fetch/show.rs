//! What is told of a download: put together at most ten times a second, and only when there is news.
//! Another phase is told at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::download::Download;
use super::{PICTURE_CELLS, Progress};

/// The shortest time between two.
const PAUSE: Duration = Duration::from_millis(100);
/// Time alone is news too: that nothing comes any more.
const QUIET: Duration = Duration::from_secs(1);

/// Tells for as long as the download lasts.
pub(super) async fn keep_telling(download: &Download, to: &watch::Sender<Progress>) {
    loop {
        tell(download, to);
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = download.turned.notified() => continue,
        }
        let _ = timeout(QUIET, download.news.notified()).await;
    }
}

/// Tells how it stands, unless that is known.
pub(super) fn tell(download: &Download, to: &watch::Sender<Progress>) {
    let now = now(download);
    to.send_if_modified(|before| {
        let is_new = *before != now;
        *before = now;
        is_new
    });
}

fn now(download: &Download) -> Progress {
    let peers = download.peers();
    let mut progress = Progress {
        phase: download.phase(),
        wanted: download.job.size,
        is_checked: download.open_content().is_some_and(|content| content.in_doubt() == 0),
        sources: peers.iter().map(|peer| (peer.device, peer.progress())).collect(),
        ..Progress::default()
    };
    if let Some(content) = download.content() {
        let tally = content.tally();
        (progress.wanted, progress.here, progress.verified) = (tally.wanted, tally.here, tally.verified);
        (progress.reused, progress.received, progress.files) = (tally.reused, tally.received, tally.files);
        progress.picture = Arc::from(content.picture(PICTURE_CELLS.min(content.layout().pieces())));
    }
    progress
}

//! The sources of one download as they come and go: a keeper for each connection while its source is
//! one, and a word about the end when the author has none.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use landline_protocol::DeviceId;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::download::Download;
use super::peer::Peer;
use super::worker::{Slot, Worker, changed};
use super::{FetchError, Source};
use crate::plan::SourceId;

/// How often it is asked whether the download can still succeed.
const ASK: Duration = Duration::from_millis(500);

/// A source that is one now.
struct Member {
    peer: Arc<Peer>,
    /// Ends with it.
    _workers: [AbortOnDropHandle<()>; 2],
}

/// Keeps every source busy. Ends only when nobody can bring what is missing.
pub(super) async fn follow(download: Arc<Download>) -> FetchError {
    let (mut sources, mut bell) = (download.job.sources.clone(), download.bell());
    let mut members = HashMap::new();
    loop {
        let now = Arc::clone(&sources.borrow_and_update());
        meet(&download, &mut members, &now);
        let judged = async {
            loop {
                if let Some(error) = download.verdict() {
                    return error;
                }
                tokio::select! {
                    () = changed(&mut bell) => {}
                    () = sleep(ASK), if download.is_refused() => {}
                }
            }
        };
        tokio::select! {
            // Whoever appears in this very moment may have what the others have not.
            biased;
            () = changed(&mut sources) => {}
            error = judged => return error,
        }
    }
}

/// Lets go of sources that are gone, and takes in new ones.
fn meet(download: &Arc<Download>, members: &mut HashMap<DeviceId, Member>, now: &[Source]) {
    members.retain(|device, member| {
        let stays = now.iter().any(|source| source.device == *device);
        if !stays {
            leave(download, &member.peer);
        }
        stays
    });
    let mut seen = Vec::with_capacity(now.len());
    for source in now {
        // One that is named twice counts as what it was named first.
        if seen.contains(&source.device) {
            continue;
        }
        seen.push(source.device);
        match members.get(&source.device) {
            Some(member) => member.peer.moved_to(source.clone()),
            None => {
                members.insert(source.device, join(download, source));
            }
        }
    }
    download.ring();
}

fn join(download: &Arc<Download>, source: &Source) -> Member {
    let known = download.peers().into_iter().find(|peer| peer.device == source.device);
    let peer = known.unwrap_or_else(|| {
        let throttle = download.job.rates.of(&source.user);
        download.add_peer(|number| Peer::new(SourceId(number), source.clone(), throttle))
    });
    peer.present.store(true, Ordering::Relaxed);
    peer.moved_to(source.clone());
    let work = |slot| {
        let worker = Worker::new(Arc::clone(download), Arc::clone(&peer), slot);
        AbortOnDropHandle::new(tokio::spawn(worker.run()))
    };
    Member { _workers: [work(Slot::First), work(Slot::Second)], peer }
}

fn leave(download: &Download, peer: &Peer) {
    peer.present.store(false, Ordering::Relaxed);
    peer.waits("It is not a source at the moment.".to_owned(), None);
    peer.joined.store(false, Ordering::Relaxed);
    if let Some(content) = download.content() {
        content.leave(peer.id);
    }
}

//! The tasks of a running coordinator, and the order in which they end.

use std::sync::Arc;
use std::time::Duration;

use landline_protocol::UserName;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::state::App;
use crate::store::purge::purge;
use crate::store::{Committed, FAULT, StoreError, WriterThread, accounts, end_process};

/// How long parts of the ending may take, beside the two seconds that connections get.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long changed presence is gathered before it is told.
const ROUND: Duration = Duration::from_millis(100);
/// Between two lists of revocations; within a second everybody is to know.
const REVOCATIONS_PAUSE: Duration = Duration::from_millis(500);
/// How often expired tokens are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// How often what is over is forgotten.
const DAY: Duration = Duration::from_hours(24);

/// What [`run`] owns.
pub(crate) struct Parts {
    pub(crate) app: Arc<App>,
    /// The accept loop, which stops by itself when told to.
    pub(crate) serving: JoinHandle<()>,
    pub(crate) committed: mpsc::Receiver<Vec<Committed>>,
    pub(crate) writer: WriterThread,
    /// Held until everything has ended: one process uses a data directory at a time.
    pub(crate) lock: std::fs::File,
}

/// Runs until `stop`, ends in order, then says so by `ended`.
pub(crate) async fn run(parts: Parts, stop: CancellationToken, ended: CancellationToken) {
    let Parts { app, serving, committed, writer, lock } = parts;
    let mut delivering = tokio::spawn(deliver(app.clone(), committed));
    let mut housekeeping = JoinSet::new();
    housekeeping.spawn(tell_presence(app.clone()));
    housekeeping.spawn(tell_revocations(app.clone()));
    housekeeping.spawn(sweep(app.clone()));
    housekeeping.spawn(forget(app.clone()));
    let mut delivered = false;
    tokio::select! {
        () = stop.cancelled() => {}
        // Acknowledgements would stop without a word. Only a panic is a fault: the task is also
        // gone when the whole runtime is, as when a window that hosts is closed.
        result = &mut delivering => {
            delivered = true;
            if result.is_err_and(|error| error.is_panic()) {
                tracing::error!("what was committed cannot be handed out any more: ending");
                end_process()(FAULT);
            }
        }
    }
    tracing::info!("shutting down");
    let here = app.hub.begin_closing();
    let drained = async {
        keep_last_seen(&app, here).await;
        app.store.stop().await;
        writer.join().await;
        if !delivered {
            let _ = delivering.await;
        }
    };
    if timeout(PATIENCE, drained).await.is_err() {
        tracing::warn!("the database did not finish in time: what has no ack is sent again later");
    }
    housekeeping.abort_all();
    app.hub.say_goodbye();
    let _ = serving.await;
    app.sessions.close();
    let _ = timeout(PATIENCE / 4, app.sessions.wait()).await;
    tracing::info!("ended");
    drop(lock);
    ended.cancel();
}

/// Hands out what the writer committed, in its order.
async fn deliver(app: Arc<App>, mut committed: mpsc::Receiver<Vec<Committed>>) {
    while let Some(group) = committed.recv().await {
        app.hub.deliver(group).await;
    }
}

/// Tells presence in rounds, so that many changes of one person are one frame. Sleeps while nothing
/// changes.
async fn tell_presence(app: Arc<App>) {
    loop {
        app.hub.presence_changed().await;
        loop {
            sleep(ROUND).await;
            if !app.hub.tell_presence() {
                break;
            }
        }
    }
}

/// Tells a changed list of revocations at once, then not again for a moment: the list may be long.
async fn tell_revocations(app: Arc<App>) {
    loop {
        app.hub.revocations_changed().await;
        app.hub.tell_revocations();
        sleep(REVOCATIONS_PAUSE).await;
    }
}

/// Looks for expired tokens.
async fn sweep(app: Arc<App>) {
    loop {
        sleep(SWEEP).await;
        app.hub.sweep();
    }
}

/// Forgets what is over, at the start and once a day.
async fn forget(app: Arc<App>) {
    loop {
        let now = app.clock.now();
        match app.store.write::<_, StoreError, _>(move |db| purge(db, now)).await {
            Ok(Some(revocations)) => app.publish(revocations),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "what is over could not be forgotten"),
        }
        sleep(DAY).await;
    }
}

/// Whoever is here at the end was seen until now.
async fn keep_last_seen(app: &App, here: Vec<UserName>) {
    let now = app.clock.now();
    let kept: Result<(), StoreError> =
        app.store.write(move |db| here.iter().try_for_each(|user| accounts::last_seen(db, user, now))).await;
    if let Err(error) = kept {
        tracing::debug!(%error, "who was here at the end was not kept");
    }
}

//! What becomes of offers made by others: accepted, fetched by a task of its own, cancelled, done.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use landline_protocol::{Answer, Body, FileName, MessageId, UserName, Verdict};
use landline_transfer::fetch::{FetchJob, Progress};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::Engine;
use super::account::signed_out;
use super::fetcher::{FetchEnd, FetchReport, Fetcher, News, discard_part};
use crate::api::{Event, Failure, FailureKind};
use crate::history::{Download, DownloadStatus, OfferRow};
use crate::rate::RateMeter;

/// How many downloads fetch at once; the others wait their turn.
const AT_ONCE: usize = 4;

/// All downloads of the account, those at work and those that ended.
pub(super) struct Downloads {
    entries: HashMap<MessageId, Entry>,
    slots: Arc<Semaphore>,
}

impl Default for Downloads {
    fn default() -> Self {
        Self { entries: HashMap::new(), slots: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// One download.
pub(super) struct Entry {
    pub(super) record: Download,
    pub(super) live: Option<Live>,
}

/// A download at work.
pub(super) struct Live {
    /// Why it waits, if it does.
    pub(super) waiting: Option<Failure>,
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) meter: RateMeter,
    cancel: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

impl Downloads {
    pub(super) fn get_mut(&mut self, offer: &MessageId) -> Option<&mut Entry> {
        self.entries.get_mut(offer)
    }

    /// Whether any of them shows progress.
    pub(super) fn is_moving(&self) -> bool {
        self.entries.values().any(|entry| entry.live.as_ref().is_some_and(|live| live.waiting.is_none()))
    }

    /// Ends all tasks. What they verified stays on disk for the next start.
    pub(super) fn stop_all(&mut self) {
        self.entries.clear();
    }

    fn is_active(&self, offer: &MessageId) -> bool {
        self.entries.get(offer).is_some_and(|entry| entry.record.status == DownloadStatus::Active)
    }
}

impl Engine {
    /// Says yes to an offer, or tries anew one that failed.
    pub(super) async fn accept(
        &mut self,
        offer: MessageId,
        folder: Option<PathBuf>,
        name: Option<FileName>,
    ) -> Result<(), Failure> {
        let row = self.offer(&offer)?;
        if row.mine {
            return Err(Failure::new(FailureKind::Invalid, "This is your own offer."));
        }
        if row.is_withdrawn() {
            let text = format!("The offer of “{}” was withdrawn by {}.", row.name, row.author);
            return Err(Failure::new(FailureKind::NotFound, text));
        }
        if self.downloads.is_active(&offer) {
            return Ok(());
        }
        let folder = folder.unwrap_or_else(|| self.download_folder.clone());
        tokio::fs::create_dir_all(&folder).await.map_err(|error| {
            let text = format!("The folder {} cannot be made ({error}). Choose another.", folder.display());
            Failure::new(FailureKind::Io, text)
        })?;
        let name = name.unwrap_or_else(|| row.name.to_file_name().0);
        if let Some(earlier) = self.downloads.get_mut(&offer).filter(|entry| entry.record.folder != folder) {
            discard_part(&row, &earlier.record).await;
        }
        self.record(offer, Download { folder, name, status: DownloadStatus::Active }).await?;
        self.answer(&row, Verdict::Accepted).await?;
        self.begin_fetch(&row, false);
        Ok(())
    }

    /// Says no to an offer.
    pub(super) async fn decline(&mut self, offer: MessageId) -> Result<(), Failure> {
        let row = self.offer(&offer)?;
        if row.mine || self.downloads.is_active(&offer) {
            return self.cancel(offer).await;
        }
        self.answer(&row, Verdict::Declined).await
    }

    /// Gives up a download, or withdraws an offer of one's own.
    pub(super) async fn cancel(&mut self, offer: MessageId) -> Result<(), Failure> {
        let row = self.offer(&offer)?;
        if row.mine {
            self.drop_share(&offer).await;
        } else if !self.give_up(&row).await? {
            return Ok(());
        }
        self.answer(&row, Verdict::Cancelled).await
    }

    /// Stops a download that has not ended well and leaves nothing of it behind. Says whether there
    /// was one.
    async fn give_up(&mut self, row: &OfferRow) -> Result<bool, Failure> {
        let Some(entry) = self.downloads.get_mut(&row.offer) else { return Ok(false) };
        match (&entry.record.status, &entry.live) {
            (DownloadStatus::Done(_) | DownloadStatus::Cancelled, _) => return Ok(false),
            // The task removes the part when it has let go of it.
            (_, Some(live)) => live.cancel.cancel(),
            (_, None) => discard_part(row, &entry.record).await,
        }
        let record = Download { status: DownloadStatus::Cancelled, ..entry.record.clone() };
        self.record(row.offer, record).await?;
        Ok(true)
    }

    /// An offer was made, sealed or answered, by anyone.
    pub(super) async fn offer_changed(&mut self, row: OfferRow) {
        let Some(signed_in) = &mut self.signed_in else {
            return;
        };
        let before = signed_in.offers.insert(row.offer, row.clone());
        if row.mine {
            for user in newly_done(before.as_ref(), &row) {
                self.outlet.event(Event::Delivered { offer: row.offer, to: user });
            }
            return;
        }
        if !row.is_withdrawn() {
            self.begin_fetch(&row, false);
        } else if let Err(failure) = self.give_up(&row).await {
            self.notice(failure);
        }
    }

    /// Starts the task of an accepted download, unless it runs or must wait for the hash.
    pub(super) fn begin_fetch(&mut self, row: &OfferRow, resumed: bool) {
        let (Some(signed_in), Some(root)) = (&mut self.signed_in, row.root) else {
            return;
        };
        let Some(entry) = self.downloads.entries.get_mut(&row.offer) else {
            return;
        };
        if entry.live.is_some() || entry.record.status != DownloadStatus::Active {
            return;
        }
        let job = FetchJob {
            share: row.share,
            entry: 0,
            size: row.size,
            root,
            name: entry.record.name.clone(),
            folder: entry.record.folder.clone(),
            device: row.device,
            addresses: Vec::new(),
        };
        let (progress, watched) = watch::channel(Progress::default());
        let cancel = CancellationToken::new();
        let fetcher = Fetcher {
            offer: row.offer,
            author: row.author.clone(),
            job,
            addresses: signed_in.directory.addresses_of(row.device),
            credential: self.credential.subscribe(),
            key: Arc::clone(&self.key),
            progress,
            cancel: cancel.clone(),
            reports: self.reports.clone(),
            slots: Arc::clone(&self.downloads.slots),
            resumed,
        };
        let task = AbortOnDropHandle::new(tokio::spawn(fetcher.run()));
        let meter = RateMeter::default();
        entry.live = Some(Live { waiting: None, progress: watched, meter, cancel, _task: task });
    }

    pub(super) async fn fetch_report(&mut self, report: FetchReport) {
        let Some(entry) = self.downloads.get_mut(&report.offer) else {
            return;
        };
        match report.news {
            News::Trying => set_waiting(entry, None),
            News::Waiting(failure) => set_waiting(entry, Some(failure)),
            News::Ended(result) => {
                entry.live = None;
                if let Err(failure) = self.ended(report.offer, result).await {
                    self.notice(failure);
                }
            }
        }
    }

    async fn ended(&mut self, offer: MessageId, result: Result<PathBuf, FetchEnd>) -> Result<(), Failure> {
        let row = self.offer(&offer)?;
        let Some(entry) = self.downloads.get_mut(&offer) else {
            return Ok(());
        };
        let record = entry.record.clone();
        if record.status != DownloadStatus::Active {
            // Cancelled when the attempt had just ended by itself: then nobody has cleared up.
            if result.is_err() {
                discard_part(&row, &record).await;
            }
            return Ok(());
        }
        match result {
            Ok(path) => {
                self.record(offer, Download { status: DownloadStatus::Done(path.clone()), ..record }).await?;
                self.answer(&row, Verdict::Done).await?;
                self.outlet.event(Event::Received { offer, path });
                Ok(())
            }
            // Accepted anew while the cancelled attempt was still putting things away.
            Err(FetchEnd::Cancelled) => {
                self.begin_fetch(&row, false);
                Ok(())
            }
            Err(FetchEnd::Failed(failure)) => {
                let status = DownloadStatus::Failed(failure.clone());
                self.record(offer, Download { status, ..record }).await?;
                self.notice(failure);
                Ok(())
            }
        }
    }

    async fn record(&mut self, offer: MessageId, download: Download) -> Result<(), Failure> {
        let account = self.signed_in.as_ref().ok_or_else(signed_out)?.account.id;
        let kept = download.clone();
        self.history.call(move |db| db.set_download(account, &offer, &kept)).await?;
        let live = self.downloads.entries.remove(&offer).and_then(|entry| entry.live);
        self.downloads.entries.insert(offer, Entry { record: download, live });
        Ok(())
    }

    /// Tells the conversation what became of an offer.
    pub(super) async fn answer(&mut self, row: &OfferRow, verdict: Verdict) -> Result<(), Failure> {
        let signed_in = self.signed_in.as_ref().ok_or_else(signed_out)?;
        let Some(kind) = signed_in.conversations.kind_of(row.conv) else {
            return Ok(());
        };
        self.say(kind, Body::Answer(Answer { offer: row.offer, verdict })).await.map(drop)
    }

    pub(super) fn offer(&self, offer: &MessageId) -> Result<OfferRow, Failure> {
        let signed_in = self.signed_in.as_ref().ok_or_else(signed_out)?;
        signed_in.offers.get(offer).cloned().ok_or_else(|| {
            Failure::new(
                FailureKind::NotFound,
                "There is no such offer. It may be in a conversation not loaded yet.",
            )
        })
    }

    /// Goes on with the downloads of earlier runs.
    pub(super) fn resume_downloads(&mut self, downloads: Vec<(MessageId, Download)>) {
        self.downloads.stop_all();
        for (offer, record) in downloads {
            self.downloads.entries.insert(offer, Entry { record, live: None });
            if let Ok(row) = self.offer(&offer) {
                self.begin_fetch(&row, true);
            }
        }
    }
}

fn set_waiting(entry: &mut Entry, waiting: Option<Failure>) {
    if let Some(live) = &mut entry.live {
        live.waiting = waiting;
        live.meter = RateMeter::default();
    }
}

/// Who has it now and had it not before.
fn newly_done(before: Option<&OfferRow>, now: &OfferRow) -> Vec<UserName> {
    let done = |row: &OfferRow, device| row.answer_of(device) == Some(Verdict::Done);
    let new = now.answers.iter().filter(|answer| {
        done(now, &answer.device) && !before.is_some_and(|before| done(before, &answer.device))
    });
    new.map(|answer| answer.user.clone()).collect()
}

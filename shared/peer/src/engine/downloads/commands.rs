//! What people decide about offers made by others: yes, no, not now, rather this one first.

use std::path::Path;
use std::sync::Arc;

use landline_protocol::{Answer, Body, MessageId, Verdict};
use landline_transfer::fetch::Phase;

use super::run::discard_part;
use crate::api::{AcceptHow, Failure, FailureKind, Priority};
use crate::engine::Engine;
use crate::engine::account::signed_out;
use crate::history::{Download, DownloadStatus, OfferRow};

impl Engine {
    /// Says yes to an offer, or tries anew one that failed.
    pub(in crate::engine) async fn accept(
        &mut self,
        offer: MessageId,
        how: AcceptHow,
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
            return self.resume_download(offer).await;
        }
        let earlier = self.downloads.record(&offer).cloned();
        let record = self.new_record(&row, earlier.as_ref(), how)?;
        make_folder(&record.folder).await?;
        if let Some(earlier) = earlier.filter(|earlier| earlier.folder != record.folder) {
            discard_part(&row, &earlier).await;
        }
        self.release(&row.offer);
        self.keep(offer, record).await?;
        self.answer(&row, Verdict::Accepted).await?;
        self.settle_downloads();
        Ok(())
    }

    /// How an offer is fetched: as was said now, else as it was said before, else as usual.
    fn new_record(
        &self,
        row: &OfferRow,
        earlier: Option<&Download>,
        how: AcceptHow,
    ) -> Result<Download, Failure> {
        // What was chosen for a download that succeeded or was given up is no choice for the next one.
        let again = |record: &&Download| {
            matches!(record.status, DownloadStatus::Failed(_) | DownloadStatus::Conflict(_))
        };
        let earlier = earlier.filter(again);
        let picks = match how.picks {
            Some(picks) => Some(sorted(row, &picks)?),
            None => earlier.and_then(|record| record.picks.clone()),
        };
        let folder = how.folder.or_else(|| earlier.map(|record| record.folder.clone()));
        let name = how.name.or_else(|| earlier.map(|record| record.name.clone()));
        let conflict = how.conflict.or_else(|| earlier.map(|record| record.conflict));
        let priority = how.priority.or_else(|| earlier.map(|record| record.priority));
        Ok(Download {
            folder: folder.unwrap_or_else(|| self.download_folder.clone()),
            name: name.unwrap_or_else(|| row.name.to_file_name().0),
            conflict: conflict.unwrap_or(self.settings.conflict),
            picks,
            priority: priority.unwrap_or_default(),
            paused: false,
            wanted: None,
            here: earlier.map_or(0, |record| record.here),
            status: DownloadStatus::Active,
        })
    }

    /// Says no to an offer.
    pub(in crate::engine) async fn decline(&mut self, offer: MessageId) -> Result<(), Failure> {
        let row = self.offer(&offer)?;
        if row.mine || self.downloads.is_active(&offer) {
            return self.cancel(offer).await;
        }
        self.answer(&row, Verdict::Declined).await
    }

    /// Gives up a download, or withdraws an offer of one's own.
    pub(in crate::engine) async fn cancel(&mut self, offer: MessageId) -> Result<(), Failure> {
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
    pub(super) async fn give_up(&mut self, row: &OfferRow) -> Result<bool, Failure> {
        let Some(record) = self.downloads.record(&row.offer).cloned() else { return Ok(false) };
        if let DownloadStatus::Done(_) | DownloadStatus::Clearing | DownloadStatus::Cancelled = record.status
        {
            return Ok(false);
        }
        self.release(&row.offer);
        // A task removes the part when it has let go of it.
        let status = if self.downloads.cancel(&row.offer) {
            DownloadStatus::Clearing
        } else {
            discard_part(row, &record).await;
            DownloadStatus::Cancelled
        };
        self.keep(row.offer, Download { status, here: 0, ..record }).await?;
        self.settle_downloads();
        Ok(true)
    }

    /// Stops fetching and keeps what is here.
    pub(in crate::engine) async fn pause(&mut self, offer: MessageId) -> Result<(), Failure> {
        let record = self.active_record(&offer, "pause")?;
        if record.paused {
            return Ok(());
        }
        let wanted = self.downloads.wanted(&offer).or(record.wanted);
        let here = self.downloads.suspend(&offer);
        self.release(&offer);
        self.keep(offer, Download { paused: true, wanted, here, ..record }).await?;
        self.settle_downloads();
        Ok(())
    }

    /// Goes on with a paused download; tries a waiting one at once.
    pub(in crate::engine) async fn resume_download(&mut self, offer: MessageId) -> Result<(), Failure> {
        let record = self.active_record(&offer, "go on with")?;
        if record.paused {
            self.keep(offer, Download { paused: false, ..record }).await?;
        } else {
            self.downloads.try_again(&offer);
        }
        self.settle_downloads();
        Ok(())
    }

    /// Says which downloads get a slot first.
    pub(in crate::engine) async fn prioritise(
        &mut self,
        offer: MessageId,
        priority: Priority,
    ) -> Result<(), Failure> {
        let record = self.active_record(&offer, "put first or last")?;
        self.keep(offer, Download { priority, ..record }).await
    }

    fn active_record(&self, offer: &MessageId, to: &str) -> Result<Download, Failure> {
        let active = |record: &&Download| record.status == DownloadStatus::Active;
        self.downloads.record(offer).filter(active).cloned().ok_or_else(|| {
            Failure::new(FailureKind::Invalid, format!("There is no download under way to {to}."))
        })
    }

    /// Writes down how far a download has come, then goes by it.
    pub(super) async fn keep(&mut self, offer: MessageId, download: Download) -> Result<(), Failure> {
        let account = self.signed_in.as_ref().ok_or_else(signed_out)?.account.id;
        let kept = download.clone();
        self.history.call(move |db| db.set_download(account, &offer, &kept)).await?;
        self.downloads.set(offer, download);
        Ok(())
    }

    /// Starts and stops fetching as the queue has it.
    pub(in crate::engine) fn settle_downloads(&mut self) {
        let Some(signed_in) = &self.signed_in else { return };
        for offer in self.downloads.settle(&signed_in.offers, &signed_in.directory) {
            self.release(&offer);
        }
    }

    /// Removes what earlier runs left of downloads that were given up.
    pub(in crate::engine) fn clear_up_downloads(&mut self) {
        if let Some(signed_in) = &self.signed_in {
            self.downloads.clear_up(&signed_in.offers, &signed_in.directory);
        }
    }

    /// Writes down how much is here of downloads that stop with the program.
    pub(in crate::engine) async fn note_here(&mut self, here: Vec<(MessageId, u64)>) {
        let Some(account) = self.signed_in.as_ref().map(|signed_in| signed_in.account.id) else { return };
        if let Err(error) = self.history.call(move |db| db.set_here(account, &here)).await {
            self.notice(error);
        }
    }

    /// Tells the conversation what became of an offer.
    pub(in crate::engine) async fn answer(
        &mut self,
        row: &OfferRow,
        verdict: Verdict,
    ) -> Result<(), Failure> {
        let signed_in = self.signed_in.as_ref().ok_or_else(signed_out)?;
        let Some(kind) = signed_in.conversations.kind_of(row.conv) else {
            return Ok(());
        };
        self.say(kind, Body::Answer(Answer { offer: row.offer, verdict })).await.map(drop)
    }

    /// An offer that is known here.
    pub(in crate::engine) fn offer(&self, offer: &MessageId) -> Result<OfferRow, Failure> {
        let signed_in = self.signed_in.as_ref().ok_or_else(signed_out)?;
        signed_in
            .offers
            .get(offer)
            .cloned()
            .ok_or_else(|| Failure::new(FailureKind::NotFound, "There is no such offer on this machine."))
    }
}

impl super::Downloads {
    /// Bytes wanted of a download, once its task knows.
    pub(super) fn wanted(&self, offer: &MessageId) -> Option<u64> {
        let live = self.entries.get(offer)?.live.as_ref()?;
        Some(live.progress.borrow().wanted).filter(|wanted| *wanted > 0)
    }

    /// Begins a waiting download anew: it asks everyone at once.
    fn try_again(&mut self, offer: &MessageId) {
        let is_waiting = |phase: &Phase| matches!(phase, Phase::Waiting(_) | Phase::WrongKey(_));
        let waits = self.live(offer).is_some_and(|live| is_waiting(&live.progress.borrow().phase));
        if waits && let Some(entry) = self.entries.get_mut(offer) {
            let priority = entry.record.priority;
            entry.live = None;
            self.queue.leave(offer);
            self.queue.enter(*offer, priority);
        }
    }
}

/// Makes a folder for downloads, if it is not there.
pub(in crate::engine) async fn make_folder(folder: &Path) -> Result<(), Failure> {
    tokio::fs::create_dir_all(folder).await.map_err(|error| {
        let text = format!("The folder {} cannot be made ({error}). Choose another.", folder.display());
        Failure::new(FailureKind::Io, text)
    })
}

/// Picks in the order of the listing, each once.
fn sorted(row: &OfferRow, picks: &[u32]) -> Result<Arc<[u32]>, Failure> {
    let invalid = |text: &str| Failure::new(FailureKind::Invalid, text);
    let files = row.folder.ok_or_else(|| invalid("Only of a folder can some files be picked."))?.files;
    let mut picks = picks.to_vec();
    picks.sort_unstable();
    picks.dedup();
    match picks.last() {
        None => Err(invalid("Pick at least one file.")),
        Some(last) if u64::from(*last) >= files => Err(invalid("There is no such file in the folder.")),
        Some(_) => Ok(picks.into()),
    }
}

//! What follows from what fetching tasks report, and from what others say about their offers.

use std::path::{Path, PathBuf};

use landline_protocol::name::printable;
use landline_protocol::{MessageId, UserName, Verdict};
use landline_transfer::fetch::FetchError;

use super::failures::of_fetch;
use super::queue::Change;
use super::run::{Arrived, FetchReport, News, discard_part};
use crate::api::{Event, Failure, FailureKind};
use crate::engine::Engine;
use crate::engine::account::signed_out;
use crate::history::{Download, DownloadStatus, OfferRow};

impl Engine {
    /// An offer was made, sealed or answered, by anyone.
    pub(in crate::engine) async fn offer_changed(&mut self, row: OfferRow) {
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
        if before.is_none() {
            self.downloads.outlooks.look_again();
        }
        if row.is_withdrawn() {
            self.release_for_good(&row.offer).await;
            if let Err(failure) = self.give_up(&row).await {
                self.notice(failure);
            }
        } else {
            self.downloads.sealed(&row);
        }
    }

    pub(in crate::engine) async fn fetch_report(&mut self, report: FetchReport) {
        let FetchReport { offer, run, news } = report;
        if self.downloads.live(&offer).is_none_or(|live| live.run != run) {
            return;
        }
        match news {
            News::Stalls => self.downloads.queue.stalls(&offer),
            News::Moves => {
                if let Some(Change::Stop(offer)) = self.downloads.queue.moves(&offer) {
                    self.downloads.suspend(&offer);
                    self.release(&offer);
                }
            }
            News::Holds => self.hold_some(&offer),
            News::Ended(result) => {
                let wanted = self.downloads.wanted(&offer);
                self.downloads.suspend(&offer);
                self.downloads.outlooks.look_again();
                if let Err(failure) = self.ended(offer, wanted, result).await {
                    self.notice(failure);
                }
            }
        }
        self.settle_downloads();
    }

    async fn ended(
        &mut self,
        offer: MessageId,
        wanted: Option<u64>,
        result: Result<Arrived, FetchError>,
    ) -> Result<(), Failure> {
        let row = self.offer(&offer)?;
        let Some(record) = self.downloads.record(&offer).cloned() else {
            return Ok(());
        };
        if record.status != DownloadStatus::Active {
            // Cancelled when the attempt had just ended by itself: then nobody has cleared up.
            match result {
                Ok(_) => self.shares.release(&row.key()),
                Err(FetchError::Cancelled) => {}
                Err(_) => discard_part(&row, &record).await,
            }
            if record.status == DownloadStatus::Clearing {
                self.keep(offer, Download { status: DownloadStatus::Cancelled, ..record }).await?;
            }
            return Ok(());
        }
        let wanted = wanted.or(record.wanted);
        match result {
            Ok(arrived) => self.arrived(&row, Download { wanted, ..record }, arrived).await,
            // Accepted anew while the cancelled attempt was still putting things away, or the one
            // before has not let go of the part yet.
            Err(FetchError::Cancelled | FetchError::Busy) => {
                self.downloads.queue.leave(&offer);
                self.downloads.line_up(&offer);
                Ok(())
            }
            Err(error) => {
                self.release(&offer);
                self.failed(&row, Download { wanted, ..record }, &error).await
            }
        }
    }

    async fn arrived(&mut self, row: &OfferRow, record: Download, arrived: Arrived) -> Result<(), Failure> {
        if arrived.fetched.as_ref().is_some_and(|fetched| fetched.is_skipped()) {
            return self.skipped(row, &arrived.path).await;
        }
        let (offer, path) = (row.offer, arrived.path.clone());
        let whole = record.picks.is_none();
        self.keep(offer, Download { status: DownloadStatus::Done(path.clone()), ..record }).await?;
        self.answer(row, Verdict::Done).await?;
        self.outlet.event(Event::Received { offer, path: path.clone() });
        if whole {
            self.hold_all(row, path, arrived.fetched);
        } else {
            self.release(&offer);
        }
        Ok(())
    }

    /// Something else has the name and was kept, as was wished: nothing came, and nobody is told that it did.
    async fn skipped(&mut self, row: &OfferRow, there: &Path) -> Result<(), Failure> {
        let (account, offer) = (self.signed_in.as_ref().ok_or_else(signed_out)?.account.id, row.offer);
        self.release(&offer);
        self.history.call(move |db| db.remove_download(account, &offer)).await?;
        self.downloads.forget(&offer);
        self.answer(row, Verdict::Declined).await?;
        let text = format!(
            "“{}” was skipped: {} is there already and was kept.",
            row.name,
            printable(&there.to_string_lossy())
        );
        self.notice(Failure::new(FailureKind::NameTaken, text));
        Ok(())
    }

    async fn failed(&mut self, row: &OfferRow, record: Download, error: &FetchError) -> Result<(), Failure> {
        let failure = of_fetch(error, &row.author);
        let status = match error {
            FetchError::NameTaken(path) => DownloadStatus::Conflict(PathBuf::clone(path)),
            _ => DownloadStatus::Failed(failure.clone()),
        };
        self.keep(row.offer, Download { status, ..record }).await?;
        self.notice(failure);
        Ok(())
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

//! What is in an offered folder, for whoever wants only some of it.

use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use landline_protocol::{MessageId, OfferedName};
use landline_transfer::Manifest;
use landline_transfer::fetch::{Line, ListingError, Source, listing};
use landline_transfer::share::{Hashed, Kind};
use tokio::sync::watch;

use super::{Engine, Report};
use crate::api::{Event, Failure, FailureKind, FolderEntryView, Outcome, Ticket};
use crate::history::OfferRow;

/// A listing that was asked for.
pub(super) struct ListReport {
    ticket: Ticket,
    result: Result<Arc<[FolderEntryView]>, Failure>,
}

impl Engine {
    /// Fetches the manifest on the side.
    pub(super) fn begin_list(&mut self, ticket: Ticket, offer: MessageId) -> Result<(), Failure> {
        let row = self.offer(&offer)?;
        if row.folder.is_none() {
            return Err(Failure::new(FailureKind::Invalid, format!("“{}” is not a folder.", row.name)));
        }
        let root = row.root.ok_or_else(|| {
            let text =
                format!("{} is still looking through “{}”. Try again in a while.", row.author, row.name);
            Failure::new(FailureKind::NotFound, text)
        })?;
        let reports = self.reports.clone();
        if row.mine {
            let kept = self.outgoing.manifest_of(&offer);
            self.tasks.spawn(async move {
                let read = move || {
                    let file = BufReader::new(File::open(kept).ok()?);
                    Hashed::read(Kind::Folder, file, row.size, &root).ok()
                };
                let hashed = tokio::task::spawn_blocking(read).await.ok().flatten();
                let result = match hashed {
                    Some(Hashed::Folder { manifest, .. }) => Ok(entries(&manifest)),
                    _ => Err(Failure::new(FailureKind::NotFound, "The list of what is in it was not kept.")),
                };
                let _ = reports.send(Report::List(ListReport { ticket, result })).await;
            });
            return Ok(());
        }
        let (sources, line) = self.ways_to(&row);
        self.tasks.spawn(async move {
            let fetched = Box::pin(listing(&sources, &line, row.size, row.folder, root)).await;
            let result = match fetched {
                Ok(manifest) => Ok(entries(&manifest)),
                Err(error) => Err(failure_of(&row, error)),
            };
            let _ = reports.send(Report::List(ListReport { ticket, result })).await;
        });
        Ok(())
    }

    pub(super) fn list_report(&mut self, report: ListReport) {
        let result = report.result.map(Outcome::Listing);
        self.outlet.event(Event::Finished { ticket: report.ticket, result });
    }

    fn ways_to(&self, row: &OfferRow) -> (Arc<[Source]>, Line) {
        let directory = self.signed_in.as_ref().map(|signed_in| &signed_in.directory);
        let (sources, pass) = directory.map_or_else(
            || (Arc::from([]), Arc::from("")),
            |directory| self.downloads.ways_to(row, directory),
        );
        let line = Line {
            connect: Arc::new(self.files.reach.clone()),
            credential: self.credential.subscribe(),
            pass: watch::channel(pass).1,
        };
        (sources, line)
    }
}

fn entries(manifest: &Manifest) -> Arc<[FolderEntryView]> {
    let entry = |file: &landline_transfer::manifest::FileEntry| FolderEntryView {
        path: OfferedName::new(file.path.as_str()),
        size: file.size,
    };
    manifest.files.iter().map(entry).collect()
}

fn failure_of(row: &OfferRow, error: ListingError) -> Failure {
    match error {
        ListingError::NotNow(why) => {
            let text = format!("What is in “{}” cannot be asked for now: {why}", row.name);
            Failure::new(FailureKind::Unreachable, text)
        }
        ListingError::Failed(error) => super::downloads::failure_of(&error, &row.author),
    }
}

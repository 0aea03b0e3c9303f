//! What is known about the places of offers that were not answered yet: whether the name is taken and
//! how much room there is. Looked up on the side, for the disk may make one wait.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use landline_protocol::{FileName, MessageId};
use landline_transfer::{Conflict, Destination, store};

use crate::api::Outlook;
use crate::engine::{Engine, Report};

/// Between two looks while nothing happens.
const AGAIN: Duration = Duration::from_secs(10);
/// Between two looks while much happens.
const SOON: Duration = Duration::from_millis(200);
/// How many offers are looked at, the newest first.
const AT_MOST: usize = 100;

/// What a look brought.
pub(in crate::engine) struct OutlookReport(HashMap<MessageId, Outlook>);

/// What was seen last, and when to look again.
#[derive(Default)]
pub(in crate::engine) struct Outlooks {
    seen: HashMap<MessageId, Outlook>,
    /// Since when offers were made or answered, or a disk has changed.
    stale: Option<Instant>,
    looking: bool,
    last: Option<Instant>,
}

impl Outlooks {
    /// Something has changed that a look would show.
    pub(in crate::engine) fn look_again(&mut self) {
        self.stale.get_or_insert_with(Instant::now);
    }

    pub(super) fn of(&self, offer: &MessageId) -> Option<Outlook> {
        self.seen.get(offer).copied()
    }

    pub(super) fn clear(&mut self) {
        let looking = self.looking;
        *self = Self { looking, ..Self::default() };
    }

    /// When to look next; `None` while nothing is to be looked at.
    pub(in crate::engine) fn next(&self) -> Option<Instant> {
        if self.looking {
            return None;
        }
        match (self.stale, self.last) {
            (Some(since), last) => Some(last.map_or(since, |last| since.max(last + SOON))),
            // Nothing was there to be looked at.
            (None, _) if self.seen.is_empty() => None,
            (None, last) => last.map(|last| last + AGAIN),
        }
    }
}

impl Engine {
    /// Looks at the places of the offers that wait for an answer, if it is time to.
    pub(in crate::engine) fn look_at_places(&mut self, now: Instant) {
        if self.downloads.outlooks.next().is_none_or(|due| due > now) {
            return;
        }
        let places = self.open_offers();
        let outlooks = &mut self.downloads.outlooks;
        outlooks.stale = None;
        outlooks.last = Some(now);
        if places.is_empty() {
            outlooks.seen.clear();
            return;
        }
        outlooks.looking = true;
        let (reports, folder) = (self.reports.clone(), self.download_folder.clone());
        self.tasks.spawn(async move {
            let looked = tokio::task::spawn_blocking(move || look(&folder, places));
            let seen = looked.await.unwrap_or_default();
            let _ = reports.send(Report::Outlook(OutlookReport(seen))).await;
        });
    }

    pub(in crate::engine) fn outlook_report(&mut self, report: OutlookReport) {
        let outlooks = &mut self.downloads.outlooks;
        outlooks.looking = false;
        outlooks.seen = report.0;
    }

    /// Offers in the loaded conversations that nobody here has answered, the newest first.
    fn open_offers(&self) -> Vec<(MessageId, FileName)> {
        let Some(signed_in) = &self.signed_in else { return Vec::new() };
        let device = signed_in.author.device;
        let mut shown = signed_in.conversations.offers();
        shown.sort_unstable_by(|one, other| other.cmp(one));
        let open = shown
            .into_iter()
            .filter_map(|offer| signed_in.offers.get(&offer))
            .filter(|row| !row.mine && !row.is_withdrawn() && row.answer_of(&device).is_none());
        open.take(AT_MOST).map(|row| (row.offer, row.name.to_file_name().0)).collect()
    }
}

fn look(folder: &Path, places: Vec<(MessageId, FileName)>) -> HashMap<MessageId, Outlook> {
    let look = |(offer, name)| {
        let to = Destination { folder: folder.to_owned(), name, conflict: Conflict::Ask };
        let seen = store::outlook(&to).ok()?;
        Some((offer, Outlook { free: seen.free, name_taken: seen.taken }))
    };
    places.into_iter().filter_map(look).collect()
}

#[cfg(test)]
mod tests {
    use landline_protocol::Timestamp;

    use super::*;

    #[test]
    fn looks_are_due_when_something_changed_and_while_something_is_shown() {
        let mut outlooks = Outlooks::default();
        assert_eq!(outlooks.next(), None);
        outlooks.look_again();
        let due = outlooks.next().unwrap();
        assert!(due <= Instant::now(), "at once, and not a moment later each time it is asked");
        (outlooks.stale, outlooks.last) = (None, Some(due));
        assert_eq!(outlooks.next(), None, "nothing to be looked at");
        let seen = Outlook { free: None, name_taken: false };
        outlooks.seen.insert(MessageId::new(Timestamp::default(), [1; 10]), seen);
        assert_eq!(outlooks.next(), Some(due + AGAIN));
        outlooks.look_again();
        assert!(outlooks.next() >= Some(due + SOON) && outlooks.next() < Some(due + AGAIN));
        outlooks.looking = true;
        assert_eq!(outlooks.next(), None);
    }
}

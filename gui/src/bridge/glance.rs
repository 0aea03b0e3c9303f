//! Whether a new snapshot looks different enough to paint again.
//!
//! Heartbeats change the round trip every few seconds; an idle window is not woken for that.

use std::time::Duration;

use landline_peer::api::{Line, Snapshot};

/// Whether the window should be painted again for `new`.
pub(crate) fn differs(old: &Snapshot, new: &Snapshot) -> bool {
    if old.revision == new.revision {
        return false;
    }
    match (&old.line, &new.line) {
        (Line::Connected { round_trip: before }, Line::Connected { round_trip: after }) => {
            grade(*before) != grade(*after) || !same_but_for_the_line(old, new)
        }
        _ => true,
    }
}

fn same_but_for_the_line(old: &Snapshot, new: &Snapshot) -> bool {
    old.device == new.device
        && old.me == new.me
        && old.people == new.people
        && old.download_folder == new.download_folder
        && old.settings == new.settings
        && old.uploads == new.uploads
        && same_conversations(old, new)
        && old.transfers == new.transfers
}

fn same_conversations(old: &Snapshot, new: &Snapshot) -> bool {
    let (old, new) = (&old.conversations, &new.conversations);
    std::sync::Arc::ptr_eq(old, new)
        || (old.len() == new.len()
            && old.iter().zip(new.iter()).all(|(a, b)| {
                a.id == b.id
                    && (a.unread, a.read, a.has_older) == (b.unread, b.read, b.has_older)
                    && (std::sync::Arc::ptr_eq(&a.messages, &b.messages) || a.messages == b.messages)
            }))
}

/// Round trips that people would call the same.
fn grade(span: Option<Duration>) -> u8 {
    match span.map(|span| span.as_millis()) {
        None => 0,
        Some(0..50) => 1,
        Some(50..250) => 2,
        Some(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::fake;

    fn after(millis: u64, change: impl FnOnce(&mut Snapshot)) -> bool {
        let at = |millis| Line::Connected { round_trip: Some(Duration::from_millis(millis)) };
        let old = Snapshot { line: at(2), ..fake::busy() };
        let mut new = Snapshot { line: at(millis), revision: old.revision + 1, ..old.clone() };
        change(&mut new);
        differs(&old, &new)
    }

    #[test]
    fn a_heartbeat_alone_wakes_nobody() {
        assert!(!after(7, |_| {}));
        assert!(after(400, |_| {}), "a line gone slow is worth telling");
    }

    #[test]
    fn what_can_be_seen_wakes_the_window() {
        assert!(after(2, |new| new.people = [].into()));
        assert!(after(2, |new| new.line = Line::Connecting));
        assert!(after(2, |new| new.transfers = std::sync::Arc::default()));
        assert!(after(2, |new| new.uploads = [].into()));
        assert!(after(2, |new| std::sync::Arc::make_mut(&mut new.settings).up = Some(1 << 20)));
        assert!(after(2, |new| {
            let mut all = new.conversations.to_vec();
            all[0].unread += 1;
            new.conversations = all.into();
        }));
    }
}

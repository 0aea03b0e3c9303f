//! The stop as data.

use landline_peer::api::{Failure, FailureKind, Line, Snapshot};

/// A changed key, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// Where it happened.
    pub(crate) place: String,
    /// What the engine says.
    pub(crate) text: String,
    /// The key that is pinned.
    pub(crate) expected: Option<String>,
    /// The key that was shown.
    pub(crate) seen: Option<String>,
}

/// The stop that a snapshot asks for, if it does.
pub(crate) fn stop(snapshot: &Snapshot) -> Option<Stop> {
    match &snapshot.line {
        Line::Refused { cause } if cause.kind == FailureKind::KeyChanged => {
            Some(from_failure(snapshot, cause))
        }
        _ => None,
    }
}

fn from_failure(snapshot: &Snapshot, cause: &Failure) -> Stop {
    let me = snapshot.me.as_ref();
    let pinned = me.map(|me| me.coordinator_key.fingerprint());
    let found = fingerprints(&cause.text);
    let seen = found.iter().find(|one| Some(*one) != pinned.as_ref()).cloned();
    let first = found.into_iter().find(|one| Some(one) != seen.as_ref());
    Stop {
        place: me.map_or_else(|| "the coordinator".to_owned(), |me| me.coordinator.clone()),
        text: cause.text.clone(),
        expected: pinned.or(first),
        seen,
    }
}

/// Groups of four hexadecimal digits, eight in a row: fingerprints as people read them.
fn fingerprints(text: &str) -> Vec<String> {
    let words: Vec<&str> =
        text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_ascii_hexdigit())).collect();
    let is_group = |word: &&str| word.len() == 4 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let mut found = Vec::new();
    let mut at = 0;
    while at + 8 <= words.len() {
        if words[at..at + 8].iter().all(is_group) {
            found.push(words[at..at + 8].join(" "));
            at += 8;
        } else {
            at += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::fake;

    #[test]
    fn both_fingerprints_are_found_in_the_sentence() {
        let snapshot = fake::refused();
        let stop = stop(&snapshot).unwrap();
        let pinned = snapshot.me.as_ref().unwrap().coordinator_key.fingerprint();
        assert_eq!(stop.expected.as_deref(), Some(pinned.as_str()));
        assert_eq!(stop.seen, Some(fake::other_key().fingerprint()));
    }

    #[test]
    fn other_lines_do_not_stop() {
        assert_eq!(super::stop(&fake::busy()), None);
    }
}

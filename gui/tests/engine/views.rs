//! Reading snapshots, and files that are told apart.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use landline_peer::api::{
    AcceptHow, Action, Content, ConversationView, Failure, FailureKind, Line, MessageState, MessageView,
    RecipientState, Snapshot,
};
use landline_protocol::{ConversationKind, DeviceId, MessageId, Seq};

use crate::person::Person;

pub(crate) const LOBBY: ConversationKind = ConversationKind::Lobby;
pub(crate) const MIB: u64 = 1024 * 1024;
/// Of a file that takes long enough to be interrupted.
pub(crate) const LONG: u64 = 192 * MIB;

pub(crate) fn between(one: &Person, other: &Person) -> ConversationKind {
    ConversationKind::direct(one.name.clone(), other.name.clone())
}

pub(crate) fn accept(offer: MessageId) -> Action {
    Action::Accept { offer, how: AcceptHow::default() }
}

pub(crate) fn is_up(line: &Line) -> bool {
    matches!(line, Line::Connected { .. })
}

pub(crate) fn conversation<'a>(
    snapshot: &'a Snapshot,
    kind: &ConversationKind,
) -> Option<&'a ConversationView> {
    snapshot.conversations.iter().find(|one| one.id == kind.id())
}

pub(crate) fn messages<'a>(snapshot: &'a Snapshot, kind: &ConversationKind) -> &'a [MessageView] {
    conversation(snapshot, kind).map_or(&[], |one| &one.messages)
}

pub(crate) fn texts(snapshot: &Snapshot, kind: &ConversationKind) -> Vec<String> {
    messages(snapshot, kind).iter().filter_map(text_of).collect()
}

pub(crate) fn text_of(message: &MessageView) -> Option<String> {
    match &message.content {
        Content::Text(text) => Some(text.to_string()),
        Content::Offer => None,
    }
}

pub(crate) fn find<'a>(
    snapshot: &'a Snapshot,
    kind: &ConversationKind,
    text: &str,
) -> Option<&'a MessageView> {
    messages(snapshot, kind).iter().find(|message| text_of(message).as_deref() == Some(text))
}

pub(crate) fn is_sent(snapshot: &Snapshot, kind: &ConversationKind, text: &str) -> bool {
    find(snapshot, kind, text).is_some_and(|message| place(message).is_some())
}

pub(crate) fn place(message: &MessageView) -> Option<Seq> {
    match message.state {
        MessageState::Sent(seq) => Some(seq),
        _ => None,
    }
}

/// What somebody did about an offer, seen by its author.
pub(crate) fn recipient(snapshot: &Snapshot, offer: MessageId, who: &Person) -> Option<RecipientState> {
    let recipients = &snapshot.transfers.get(&offer)?.recipients;
    recipients.iter().find(|one| one.user == who.name).map(|one| one.state)
}

/// What is somewhere: the path of each file and folder beneath it, with the content of files.
pub(crate) fn tree_of(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_owned();
            if path.is_dir() {
                open.push(path);
                found.insert(name, None);
            } else {
                found.insert(name, Some(std::fs::read(&path).unwrap()));
            }
        }
    }
    found
}

/// A refusal that says which key was expected and which was seen.
pub(crate) fn assert_names_keys(failure: &Failure, expected: DeviceId, seen: DeviceId) {
    assert_eq!(failure.kind, FailureKind::KeyChanged, "{failure}");
    for key in [expected, seen] {
        assert!(failure.text.contains(&key.fingerprint()), "{} is not in: {failure}", key.fingerprint());
    }
}

/// The state in a few lines, for a test that fails.
pub(crate) fn summary(snapshot: &Snapshot) -> String {
    let mut text = format!("line: {:?}", snapshot.line);
    for one in snapshot.conversations.iter() {
        let shown = one.messages.len();
        let _ = write!(text, "\n{:?}: {shown} messages, {} unread", one.kind, one.unread);
        for message in one.messages.iter().rev().take(5) {
            let _ = write!(text, "\n  {} {:?} {:?}", message.author, message.state, message.content);
        }
    }
    for view in snapshot.transfers.values() {
        let _ = write!(
            text,
            "\n{}: {:?} {}/{} {:?}",
            view.name, view.state, view.bytes, view.size, view.recipients
        );
    }
    text
}

/// Fills a file with what cannot be compressed; no two megabytes of it are alike.
pub(crate) fn write_content(path: &Path, size: u64) {
    let mut file = File::create(path).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ size;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut left = size;
    while left > 0 {
        let block: Vec<u8> = (0..MIB / 8).flat_map(|_| next()).collect();
        let part = left.min(MIB);
        file.write_all(&block[..usize::try_from(part).unwrap()]).unwrap();
        left -= part;
    }
}

pub(crate) fn assert_same_content(one: &Path, other: &Path) {
    let (mut left, mut right) = (File::open(one).unwrap(), File::open(other).unwrap());
    assert_eq!(left.metadata().unwrap().len(), right.metadata().unwrap().len());
    let (mut a, mut b) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let count = left.read(&mut a).unwrap();
        if count == 0 {
            return;
        }
        right.read_exact(&mut b[..count]).unwrap();
        assert!(a[..count] == b[..count], "{} is not {}", other.display(), one.display());
    }
}

/// Makes a file another one than it was.
pub(crate) fn append_to(path: &Path) {
    File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
}

//! The conversation as data: items in the order they are shown.

use egui_material_icons::icons::ICON_GROUPS;
use landline_peer::api::{Content, ConversationView, MessageState, MessageView, Snapshot};
use landline_protocol::{ConversationId, ConversationKind, DeviceId, MessageId, Seq, UserName};

use crate::views::format::Clock;
use crate::views::people;
use crate::views::transfers::{self, Around, FileCard};
use crate::widgets::{Avatar, Presence};

/// A conversation as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(crate) id: ConversationId,
    pub(crate) kind: ConversationKind,
    pub(crate) title: String,
    /// Presence, or how many are here.
    pub(crate) subtitle: String,
    pub(crate) online: bool,
    pub(crate) avatar: Avatar,
    /// Something to heed about this person: a device not seen before.
    pub(crate) warning: Option<String>,
    pub(crate) has_older: bool,
    pub(crate) items: Vec<Item>,
    /// Of a conversation with one person: who, and what limits they have.
    pub(crate) person: Option<Person>,
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) user: UserName,
    /// Bytes a second to them at most.
    pub(crate) up: Option<u64>,
    /// Bytes a second from them at most.
    pub(crate) down: Option<u64>,
}

/// One thing in the line of time.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A day begins.
    Day(String),
    /// What follows was not seen before.
    Unread,
    /// Text.
    Bubble(Box<Bubble>),
    /// A file.
    Card(Box<CardItem>),
}

/// Where in its group a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) first: bool,
    pub(crate) last: bool,
}

/// A line of text.
#[derive(Clone, Debug)]
pub(crate) struct Bubble {
    pub(crate) id: MessageId,
    pub(crate) mine: bool,
    /// Shown above the first of a group, where there are several people.
    pub(crate) author: Option<String>,
    pub(crate) avatar: Option<Avatar>,
    pub(crate) place: Place,
    pub(crate) text: String,
    pub(crate) time: String,
    pub(crate) mark: Mark,
}

/// A file in the line of time.
#[derive(Clone, Debug)]
pub(crate) struct CardItem {
    pub(crate) mine: bool,
    pub(crate) author: Option<String>,
    pub(crate) avatar: Option<Avatar>,
    pub(crate) place: Place,
    pub(crate) time: String,
    pub(crate) card: FileCard,
}

/// How far one's own message has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is somebody else's.
    None,
    /// Waits in the outbox.
    Pending,
    /// The coordinator has it on disk.
    Sent,
    /// It will not be sent, and why.
    Failed(String),
}

/// Messages of one author that follow within so many milliseconds form a group.
const GROUP_MILLIS: u64 = 5 * 60 * 1000;

/// The open conversation; one that has not begun yet is empty.
pub(crate) fn conversation(
    snapshot: &Snapshot,
    kind: &ConversationKind,
    unread_after: Option<Seq>,
    clock: &Clock,
) -> Option<Conversation> {
    let me = &snapshot.me.as_ref()?.user;
    let id = kind.id();
    let view = snapshot.conversations.iter().find(|view| view.id == id);
    let mut shown = header(snapshot, kind, me, clock);
    if let Some(view) = view {
        shown.has_older = view.has_older;
        shown.items = items(snapshot, view, me, unread_after, clock);
    }
    Some(shown)
}

/// The newest message by the coordinator's count, for marking as read.
pub(crate) fn newest(view: &ConversationView) -> Option<Seq> {
    view.messages.iter().rev().find_map(|message| match message.state {
        MessageState::Sent(seq) => Some(seq),
        _ => None,
    })
}

fn header(snapshot: &Snapshot, kind: &ConversationKind, me: &UserName, clock: &Clock) -> Conversation {
    let mut shown = Conversation {
        id: kind.id(),
        kind: kind.clone(),
        title: "Everyone".to_owned(),
        subtitle: people::everyone(&snapshot.people),
        online: false,
        avatar: Avatar::group(ICON_GROUPS),
        warning: None,
        has_older: false,
        items: Vec::new(),
        person: None,
    };
    let Some(user) = kind.other(me) else {
        return shown;
    };
    shown.title = user.to_string();
    let settings = &snapshot.settings;
    let (up, down) = (settings.up_to.get(user).copied(), settings.down_from.get(user).copied());
    shown.person = Some(Person { user: user.clone(), up, down });
    if let Some(person) = snapshot.people.iter().find(|person| person.user == *user) {
        shown.subtitle = people::seen(person, clock);
        shown.online = person.online;
        shown.avatar = people::avatar(person);
        shown.warning = person.new_device.then(|| {
            format!("{user} is using a device you have not seen before. Make sure by other means that it is theirs.")
        });
    } else {
        "no longer here".clone_into(&mut shown.subtitle);
        shown.avatar = Avatar::person(user.as_str(), None, Presence::Offline);
    }
    shown
}

fn items(
    snapshot: &Snapshot,
    view: &ConversationView,
    me: &UserName,
    unread_after: Option<Seq>,
    clock: &Clock,
) -> Vec<Item> {
    let mut items = Vec::with_capacity(view.messages.len() + 8);
    let mut unread_shown = false;
    let mut before: Option<&MessageView> = None;
    for (index, message) in view.messages.iter().enumerate() {
        let new_day = before.is_none_or(|before| !clock.same_day(before.at, message.at));
        if new_day {
            items.push(Item::Day(clock.day(message.at)));
        }
        let starts_unread = !unread_shown && is_unread(message, unread_after);
        if starts_unread {
            unread_shown = true;
            items.push(Item::Unread);
        }
        let after = view.messages.get(index + 1);
        let first = new_day || starts_unread || before.is_none_or(|before| !follows(before, message));
        let cut = after.is_some_and(|after| {
            !clock.same_day(message.at, after.at) || (!unread_shown && is_unread(after, unread_after))
        });
        let last = cut || after.is_none_or(|after| !follows(message, after));
        items.push(item(snapshot, view, me, message, Place { first, last }, clock));
        before = Some(message);
    }
    items
}

fn is_unread(message: &MessageView, after: Option<Seq>) -> bool {
    match (&message.state, after) {
        (MessageState::Sent(seq), Some(after)) => !message.mine && *seq > after,
        _ => false,
    }
}

/// Whether two neighbours belong to one group.
fn follows(one: &MessageView, other: &MessageView) -> bool {
    one.author == other.author && other.at.as_millis().abs_diff(one.at.as_millis()) < GROUP_MILLIS
}

fn item(
    snapshot: &Snapshot,
    view: &ConversationView,
    me: &UserName,
    message: &MessageView,
    place: Place,
    clock: &Clock,
) -> Item {
    let group = view.kind == ConversationKind::Lobby;
    let author = (group && !message.mine && place.first).then(|| message.author.to_string());
    let avatar =
        (!message.mine && place.last).then(|| author_avatar(snapshot, &message.author, &message.device));
    let time = clock.time(message.at);
    let transfer = snapshot.transfers.get(&message.id);
    match (&message.content, transfer) {
        (Content::Offer, Some(transfer)) => Item::Card(Box::new(CardItem {
            mine: message.mine,
            author,
            avatar,
            place,
            time,
            card: transfers::card(
                transfer,
                Around { me, kind: Some(&view.kind), conflict: snapshot.settings.conflict },
            ),
        })),
        (content, _) => Item::Bubble(Box::new(Bubble {
            id: message.id,
            mine: message.mine,
            author,
            avatar,
            place,
            text: words(content),
            time,
            mark: mark(message),
        })),
    }
}

fn words(content: &Content) -> String {
    match content {
        Content::Text(text) => multiline(text),
        Content::Offer => "A file that is no longer known here".to_owned(),
    }
}

/// Text from others keeps its line breaks; nothing else in it can move or hide what is shown.
fn multiline(text: &str) -> String {
    let lines: Vec<String> =
        text.lines().map(|line| landline_protocol::name::printable(&line.replace('\t', "    "))).collect();
    lines.join("\n")
}

fn mark(message: &MessageView) -> Mark {
    match (&message.state, message.mine) {
        (_, false) => Mark::None,
        (MessageState::Pending, true) => Mark::Pending,
        (MessageState::Sent(_), true) => Mark::Sent,
        (MessageState::Failed(cause), true) => Mark::Failed(cause.text.clone()),
    }
}

fn author_avatar(snapshot: &Snapshot, author: &UserName, device: &DeviceId) -> Avatar {
    let person = snapshot.people.iter().find(|person| person.user == *author);
    let key = person.and_then(|person| person.devices.first()).unwrap_or(device);
    Avatar::person(author.as_str(), Some(key), Presence::None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::fake;

    fn outline(conversation: &Conversation) -> Vec<String> {
        let place = |place: Place| match (place.first, place.last) {
            (true, true) => "only",
            (true, false) => "first",
            (false, true) => "last",
            (false, false) => "middle",
        };
        let items = conversation.items.iter().map(|item| match item {
            Item::Day(day) => format!("== {day}"),
            Item::Unread => "== new".to_owned(),
            Item::Bubble(b) => format!(
                "{} {} {}: {} ({}) {:?}",
                if b.mine { ">" } else { "<" },
                place(b.place),
                b.author.as_deref().unwrap_or("-"),
                b.text,
                b.time,
                b.mark
            ),
            Item::Card(c) => {
                format!("{} {} [{}]", if c.mine { ">" } else { "<" }, place(c.place), c.card.name)
            }
        });
        [format!("{} | {} | {:?}", conversation.title, conversation.subtitle, conversation.warning)]
            .into_iter()
            .chain(items)
            .collect()
    }

    #[test]
    fn a_conversation_is_grouped_by_author_day_and_what_is_new() {
        let snapshot = fake::busy();
        let kind = fake::direct("Marta Keller");
        let shown = conversation(&snapshot, &kind, Some(Seq(5)), &fake::clock()).unwrap();
        insta::assert_debug_snapshot!(outline(&shown));
    }

    #[test]
    fn the_lobby_names_its_authors() {
        let shown = conversation(&fake::busy(), &ConversationKind::Lobby, None, &fake::clock()).unwrap();
        insta::assert_debug_snapshot!(outline(&shown));
    }

    #[test]
    fn text_cannot_hide_or_turn_what_is_shown() {
        assert_eq!(multiline("a\u{202e}b\r\n\tc\u{1b}[31m"), "a\\u{202e}b\n    c\\u{1b}[31m");
    }

    #[test]
    fn somebody_new_has_an_empty_conversation() {
        let shown = conversation(&fake::alone(), &fake::direct("ghost"), None, &fake::clock()).unwrap();
        assert!(shown.items.is_empty());
        assert_eq!(shown.subtitle, "no longer here");
    }
}

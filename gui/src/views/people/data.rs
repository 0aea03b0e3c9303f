//! The list as data.

use egui_material_icons::icons::ICON_GROUPS;
use landline_peer::api::{Content, ConversationView, MessageView, PersonView, Snapshot, TransferKind};
use landline_protocol::{ConversationKind, UserName};

use crate::views::format::{Clock, count};
use crate::widgets::{Avatar, Presence};

/// One line of the list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Row {
    /// A caption.
    Section(String),
    /// A conversation, or a person with whom there is none yet.
    Entry(Box<Entry>),
    /// Nothing to show, and what to do about it.
    Empty(String),
}

/// A conversation or a person.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) kind: ConversationKind,
    pub(crate) name: String,
    /// The last line, or when they were last seen.
    pub(crate) preview: String,
    /// When that was.
    pub(crate) time: String,
    pub(crate) unread: u32,
    pub(crate) avatar: Avatar,
    pub(crate) selected: bool,
}

impl Entry {
    /// The row as a screen reader says it.
    pub(crate) fn spoken(&self) -> String {
        let presence = match self.avatar.presence {
            Presence::Online => ", online",
            Presence::Offline => ", offline",
            Presence::None => "",
        };
        let unread = match self.unread {
            0 => String::new(),
            n => format!(", {n} unread"),
        };
        format!("{}{presence}{unread}, {}", self.name, self.preview)
    }
}

/// The rows for a snapshot, filtered by what is typed.
pub(crate) fn list(
    snapshot: &Snapshot,
    open: Option<&ConversationKind>,
    filter: &str,
    clock: &Clock,
) -> Vec<Row> {
    let Some(me) = snapshot.me.as_ref().map(|me| &me.user) else {
        return Vec::new();
    };
    let needle = filter.trim().to_lowercase();
    let wanted = |name: &str| needle.is_empty() || name.to_lowercase().contains(&needle);
    let select = |mut entry: Entry| {
        entry.selected = open == Some(&entry.kind);
        Row::Entry(Box::new(entry))
    };
    let mut rows: Vec<Row> = snapshot
        .conversations
        .iter()
        .map(|conversation| of_conversation(snapshot, conversation, me, clock))
        .filter(|entry| wanted(&entry.name))
        .map(select)
        .collect();
    for online in [true, false] {
        let others: Vec<Entry> = snapshot
            .people
            .iter()
            .filter(|person| person.online == online && !has_conversation(snapshot, person, me))
            .map(|person| of_person(person, me, clock))
            .filter(|entry| wanted(&entry.name))
            .collect();
        if !others.is_empty() {
            let what = if online { "Online" } else { "Offline" };
            rows.push(Row::Section(format!("{what} · {}", others.len())));
            rows.extend(others.into_iter().map(select));
        }
    }
    if let Some(words) = hint(snapshot, &rows, filter) {
        rows.push(Row::Empty(words));
    }
    rows
}

/// `12 people · 3 online`, oneself among them.
pub(crate) fn everyone(people: &[PersonView]) -> String {
    if people.is_empty() {
        return "Only you so far".to_owned();
    }
    let online = people.iter().filter(|person| person.online).count();
    format!("{} · {} online", count(people.len() + 1, "person", "people"), online + 1)
}

fn hint(snapshot: &Snapshot, rows: &[Row], filter: &str) -> Option<String> {
    if rows.is_empty() {
        return Some(format!("Nobody here is called “{}”.", filter.trim()));
    }
    let admin = snapshot.me.as_ref().is_some_and(|me| me.admin);
    let alone = snapshot.people.is_empty() && filter.trim().is_empty();
    alone.then(|| {
        if admin {
            "You are the first one here. Invite people with the button above.".to_owned()
        } else {
            "Nobody else is here yet. People appear as soon as they join.".to_owned()
        }
    })
}

fn has_conversation(snapshot: &Snapshot, person: &PersonView, me: &UserName) -> bool {
    let id = ConversationKind::direct(me.clone(), person.user.clone()).id();
    snapshot.conversations.iter().any(|conversation| conversation.id == id)
}

fn of_person(person: &PersonView, me: &UserName, clock: &Clock) -> Entry {
    Entry {
        kind: ConversationKind::direct(me.clone(), person.user.clone()),
        name: person.user.to_string(),
        preview: seen(person, clock),
        time: String::new(),
        unread: 0,
        avatar: avatar(person),
        selected: false,
    }
}

fn of_conversation(
    snapshot: &Snapshot,
    conversation: &ConversationView,
    me: &UserName,
    clock: &Clock,
) -> Entry {
    let last = conversation.messages.last();
    let mut entry = match conversation.kind.other(me) {
        None => Entry {
            kind: ConversationKind::Lobby,
            name: "Everyone".to_owned(),
            preview: everyone(&snapshot.people),
            time: String::new(),
            unread: conversation.unread,
            avatar: Avatar::group(ICON_GROUPS),
            selected: false,
        },
        Some(user) => match snapshot.people.iter().find(|person| person.user == *user) {
            Some(person) => of_person(person, me, clock),
            None => stranger(&conversation.kind, user),
        },
    };
    entry.unread = conversation.unread;
    if let Some(last) = last {
        let group = conversation.kind == ConversationKind::Lobby;
        entry.preview = preview(snapshot, last, group);
        entry.time = clock.short(last.at);
    }
    entry
}

/// Somebody who is not in the directory any more.
fn stranger(kind: &ConversationKind, user: &UserName) -> Entry {
    Entry {
        kind: kind.clone(),
        name: user.to_string(),
        preview: "no longer here".to_owned(),
        time: String::new(),
        unread: 0,
        avatar: Avatar::person(user.as_str(), None, Presence::Offline),
        selected: false,
    }
}

fn preview(snapshot: &Snapshot, message: &MessageView, group: bool) -> String {
    let words = match &message.content {
        Content::Text(text) => landline_protocol::name::printable(&first_line(text)),
        Content::Offer => match snapshot.transfers.get(&message.id) {
            Some(transfer) => match transfer.kind {
                TransferKind::File => format!("File: {}", transfer.name),
                TransferKind::Folder(_) => format!("Folder: {}", transfer.name),
            },
            None => "A file".to_owned(),
        },
    };
    match (message.mine, group) {
        (true, _) => format!("You: {words}"),
        (false, true) => format!("{}: {words}", message.author),
        (false, false) => words,
    }
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().chars().take(200).collect()
}

/// A person's mark.
pub(crate) fn avatar(person: &PersonView) -> Avatar {
    let presence = if person.online { Presence::Online } else { Presence::Offline };
    Avatar::person(person.user.as_str(), person.devices.first(), presence)
}

/// `online`, or when they were last seen.
pub(crate) fn seen(person: &PersonView, clock: &Clock) -> String {
    if person.online { "online".to_owned() } else { clock.last_seen(person.last_seen) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::fake;

    fn outline(rows: &[Row]) -> Vec<String> {
        rows.iter()
            .map(|row| match row {
                Row::Section(caption) => format!("-- {caption}"),
                Row::Entry(entry) => {
                    format!("{} [{}]{}", entry.spoken(), entry.time, if entry.selected { " <" } else { "" })
                }
                Row::Empty(words) => format!("({words})"),
            })
            .collect()
    }

    #[test]
    fn conversations_come_first_then_people_by_presence() {
        let snapshot = fake::busy();
        let open = fake::direct("Marta Keller");
        insta::assert_debug_snapshot!(outline(&list(&snapshot, Some(&open), "", &fake::clock())));
    }

    #[test]
    fn the_filter_looks_at_names_and_says_when_nobody_has_one() {
        let snapshot = fake::busy();
        let found = outline(&list(&snapshot, None, " mar", &fake::clock()));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("Marta Keller, online"), "{found:?}");
        let none = outline(&list(&snapshot, None, "zzz", &fake::clock()));
        assert_eq!(none, ["(Nobody here is called “zzz”.)"]);
    }

    #[test]
    fn whoever_is_alone_is_told_what_to_do() {
        let rows = outline(&list(&fake::alone(), None, "", &fake::clock()));
        assert!(rows.last().unwrap().contains("Invite people"), "{rows:?}");
    }
}

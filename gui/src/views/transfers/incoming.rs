//! What the card of somebody else's offer says.

use landline_peer::api::{
    Conflict, Outlook, SourceStanding, SourceView, TransferKind, TransferState, TransferView,
};
use landline_protocol::name::printable;

use super::data::{Around, Do, FileCard, SourceLine, Tone, cancelled, noun, part};
use crate::units::size;
use crate::views::format;

/// So many sources are named in one line.
const NAMED: usize = 3;

/// Fills in what depends on where the transfer stands.
pub(super) fn fill(card: &mut FileCard, transfer: &TransferView, around: Around<'_>) {
    match &transfer.state {
        TransferState::Offered => offered(card, transfer, around.conflict),
        TransferState::Queued(_)
        | TransferState::QueuedThere(_)
        | TransferState::Connecting
        | TransferState::Checking
        | TransferState::Active
        | TransferState::Hashing
        | TransferState::Finishing => going_on(card, transfer),
        TransferState::Paused => {
            card.set(Tone::Waiting, "Paused");
            moving(card, transfer);
            card.actions = vec![Do::Resume, Do::Cancel];
        }
        TransferState::Waiting(cause) => {
            card.set(Tone::Waiting, cause.text.clone());
            moving(card, transfer);
            card.actions = vec![Do::TryNow, Do::Pause, Do::Cancel];
        }
        _ => ended(card, transfer, around),
    }
}

fn going_on(card: &mut FileCard, transfer: &TransferView) {
    let author = &transfer.author;
    card.tone = Tone::Active;
    let begun = !matches!(transfer.state, TransferState::Queued(_) | TransferState::QueuedThere(_));
    if begun || transfer.bytes > 0 {
        moving(card, transfer);
    }
    card.actions = vec![Do::Pause, Do::Cancel];
    match &transfer.state {
        TransferState::Queued(ahead) => {
            card.set(Tone::Waiting, waits_for(*ahead));
            card.actions.insert(0, Do::First);
        }
        TransferState::QueuedThere(0) => {
            card.set(Tone::Waiting, format!("{author} serves others; you are next"));
        }
        TransferState::QueuedThere(ahead) => {
            let others = format::count(*ahead as usize, "other", "others");
            card.set(Tone::Waiting, format!("{author} serves {others} first"));
        }
        TransferState::Hashing => {
            card.state = format!("Waiting for {author} to finish reading the {}", noun(transfer));
        }
        TransferState::Connecting => card.state = format!("Connecting to {author}…"),
        TransferState::Checking => {
            "Checking what is here already".clone_into(&mut card.state);
            if let Some(hashed) = transfer.hashed {
                card.part = Some(part(hashed, transfer.size));
                card.figures = Some((format::part_of(hashed, transfer.size), String::new()));
            }
        }
        TransferState::Finishing => {
            "Writing to disk…".clone_into(&mut card.state);
            card.actions = vec![Do::Cancel];
        }
        _ => {}
    }
}

fn waits_for(ahead: u32) -> String {
    match ahead {
        0 => "Begins next".to_owned(),
        n => format!("Waits for {}", format::count(n as usize, "other", "others")),
    }
}

fn ended(card: &mut FileCard, transfer: &TransferView, around: Around<'_>) {
    match &transfer.state {
        TransferState::Conflict(path) => {
            card.set(Tone::Waiting, format!("{} is there already.", printable(&path.display().to_string())));
            card.actions = [Conflict::Rename, Conflict::Skip, Conflict::Replace].map(Do::With).into();
            card.actions.push(Do::Cancel);
        }
        TransferState::Done => {
            card.set(Tone::Good, received(transfer));
            if let Some(path) = &transfer.path {
                card.actions = vec![Do::Open(path.clone()), Do::Reveal(path.clone())];
            }
        }
        TransferState::Declined => {
            card.set(Tone::Over, "You declined it");
            card.actions = vec![Do::AcceptAgain];
        }
        TransferState::Cancelled { by } => {
            card.set(Tone::Over, cancelled(by, around.me));
            if *by != transfer.author {
                card.actions = vec![Do::AcceptAgain];
            }
        }
        TransferState::Failed(cause) => {
            card.set(Tone::Bad, cause.text.clone());
            card.actions = vec![Do::Retry];
        }
        _ => {}
    }
    newer(card, transfer);
}

/// Where a later offer took this one's place, it is said, and led to.
fn newer(card: &mut FileCard, transfer: &TransferView) {
    let Some(newer) = transfer.replaced_by else { return };
    if matches!(transfer.state, TransferState::Conflict(_)) {
        return;
    }
    if matches!(transfer.state, TransferState::Failed(_) | TransferState::Cancelled { .. }) {
        card.actions.clear();
    }
    if !card.state.ends_with('.') {
        card.state.push('.');
    }
    card.state.push_str(" There is a new version.");
    card.actions.push(Do::GoTo(newer));
}

fn offered(card: &mut FileCard, transfer: &TransferView, conflict: Conflict) {
    card.actions = vec![Do::Accept, Do::Options, Do::Decline];
    let (stored, respelled) = transfer.name.to_file_name();
    if respelled {
        card.set(Tone::Waiting, format!("That name is not safe here. It will be saved as {stored}."));
    }
    card.warning = transfer.outlook.and_then(|outlook| warning(transfer, outlook, conflict));
    if let Some(newer) = transfer.replaced_by {
        card.set(Tone::Over, "There is a new version.");
        card.actions = vec![Do::GoTo(newer)];
    }
}

/// What would go wrong, or differently, if it were accepted now.
fn warning(transfer: &TransferView, outlook: Outlook, conflict: Conflict) -> Option<String> {
    if let Some(free) = outlook.free.filter(|free| *free < transfer.size) {
        return Some(format!("Needs {}, {} free.", size(transfer.size), size(free)));
    }
    outlook.name_taken.then(|| taken(transfer.kind, conflict).to_owned())
}

/// What a policy does about a taken name.
fn taken(kind: TransferKind, conflict: Conflict) -> &'static str {
    let folder = matches!(kind, TransferKind::Folder(_));
    match (conflict, folder) {
        (Conflict::Ask, _) => "The name is taken there: you will be asked what to do.",
        (Conflict::Skip, false) => "The name is taken there: what is there stays, and nothing is fetched.",
        (Conflict::Skip, true) => "The folder is there: only files that it lacks are fetched.",
        (Conflict::Rename, _) => "The name is taken there: it will get another one.",
        (Conflict::Replace, false) => "The name is taken there: what is there is moved aside.",
        (Conflict::Replace, true) => "The folder is there: files that differ are moved aside.",
    }
}

/// Bar, pieces, figures and sources.
fn moving(card: &mut FileCard, transfer: &TransferView) {
    card.moving(transfer, transfer.size);
    card.picture = transfer.picture.clone();
    card.sources = sources(transfer);
    if let (TransferKind::Folder(summary), Some((left, _))) = (transfer.kind, &mut card.figures) {
        *left = format!("{left} · {} of {} files", transfer.files_done, summary.files);
    }
}

/// Where the pieces come from, if not just from the author; and who is not asked any more.
fn sources(transfer: &TransferView) -> Vec<SourceLine> {
    let all = &transfer.sources;
    let alone = matches!(all.as_slice(), [] | [_]) && all.iter().all(|one| one.user == transfer.author);
    let used: Vec<String> = all.iter().filter_map(used).collect();
    let mut lines = Vec::new();
    if !alone && !used.is_empty() {
        let named = used[..used.len().min(NAMED)].join(", ");
        let text = match used.len().saturating_sub(NAMED) {
            0 => format!("from {named}"),
            more => format!("from {named} and {more} more"),
        };
        lines.push(SourceLine { text, bad: false });
    }
    lines.extend(all.iter().filter_map(|one| match &one.standing {
        SourceStanding::Dropped(why) => {
            Some(SourceLine { text: format!("{} was dropped. {why}", one.user), bad: true })
        }
        _ => None,
    }));
    lines
}

fn used(one: &SourceView) -> Option<String> {
    match (&one.standing, one.rate) {
        (SourceStanding::Dropped(_), _) => None,
        (_, Some(rate)) => Some(format!("{} {}", one.user, format::rate(rate))),
        (SourceStanding::Active, None) => Some(one.user.to_string()),
        (SourceStanding::Connecting, None) => Some(format!("{} (connecting)", one.user)),
        (SourceStanding::Waiting(_), None) => Some(format!("{} (waiting)", one.user)),
    }
}

/// What is said of what is here; its name too, where it got another one.
fn received(transfer: &TransferView) -> String {
    let stored = transfer.path.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
    match stored.filter(|name| *name != transfer.name.as_raw()) {
        Some(name) => format!("Received and verified, saved as {}", printable(&name)),
        None => "Received and verified".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_says_what_it_will_do() {
        let folder = TransferKind::Folder(landline_protocol::FolderSummary { files: 1, folders: 0 });
        for conflict in [Conflict::Ask, Conflict::Skip, Conflict::Rename, Conflict::Replace] {
            for kind in [TransferKind::File, folder] {
                assert!(taken(kind, conflict).ends_with('.'));
            }
        }
    }
}

//! What the card of one's own offer says.

use landline_peer::api::{FailureKind, RecipientState, RecipientView, TransferState, TransferView};

use super::data::{Around, Do, FileCard, Tone, cancelled, noun, part};
use crate::views::format;

/// Fills in what depends on where the offer stands.
pub(super) fn fill(card: &mut FileCard, transfer: &TransferView, around: Around<'_>) {
    let direct = around.kind.and_then(|kind| kind.other(around.me)).is_some();
    card.actions = vec![Do::Withdraw];
    match &transfer.state {
        TransferState::Hashing => hashing(card, transfer),
        TransferState::Waiting(cause) => card.set(Tone::Waiting, cause.text.clone()),
        TransferState::Declined => {}
        TransferState::Cancelled { by } => {
            card.set(Tone::Over, cancelled(by, around.me));
            card.actions.clear();
        }
        TransferState::Failed(cause) => {
            card.set(Tone::Bad, cause.text.clone());
            card.actions = match (cause.kind, transfer.replaced_by) {
                (FailureKind::SourceChanged, None) => vec![Do::ShareAgain],
                _ => Vec::new(),
            };
        }
        _ => offered(card, transfer, direct),
    }
    if let Some(newer) = transfer.replaced_by {
        card.set(Tone::Over, "Replaced by a new version.");
        card.actions = vec![Do::GoTo(newer)];
    }
    if !direct {
        card.recipients = recipients(&transfer.recipients);
    }
}

fn hashing(card: &mut FileCard, transfer: &TransferView) {
    let so_far = transfer.hashed.map(|hashed| part(hashed, transfer.size));
    let percent = so_far.map_or(String::new(), |part| format!(", {:.0} %", part * 100.0));
    let then = match noun(transfer) {
        "folder" => "It can be accepted; it comes once it has been read.",
        _ => "It can be fetched already.",
    };
    card.set(Tone::Active, format!("Reading the {}{percent}. {then}", noun(transfer)));
    card.part = so_far;
}

fn offered(card: &mut FileCard, transfer: &TransferView, direct: bool) {
    let count = |state| transfer.recipients.iter().filter(|one| one.state == state).count();
    let fetching = count(RecipientState::Fetching);
    if fetching > 0 {
        card.tone = Tone::Active;
        card.moving(transfer, transfer.size.saturating_mul(fetching as u64));
        return;
    }
    match transfer.recipients.first().filter(|_| direct).map(|one| (&one.user, one.state)) {
        Some((user, RecipientState::Done)) => {
            card.set(Tone::Good, format!("{user} has it, verified"));
            card.actions.clear();
        }
        Some((user, RecipientState::Declined)) => {
            card.set(Tone::Over, format!("{user} declined it"));
            card.actions.clear();
        }
        Some((user, RecipientState::Cancelled)) => {
            card.set(Tone::Over, format!("Cancelled by {user}"));
            card.actions.clear();
        }
        None if count(RecipientState::Done) > 0 => card.tone = Tone::Good,
        None if direct => "Offered, not answered yet".clone_into(&mut card.state),
        None if transfer.recipients.is_empty() => {
            "Offered, nobody has taken it yet".clone_into(&mut card.state);
        }
        None | Some((_, RecipientState::Fetching)) => {}
    }
}

fn recipients(all: &[RecipientView]) -> Vec<String> {
    const SHOWN: usize = 4;
    let mut lines: Vec<String> = all.iter().take(SHOWN).map(recipient).collect();
    if all.len() > SHOWN {
        lines.push(format!("and {} more", all.len() - SHOWN));
    }
    lines
}

fn recipient(one: &RecipientView) -> String {
    match one.state {
        RecipientState::Fetching => {
            let rate = one.rate.map_or(String::new(), |rate| format!(" · {}", format::rate(rate)));
            format!("{} · {} so far{rate}", one.user, crate::units::size(one.bytes))
        }
        RecipientState::Done => format!("{} · has it, verified", one.user),
        RecipientState::Declined => format!("{} · declined", one.user),
        RecipientState::Cancelled => format!("{} · gave up", one.user),
    }
}

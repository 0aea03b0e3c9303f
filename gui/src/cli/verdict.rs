//! Whether an offer has come to its end, and how.

use landline_peer::api::{
    Content, MessageState, RecipientState, RecipientView, Snapshot, TransferState, TransferView,
};
use landline_protocol::{ConversationKind, UserName};

use super::exit::{Exit, Problem};

/// How an offer of ours ended: everyone concerned has it, or why not. Nothing while it goes on.
pub(crate) fn verdict(snapshot: &Snapshot, transfer: &TransferView) -> Option<Result<(), Problem>> {
    if let Some(failed) = refused(snapshot, transfer) {
        return Some(Err(failed));
    }
    match &transfer.state {
        TransferState::Failed(failure) => return Some(Err(failure.clone().into())),
        TransferState::Cancelled { by } => {
            return Some(Err(Problem::new(Exit::Declined, format!("{}: cancelled by {by}.", transfer.name))));
        }
        _ if ended(transfer) => return Some(Ok(())),
        _ => {}
    }
    let expected = concerned(snapshot, transfer);
    let answered =
        |user: &UserName| transfer.recipients.iter().find(|one| one.user.folded() == user.folded());
    let answers: Vec<&RecipientView> = expected.iter().map(answered).collect::<Option<_>>()?;
    if answers.is_empty() || answers.iter().any(|one| one.state == RecipientState::Fetching) {
        return None;
    }
    Some(answers.into_iter().try_for_each(|one| answer(one, transfer)))
}

fn answer(one: &RecipientView, transfer: &TransferView) -> Result<(), Problem> {
    let what = match one.state {
        RecipientState::Done | RecipientState::Fetching => return Ok(()),
        RecipientState::Declined => "declined",
        RecipientState::Cancelled => "gave up",
    };
    Err(Problem::new(Exit::Declined, format!("{}: {} {what}.", transfer.name, one.user)))
}

/// The offer is a message too, and the coordinator may not take it.
fn refused(snapshot: &Snapshot, transfer: &TransferView) -> Option<Problem> {
    let view = snapshot.conversations.iter().find(|one| one.id == transfer.conversation)?;
    let message =
        view.messages.iter().rev().find(|one| one.id == transfer.offer && one.content == Content::Offer)?;
    match &message.state {
        MessageState::Failed(failure) => Some(failure.clone().into()),
        _ => None,
    }
}

/// Who ought to answer: the other person, or in the lobby everybody else.
fn concerned(snapshot: &Snapshot, transfer: &TransferView) -> Vec<UserName> {
    let view = snapshot.conversations.iter().find(|one| one.id == transfer.conversation);
    let Some((view, me)) = view.zip(snapshot.me.as_ref()) else { return Vec::new() };
    match view.kind.other(&me.user) {
        Some(other) => vec![other.clone()],
        None => snapshot.people.iter().map(|person| person.user.clone()).collect(),
    }
}

/// Whether everybody an offer of ours was made to has answered for good. Of an offer to everybody
/// that can never be said.
pub(crate) fn settled(snapshot: &Snapshot, transfer: &TransferView) -> bool {
    let direct = snapshot
        .conversations
        .iter()
        .any(|one| one.id == transfer.conversation && one.kind != ConversationKind::Lobby);
    let answers = &transfer.recipients;
    let open = answers.is_empty() || answers.iter().any(|one| one.state == RecipientState::Fetching);
    transfer.outgoing && direct && !open
}

/// Whether nothing more will happen to it.
pub(crate) fn ended(transfer: &TransferView) -> bool {
    use TransferState::{Cancelled, Declined, Done, Failed};
    matches!(transfer.state, Done | Declined | Cancelled { .. } | Failed(_))
}

#[cfg(test)]
mod tests {
    use super::super::offers::tests::{snapshot, transfer};
    use super::*;

    fn answered(answers: &[(&str, RecipientState)]) -> Option<Exit> {
        let mut offer = transfer(1, "me", "a.txt", TransferState::Offered);
        offer.recipients = answers
            .iter()
            .map(|&(user, state)| RecipientView { user: user.parse().unwrap(), state, bytes: 0, rate: None })
            .collect();
        let now = snapshot(vec![offer.clone()]);
        verdict(&now, &offer).map(|result| result.map_or_else(|problem| problem.exit, |()| Exit::Ok))
    }

    #[test]
    fn an_offer_to_all_ends_with_the_last_answer() {
        use RecipientState::{Declined, Done, Fetching};
        assert_eq!(answered(&[]), None);
        assert_eq!(answered(&[("alice", Done)]), None, "bob has not answered");
        assert_eq!(answered(&[("alice", Done), ("bob", Fetching)]), None);
        assert_eq!(answered(&[("alice", Done), ("bob", Done)]), Some(Exit::Ok));
        assert_eq!(answered(&[("alice", Done), ("bob", Declined)]), Some(Exit::Declined));
    }

    #[test]
    fn an_offer_whose_conversation_is_not_loaded_stays_open() {
        let mut offer = transfer(1, "me", "a.txt", TransferState::Offered);
        offer.conversation = landline_protocol::ConversationId::from_bytes([9; 32]);
        assert_eq!(verdict(&snapshot(vec![offer.clone()]), &offer), None);
    }
}

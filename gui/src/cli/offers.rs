//! `offers`, `decline`, `cancel`, `pause`, and how an offer is picked by id or name.

use landline_peer::api::{Action, Snapshot, TransferState, TransferView};
use landline_protocol::MessageId;
use landline_protocol::name::printable;

use super::args;
use super::client::Client;
use super::exit::{Exit, Problem};
use super::record::{Offer, Record};
use super::talk::known;
use super::text;
use super::verdict::{ended, settled};

/// The fewest characters of an id that name an offer.
const ID_CHARS: usize = 4;

/// Lists offers, the oldest first.
pub(crate) async fn list(client: &mut Client, args: &args::Offers) -> Result<(), Problem> {
    client.connected_or_old().await?;
    let now = client.now();
    let shown = now.transfers.values().filter(|one| args.all || !(ended(one) || settled(&now, one)));
    let offers: Vec<Offer> = shown.map(|one| Offer::of(one, &now)).collect();
    if offers.is_empty() {
        client.out.note("No offers are open. `landline offers --all` lists those that have ended too.");
    }
    client.out.records(offers.iter().cloned().map(Record::Offer), || text::offers(&offers))
}

/// Says no.
pub(crate) async fn decline(client: &mut Client, args: &args::Choice) -> Result<(), Problem> {
    client.connected().await?;
    let offer = choose(client, args, |one| !one.outgoing && !ended(one))?;
    client.run(Action::Decline { offer }).await?;
    report(client, offer, "Declined")
}

/// Stops a download, or withdraws an offer of one's own.
pub(crate) async fn cancel(client: &mut Client, args: &args::Choice) -> Result<(), Problem> {
    let open = |one: &TransferView| !ended(one) || matches!(one.state, TransferState::Failed(_));
    client.connected().await?;
    let offer = choose(client, args, open)?;
    client.run(Action::Cancel { offer }).await?;
    super::spool::sweep(&client.profile, &client.now());
    report(client, offer, "Cancelled")
}

/// Stops a download and keeps what is here. Nothing of it needs the coordinator.
pub(crate) async fn pause(client: &mut Client, args: &args::Choice) -> Result<(), Problem> {
    let going = |one: &TransferView| !one.outgoing && !ended(one) && one.state != TransferState::Offered;
    client.connected_or_old().await?;
    let offer = choose(client, args, going)?;
    client.run(Action::Pause { offer }).await?;
    report(client, offer, "Paused")
}

/// The newest offer that is meant and fits.
pub(crate) fn choose(
    client: &Client,
    args: &args::Choice,
    fits: impl Fn(&TransferView) -> bool,
) -> Result<MessageId, Problem> {
    let now = client.now();
    let wish = Wish::new(&now, Some(&args.what), args.from.as_deref())?;
    let found = wish.among(&now).rfind(|one| fits(one));
    found.map(|one| one.offer).ok_or_else(|| wish.not_found())
}

fn report(client: &Client, offer: MessageId, what: &str) -> Result<(), Problem> {
    let now = client.now();
    let Some(transfer) = now.transfers.get(&offer) else {
        return Ok(());
    };
    let text = format!("{what}: {}", text::transfer_name(transfer));
    client.out.record(&Record::Offer(Offer::of(transfer, &now)), &text)
}

/// Which offers somebody means.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    what: Option<String>,
    from: Option<String>,
}

impl Wish {
    /// An id, the end of one, or a name; of one person or of anybody.
    pub(crate) fn new(snapshot: &Snapshot, what: Option<&str>, from: Option<&str>) -> Result<Self, Problem> {
        let from = from.map(|name| known(snapshot, name.strip_prefix('@').unwrap_or(name))).transpose()?;
        Ok(Self { what: what.map(str::to_owned), from: from.map(|user| user.folded()) })
    }

    /// Those that are meant, the oldest first.
    pub(crate) fn among<'a>(
        &'a self,
        snapshot: &'a Snapshot,
    ) -> impl DoubleEndedIterator<Item = &'a TransferView> {
        snapshot.transfers.values().filter(|one| self.means(one))
    }

    fn means(&self, transfer: &TransferView) -> bool {
        let author = self.from.as_ref().is_none_or(|from| transfer.author.folded() == *from);
        author && self.what.as_ref().is_none_or(|what| named(transfer, what))
    }

    /// Nothing of the kind is there.
    pub(crate) fn not_found(&self) -> Problem {
        let what = match (&self.what, &self.from) {
            (Some(what), _) => format!("There is no open offer {:?}", printable(what)),
            (None, Some(from)) => format!("There is no open offer of {from}"),
            (None, None) => "There is no open offer".to_owned(),
        };
        let text = format!("{what}: `landline offers --all` lists them, and `get --wait` waits for one.");
        Problem::new(Exit::NotFound, text)
    }
}

/// By id, by the end of it, or by its name as offered, as shown, or as it would be stored; of a folder
/// with a stroke at its end or not.
fn named(transfer: &TransferView, what: &str) -> bool {
    let what = what.strip_suffix('/').unwrap_or(what);
    let by_id = what.len() >= ID_CHARS && transfer.offer.to_string().ends_with(&what.to_ascii_lowercase());
    by_id
        || transfer.name.as_raw() == what
        || transfer.name.to_string() == what
        || transfer.name.to_file_name().0.as_str() == what
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use landline_peer::api::{ConversationView, Line, Me, PersonView, Priority, TransferKind};
    use landline_protocol::{ConversationId, ConversationKind, DeviceId, OfferedName, Seq, Timestamp};

    use super::*;

    pub(crate) fn transfer(number: u64, author: &str, name: &str, state: TransferState) -> TransferView {
        TransferView {
            offer: MessageId::new(Timestamp::from_millis(number), [u8::try_from(number).unwrap(); 10]),
            conversation: ConversationId::lobby(),
            author: author.parse().unwrap(),
            outgoing: author == "me",
            kind: TransferKind::File,
            name: OfferedName::new(name),
            size: 10,
            state,
            bytes: 0,
            rate: None,
            remaining: None,
            hashed: None,
            path: None,
            outlook: None,
            priority: Priority::Normal,
            sources: vec![],
            picture: Arc::new([]),
            files_done: 0,
            recipients: vec![],
            replaces: None,
            replaced_by: None,
        }
    }

    pub(crate) fn snapshot(transfers: Vec<TransferView>) -> Snapshot {
        let person = |name: &str| PersonView {
            user: name.parse().unwrap(),
            online: true,
            last_seen: None,
            devices: vec![],
            new_device: false,
        };
        let lobby = ConversationView {
            id: ConversationId::lobby(),
            kind: ConversationKind::Lobby,
            unread: 0,
            read: Seq::ZERO,
            messages: Arc::new([]),
            has_older: false,
        };
        Snapshot {
            revision: 1,
            device: DeviceId::from_bytes([1; 32]),
            me: Some(Me {
                user: "me".parse().unwrap(),
                admin: false,
                coordinator: "hub:4810".into(),
                coordinator_key: DeviceId::from_bytes([2; 32]),
                key_from_invite: true,
            }),
            line: Line::Connected { round_trip: None },
            people: [person("alice"), person("bob")].into(),
            conversations: Arc::new([lobby]),
            transfers: Arc::new(
                transfers.into_iter().map(|one| (one.offer, one)).collect::<BTreeMap<_, _>>(),
            ),
            download_folder: "downloads".into(),
            settings: Arc::default(),
            uploads: Arc::new([]),
        }
    }

    fn picked(what: Option<&str>, from: Option<&str>) -> Vec<String> {
        let now = snapshot(vec![
            transfer(1, "alice", "a.txt", TransferState::Offered),
            transfer(2, "bob", "a.txt", TransferState::Offered),
            transfer(3, "alice", "../evil", TransferState::Offered),
        ]);
        let wish = Wish::new(&now, what, from).unwrap();
        wish.among(&now).map(|one| format!("{} {}", one.author, one.name.as_raw())).collect()
    }

    #[test]
    fn offers_are_found_by_name_person_and_id() {
        assert_eq!(picked(Some("a.txt"), None), ["alice a.txt", "bob a.txt"]);
        assert_eq!(picked(Some("a.txt"), Some("@ALICE")), ["alice a.txt"]);
        assert_eq!(picked(None, Some("alice")), ["alice a.txt", "alice ../evil"]);
        assert_eq!(picked(Some(".._evil"), None), ["alice ../evil"]);
        assert_eq!(picked(Some("02020202"), None), ["bob a.txt"]);
        assert_eq!(picked(Some("02"), None), Vec::<String>::new(), "too short for an id");
    }

    #[test]
    fn somebody_unknown_is_said_to_be() {
        let problem = Wish::new(&snapshot(vec![]), None, Some("carol")).unwrap_err();
        assert_eq!(problem.exit, Exit::NotFound);
        assert!(problem.text.contains("carol"));
    }
}

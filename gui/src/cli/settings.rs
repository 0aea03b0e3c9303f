//! `limits` and `uploads`: how transfers behave, and what became of those that went out.

use landline_peer::api::{Action, TransferSettings};
use landline_protocol::UserName;

use super::args;
use super::args::Limit;
use super::client::Client;
use super::exit::Problem;
use super::record::{Limits, Record, Upload};
use super::talk::known;
use super::text::{self, Here};

/// Shows slots and limits, once they are as the arguments want them.
pub(crate) async fn limits(client: &mut Client, args: &args::Limits) -> Result<(), Problem> {
    let person = match &args.person {
        // Whom it is about may only be known once caught up.
        Some(name) => {
            client.settled().await?;
            Some(known(&client.now(), name.strip_prefix('@').unwrap_or(name))?)
        }
        None => None,
    };
    let before = client.now().settings.clone();
    let wanted = changed(&before, args, person.as_ref());
    if wanted != *before {
        client.run(Action::SetTransfers(wanted)).await?;
    }
    let limits = Limits::from(&*client.now().settings);
    let text = text::limits(&limits);
    client.out.record(&Record::Limits(limits), &text)
}

fn changed(before: &TransferSettings, args: &args::Limits, person: Option<&UserName>) -> TransferSettings {
    let mut settings = before.clone();
    if let Some(user) = person {
        for (limits, wanted) in [(&mut settings.up_to, args.up), (&mut settings.down_from, args.down)] {
            match wanted {
                Some(Limit(Some(rate))) => drop(limits.insert(user.clone(), rate)),
                Some(Limit(None)) => drop(limits.remove(user)),
                None => {}
            }
        }
    } else {
        settings.up = args.up.map_or(settings.up, |limit| limit.0);
        settings.down = args.down.map_or(settings.down, |limit| limit.0);
    }
    settings.download_slots = args.downloads_at_once.unwrap_or(settings.download_slots);
    settings.upload_slots = args.served_at_once.unwrap_or(settings.upload_slots);
    settings.conflict = args.on_conflict.map_or(settings.conflict, Into::into);
    settings
}

/// Who took what from this machine.
pub(crate) fn uploads(client: &Client) -> Result<(), Problem> {
    let uploads: Vec<Upload> = client.now().uploads.iter().map(Upload::from).collect();
    if uploads.is_empty() {
        client.out.note("Nobody has taken anything from this computer yet.");
    }
    let table = || text::uploads(&uploads, &Here::now());
    client.out.records(uploads.iter().cloned().map(Record::Upload), table)
}

#[cfg(test)]
mod tests {
    use landline_peer::api::Conflict;

    use super::*;

    #[test]
    fn what_is_not_named_stays() {
        let bob: UserName = "bob".parse().unwrap();
        let before = TransferSettings {
            up: Some(5000),
            down: Some(6000),
            up_to: [(bob.clone(), 7000)].into(),
            ..TransferSettings::default()
        };
        assert_eq!(changed(&before, &args::Limits::default(), None), before);
        let given = args::Limits {
            up: Some(Limit(None)),
            served_at_once: Some(3),
            on_conflict: Some(args::OnConflict::Skip),
            ..args::Limits::default()
        };
        let after = changed(&before, &given, None);
        assert_eq!((after.up, after.down, after.upload_slots), (None, Some(6000), 3));
        assert_eq!((after.conflict, after.download_slots), (Conflict::Skip, before.download_slots));
        assert_eq!(after.up_to, before.up_to);
        let given =
            args::Limits { up: Some(Limit(None)), down: Some(Limit(Some(9000))), ..args::Limits::default() };
        let after = changed(&before, &given, Some(&bob));
        assert_eq!((after.up, after.up_to.len(), after.down_from[&bob]), (Some(5000), 0, 9000));
    }
}

//! `sign-up`, `sign-in`, `sign-out`, `whoami`, `invite`, `forget`.

use landline_peer::api::{Action, Outcome, Target};
use landline_protocol::{InviteLink, UserName};

use super::args;
use super::client::{Client, signed_out};
use super::exit::Problem;
use super::record::{Me, Record};
use super::secrets::{self, Credentials, Source, Wanted};
use super::text;

/// Reads what `sign-up` needs.
pub(crate) fn sign_up(args: &args::SignUp, source: &mut dyn Source) -> Result<Action, Problem> {
    let (address, name) = words(&args.words, args.invite)?;
    let username = match name {
        Some(name) => parse_name(&name)?,
        None => landline_peer::suggested_username(),
    };
    let credentials = secrets::ask(source, Wanted { invite: args.invite, new_password: true })?;
    let (target, password) = aim(address, credentials)?;
    Ok(Action::SignUp { target, username, password })
}

/// Reads what `sign-in` needs.
pub(crate) fn sign_in(args: &args::SignIn, source: &mut dyn Source) -> Result<Action, Problem> {
    let (address, name) = words(&args.words, args.invite)?;
    let username = name.ok_or_else(|| Problem::usage("Say which name to sign in with."))?;
    let credentials = secrets::ask(source, Wanted { invite: args.invite, new_password: false })?;
    let (target, password) = aim(address, credentials)?;
    Ok(Action::SignIn { target, username, password })
}

/// `ADDRESS NAME`, or with an invite `[ADDRESS] [NAME]`.
fn words(words: &[String], invite: bool) -> Result<(Option<String>, Option<String>), Problem> {
    if words.iter().any(|word| word.starts_with(InviteLink::SCHEME)) {
        return Err(Problem::usage(
            "An invite link is a secret, and arguments can be seen by others: use --invite without the link, and \
             paste it when asked (or pass it on standard input). This one now stands in the shell's history: \
             remove it there, or ask for another.",
        ));
    }
    match (words, invite) {
        ([], true) => Ok((None, None)),
        ([name], true) => Ok((None, Some(name.clone()))),
        ([address, name], _) => Ok((Some(address.clone()), Some(name.clone()))),
        _ => Err(Problem::usage(
            "Give the coordinator's address and a name (`192.0.2.7:4810 alice`), or --invite and a name.",
        )),
    }
}

/// An invite brings address and key; an address given beside it is where to dial instead.
fn aim(
    address: Option<String>,
    credentials: Credentials,
) -> Result<(Target, landline_peer::api::Secret), Problem> {
    let Credentials { invite, password } = credentials;
    let target = match (invite, address) {
        (None, Some(address)) => Target::Address(address),
        (Some(link), None) => Target::Invite(link),
        (Some(link), Some(address)) => Target::Invite(redirected(link, &address)),
        (None, None) => return Err(Problem::usage("Say where: an address, or --invite.")),
    };
    Ok((target, password))
}

/// The invite with another host, and another port if the address has one.
fn redirected(link: InviteLink, address: &str) -> InviteLink {
    let unbracketed = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
    match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => InviteLink { host: unbracketed(host), port, ..link },
            Err(_) => InviteLink { host: unbracketed(address), ..link },
        },
        _ => InviteLink { host: unbracketed(address), ..link },
    }
}

fn parse_name(text: &str) -> Result<UserName, Problem> {
    text.parse().map_err(|error| Problem::usage(format!("{text:?} cannot be a name: {error}.")))
}

/// Signs up or in, and says who one is now.
pub(crate) async fn enter(client: &mut Client, request: Action) -> Result<(), Problem> {
    client.run(request).await?;
    client.connected().await?;
    show_me(client)
}

/// Forgets a pinned key: the one way past a coordinator that has another one now.
pub(crate) async fn forget(client: &mut Client, args: &args::Forget) -> Result<(), Problem> {
    client.run(Action::ForgetKey { address: args.address.clone() }).await?;
    client.out.note("Forgotten. Sign up or in again, best by an invite: it carries the new key.");
    Ok(())
}

/// Says who is signed in, connected or not.
pub(crate) async fn whoami(client: &mut Client) -> Result<(), Problem> {
    // Whatever the line is like, the record says it.
    let refused = client.settled().await.err();
    match (client.now().me.is_some(), refused) {
        (true, _) => show_me(client),
        (false, refused) => Err(refused.unwrap_or_else(signed_out)),
    }
}

fn show_me(client: &Client) -> Result<(), Problem> {
    let me = Me::of(&client.now(), &client.profile).ok_or_else(signed_out)?;
    let text = text::me(&me);
    client.out.record(&Record::Me(me), &text)
}

/// Forgets the sign-in.
pub(crate) async fn sign_out(client: &mut Client) -> Result<(), Problem> {
    let user = client.now().me.as_ref().map(|me| me.user.to_string()).ok_or_else(signed_out)?;
    client.run(Action::SignOut).await?;
    let text = format!("{user} is signed out on this profile. History and keys stay.");
    client.out.record(&Record::SignedOut { user }, &text)
}

/// Prints an invite link, which is a secret: to standard output and nowhere else.
pub(crate) async fn invite(client: &mut Client) -> Result<(), Problem> {
    client.connected().await?;
    match client.run(Action::Invite).await? {
        Outcome::Invited { link } => {
            let link = link.to_string();
            client.out.record(&Record::Invite { link: link.clone() }, &link)?;
            client.out.note("It lets one person in, once, within 7 days: pass it on privately.");
            Ok(())
        }
        _ => Err(Problem::engine_gone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::exit::Exit;
    use super::*;

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn address_and_name_in_their_places() {
        let pair = |address: &str, name: &str| (Some(address.to_owned()), Some(name.to_owned()));
        assert_eq!(words(&owned(&["hub:1", "bob"]), false).unwrap(), pair("hub:1", "bob"));
        assert_eq!(words(&owned(&["hub:1", "bob"]), true).unwrap(), pair("hub:1", "bob"));
        assert_eq!(words(&owned(&["bob"]), true).unwrap(), (None, Some("bob".into())));
        assert_eq!(words(&owned(&["bob"]), false).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn a_link_among_the_arguments_is_refused_and_not_repeated() {
        let problem = words(&owned(&["landline://hub:1/#k=x&i=sesame", "bob"]), true).unwrap_err();
        assert_eq!(problem.exit, Exit::Usage);
        assert!(!problem.text.contains("sesame"));
    }

    #[test]
    fn an_address_beside_an_invite_is_where_to_dial() {
        let link: InviteLink =
            "landline://hub:4810/#k=CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk&i=abc".parse().unwrap();
        for (address, host, port) in [
            ("192.0.2.7:5000", "192.0.2.7", 5000),
            ("192.0.2.7", "192.0.2.7", 4810),
            ("[2001:db8::1]:5000", "2001:db8::1", 5000),
            ("2001:db8::1", "2001:db8::1", 4810),
        ] {
            let there = redirected(link.clone(), address);
            assert_eq!((there.host.as_str(), there.port), (host, port), "{address}");
            assert_eq!(there.key, link.key);
        }
    }
}

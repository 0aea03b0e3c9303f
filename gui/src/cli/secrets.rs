//! Passwords and invites: asked on the terminal without echo, or read from standard input.
//!
//! Where standard input is not a terminal it carries one line each, in this order: the invite link
//! if one is wanted, then the password.

use std::io::{self, BufRead, IsTerminal};

use landline_peer::api::Secret;
use landline_protocol::InviteLink;

use super::exit::Problem;

/// Somewhere that secrets come from.
pub(crate) trait Source {
    /// Asks for one line. `prompt` says what for.
    fn ask(&mut self, prompt: &str) -> io::Result<String>;

    /// Whether a person types blindly, so that a new password is asked for twice.
    fn blind(&self) -> bool;
}

/// What signing up or in needs and nobody else may see.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// The invite, if one was wanted.
    pub(crate) invite: Option<InviteLink>,
    /// The password.
    pub(crate) password: Secret,
}

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// An invite link first.
    pub(crate) invite: bool,
    /// The password is being chosen, not recalled.
    pub(crate) new_password: bool,
}

/// The terminal if standard input is one, else standard input's lines.
pub(crate) fn source() -> Box<dyn Source> {
    if io::stdin().is_terminal() { Box::new(Terminal) } else { Box::new(Lines(io::stdin().lock())) }
}

/// Asks for everything, in the documented order.
pub(crate) fn ask(source: &mut dyn Source, wanted: Wanted) -> Result<Credentials, Problem> {
    let invite = if wanted.invite { Some(ask_invite(source)?) } else { None };
    let password = ask_password(source, wanted.new_password)?;
    Ok(Credentials { invite, password: Secret::new(password) })
}

fn ask_invite(source: &mut dyn Source) -> Result<InviteLink, Problem> {
    let line = source.ask("Invite link: ").map_err(|error| unread("invite link", &error))?;
    line.parse().map_err(|error| Problem::usage(format!("That is no invite: {error}.")))
}

fn ask_password(source: &mut dyn Source, new: bool) -> Result<String, Problem> {
    let wrong = |error| unread("password", &error);
    let password = source.ask("Password: ").map_err(wrong)?;
    if password.is_empty() {
        return Err(Problem::usage("The password is empty."));
    }
    if new && source.blind() && source.ask("The same again: ").map_err(wrong)? != password {
        return Err(Problem::usage("The two passwords differ: nothing was done."));
    }
    Ok(password)
}

fn unread(what: &str, error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Problem::usage(format!(
            "Standard input ended before the {what}: give one line each, the invite link first (with --invite), \
             then the password."
        )),
        _ => Problem::usage(format!("The {what} could not be read: {error}.")),
    }
}

/// A person at a terminal.
struct Terminal;

impl Source for Terminal {
    fn ask(&mut self, prompt: &str) -> io::Result<String> {
        rpassword::prompt_password(prompt)
    }

    fn blind(&self) -> bool {
        true
    }
}

/// Lines from a pipe or a file.
struct Lines<R>(R);

impl<R: BufRead> Source for Lines<R> {
    fn ask(&mut self, _prompt: &str) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn blind(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::exit::Exit;
    use super::*;

    const LINK: &str = "landline://hub:4810/#k=CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk&i=abc";

    /// Answers in turn, and remembers what it was asked.
    struct Person {
        answers: Vec<&'static str>,
        asked: Vec<String>,
    }

    impl Source for Person {
        fn ask(&mut self, prompt: &str) -> io::Result<String> {
            self.asked.push(prompt.to_owned());
            Ok(self.answers.remove(0).to_owned())
        }

        fn blind(&self) -> bool {
            true
        }
    }

    fn lines(text: &str, wanted: Wanted) -> Result<Credentials, Problem> {
        ask(&mut Lines(text.as_bytes()), wanted)
    }

    #[test]
    fn a_person_is_asked_for_the_invite_then_twice_for_a_new_password() {
        let mut person = Person { answers: vec![LINK, "correct horse", "correct horse"], asked: vec![] };
        let got = ask(&mut person, Wanted { invite: true, new_password: true }).unwrap();
        assert_eq!(person.asked, ["Invite link: ", "Password: ", "The same again: "]);
        assert_eq!(got.invite.unwrap().host, "hub");
        assert_eq!(got.password.expose(), "correct horse");
    }

    #[test]
    fn a_mistyped_new_password_is_noticed() {
        let mut person = Person { answers: vec!["one", "two"], asked: vec![] };
        let wanted = Wanted { invite: false, new_password: true };
        assert_eq!(ask(&mut person, wanted).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn standard_input_carries_the_same_order_once() {
        let wanted = Wanted { invite: true, new_password: true };
        let got = lines(&format!("{LINK}\r\n  spaces stay \r\nrest"), wanted).unwrap();
        assert_eq!(got.password.expose(), "  spaces stay ");
        let swapped = lines(&format!("password\n{LINK}\n"), wanted).unwrap_err();
        assert!(swapped.text.starts_with("That is no invite"), "{swapped}");
        let short = lines(LINK, wanted).unwrap_err();
        assert!(short.text.contains("ended before the password"), "{short}");
    }
}

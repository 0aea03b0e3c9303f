//! The form as data, and what it asks for once it is sent.

use landline_peer::api::{Action, Failure, FailureKind, Secret, Target};
use landline_protocol::limits::{PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARS};
use landline_protocol::{InviteLink, UserName};

use crate::state::{AppCommand, Purpose};
use crate::views::format::sentence;

/// Join or host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    /// A coordinator that runs somewhere.
    #[default]
    Join,
    /// One in this process.
    Host,
}

/// A new account or one that exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Account {
    /// Sign up.
    #[default]
    New,
    /// Sign in.
    Existing,
}

/// The parts of the form that can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Address or invite.
    Target,
    /// The name.
    Username,
    /// The password.
    Password,
    /// No field in particular.
    Form,
}

/// What is typed.
#[derive(Clone, Default)]
pub(crate) struct Form {
    pub(crate) way: Way,
    pub(crate) account: Account,
    pub(crate) target: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) show_password: bool,
    /// What is wrong, and where.
    pub(crate) error: Option<(Field, String)>,
    /// Sent, not answered.
    pub(crate) busy: bool,
    /// The keyboard was given to the first field.
    pub(crate) placed: bool,
    /// The field that gets the keyboard next, to be put right.
    pub(crate) focus: Option<Field>,
}

impl Form {
    /// What the form asks for, or what is wrong with it.
    pub(crate) fn submit(&self) -> Result<AppCommand, (Field, String)> {
        let password = self.checked_password()?;
        if self.way == Way::Host {
            let username = self.checked_username()?;
            return Ok(AppCommand::Host { username, password });
        }
        let target = self.checked_target()?;
        let action = match self.account {
            Account::New => Action::SignUp { target, username: self.checked_username()?, password },
            Account::Existing => Action::SignIn { target, username: self.existing_username()?, password },
        };
        Ok(AppCommand::Engine(action, Purpose::SignIn))
    }

    /// Sets the form for signing in again to an account that exists.
    pub(crate) fn known(&mut self, target: String, username: Option<String>) {
        self.way = Way::Join;
        self.account = Account::Existing;
        self.target = target;
        self.username = username.unwrap_or_else(|| std::mem::take(&mut self.username));
        self.password.clear();
        self.error = None;
        self.placed = false;
    }

    /// The invite that is typed, if it is one.
    pub(crate) fn invite(&self) -> Option<InviteLink> {
        self.target.parse().ok()
    }

    /// Puts a failure beside the field that caused it.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        self.busy = false;
        self.blame(blame(failure, self.way), failure.text.clone());
    }

    /// Says what is wrong with a field and gives it the keyboard.
    pub(crate) fn blame(&mut self, field: Field, text: String) {
        self.focus = Some(field);
        self.error = Some((field, text));
    }

    fn checked_target(&self) -> Result<Target, (Field, String)> {
        let text = self.target.trim();
        let wrong = |text: &str| Err((Field::Target, text.to_owned()));
        if text.is_empty() {
            return wrong("Type the coordinator's address, or paste the invite link you were sent.");
        }
        if text.starts_with(InviteLink::SCHEME) {
            return match text.parse() {
                Ok(link) => Ok(Target::Invite(link)),
                Err(error) => Err((Field::Target, sentence(&error.to_string()))),
            };
        }
        if text.contains(char::is_whitespace) || text.contains("://") {
            return wrong("An address looks like 192.168.1.20:4810 or hub.example:4810.");
        }
        Ok(Target::Address(text.to_owned()))
    }

    fn checked_username(&self) -> Result<UserName, (Field, String)> {
        self.username.trim().parse().map_err(|error: landline_protocol::user::UserNameError| {
            (Field::Username, sentence(&error.to_string()))
        })
    }

    fn existing_username(&self) -> Result<String, (Field, String)> {
        let name = self.username.trim();
        if name.is_empty() {
            return Err((Field::Username, "Type the name of your account.".to_owned()));
        }
        Ok(name.to_owned())
    }

    fn checked_password(&self) -> Result<Secret, (Field, String)> {
        let new = self.way == Way::Host || self.account == Account::New;
        let wrong = if self.password.is_empty() {
            Some("Type a password.".to_owned())
        } else if new && self.password.chars().count() < PASSWORD_MIN_CHARS {
            Some(format!("A password needs at least {PASSWORD_MIN_CHARS} characters."))
        } else if self.password.len() > PASSWORD_MAX_BYTES {
            Some("That password is too long.".to_owned())
        } else {
            None
        };
        match wrong {
            Some(text) => Err((Field::Password, text)),
            None => Ok(Secret::new(self.password.clone())),
        }
    }
}

/// Where the cause most likely lies.
fn blame(failure: &Failure, way: Way) -> Field {
    match (failure.kind, way) {
        (FailureKind::Unreachable, Way::Join) => Field::Target,
        _ => Field::Form,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form {
            target: " 192.0.2.7:4810 ".into(),
            username: "alice".into(),
            password: "correct horse".into(),
            ..Form::default()
        }
    }

    #[test]
    fn a_filled_form_asks_for_what_it_says() {
        let Ok(AppCommand::Engine(Action::SignUp { target, username, .. }, Purpose::SignIn)) =
            form().submit()
        else {
            panic!("a new account is signed up");
        };
        assert_eq!(target, Target::Address("192.0.2.7:4810".into()));
        assert_eq!(username.as_str(), "alice");

        let existing = Form { account: Account::Existing, password: "short".into(), ..form() };
        assert!(matches!(existing.submit(), Ok(AppCommand::Engine(Action::SignIn { .. }, _))));

        let host = Form { way: Way::Host, target: String::new(), ..form() };
        assert!(matches!(host.submit(), Ok(AppCommand::Host { .. })));
    }

    #[test]
    fn an_invite_is_recognised_whatever_surrounds_it() {
        let link = "landline://192.0.2.7:4810/#k=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&i=abc";
        let form = Form { target: format!("  {link}\n"), ..form() };
        assert_eq!(form.invite().map(|link| link.host), Some("192.0.2.7".to_owned()));
        let Ok(AppCommand::Engine(Action::SignUp { target: Target::Invite(_), .. }, _)) = form.submit()
        else {
            panic!("the invite is the target");
        };
    }

    #[test]
    fn what_is_wrong_is_said_beside_its_field() {
        let wrong = |form: Form| form.submit().map(|_| ()).unwrap_err();
        for (form, field) in [
            (Form { target: String::new(), ..form() }, Field::Target),
            (Form { target: "landline://half".into(), ..form() }, Field::Target),
            (Form { target: "http://hub".into(), ..form() }, Field::Target),
            (Form { username: "a@b".into(), ..form() }, Field::Username),
            (Form { username: String::new(), ..form() }, Field::Username),
            (Form { password: "seven77".into(), ..form() }, Field::Password),
            (Form { password: String::new(), account: Account::Existing, ..form() }, Field::Password),
        ] {
            let (at, text) = wrong(form);
            assert_eq!(at, field, "{text}");
            assert!(text.ends_with('.') && text.chars().next().unwrap().is_uppercase(), "{text}");
        }
    }

    #[test]
    fn a_refusal_ends_the_wait_and_an_unreachable_address_is_to_blame() {
        let mut form = Form { busy: true, ..form() };
        form.fail(&Failure::new(FailureKind::Unreachable, "Nobody answers."));
        assert!(!form.busy);
        assert_eq!(form.error, Some((Field::Target, "Nobody answers.".to_owned())));
    }
}

//! The form as data: what is typed, and what it means.

use landline_peer::api::{Conflict, TransferSettings};
use landline_protocol::UserName;

use crate::units::{parse_rate, typed_rate};

/// The most downloads at once, and the most people served.
const MOST_DOWNLOADS: u32 = 64;
const MOST_SERVED: u32 = 256;

/// What is typed.
pub(crate) struct LimitsForm {
    pub(super) downloads: String,
    pub(super) uploads: String,
    pub(super) down: String,
    pub(super) up: String,
    pub(super) conflict: Conflict,
    /// What stands: limits of single people are taken away here, and set in their menu.
    pub(super) settings: TransferSettings,
    pub(super) error: Option<String>,
}

/// A person with limits of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PersonLimit {
    pub(super) user: UserName,
    pub(super) words: String,
}

impl LimitsForm {
    /// What is in force.
    pub(crate) fn of(settings: &TransferSettings) -> Self {
        let shown = |limit: Option<u64>| limit.map(typed_rate).unwrap_or_default();
        Self {
            downloads: settings.download_slots.to_string(),
            uploads: settings.upload_slots.to_string(),
            down: shown(settings.down),
            up: shown(settings.up),
            conflict: settings.conflict,
            settings: settings.clone(),
            error: None,
        }
    }

    /// What was typed as settings; remembers what is wrong with it.
    pub(super) fn settings(&mut self) -> Option<TransferSettings> {
        match self.parse() {
            Ok(settings) => Some(settings),
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }

    fn parse(&self) -> Result<TransferSettings, String> {
        Ok(TransferSettings {
            download_slots: slots(&self.downloads, MOST_DOWNLOADS)?,
            upload_slots: slots(&self.uploads, MOST_SERVED)?,
            down: limit(&self.down)?,
            up: limit(&self.up)?,
            conflict: self.conflict,
            ..self.settings.clone()
        })
    }

    /// Those who have limits of their own.
    pub(super) fn people(&self) -> Vec<PersonLimit> {
        let (up, down) = (&self.settings.up_to, &self.settings.down_from);
        let mut users: Vec<&UserName> = up.keys().chain(down.keys()).collect();
        users.sort();
        users.dedup();
        let words = |user: &UserName| {
            let part =
                |word: &str, limit: Option<&u64>| limit.map(|rate| format!("{word} {}", typed_rate(*rate)));
            let parts = [part("to them", up.get(user)), part("from them", down.get(user))];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
        };
        users.into_iter().map(|user| PersonLimit { user: user.clone(), words: words(user) }).collect()
    }

    /// Takes somebody's own limits away.
    pub(super) fn free(&mut self, user: &UserName) {
        self.settings.up_to.remove(user);
        self.settings.down_from.remove(user);
    }
}

/// A limit as typed; nothing is none.
pub(crate) fn limit(typed: &str) -> Result<Option<u64>, String> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    match parse_rate(typed) {
        Ok(rate) => Ok(Some(rate)),
        Err(why) => Err(format!("“{}” is no limit: {why}.", typed.trim())),
    }
}

fn slots(typed: &str, most: u32) -> Result<u32, String> {
    let number = typed.trim().parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("“{}”: type a number from 1 to {most}.", typed.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::fake;

    #[test]
    fn what_is_shown_can_be_saved_again() {
        let settings = fake::every_transfer().settings;
        assert_eq!(LimitsForm::of(&settings).settings().unwrap(), *settings);
        assert_eq!(LimitsForm::of(&settings).people()[0].words, "to them 2 MiB/s");
    }

    #[test]
    fn nothing_typed_is_no_limit_and_nonsense_is_told() {
        let mut form = LimitsForm::of(&TransferSettings::default());
        (form.up, form.down) = (" ".to_owned(), "500K".to_owned());
        let settings = form.settings().unwrap();
        assert_eq!((settings.up, settings.down), (None, Some(500 << 10)));
        form.up = "fast".to_owned();
        assert!(form.settings().is_none() && form.error.unwrap().contains("fast"));
        for wrong in ["0", "", "-1", "257"] {
            assert!(slots(wrong, MOST_SERVED).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_person_can_be_freed() {
        let mut form = LimitsForm::of(&fake::every_transfer().settings);
        let user = form.people()[0].user.clone();
        form.free(&user);
        assert!(form.settings().unwrap().up_to.is_empty());
    }
}

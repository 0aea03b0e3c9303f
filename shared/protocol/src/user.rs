//! User names: labels that people type and read, with a form in which lookalikes are equal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use unicode_normalization::UnicodeNormalization;

use crate::name::is_unprintable;

/// A name at one coordinator, as its owner spells it: NFC, 1 to 64 characters, no control, bidi
/// or invisible characters, no leading, trailing or doubled space, none of `@ / \ :`.
///
/// Two names are equal when their letters are; use [`folded`](Self::folded) for "the same person"
/// and [`skeleton`](Self::skeleton) for "could be mistaken for".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UserName(String);

/// Why a user name was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserNameError {
    /// Nothing is left of it.
    #[error("a name needs at least one character")]
    Empty,
    /// Longer than [`UserName::MAX_CHARS`].
    #[error("a name has at most 64 characters")]
    TooLong,
    /// A character nobody could read or type, or that means something in addresses and paths.
    #[error("a name cannot contain control or invisible characters, nor any of @ / \\ :")]
    Character,
    /// A space at an end, or two in a row.
    #[error("a name cannot begin or end with a space, nor contain two in a row")]
    Space,
}

impl UserName {
    /// The most characters (Unicode scalar values) a name may have.
    pub const MAX_CHARS: usize = 64;

    /// The name as its owner spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same for every spelling of one name: NFKC, lower case.
    pub fn folded(&self) -> String {
        self.0.nfkc().flat_map(char::to_lowercase).collect::<String>().nfkc().collect()
    }

    /// The same for names that look alike (Unicode TS 39 skeleton of the folded form): a
    /// coordinator gives a skeleton to one account only.
    pub fn skeleton(&self) -> String {
        unicode_security::skeleton(&self.folded()).collect()
    }
}

impl FromStr for UserName {
    type Err = UserNameError;

    fn from_str(text: &str) -> Result<Self, UserNameError> {
        let name: String = text.nfc().collect();
        if name.is_empty() {
            return Err(UserNameError::Empty);
        }
        if name.chars().count() > Self::MAX_CHARS {
            return Err(UserNameError::TooLong);
        }
        if name.chars().any(|c| is_unprintable(c) || matches!(c, '@' | '/' | '\\' | ':')) {
            return Err(UserNameError::Character);
        }
        let spaced = name.split(|c: char| c.is_whitespace()).any(str::is_empty);
        if spaced { Err(UserNameError::Space) } else { Ok(Self(name)) }
    }
}

impl<'de> Deserialize<'de> for UserName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    #[test]
    fn lookalikes_share_a_skeleton() {
        assert_eq!(name("alice").skeleton(), name("Alice").skeleton());
        assert_eq!(name("alice").skeleton(), name("аlice").skeleton(), "Cyrillic а");
        assert_eq!(name("paypal").skeleton(), name("paypa\u{217c}").skeleton(), "Roman numeral fifty");
        assert_ne!(name("alice").skeleton(), name("alina").skeleton());
    }

    #[test]
    fn unreadable_names_are_refused() {
        for (text, why) in [
            ("", UserNameError::Empty),
            (" bob", UserNameError::Space),
            ("bob  b", UserNameError::Space),
            ("bob\u{202e}", UserNameError::Character),
            ("bo\u{200b}b", UserNameError::Character),
            ("a@b", UserNameError::Character),
            (&*"x".repeat(65), UserNameError::TooLong),
        ] {
            assert_eq!(text.parse::<UserName>(), Err(why), "{text:?}");
        }
        assert_eq!(name("x86_64-linux-a4f2").as_str(), "x86_64-linux-a4f2");
        assert_eq!(name("田中 美咲").as_str(), "田中 美咲");
    }
}

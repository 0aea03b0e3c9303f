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
/// and [`looks`](Self::looks) for "could be mistaken for".
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
        folded(&self.0)
    }

    /// What the name looks like (Unicode TS 39, 4), in lower case: once as people type it, folded
    /// before, and once as it is spelled, for a capital `I` looks like `l` only while it is one.
    ///
    /// Names that share any of these look alike: a coordinator gives each to one account only.
    pub fn looks(&self) -> [String; 2] {
        let spelled: String = self.0.nfkc().collect();
        [look(&self.folded()), look(&spelled)]
    }
}

fn look(text: &str) -> String {
    let skeleton: String = unicode_security::skeleton(text).collect();
    folded(&skeleton)
}

/// NFKC, lower case.
fn folded(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).collect::<String>().nfkc().collect()
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
    fn lookalikes_share_a_look() {
        let alike = |one: &str, other: &str| {
            let other = name(other).looks();
            name(one).looks().iter().any(|look| other.contains(look))
        };
        for (one, other) in [
            ("alice", "Alice"),
            ("alice", "аlice"),          // Cyrillic а
            ("paypal", "paypa\u{217c}"), // Roman numeral fifty
            ("alice", "aIice"),          // capital i
            ("ALICE", "aIice"),
            ("ALICE", "ALlCE"), // small L
            ("BOB", "B0B"),
            ("BOB", "b0b"),
            ("bob", "B0B"),
            ("BOB", "ВОВ"), // Cyrillic
            ("BOB", "ΒΟΒ"), // Greek
            ("Ian", "lan"),
            ("IAN", "lAN"),
            ("Liz", "Iiz"),
            ("Mary", "rnary"),
        ] {
            assert!(alike(one, other) && alike(other, one), "{one} {other}");
        }
        for (one, other) in
            [("alice", "alina"), ("Lia", "Ila"), ("BOB", "ROB"), ("anna", "hanna"), ("ali", "all")]
        {
            assert!(!alike(one, other), "{one} {other}");
        }
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

//! Who may fetch what.

use std::collections::HashSet;

use landline_protocol::UserName;

/// Who may fetch a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone who can prove to be somebody at the coordinator.
    Everyone,
    /// These people, with any of their devices.
    Users(Vec<UserName>),
}

/// An audience ready to be asked.
pub(crate) enum Folded {
    Everyone,
    Users(HashSet<String>),
}

impl Folded {
    pub(crate) fn admits(&self, user: &UserName) -> bool {
        match self {
            Self::Everyone => true,
            Self::Users(users) => users.contains(&user.folded()),
        }
    }
}

impl From<Audience> for Folded {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Everyone => Self::Everyone,
            Audience::Users(users) => Self::Users(users.iter().map(UserName::folded).collect()),
        }
    }
}

//! Which screen is shown. A pure choice.

use landline_peer::api::{Line, Snapshot};

use crate::bridge::Stage;
use crate::views::refused::{self, Stop};

/// The screens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    /// Opening the profile.
    Starting,
    /// It cannot be opened.
    Failed(String),
    /// A changed key.
    Stop(Stop),
    /// Signing in by itself.
    Connecting,
    /// The form; with a way back if somebody is signed in.
    SignIn {
        /// Whether there is a way back.
        back: bool,
    },
    /// People and conversations.
    Main,
}

/// The screen for a stage. `asked`: the form was asked for; `busy`: it was sent and not answered.
pub(crate) fn screen(stage: &Stage, asked: bool, busy: bool) -> Screen {
    let snapshot: &Snapshot = match stage {
        Stage::Starting => return Screen::Starting,
        Stage::Failed(text) => return Screen::Failed(text.clone()),
        Stage::Running(snapshot) => snapshot,
    };
    if let Some(stop) = refused::stop(snapshot) {
        return Screen::Stop(stop);
    }
    match (&snapshot.me, &snapshot.line) {
        (None, Line::Connecting | Line::Connected { .. } | Line::Waiting { .. }) if !busy => {
            Screen::Connecting
        }
        (None, _) | (Some(_), Line::SignedOut) => Screen::SignIn { back: false },
        (Some(_), _) if asked => Screen::SignIn { back: true },
        (Some(_), _) => Screen::Main,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bridge::fake;

    fn of(change: impl FnOnce(&mut Snapshot), asked: bool, busy: bool) -> Screen {
        let mut snapshot = fake::busy();
        change(&mut snapshot);
        screen(&Stage::Running(Arc::new(snapshot)), asked, busy)
    }

    #[test]
    fn every_state_has_its_screen() {
        assert_eq!(screen(&Stage::Starting, false, false), Screen::Starting);
        assert_eq!(of(|_| {}, false, false), Screen::Main);
        assert_eq!(of(|_| {}, true, false), Screen::SignIn { back: true });
        let out = |s: &mut Snapshot| (s.me, s.line) = (None, Line::SignedOut);
        assert_eq!(of(out, false, false), Screen::SignIn { back: false });
        let dialling = |s: &mut Snapshot| (s.me, s.line) = (None, Line::Connecting);
        assert_eq!(of(dialling, false, false), Screen::Connecting, "the next start signs in by itself");
        assert_eq!(
            of(dialling, false, true),
            Screen::SignIn { back: false },
            "the form stays while it is sent"
        );
        assert!(
            matches!(of(|s| *s = fake::refused(), true, false), Screen::Stop(_)),
            "there is no way around it"
        );
    }
}

//! Bugs for the campaigns that must find them (`cargo xtask soak NAME --plant BUG`): built in with the
//! feature `plant` alone, and there only when the environment names one.

use std::sync::LazyLock;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Pieces are admitted without the check.
    Unverified,
    /// After a restart a piece of which there is anything counts as whole.
    PrefixCounts,
    /// Nobody passes on what it has.
    Selfish,
}

static PLANTED: LazyLock<Option<Bug>> =
    LazyLock::new(|| match std::env::var("LANDLINE_PLANT").ok()?.as_str() {
        "unverified" => Some(Bug::Unverified),
        "prefix-counts" => Some(Bug::PrefixCounts),
        "selfish" => Some(Bug::Selfish),
        _ => None,
    });

/// Whether this process has the bug.
pub(crate) fn has(bug: Bug) -> bool {
    *PLANTED == Some(bug)
}

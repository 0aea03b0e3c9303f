//! What all transfers come to.

use landline_peer::api::{RecipientState, Snapshot, TransferState, TransferView};

use crate::views::format;

/// What all transfers come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Transfers whose bytes move or wait.
    pub(crate) active: usize,
    /// Bytes a second inwards.
    pub(crate) down: u64,
    /// Bytes a second outwards.
    pub(crate) up: u64,
}

/// What is going on, for the panel's and the status line's figures.
pub(crate) fn summary(snapshot: &Snapshot) -> Summary {
    let mut sum = Summary::default();
    for transfer in snapshot.transfers.values().filter(|transfer| is_current(transfer)) {
        sum.active += 1;
        let rate = transfer.rate.unwrap_or(0);
        if transfer.outgoing { sum.up += rate } else { sum.down += rate }
    }
    sum
}

/// Whether a transfer belongs in the panel: bytes move, are about to, or wait to.
pub(crate) fn is_current(transfer: &TransferView) -> bool {
    use TransferState as S;
    let fetching = transfer.recipients.iter().any(|one| one.state == RecipientState::Fetching);
    match transfer.state {
        S::Offered => transfer.outgoing && fetching,
        S::Done | S::Declined | S::Cancelled { .. } | S::Failed(_) => false,
        S::Hashing
        | S::Queued(_)
        | S::QueuedThere(_)
        | S::Connecting
        | S::Checking
        | S::Active
        | S::Finishing
        | S::Paused
        | S::Waiting(_)
        | S::Conflict(_) => true,
    }
}

/// `↓ 112 MiB/s  ↑ 31 MiB/s`, for the status line; empty when nothing moves.
pub(crate) fn speeds(summary: &Summary) -> String {
    let part = |arrow: &str, rate: u64| (rate > 0).then(|| format!("{arrow} {}", format::rate(rate)));
    let parts = [part("↓", summary.down), part("↑", summary.up)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("   ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::fake;

    #[test]
    fn the_summary_counts_what_moves_or_waits() {
        let sum = summary(&fake::busy());
        assert_eq!(sum.active, 3);
        assert!(sum.down > 0 && sum.up > 0, "{sum:?}");
        assert_eq!(summary(&fake::alone()), Summary::default());
    }
}

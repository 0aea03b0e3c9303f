//! What may come twice without a kill: the plan lets two sources bring the same piece when nothing else
//! is left to ask for, so that none holds the end.

const PIECE: u64 = 1 << 20;
/// What a connection has read of more than it needed, when it is stopped: what is in hand, and what is
/// ready behind it (`net/src/client.rs`).
const READ_AHEAD: u64 = 2 * 128 * 1024;
/// The longest run that is asked for at once, in pieces (`fetch/pace.rs`).
const LONGEST: u64 = 64;
/// Of what is free, a run is this part at most, divided by how many sources there are (`plan/choice.rs`).
const SHARE: u64 = 4;
/// While there is only one, so many pieces are one run in any case.
const SHORT: u64 = 4;
/// How many runs one source has at a time while it is the only one (`fetch/worker.rs`).
const CONNECTIONS: u64 = 2;

/// What may befall a download since its receiver began last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Troubles {
    /// How many sources were killed.
    pub(super) killed: usize,
    /// How many pieces were torn: each stops the connection that completes it.
    pub(super) torn: u64,
}

/// The most that may come twice of so many bytes from so many sources.
///
/// Two that bring the same run from both ends meet at one piece, of which one copy is in vain; whoever
/// lost is stopped there. A duplicate is half of what its owner has before it, so that after each
/// meeting half of the run is left at most. Long runs are those of a source that was the only one, the
/// others have one each; and all of that once more when a source was killed and what it had to bring is
/// given out anew.
pub(super) fn most_twice(size: u64, sources: usize, troubles: Troubles) -> u64 {
    let stopped = troubles.torn * READ_AHEAD;
    if sources < 2 {
        return stopped; // nobody brings what is asked of itself already
    }
    let (sources, killed, pieces) = (sources as u64, troubles.killed as u64, size / PIECE);
    let long = meetings((pieces / SHARE).clamp(SHORT, LONGEST));
    let usual = meetings((pieces / SHARE / sources).clamp(1, LONGEST));
    let meetings = (1 + killed) * (CONNECTIONS * long + (sources - 1) * usual);
    // Where two met, the piece is here, unless one was killed there.
    let copies = (meetings * PIECE).min(size + killed * size.min(PIECE));
    copies + meetings * size.min(READ_AHEAD) + stopped
}

/// How often two meet in a run of so many pieces, each time in half of what was left. The last stands
/// for whatever is less than a piece of a folder.
fn meetings(run: u64) -> u64 {
    u64::from(run.next_power_of_two().ilog2()) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_size_may_come_twice() {
        let most = |mib: u64, sources, killed| {
            most_twice(mib * PIECE, sources, Troubles { killed, torn: 0 }) / PIECE
        };
        for sources in 1..=4 {
            assert!(most(32, sources, 0) < 18, "{sources} sources");
            assert!(most(190, sources, 1) < 80, "{sources} sources");
            assert!(most(1900, sources, 6) < 310, "{sources} sources");
        }
        assert_eq!(most(1900, 1, 6), 0);
        assert_eq!(most_twice(1900 * PIECE, 1, Troubles { killed: 0, torn: 2 }), 2 * READ_AHEAD);
    }
}

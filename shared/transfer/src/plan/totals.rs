//! How much of a download is in which state.

/// Where a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// With nobody on it.
    Missing,
    /// Perhaps on disk from earlier, and looked at: nobody is to bring it meanwhile.
    InDoubt,
    /// Under way from one source.
    Taken,
    /// Under way from two.
    Doubled,
    /// On disk, not proven.
    Provisional,
    /// On disk, proven.
    Verified,
}

impl State {
    pub(super) fn is_here(self) -> bool {
        matches!(self, Self::Provisional | Self::Verified)
    }

    /// Of a piece that is not here, by how many undertook to bring it.
    pub(super) fn under_way(times: usize) -> Self {
        match times {
            0 => Self::Missing,
            1 => Self::Taken,
            _ => Self::Doubled,
        }
    }

    /// One more undertakes to bring it.
    pub(super) fn begun(self) -> Self {
        match self {
            Self::Missing => Self::Taken,
            Self::Taken => Self::Doubled,
            other => other,
        }
    }

    /// One of those who undertook to bring it did not.
    pub(super) fn given_up(self) -> Self {
        match self {
            Self::Doubled => Self::Taken,
            Self::Taken => Self::Missing,
            other => other,
        }
    }
}

/// What a piece counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) wanted: bool,
    pub(super) state: State,
}

impl Mark {
    pub(super) fn is_free(self) -> bool {
        self.wanted && self.state == State::Missing
    }

    pub(super) fn is_here(self) -> bool {
        self.wanted && self.state.is_here()
    }

    pub(super) fn is_verified(self) -> bool {
        self.wanted && self.state == State::Verified
    }

    pub(super) fn is_in_doubt(self) -> bool {
        self.wanted && self.state == State::InDoubt
    }
}

/// Some pieces together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) pieces: usize,
    pub(super) bytes: u64,
}

impl Amount {
    fn shift(&mut self, was: bool, is: bool, bytes: u64) {
        match (was, is) {
            (false, true) => *self = Self { pieces: self.pieces + 1, bytes: self.bytes + bytes },
            (true, false) => *self = Self { pieces: self.pieces - 1, bytes: self.bytes - bytes },
            _ => {}
        }
    }
}

/// The wanted pieces, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) wanted: Amount,
    pub(super) free: Amount,
    pub(super) here: Amount,
    pub(super) verified: Amount,
    pub(super) in_doubt: Amount,
}

impl Totals {
    /// A piece of so many bytes changes.
    pub(super) fn change(&mut self, was: Mark, is: Mark, bytes: u64) {
        self.wanted.shift(was.wanted, is.wanted, bytes);
        self.free.shift(was.is_free(), is.is_free(), bytes);
        self.here.shift(was.is_here(), is.is_here(), bytes);
        self.verified.shift(was.is_verified(), is.is_verified(), bytes);
        self.in_doubt.shift(was.is_in_doubt(), is.is_in_doubt(), bytes);
    }
}

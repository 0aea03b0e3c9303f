//! Which files of a content are wanted, and how many of them are complete.

use crate::layout::Layout;

/// The files of one content.
#[derive(Debug)]
pub(super) struct Files {
    wanted: Vec<bool>,
    /// Pieces to come, for each wanted file.
    left: Vec<u32>,
    wanted_count: u64,
    complete: u64,
}

impl Files {
    /// All of them, with nothing here.
    pub(super) fn all(layout: &Layout) -> Self {
        let mut files =
            Self { wanted: vec![true; layout.files().len()], left: Vec::new(), wanted_count: 0, complete: 0 };
        files.count(layout, |_| false);
        files
    }

    /// From now on only those among them that are flagged. `is_here` tells of pieces.
    pub(super) fn narrow(&mut self, flags: &[bool], layout: &Layout, is_here: impl Fn(usize) -> bool) {
        for (file, wanted) in self.wanted.iter_mut().enumerate() {
            *wanted &= flags.get(file).copied().unwrap_or(false);
        }
        self.count(layout, is_here);
    }

    /// One more piece of a file is here.
    pub(super) fn came(&mut self, file: usize) {
        if let Some(left) = self.left.get_mut(file).filter(|left| **left > 0) {
            *left -= 1;
            self.complete += u64::from(*left == 0);
        }
    }

    /// One flag for each file.
    pub(super) fn wanted(&self) -> &[bool] {
        &self.wanted
    }

    /// How many are wanted, and how many of these are complete.
    pub(super) fn tally(&self) -> (u64, u64) {
        (self.wanted_count, self.complete)
    }

    fn count(&mut self, layout: &Layout, is_here: impl Fn(usize) -> bool) {
        let left = |(file, is_wanted): (usize, &bool)| {
            let missing = || layout.pieces_of(file).filter(|piece| !is_here(*piece)).count();
            if *is_wanted { u32::try_from(missing()).unwrap_or(u32::MAX) } else { 0 }
        };
        self.left = self.wanted.iter().enumerate().map(left).collect();
        let wanted = self.wanted.iter().zip(&self.left).filter(|(wanted, _)| **wanted);
        (self.wanted_count, self.complete) =
            wanted.fold((0, 0), |(all, done), (_, left)| (all + 1, done + u64::from(*left == 0)));
    }
}

#[cfg(test)]
mod tests {
    use landline_protocol::limits::PIECE_BYTES;

    use super::*;

    #[test]
    fn an_empty_file_is_complete_and_one_that_is_not_wanted_does_not_count() {
        let layout = Layout::of([0, 5, 2 * PIECE_BYTES, 9]);
        let mut files = Files::all(&layout);
        assert_eq!(files.tally(), (4, 1));
        files.came(2);
        assert_eq!(files.tally(), (4, 1));
        files.came(2);
        files.came(2);
        assert_eq!(files.tally(), (4, 2), "and none is complete twice");
        files.narrow(&[true, true, false, true], &layout, |piece| piece == 3);
        assert_eq!((files.tally(), files.wanted()), ((3, 2), &[true, true, false, true][..]));
        files.came(1);
        assert_eq!(files.tally(), (3, 3));
    }
}

//! What a source is asked for next.

use landline_protocol::limits::PIECE_BYTES;

use super::book::Book;
use super::source::Class;
use super::totals::State;
use crate::layout::Run;

/// A connection is given this share of what is free at most, so that the last runs are short and all
/// connections end together.
const SHARE_OF_REST: u64 = 4;
/// The shortest run worth a request of its own while only one source is known, in bytes.
const SHORT_RUN: u64 = 4 * PIECE_BYTES;

/// Pieces that nobody undertook to bring.
pub(super) fn free(book: &mut Book, who: usize, most_bytes: u64) -> Option<Run> {
    let best = book.sources[who].best()?;
    let is_alone = book.sources.len() == 1 && !book.sources[who].gives_to_others();
    if is_alone { in_order(book, most_bytes) } else { rarest(book, who, best, most_bytes) }
}

/// With nobody else to go by, and nobody else fetching: the first, and what follows it.
fn in_order(book: &mut Book, most_bytes: u64) -> Option<Run> {
    let first = book.stock.first_of(&book.wanted, book.from)?;
    book.from = first;
    let has = &book.sources[0].has;
    let first = book.stock.first_of(has, first)?;
    let share = (book.totals.free.bytes / SHARE_OF_REST).max(SHORT_RUN);
    let follows = |piece| book.stock.is_free(piece) && has.get(piece);
    Some(forward(book, first, most_bytes.min(share), follows))
}

/// Any of the best, and its neighbours as long as they are no worse.
fn rarest(book: &mut Book, who: usize, class: Class, most_bytes: u64) -> Option<Run> {
    let source = &book.sources[who];
    let like = |piece: usize| source.has.get(piece) && source.given.get(piece) == class.given;
    let drawn = book.stock.draw(class.holders, like)?;
    let share = book.totals.free.bytes / (SHARE_OF_REST * book.sources.len() as u64);
    let most = most_bytes.min(share.max(PIECE_BYTES));
    let stock = &book.stock;
    let as_good = |piece| stock.is_free(piece) && stock.holders(piece) == class.holders && like(piece);
    // No gap is left that is too short for a run.
    let first = begin_of_stretch(book, drawn, most, as_good).unwrap_or(drawn);
    Some(forward(book, first, most, as_good))
}

/// Pieces that a slower source was asked for. Only when all that any source has is asked for: before,
/// there is something better to do, soon if not now.
pub(super) fn duplicate(book: &mut Book, who: usize, most_bytes: u64) -> Option<Run> {
    if book.totals.free.pieces > book.stock.unobtainable() {
        return None;
    }
    let states = &book.states;
    book.tasks.advance(|piece| states[piece].is_here());
    let source = &book.sources[who];
    let eligible =
        |piece: usize| states[piece] == State::Taken && book.wanted.get(piece) && source.has.get(piece);
    let others = book.tasks.iter().filter(|open| open.source != source.id);
    let lasts = others.filter_map(|open| {
        let last = (open.next..open.end()).rfind(|piece| eligible(*piece))?;
        let before = book.layout.bytes(Run { first: open.next, count: last + 1 - open.next });
        let pace = book.sources.iter().find(|known| known.id == open.source).map_or(0, |known| known.pace);
        Some((before as f64 / pace.max(1) as f64, last, before))
    });
    let (_, last, before) = lasts.max_by(|one, two| one.0.total_cmp(&two.0))?;
    // Half of what its owner still has before it, so that both end together; and nothing of others.
    Some(backward(book, last, most_bytes.min(before / 2), eligible))
}

/// From `first` on, as far as pieces will do; `most` bytes, but one piece at least.
fn forward(book: &Book, first: usize, most: u64, will_do: impl Fn(usize) -> bool) -> Run {
    let mut bytes = 0;
    let rest = Run { first, count: book.pieces() - first };
    let fitting = book.layout.pieces_in(rest).zip(first..).take_while(|(piece, number)| {
        bytes += piece.len as u64;
        *number == first || (bytes <= most && will_do(*number))
    });
    Run { first, count: fitting.count() }
}

/// The other way round: up to `last`.
fn backward(book: &Book, last: usize, most: u64, will_do: impl Fn(usize) -> bool) -> Run {
    let mut bytes = book.layout.len_of(last) as u64;
    let before = (0..last).rev().take_while(|number| {
        bytes += book.layout.len_of(*number) as u64;
        bytes <= most && will_do(*number)
    });
    let count = before.count();
    Run { first: last - count, count: count + 1 }
}

/// Where the stretch around a piece begins, if a run from there reaches the piece.
fn begin_of_stretch(book: &Book, drawn: usize, most: u64, will_do: impl Fn(usize) -> bool) -> Option<usize> {
    let near = backward(book, drawn, most, &will_do);
    let goes_on = near.first.checked_sub(1).is_some_and(will_do);
    (!goes_on).then_some(near.first)
}

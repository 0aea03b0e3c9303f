//! Answers with content that is not what it says.

use super::super::answer::{Answer, Step, chunk};
use super::{Asked, Lie, Make};
use crate::random::Random;

/// All that fit a range of content.
pub(super) const ALL: &[Make] = &[
    flip,
    flip,
    flip,
    noise,
    zeros,
    turned,
    pieces_swapped,
    other_range,
    other_range,
    all_for_a_part,
    multipart,
    shorter,
    longer,
    other_coding,
    plain_as_zstd,
    torn_zstd,
    cut_zstd,
    wrong_zstd,
    bomb,
    wide_window,
    frames_after,
    poison,
];

const PIECE: u64 = 1 << 20;
/// From so many bytes on, what came of a piece is written down (`fetch/bring.rs`).
const STEP: usize = 64 * 1024;
/// What a bomb unpacks to.
const BOMB: usize = 64 << 20;

/// After how many bytes of the body somebody has a whole piece with this byte in it, and knows that all
/// of it came from here; `None` where that is not said.
fn judged(asked: &Asked, len: usize, at: usize) -> Option<usize> {
    let Asked::Content { start, is_folder: false, .. } = *asked else { return None };
    let byte = start + at as u64;
    let piece = byte - byte % PIECE;
    // What came before may have been here already.
    let end = usize::try_from(piece + PIECE - start).unwrap_or(len).min(len);
    (piece >= start).then_some(end)
}

/// A body that is wrong from this byte on.
fn wrong(what: &'static str, asked: &Asked, answer: &Answer, at: usize) -> Lie {
    let head = answer.head().len();
    let lie = Lie::sent(what, answer.raw(), head + at + 1);
    match judged(asked, answer.body.len(), at) {
        Some(end) => lie.proven_at(head + end),
        None => lie,
    }
}

/// A body that may differ from what it was.
fn changed(what: &'static str, asked: &Asked, mut answer: Answer, body: Vec<u8>) -> Option<Lie> {
    let at = answer.body.iter().zip(&body).position(|(one, other)| one != other)?;
    answer.body = body;
    Some(wrong(what, asked, &answer, at))
}

fn flip(asked: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    let at = random.below(answer.body.len());
    *answer.body.get_mut(at)? ^= 1 << random.below(8);
    Some(wrong("a flipped bit of content", asked, &answer, at))
}

fn noise(asked: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut body = answer.body.clone();
    random.fill(&mut body);
    changed("other content", asked, answer, body)
}

fn zeros(asked: &Asked, answer: Answer, _: &mut Random) -> Option<Lie> {
    let body = vec![0; answer.body.len()];
    changed("zeros", asked, answer, body)
}

fn turned(asked: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut body = answer.body.clone();
    let by = random.below(body.len());
    body.rotate_left(by);
    changed("swapped halves", asked, answer, body)
}

fn pieces_swapped(asked: &Asked, answer: Answer, _: &mut Random) -> Option<Lie> {
    let piece = usize::try_from(PIECE).ok()?;
    let mut body = answer.body.clone();
    let (first, rest) = body.split_at_mut_checked(piece)?;
    let len = first.len().min(rest.len());
    first[..len].swap_with_slice(&mut rest[..len]);
    changed("swapped pieces", asked, answer, body)
}

fn other_range(asked: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    let Asked::Content { start, end, .. } = *asked else { return None };
    let (_, right) = answer.headers.iter().find(|(name, _)| name == "content-range")?.clone();
    let total: u64 = right.rsplit_once('/')?.1.parse().ok()?;
    let last = end - 1;
    let claims = [
        format!("bytes {}-{}/{total}", start + 1, last + 1),
        format!("bytes {}-{last}/{total}", start.saturating_sub(1)),
        format!("bytes {start}-{}/{total}", last + PIECE),
        format!("bytes {start}-{last}/{}", total + 1),
        format!("bytes {start}-{last}/*"),
        format!("bytes {last}-{start}/{total}"),
        format!("pieces {start}-{last}/{total}"),
        "bytes".to_owned(),
        format!("bytes 0{start}-{last}/{total}"),
        format!("bytes -{start}-{last}/{total}"),
        String::new(),
    ];
    match random.below(claims.len() + 1) {
        n if n < claims.len() => answer.set("content-range", &claims[n]),
        _ => answer.remove("content-range"),
    }
    if answer.headers.iter().any(|(name, said)| name == "content-range" && *said == right) {
        return None;
    }
    let head = answer.head().len();
    Some(Lie::sent("a wrong Content-Range", answer.raw(), head).plain())
}

fn all_for_a_part(_: &Asked, mut answer: Answer, _: &mut Random) -> Option<Lie> {
    answer.status = 200;
    let head = answer.head().len();
    Some(Lie::sent("200 for 206", answer.raw(), head).plain())
}

fn multipart(_: &Asked, mut answer: Answer, _: &mut Random) -> Option<Lie> {
    answer.remove("content-range");
    answer.set("content-type", "multipart/byteranges; boundary=b");
    let begin = b"--b\r\ncontent-range: bytes 0-0/1\r\n\r\n".to_vec();
    answer.body = [begin, answer.body].concat();
    answer.measure();
    let head = answer.head().len();
    Some(Lie::sent("many ranges for one", answer.raw(), head).plain())
}

fn shorter(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    answer.body.truncate(random.below(answer.body.len()));
    answer.measure();
    Some(Lie::whole("fewer bytes than the range", &answer))
}

fn longer(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut raw = answer.chunked_head();
    raw.extend(chunk(&answer.body));
    let strikes_at = raw.len();
    let mut junk = vec![0; 1 + random.below(STEP)];
    random.fill(&mut junk);
    raw.extend(chunk(&junk));
    raw.extend_from_slice(b"0\r\n\r\n");
    Some(Lie::sent("more bytes than the range", raw, strikes_at))
}

fn other_coding(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    let codings = ["gzip", "br", "zstd, zstd", "ZSTD;q=1", "deflate", "\u{7f}"];
    answer.set("content-encoding", codings[random.below(5)]);
    let head = answer.head().len();
    Some(Lie::sent("a coding nobody asked for", answer.raw(), head).plain())
}

/// The same, compressed: `body` is what is sent.
fn packed(mut answer: Answer, body: Vec<u8>) -> Answer {
    answer.set("content-encoding", "zstd");
    answer.body = body;
    answer.measure();
    answer
}

fn zstd(bytes: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::compress(bytes, 1).ok()
}

fn plain_as_zstd(_: &Asked, mut answer: Answer, _: &mut Random) -> Option<Lie> {
    answer.set("content-encoding", "zstd");
    Some(Lie::whole("plain bytes as zstd", &answer))
}

fn torn_zstd(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut body = zstd(&answer.body)?;
    let at = random.below(body.len());
    body[at] ^= 1 << random.below(8);
    let answer = packed(answer, body);
    let head = answer.head().len();
    Some(Lie::sent("a flipped bit of zstd", answer.raw(), head + at + 1))
}

fn cut_zstd(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut body = zstd(&answer.body)?;
    body.truncate(random.below(body.len()));
    Some(Lie::whole("cut zstd", &packed(answer, body)))
}

fn wrong_zstd(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut other = answer.body.clone();
    random.fill(&mut other);
    let body = zstd(&other)?;
    Some(Lie::whole("other content as zstd", &packed(answer, body)))
}

/// Unpacks to much more than was asked for.
fn bomb(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    if !random.percent(30) {
        return None; // it takes time to make one
    }
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).ok()?;
    std::io::Write::write_all(&mut encoder, &answer.body).ok()?;
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), BOMB as u64), &mut encoder).ok()?;
    let body = encoder.finish().ok()?;
    Some(Lie::whole("a zstd bomb", &packed(answer, body)))
}

/// Asks for much memory to be unpacked.
fn wide_window(_: &Asked, answer: Answer, _: &mut Random) -> Option<Lie> {
    // A frame whose header claims a window of 2^31 bytes, and a block (RFC 8878, 3.1.1).
    let mut body = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x10];
    body.extend_from_slice(&answer.body);
    Some(Lie::whole("a gigantic zstd window", &packed(answer, body)))
}

fn frames_after(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut body = zstd(&answer.body)?;
    for _ in 0..=random.below(50) {
        // Empty ones, which nobody sees, and skippable ones, which nobody looks at (RFC 8878, 3.1.2).
        body.extend(zstd(&[])?);
        body.extend_from_slice(&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);
    }
    if random.percent(50) {
        body.extend(zstd(b"and some more")?);
    }
    Some(Lie::whole("more zstd frames", &packed(answer, body)))
}

/// Enough of a piece to be written down, wrong, and then an end: whoever brings the rest must not be
/// blamed, nor misled.
pub(super) fn poison(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    let len = answer.body.len();
    if len < STEP + 1 {
        return None;
    }
    random.fill(&mut answer.body);
    let head = answer.head().len();
    let mut raw = answer.raw();
    raw.truncate(head + STEP + random.below(len - STEP));
    Some(Lie::sent("a poisoned beginning", raw, head + STEP).then(Step::Close))
}

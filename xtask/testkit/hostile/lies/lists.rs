//! Answers with lists that are not what they say: hashes, what is in a folder, what there is to fetch.

use data_encoding::BASE64;

use super::super::answer::{Answer, Step, chunk};
use super::{Asked, Lie, Make};
use crate::random::Random;

/// All that fit a list of hashes.
pub(super) const TREE: &[Make] = &[flip, noise, drop_one, add_one, reversed, repeated, empty];
/// All that fit what is in a folder.
pub(super) const MANIFEST: &[Make] = &[flip, noise, drop_one, other_total, vast_total, shifted, cut_short];
/// All that fit what there is to fetch.
pub(super) const HAVE: &[Make] = &[nonsense, bad_maps, too_long, nested, claims, claims, endless];

/// Bytes of one hash.
const HASH: usize = 32;
/// The largest manifest that the protocol allows.
const MANIFEST_BYTES: usize = 256 << 20;

/// A list that is wrong: whoever has read all of it knows.
fn wrong(what: &'static str, mut answer: Answer, body: Vec<u8>) -> Option<Lie> {
    if body == answer.body {
        return None;
    }
    // Its range, if it is one, is said rightly.
    if let Some((_, range)) = answer.headers.iter_mut().find(|(name, _)| name == "content-range") {
        *range = format!("bytes 0-{}/{}", body.len().max(1) - 1, body.len());
    }
    answer.body = body;
    answer.measure();
    let is_empty_part = answer.status == 206 && answer.body.is_empty();
    (!is_empty_part).then(|| Lie::whole(what, &answer).plain())
}

fn flip(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut body = answer.body.clone();
    let at = random.below(body.len());
    *body.get_mut(at)? ^= 1 << random.below(8);
    wrong("a flipped bit of a list", answer, body)
}

fn noise(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut body = answer.body.clone();
    random.fill(&mut body);
    wrong("another list", answer, body)
}

fn drop_one(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let keep = answer.body.len().checked_sub(if random.percent(50) { HASH } else { 1 })?;
    let body = answer.body[..keep].to_vec();
    wrong("a shorter list", answer, body)
}

fn add_one(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let body = [&answer.body[..], &[7; HASH][..=random.below(HASH - 1)]].concat();
    // It is cut off where it is longer than any list may be.
    Some(Lie { proven_at: None, ..wrong("a longer list", answer, body)? })
}

fn reversed(_: &Asked, answer: Answer, _: &mut Random) -> Option<Lie> {
    let body = answer.body.chunks(HASH).rev().flatten().copied().collect();
    wrong("a list backwards", answer, body)
}

fn repeated(_: &Asked, answer: Answer, _: &mut Random) -> Option<Lie> {
    let count = answer.body.len() / HASH;
    let body = answer.body.get(..HASH)?.repeat(count);
    wrong("one hash for all", answer, body)
}

fn empty(_: &Asked, answer: Answer, _: &mut Random) -> Option<Lie> {
    wrong("an empty list", answer, Vec::new())
}

fn other_total(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    let len = answer.body.len() as u64;
    let last = len.checked_sub(1)?;
    let totals = [0, 1, last, len + 1, u64::MAX, MANIFEST_BYTES as u64 + 1];
    let total = totals[random.below(totals.len())];
    answer.set("content-range", &format!("bytes 0-{last}/{total}"));
    Some(Lie::whole("a manifest of another length", &answer))
}

/// Says that it is as long as one may be, and has whatever is asked for.
fn vast_total(asked: &Asked, mut answer: Answer, _: &mut Random) -> Option<Lie> {
    let Asked::Manifest { start, end } = *asked else { return None };
    answer.set("content-range", &format!("bytes {start}-{}/{MANIFEST_BYTES}", end - 1));
    answer.body = vec![0; usize::try_from(end - start).ok()?];
    answer.measure();
    Some(Lie::whole("a vast manifest", &answer).plain())
}

fn shifted(_: &Asked, mut answer: Answer, _: &mut Random) -> Option<Lie> {
    let len = answer.body.len();
    answer.set("content-range", &format!("bytes 1-{len}/{}", len + 1));
    Some(Lie::sent("another part of a manifest", answer.raw(), answer.head().len()).plain())
}

fn cut_short(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    answer.body.truncate(random.below(answer.body.len()));
    answer.measure();
    Some(Lie::whole("less of a manifest than the range", &answer))
}

fn said(what: &'static str, mut answer: Answer, text: impl Into<Vec<u8>>) -> Lie {
    answer.body = text.into();
    answer.measure();
    Lie::whole(what, &answer)
}

fn nonsense(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let texts = [
        "",
        "null",
        "[]",
        "{",
        "{}",
        "\"complete\"",
        "{\"complete\":1}",
        "{\"complete\":\"yes\"}",
        "\u{feff}{\"complete\":true}",
        "{\"complete\":false,\"map\":17}",
        "{\"complete\":true,\"complete\":false}",
        "1e999999999",
        "{\"map\":null}",
    ];
    let text = texts[random.below(texts.len())];
    Some(said("nonsense for what it has", answer, text).plain())
}

fn bad_maps(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let maps = ["!!!!", "AAA", "A===", "/w==\\n", "\\u0000\\u0000", "____", "AB=="];
    let map = maps[random.below(maps.len())];
    let name = ["map", "given"][random.below(2)];
    let text = format!("{{\"complete\":false,\"{name}\":\"{map}\"}}");
    Some(said("a map that is not base64", answer, text).plain())
}

/// Longer than the answer may be, by little or by much; or as long as it may be at most.
fn too_long(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let len = usize::try_from(random.log_uniform(64, 3 << 20)).ok()?;
    let map = BASE64.encode(&vec![0xff; len]);
    Some(said("a map that is too long", answer, format!("{{\"complete\":false,\"map\":\"{map}\"}}")))
}

fn nested(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let opening = ["[", "{\"map\":"][random.below(2)];
    let text = opening.repeat(1 + random.below(150));
    Some(said("deep JSON", answer, text).plain())
}

/// Well said, and not true: what is asked for then is refused, or was not there to have.
fn claims(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let ones = BASE64.encode(&[0xff; 3]);
    let texts = [
        "{\"complete\":true}".to_owned(),
        "{\"complete\":false}".to_owned(),
        format!("{{\"complete\":false,\"map\":\"{ones}\"}}"),
        format!("{{\"complete\":true,\"map\":\"\",\"given\":\"{ones}\"}}"),
        format!("{{\"complete\":true,\"given\":\"{ones}\"}}"),
        "{\"complete\":false,\"map\":\"AA==\"}".to_owned(),
        "{\"complete\":false,\"map\":\"AQ==\",\"more\":[1,2,{\"x\":null}]}".to_owned(),
    ];
    Some(said("a false claim of what it has", answer, texts[random.below(texts.len())].as_str()))
}

fn endless(_: &Asked, answer: Answer, _: &mut Random) -> Option<Lie> {
    let raw = answer.chunked_head();
    let strikes_at = raw.len() + 1;
    let steps = vec![Step::Send(raw), Step::Forever(chunk(&[b' '; 4096]))];
    Some(Lie { what: "endless space for what it has", steps, strikes_at, proven_at: None })
}

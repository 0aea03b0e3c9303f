//! Answers that are bad as HTTP, whatever they are about; and refusals.

use std::time::Duration;

use super::super::answer::{Answer, Step, chunk};
use super::{Asked, Lie, Make};
use crate::random::Random;

/// All that fit any answer.
pub(super) const ALL: &[Make] = &[
    |_, answer, random| Some(flip(&answer, random)),
    |_, answer, random| Some(flip(&answer, random)),
    cut,
    cut,
    stall,
    drip,
    more,
    twice,
    wrong_length,
    two_lengths,
    bad_chunks,
    chunk_extensions,
    endless_trailers,
    cut_without_length,
    not_http,
    other_version,
    redirect,
    interim,
    endless_interim,
    switching,
    large_header,
    many_headers,
    endless_head,
    endless_body,
    declared_endless,
    nothing,
    |_, _, random| Some(refusal(random)),
    |_, _, random| Some(refusal(random)),
];

/// Where a redirect leads; nobody must go there.
pub(crate) const TRAP: &str = "/trap";
/// Bytes sent again and again.
const BLOCK: usize = 64 * 1024;

/// One bit, anywhere.
pub(super) fn flip(answer: &Answer, random: &mut Random) -> Lie {
    let mut raw = answer.raw();
    let at = random.below(raw.len());
    raw[at] ^= 1 << random.below(8);
    Lie::sent("a flipped bit", raw, at + 1)
}

fn cut(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut raw = answer.raw();
    raw.truncate(random.below(raw.len()));
    let len = raw.len();
    Some(Lie::sent("closed at any byte", raw, len).then(Step::Close))
}

fn stall(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    // Each takes as long as the patience of whoever listens.
    if !random.percent(25) {
        return None;
    }
    let mut raw = answer.raw();
    raw.truncate(random.below(raw.len()));
    let len = raw.len();
    Some(Lie::sent("silence from any byte on", raw, len).then(Step::Silence))
}

fn drip(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    if !random.percent(50) {
        return None;
    }
    let raw = answer.raw();
    let steps = random.between(5, 60);
    let at_a_time = raw.len() / usize::try_from(steps).unwrap_or(1) + 1;
    let pause = Duration::from_millis(random.between(5, 40));
    let steps = vec![Step::Slowly(raw, at_a_time, pause)];
    Some(Lie { what: "a drip", steps, strikes_at: 1, proven_at: None })
}

fn more(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut raw = answer.raw();
    let end = raw.len();
    let mut junk = vec![0; random.below(BLOCK) + 1];
    random.fill(&mut junk);
    raw.extend(junk);
    Some(Lie::sent("bytes after the end", raw, end))
}

fn twice(_: &Asked, answer: Answer, _: &mut Random) -> Option<Lie> {
    let raw = answer.raw();
    let end = raw.len();
    Some(Lie::sent("an answer nobody asked for", [raw.clone(), raw].concat(), end))
}

fn wrong_length(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    let len = answer.body.len();
    let claims = [
        (len + 1 + random.below(BLOCK)).to_string(),
        len.saturating_sub(1 + random.below(BLOCK)).to_string(),
        u64::MAX.to_string(),
        "99999999999999999999999".to_owned(),
        "-1".to_owned(),
        "0x10".to_owned(),
        String::new(),
        format!("{len}, {}", len + 1),
    ];
    answer.set("content-length", &claims[random.below(claims.len())]);
    let lie = Lie::whole("a wrong Content-Length", &answer);
    Some(if random.percent(80) { lie.then(Step::Close) } else { lie })
}

fn two_lengths(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    if random.percent(50) {
        answer.headers.push(("content-length".to_owned(), "7".to_owned()));
    } else {
        answer.headers.push(("transfer-encoding".to_owned(), "chunked".to_owned()));
    }
    Some(Lie::whole("two lengths", &answer).then(Step::Close))
}

fn bad_chunks(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let mut raw = answer.chunked_head();
    let half = answer.body.len() / 2;
    raw.extend(chunk(&answer.body[..half]));
    let bad: [&[u8]; 6] = [
        b"FFFFFFFFFFFFFFFFF\r\n",
        b"-5\r\nhello\r\n",
        b"zz\r\n",
        b"5\r\nhellooo\r\n",
        b"\r\n\r\n",
        b"ffffffffffffffff\r\nx",
    ];
    raw.extend_from_slice(bad[random.below(bad.len())]);
    let len = raw.len();
    Some(Lie::sent("broken chunks", raw, len).then(Step::Close))
}

fn chunk_extensions(_: &Asked, answer: Answer, _: &mut Random) -> Option<Lie> {
    let mut raw = answer.chunked_head();
    raw.extend_from_slice(b"5;");
    let (strikes_at, steps) = (raw.len() + BLOCK, vec![Step::Send(raw), Step::Forever(vec![b'x'; BLOCK])]);
    Some(Lie { what: "an endless chunk extension", steps, strikes_at, proven_at: None })
}

fn endless_trailers(_: &Asked, answer: Answer, _: &mut Random) -> Option<Lie> {
    let mut raw = answer.chunked_head();
    raw.extend(chunk(&answer.body));
    raw.extend_from_slice(b"0\r\n");
    let (strikes_at, filler) = (raw.len() + 1, b"x-filler: and so on\r\n".repeat(1000));
    let steps = vec![Step::Send(raw), Step::Forever(filler)];
    Some(Lie { what: "endless trailers", steps, strikes_at, proven_at: None })
}

fn cut_without_length(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    answer.remove("content-length");
    answer.set("connection", "close");
    let mut raw = answer.raw();
    raw.truncate(answer.head().len() + random.below(answer.body.len()));
    let len = raw.len();
    Some(Lie::sent("no length, and cut", raw, len).then(Step::Close))
}

fn not_http(_: &Asked, _: Answer, random: &mut Random) -> Option<Lie> {
    let mut junk = vec![0; 1 + random.below(4096)];
    random.fill(&mut junk);
    let texts: [&[u8]; 5] = [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"220 ready\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        &junk,
    ];
    let text = texts[random.below(texts.len())].to_vec();
    let len = text.len();
    Some(Lie::sent("no HTTP", text, len).then(Step::Close))
}

fn other_version(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let versions: [&[u8]; 4] = [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"ICY     "];
    let mut raw = answer.raw();
    raw[..8].copy_from_slice(versions[random.below(versions.len())]);
    Some(Lie::sent("another version", raw, 8))
}

fn redirect(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    let statuses = [300, 301, 302, 303, 307, 308];
    answer.status = statuses[random.below(statuses.len())];
    answer.set("location", TRAP);
    Some(Lie::whole("a redirect", &answer))
}

fn interim(_: &Asked, answer: Answer, random: &mut Random) -> Option<Lie> {
    let one: [&[u8]; 3] = [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: </trap>\r\n\r\n",
        b"HTTP/1.1 199 Soon\r\nx: y\r\n\r\n",
    ];
    let count = usize::try_from(random.log_uniform(1, 5_000)).unwrap_or(1);
    let flood = one[random.below(one.len())].repeat(count);
    let strikes_at = flood.len();
    Some(Lie::sent("interim answers", [flood, answer.raw()].concat(), strikes_at))
}

fn endless_interim(_: &Asked, _: Answer, random: &mut Random) -> Option<Lie> {
    if !random.percent(10) {
        return None;
    }
    // Slowly: as fast as it goes, it would be a test of patience for whoever runs this.
    let flood = b"HTTP/1.1 102 Processing\r\n\r\n".repeat(50);
    let steps = vec![Step::Slowly(flood.repeat(200), flood.len(), Duration::from_millis(5)), Step::Close];
    Some(Lie { what: "a flood of interim answers", steps, strikes_at: flood.len(), proven_at: None })
}

fn switching(_: &Asked, mut answer: Answer, _: &mut Random) -> Option<Lie> {
    answer.status = 101;
    answer.set("upgrade", "landline-dial-back");
    answer.set("connection", "upgrade");
    Some(Lie::whole("another protocol", &answer))
}

fn large_header(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    let len = usize::try_from(random.log_uniform(8 << 10, 2 << 20)).unwrap_or(BLOCK);
    answer.headers.insert(0, ("x-large".to_owned(), "y".repeat(len)));
    Some(Lie::sent("a gigantic header", answer.raw(), 8 << 10))
}

fn many_headers(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    let count = random.log_uniform(90, 20_000);
    answer.headers.splice(0..0, (0..count).map(|number| (format!("x-{number}"), "y".to_owned())));
    Some(Lie::sent("many headers", answer.raw(), 512))
}

fn endless_head(_: &Asked, _: Answer, _: &mut Random) -> Option<Lie> {
    let begin = b"HTTP/1.1 206 Said\r\n".to_vec();
    let filler = b"x-filler: and so on and so on\r\n".repeat(1000);
    let steps = vec![Step::Send(begin), Step::Forever(filler)];
    Some(Lie { what: "an endless head", steps, strikes_at: 4096, proven_at: None })
}

fn endless_body(_: &Asked, answer: Answer, _: &mut Random) -> Option<Lie> {
    let mut raw = answer.chunked_head();
    raw.extend(chunk(&answer.body));
    let strikes_at = raw.len();
    let steps = vec![Step::Send(raw), Step::Forever(chunk(&[b' '; BLOCK]))];
    Some(Lie { what: "an endless body", steps, strikes_at, proven_at: None })
}

fn declared_endless(_: &Asked, mut answer: Answer, _: &mut Random) -> Option<Lie> {
    answer.set("content-length", &(u64::MAX / 4).to_string());
    let raw = answer.raw();
    let strikes_at = raw.len();
    let steps = vec![Step::Send(raw), Step::Forever(vec![b' '; BLOCK])];
    Some(Lie { what: "an endless body that says so", steps, strikes_at, proven_at: None })
}

fn nothing(_: &Asked, mut answer: Answer, random: &mut Random) -> Option<Lie> {
    let statuses = [200, 201, 204, 205, 206, 304];
    answer.status = statuses[random.below(statuses.len())];
    answer.body.clear();
    answer.measure();
    Some(Lie::whole("an empty answer", &answer))
}

/// A refusal of any kind, in words that may make sense.
pub(super) fn refusal(random: &mut Random) -> Lie {
    let statuses =
        [400, 401, 403, 404, 405, 409, 410, 412, 413, 416, 418, 429, 451, 500, 502, 503, 507, 599, 999];
    let codes = [
        "not_found",
        "changed",
        "gone",
        "too_many_requests",
        "bad_request",
        "forbidden",
        "internal",
        "unauthenticated",
        "token_expired",
        "shutting_down",
        "version_unsupported",
        "no_such_code",
    ];
    let text = [
        "Later.".to_owned(),
        "\u{1b}[2J\u{202e}\r\nnot yours".escape_default().to_string(),
        "long ".repeat(random.below(20_000)),
    ];
    let details = [
        String::new(),
        ",\"details\":{\"retry_after_ms\":0}".to_owned(),
        ",\"details\":{\"retry_after_ms\":18446744073709551615,\"ahead\":4294967295}".to_owned(),
        ",\"details\":{\"retry_after_ms\":-1}".to_owned(),
        format!(",\"details\":{{\"retry_after_ms\":{},\"ahead\":3}}", random.below(300)),
    ];
    let body = if random.percent(20) {
        "[".repeat(random.below(50_000))
    } else {
        format!(
            "{{\"code\":\"{}\",\"message\":\"{}\"{}}}",
            codes[random.below(codes.len())],
            text[random.below(text.len())].replace('\\', "\\\\"),
            details[random.below(details.len())]
        )
    };
    let mut answer = Answer::new(statuses[random.below(statuses.len())], body);
    answer.set("content-type", "application/json");
    answer.set("retry-after", "99999999999");
    Lie::whole("a refusal", &answer)
}

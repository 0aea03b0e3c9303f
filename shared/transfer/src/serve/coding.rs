//! Whether content is worth compressing, and compressing it (zstd, RFC 8878) as it goes.

use std::time::Instant;

use bytes::Bytes;
use hyper::header::{ACCEPT_ENCODING, HeaderMap};
use zstd::stream::raw::{self, InBuffer, Operation, OutBuffer};
use zstd::zstd_safe::compress_bound;

/// The content coding as headers name it.
pub(super) const ZSTD: &str = "zstd";
/// Less is not worth a thought.
pub(super) const LEAST_BYTES: u64 = 64 * 1024;
/// How much is compressed to see.
pub(super) const SAMPLE_BYTES: usize = 128 * 1024;
/// The fastest level.
const LEVEL: i32 = 1;
/// What compresses less than to this part counts as compressed already.
const RATIO: f64 = 0.9;
/// Compressing must make it faster by more than a measurement may be wrong.
const GAIN: f64 = 0.85;
/// No processor compresses faster than so many bytes a second: above, there is nothing to sample for.
const FASTEST: f64 = 2e9;

/// Whether the other side takes zstd (RFC 9110, 12.5.3). A weight of 0 refuses; others are alike.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        name.trim().eq_ignore_ascii_case(ZSTD) && weight.trim().parse::<f32>().is_ok_and(|q| q > 0.0)
    })
}

/// Whether a sample could show that it is worth it, to someone who takes bytes at this rate. Unknown
/// rates are found out plain.
pub(super) fn may_be_worth(rate: Option<f64>) -> bool {
    rate.is_some_and(|rate| rate > 0.0 && rate < FASTEST)
}

/// What compressing some of a content showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// What was left, as a part of what was there.
    ratio: f64,
    /// Bytes compressed in a second.
    speed: f64,
}

impl Sample {
    /// Compresses it; `None` when that fails.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let mut space = vec![0; compress_bound(bytes.len())];
        let began = Instant::now();
        let len = zstd::bulk::compress_to_buffer(bytes, &mut space, LEVEL).ok()?;
        let seconds = began.elapsed().as_secs_f64().max(1e-6);
        Some(Self { ratio: len as f64 / bytes.len().max(1) as f64, speed: bytes.len() as f64 / seconds })
    }

    /// Whether it is not compressed already.
    pub(super) fn compresses(&self) -> bool {
        self.ratio < RATIO
    }

    /// Whether content like this arrives sooner when compressed. Compressing and sending go on at the
    /// same time as far as buffers between them allow, so the slower counts whole and the faster a
    /// quarter.
    pub(super) fn is_worth(&self, rate: Option<f64>) -> bool {
        let Some(rate) = rate.filter(|rate| *rate > 0.0) else {
            return false;
        };
        let (plain, sending, compressing) = (1.0 / rate, self.ratio / rate, 1.0 / self.speed);
        let coded = sending.max(compressing) + sending.min(compressing) / 4.0;
        self.compresses() && coded < plain * GAIN
    }
}

/// Compresses one response. Holds about a megabyte, whatever goes through it.
pub(super) struct Encoder {
    raw: raw::Encoder<'static>,
}

impl Encoder {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { raw: raw::Encoder::new(LEVEL)? })
    }

    /// Compresses some more, `is_last` or not. What comes out may be nothing before the last.
    pub(super) fn encode(&mut self, bytes: &[u8], is_last: bool) -> std::io::Result<Bytes> {
        let mut out = Vec::with_capacity(compress_bound(bytes.len()) + 1024);
        let mut input = InBuffer::around(bytes);
        while input.pos() < bytes.len() {
            let mut space = room(&mut out);
            self.raw.run(&mut input, &mut space)?;
        }
        if is_last {
            while self.raw.finish(&mut room(&mut out), true)? > 0 {}
        }
        Ok(out.into())
    }
}

/// The free end of a buffer, made longer when there is none.
fn room(out: &mut Vec<u8>) -> OutBuffer<'_, Vec<u8>> {
    if out.len() == out.capacity() {
        out.reserve(64 * 1024);
    }
    let at = out.len();
    OutBuffer::around_pos(out, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_ENCODING, value.parse().unwrap());
        }
        is_accepted(&headers)
    }

    #[test]
    fn zstd_must_be_asked_for() {
        for yes in [&["zstd"][..], &["gzip, ZSTD"], &["gzip", "br;q=1.0, zstd;q=0.1"], &["zstd ; q=1"]] {
            assert!(accepts(yes), "{yes:?}");
        }
        for no in [&[][..], &["gzip"], &["zstd;q=0"], &["*"], &["zstd;q=0.0"], &["zstdx"], &["zstd;q=x"]] {
            assert!(!accepts(no), "{no:?}");
        }
    }

    #[test]
    fn it_is_worth_it_on_slow_lines_and_for_what_compresses() {
        let text = Sample { ratio: 0.4, speed: 400e6 };
        let video = Sample { ratio: 0.99, speed: 900e6 };
        for (sample, rate, worth) in [
            (text, None, false),
            (text, Some(1e6), true),
            (text, Some(12e6), true),
            (text, Some(117e6), true),
            (text, Some(400e6), false),
            (text, Some(2e9), false),
            (video, Some(1e6), false),
            (Sample { ratio: 0.85, speed: 400e6 }, Some(117e6), false),
            (Sample { ratio: 0.01, speed: 20e6 }, Some(117e6), false),
        ] {
            assert_eq!(sample.is_worth(rate), worth, "{sample:?} {rate:?}");
        }
        assert!(!may_be_worth(None) && !may_be_worth(Some(3e9)) && may_be_worth(Some(1e8)));
    }

    #[test]
    fn samples_tell_text_from_noise() {
        let text = "All happy families are alike. ".repeat(4_000);
        assert!(Sample::of(text.as_bytes()).unwrap().compresses());
        let mut noise = vec![0; SAMPLE_BYTES];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        assert!(!Sample::of(&noise).unwrap().compresses());
    }

    #[test]
    fn what_is_encoded_in_steps_is_decoded_whole() {
        let mut noise = vec![0; 700_000];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        let text: Vec<u8> = (0u32..100_000).flat_map(u32::to_le_bytes).collect();
        for content in [&noise[..], &text, b"x"] {
            for step in [1_000, 524_288, 1_000_000] {
                let (mut encoder, mut out) = (Encoder::new().unwrap(), Vec::new());
                let mut chunks = content.chunks(step).peekable();
                while let Some(chunk) = chunks.next() {
                    out.extend(encoder.encode(chunk, chunks.peek().is_none()).unwrap());
                }
                assert_eq!(zstd::stream::decode_all(&out[..]).unwrap(), content);
            }
        }
    }
}

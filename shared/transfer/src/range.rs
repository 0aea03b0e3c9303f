//! Range requests (RFC 9110, 14): which bytes a request asks for.
//!
//! One range only. Several ranges, or anything malformed, are ignored as RFC 9110, 14.2 allows, so
//! that no header makes the server work for more than one slice.

/// A slice of a file: from `start` up to, not including, `end`. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl Slice {
    /// Bytes.
    pub const fn len(self) -> u64 {
        self.end - self.start
    }

    /// Whether there is nothing in it; a parsed slice never is.
    pub const fn is_empty(self) -> bool {
        self.end == self.start
    }

    /// The `Range` header that asks for this slice.
    pub fn to_request(self) -> String {
        format!("bytes={}-{}", self.start, self.end.saturating_sub(1))
    }

    /// The `Content-Range` header that goes with it (RFC 9110, 14.4).
    pub fn to_response(self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.start, self.end.saturating_sub(1))
    }
}

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// 200: all of it; no range was asked for, or the header is to be ignored.
    Whole,
    /// 206: this slice.
    Part(Slice),
    /// 416: it begins beyond the end.
    Unsatisfiable,
}

/// Reads the value of a `Range` header for a file of `size` bytes.
pub fn select(header: Option<&str>, size: u64) -> Selection {
    let Some(spec) = header.and_then(byte_ranges) else {
        return Selection::Whole;
    };
    let Some((first, last)) = spec.trim_matches([' ', '\t']).split_once('-') else {
        return Selection::Whole;
    };
    match (number(first), number(last)) {
        (Some(start), Some(end)) if start <= end => part(start, end.saturating_add(1), size),
        (Some(start), None) if last.is_empty() => part(start, u64::MAX, size),
        (None, Some(count)) if first.is_empty() => suffix(count, size),
        _ => Selection::Whole,
    }
}

/// What follows `bytes=`; range units are compared without case (RFC 9110, 14.1).
fn byte_ranges(header: &str) -> Option<&str> {
    let (unit, spec) = header.split_once('=')?;
    unit.eq_ignore_ascii_case("bytes").then_some(spec)
}

/// Digits only: no sign, no space. More than fits is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

fn part(start: u64, end: u64, size: u64) -> Selection {
    if start >= size {
        return Selection::Unsatisfiable;
    }
    Selection::Part(Slice { start, end: end.min(size) })
}

/// The last `count` bytes. Of an empty file that is all of it, which no 206 could express.
fn suffix(count: u64, size: u64) -> Selection {
    match (count, size) {
        (0, _) => Selection::Unsatisfiable,
        (_, 0) => Selection::Whole,
        _ => Selection::Part(Slice { start: size.saturating_sub(count), end: size }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slice(start: u64, end: u64) -> Selection {
        Selection::Part(Slice { start, end })
    }

    #[test]
    fn the_forms_of_rfc_9110() {
        for (header, size, expected) in [
            ("bytes=0-0", 10, slice(0, 1)),
            ("bytes=0-9", 10, slice(0, 10)),
            ("bytes=3-", 10, slice(3, 10)),
            ("bytes=-4", 10, slice(6, 10)),
            ("bytes=-400", 10, slice(0, 10)),
            ("bytes=5-400", 10, slice(5, 10)),
            ("BYTES=5-6", 10, slice(5, 7)),
            ("bytes= 5-6", 10, slice(5, 7)),
            ("bytes=5-99999999999999999999999", 10, slice(5, 10)),
            ("bytes=10-", 10, Selection::Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Selection::Unsatisfiable),
            ("bytes=-0", 10, Selection::Unsatisfiable),
            ("bytes=0-", 0, Selection::Unsatisfiable),
            ("bytes=-5", 0, Selection::Whole),
        ] {
            assert_eq!(select(Some(header), size), expected, "{header}");
        }
    }

    #[test]
    fn several_ranges_and_nonsense_are_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1 -2",
            "bytes=6-5",
            "bytes=0-1,3-4",
            "bytes=0-1,",
            "bytes=0--1",
            "items=0-1",
            "bytes 0-1",
            "bytes=0x1-2",
            "bytes=1-2-3",
        ] {
            assert_eq!(select(Some(header), 10), Selection::Whole, "{header:?}");
        }
        assert_eq!(select(None, 10), Selection::Whole);
    }

    proptest! {
        #[test]
        fn no_header_reaches_outside_the_file(header in "(bytes=)?[0-9,\\- ]{0,24}", size: u64) {
            if let Selection::Part(slice) = select(Some(&header), size) {
                prop_assert!(slice.start < slice.end && slice.end <= size);
            }
        }

        #[test]
        fn what_is_asked_is_what_is_read(start in 0u64..1 << 40, len in 1u64..1 << 40, more in 0u64..9) {
            let slice = Slice { start, end: start + len };
            let size = slice.end + more;
            prop_assert_eq!(select(Some(&slice.to_request()), size), Selection::Part(slice));
        }

        #[test]
        fn any_text_at_all(header: String, size: u64) {
            let _ = select(Some(&header), size);
        }
    }
}

//! File names: what may be written, how a refused one is respelled, and how any is shown.
//!
//! One rule on every operating system, so that a name accepted here can be passed on anywhere.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The longest file name, in bytes of UTF-8. What Linux file systems allow.
pub const MAX_NAME_BYTES: usize = 255;

/// One path component that is safe to create on Linux, Windows and macOS.
///
/// Not empty, `.` or `..`; no `/`, `\`, NUL or control character; none of the characters
/// Windows forbids (a colon opens a stream there); not a Windows device name; no dot or space at
/// the end; at most 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct FileName(String);

/// Why a file name was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or `.` or `..`.
    #[error("is empty or means a folder")]
    NotAName,
    /// A separator, a control character, or one that Windows forbids.
    #[error("contains a character that is not allowed in file names")]
    Character,
    /// `CON`, `NUL`, `COM1` and the like, with or without an ending.
    #[error("is a device name on Windows")]
    Reserved,
    /// A dot or a space at the end, which Windows drops.
    #[error("ends with a dot or a space")]
    Ending,
    /// More than [`MAX_NAME_BYTES`].
    #[error("is longer than 255 bytes")]
    TooLong,
}

impl FileName {
    /// Accepts a name that is safe as it stands.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text == "." || text == ".." {
            return Err(NameError::NotAName);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong);
        }
        if text.chars().any(is_forbidden) {
            return Err(NameError::Character);
        }
        if text.ends_with(['.', ' ']) {
            return Err(NameError::Ending);
        }
        if is_reserved(text) {
            return Err(NameError::Reserved);
        }
        Ok(Self(text.to_owned()))
    }

    /// The safe spelling of any text: forbidden characters become `_`, the rest stays.
    pub fn sanitized(text: &str) -> Self {
        let replaced: String = text.chars().map(|c| if is_forbidden(c) { '_' } else { c }).collect();
        let trimmed = replaced.trim_end_matches(['.', ' ']);
        let base = if trimmed.is_empty() { "_" } else { trimmed };
        let named = if is_reserved(base) { format!("_{base}") } else { base.to_owned() };
        Self(shortened(&named, MAX_NAME_BYTES))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `name (2).ext`: the spelling to try when `name.ext` is taken, for `n` from 1.
    #[must_use]
    pub fn numbered(&self, n: u32) -> Self {
        let (stem, ending) = split_ending(&self.0);
        let mark = format!(" ({n}){ending}");
        Self(format!("{}{mark}", shortened(stem, MAX_NAME_BYTES - mark.len())))
    }

    /// Names with one key would be one file somewhere: NFC, lower case.
    pub fn collision_key(&self) -> String {
        self.0.nfc().flat_map(char::to_lowercase).collect::<String>().nfc().collect()
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file name as somebody else wrote it: to be shown escaped and stored respelled, never used
/// as a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OfferedName(String);

impl OfferedName {
    /// Takes any text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as it came. For comparing and for sending on, not for opening.
    pub fn as_raw(&self) -> &str {
        &self.0
    }

    /// The name to store it under, and whether that differs from what was offered.
    pub fn to_file_name(&self) -> (FileName, bool) {
        match FileName::parse(&self.0) {
            Ok(name) => (name, false),
            Err(_) => (FileName::sanitized(&self.0), true),
        }
    }
}

impl fmt::Display for OfferedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0))
    }
}

/// Text of unknown origin made safe for a terminal or a label: control, bidi and invisible
/// characters appear as `\u{…}`.
pub fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if is_unprintable(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
        out
    })
}

/// Characters that move the cursor, change direction, or cannot be seen.
///
/// The zero-width joiner and the variation selectors are let through: emoji are made of them.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200c}' | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

fn is_forbidden(c: char) -> bool {
    is_unprintable(c) || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

/// Windows device names, which no ending makes harmless.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let Some(port) = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT")) else {
        return false;
    };
    let mut digits = port.chars();
    matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
}

/// Splits `report.tar` into `report` and `.tar`; a leading dot is part of the stem.
fn split_ending(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= 16 => name.split_at(dot),
        _ => (name, ""),
    }
}

/// Cuts the stem, never the ending and never inside a character.
fn shortened(name: &str, max: usize) -> String {
    if name.len() <= max {
        return name.to_owned();
    }
    let (stem, ending) = split_ending(name);
    let room = stem.floor_char_boundary(max.saturating_sub(ending.len()).min(stem.len()));
    format!("{}{ending}", stem[..room].trim_end_matches(['.', ' ']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dangerous_names_are_refused_and_respelled() {
        for (raw, why, safe) in [
            ("", NameError::NotAName, "_"),
            ("..", NameError::NotAName, "_"),
            ("../etc/passwd", NameError::Character, ".._etc_passwd"),
            ("/etc/passwd", NameError::Character, "_etc_passwd"),
            ("a\\b", NameError::Character, "a_b"),
            ("nul\0", NameError::Character, "nul_"),
            ("a:stream", NameError::Character, "a_stream"),
            ("con.txt", NameError::Reserved, "_con.txt"),
            ("COM1", NameError::Reserved, "_COM1"),
            ("end.", NameError::Ending, "end"),
            ("\u{1b}[31mred", NameError::Character, "_[31mred"),
            ("txt.\u{202e}gpj", NameError::Character, "txt._gpj"),
        ] {
            assert_eq!(FileName::parse(raw), Err(why), "{raw:?}");
            assert_eq!(FileName::sanitized(raw).as_str(), safe, "{raw:?}");
        }
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for raw in ["отчёт 2026 (финал) 😀.pdf", ".bashrc", "a.tar.gz", "👩‍💻.png", "communal", "COMET.txt"]
        {
            assert_eq!(OfferedName::new(raw).to_file_name(), (FileName(raw.into()), false));
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_before_its_ending() {
        let name = FileName::parse("report.pdf").unwrap();
        assert_eq!(name.numbered(1).as_str(), "report (1).pdf");
        let long = FileName::parse(&format!("{}.pdf", "й".repeat(125))).unwrap();
        assert!(long.numbered(12).as_str().ends_with(" (12).pdf"));
        assert!(long.numbered(12).as_str().len() <= MAX_NAME_BYTES);
    }

    proptest! {
        #[test]
        fn every_respelling_is_itself_safe(raw in any::<String>(), n in 1u32..9999) {
            let safe = FileName::sanitized(&raw);
            prop_assert_eq!(FileName::parse(safe.as_str()), Ok(safe.clone()));
            let numbered = safe.numbered(n);
            prop_assert_eq!(FileName::parse(numbered.as_str()), Ok(numbered.clone()));
        }

        #[test]
        fn printable_text_moves_no_cursor(raw in any::<String>()) {
            prop_assert!(!printable(&raw).chars().any(is_unprintable));
        }
    }
}

//! The tables of PROTOCOL.md against the code: routes, headers, limits, error codes and domain tags.
//! Each is compared both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use landline_protocol::{ErrorCode, limits};
use serde_json::Value;

use super::Complaint;
use super::document::Section;

/// What everything here is about.
pub(super) const DOCUMENT: &str = "PROTOCOL.md";

/// Every limit with its value as compiled.
macro_rules! limits {
    ($($name:ident)*) => { [$((stringify!($name), limits::$name.to_string())),*] };
}

/// Something about the document that has to be put right.
pub(super) fn complaint(line: usize, what: String) -> Complaint {
    Complaint::new(Path::new(DOCUMENT), line, what)
}

/// Every route of the accounts stands in its table.
pub(super) fn routes(source: &str, sections: &BTreeMap<String, Section>) -> Vec<Complaint> {
    let constants = constants(source).into_iter().map(|(_, path)| path);
    let expected = constants.chain(["/".to_owned()]).collect();
    compare_names(&expected, sections, "Accounts over HTTP")
}

/// Every path of the file server stands in its table.
pub(super) fn paths(paths: &BTreeSet<String>, sections: &BTreeMap<String, Section>) -> Vec<Complaint> {
    compare_names(paths, sections, "Between peers")
}

/// Every header and upgrade token of ours stands in its table.
pub(super) fn headers(source: &str, sections: &BTreeMap<String, Section>) -> Vec<Complaint> {
    let ours = constants(source)
        .into_iter()
        .filter(|(name, _)| name.ends_with("_HEADER") || name.ends_with("_PROTOCOL"))
        .map(|(_, value)| value);
    compare_names(&ours.collect(), sections, "Headers")
}

/// Every tag that sets a hash or signature apart is said somewhere.
pub(super) fn domains(source: &str, text: &str) -> Vec<Complaint> {
    let tags =
        source.split('"').filter(|part| part.starts_with("landline 2026 ") || part.ends_with(" v1\\0"));
    tags.map(|tag| tag.trim_end_matches("\\0"))
        .filter(|tag| !text.contains(&format!("`{tag}`")))
        .map(|tag| {
            complaint(0, format!("nothing is said about `{tag}`, which hashes or signatures begin with"))
        })
        .collect()
}

/// Every limit stands in its table, with its value as compiled.
pub(super) fn limits(source: &str, sections: &BTreeMap<String, Section>) -> Vec<Complaint> {
    let compiled = limits!(FRAME_BYTES ENVELOPE_BYTES TEXT_BYTES PAGE_BYTES PAGE_MESSAGES ACCOUNT_BODY_BYTES
        QUEUE_MESSAGES QUEUE_BYTES ADDRESSES DEVICE_NAME_BYTES PASSWORD_MIN_CHARS PASSWORD_MAX_BYTES
        PIECE_BYTES ACCESS_TOKEN_SECS TLS_HANDSHAKE_SECS HTTP_HEADER_SECS CONTENT_PASS_SECS HOLDERS HELD_OFFERS
        DIAL_BACKS_PER_MINUTE MANIFEST_BYTES PATH_COMPONENTS);
    let values: BTreeMap<&str, &str> = compiled.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let declared = constants(source).into_iter().map(|(name, _)| name);
    let unlisted = declared.filter(|name| !values.contains_key(name.as_str())).map(|name| {
        complaint(0, format!("the limit {name} is new: add it to xtask/src/tidy/tables.rs and to the table"))
    });
    unlisted.chain(compare_table(&values, sections, "Limits")).collect()
}

/// Every error code stands in its table, with its HTTP status.
pub(super) fn codes(source: &str, sections: &BTreeMap<String, Section>) -> Vec<Complaint> {
    let status = |code: &String| {
        let parsed: ErrorCode =
            serde_json::from_value(Value::String(code.clone())).unwrap_or(ErrorCode::Unknown);
        parsed.http_status().to_string()
    };
    let declared = variants(source, "ErrorCode");
    let codes: Vec<(&String, String)> = declared.iter().map(|code| (code, status(code))).collect();
    let values = codes
        .iter()
        .filter(|(code, _)| *code != "unknown")
        .map(|(code, status)| (code.as_str(), status.as_str()))
        .collect();
    compare_table(&values, sections, "Error codes")
}

/// The first column of a section's table must be exactly these names.
fn compare_names(
    expected: &BTreeSet<String>,
    sections: &BTreeMap<String, Section>,
    title: &str,
) -> Vec<Complaint> {
    let Some(section) = sections.get(title) else {
        return vec![complaint(0, format!("the section `{title}` is gone"))];
    };
    let documented: BTreeSet<&str> = section.rows.iter().filter_map(|row| row.name()).collect();
    let missing = expected
        .iter()
        .filter(|name| !documented.contains(name.as_str()))
        .map(|name| complaint(section.line, format!("`{name}` is missing from the table")));
    let named = section.rows.iter().map(|row| (row.line, row.name().unwrap_or_default()));
    let surplus = named
        .filter(|(_, name)| !expected.contains(*name))
        .map(|(line, name)| complaint(line, format!("`{name}` is not in the code: drop the row")));
    missing.chain(surplus).collect()
}

/// The first two columns of a section's table must be exactly these names and values.
fn compare_table(
    expected: &BTreeMap<&str, &str>,
    sections: &BTreeMap<String, Section>,
    title: &str,
) -> Vec<Complaint> {
    let Some(section) = sections.get(title) else {
        return vec![complaint(0, format!("the section `{title}` is gone"))];
    };
    let mut complaints = Vec::new();
    for row in &section.rows {
        let name = row.name().unwrap_or_default();
        let says = row.cells.get(1).map_or("", String::as_str);
        match expected.get(name) {
            None => {
                complaints.push(complaint(row.line, format!("`{name}` is not in the code: drop the row")));
            }
            Some(value) if *value != says => {
                complaints.push(complaint(row.line, format!("`{name}` is {value} in the code, not {says}")));
            }
            Some(_) => {}
        }
    }
    let documented: BTreeSet<&str> = section.rows.iter().filter_map(|row| row.name()).collect();
    let missing = expected.keys().filter(|name| !documented.contains(*name));
    complaints
        .extend(missing.map(|name| complaint(section.line, format!("`{name}` is missing from the table"))));
    complaints
}

/// The variants of a plain enum in `snake_case`, as serde writes them.
fn variants(source: &str, name: &str) -> Vec<String> {
    let opening = format!("pub enum {name} {{");
    source
        .lines()
        .skip_while(|line| *line != opening)
        .skip(1)
        .take_while(|line| *line != "}")
        .filter_map(|line| line.trim().strip_suffix(','))
        .filter(|name| name.chars().all(char::is_alphanumeric))
        .map(snake_case)
        .collect()
}

fn snake_case(name: &str) -> String {
    name.char_indices().fold(String::new(), |mut out, (index, c)| {
        if c.is_uppercase() && index > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
        out
    })
}

/// `pub const NAME: … = …;`: the name, and the text after the `=`.
fn constants(source: &str) -> Vec<(String, String)> {
    let read = |line: &str| {
        let rest = line.strip_prefix("pub const ")?;
        let (name, value) = (rest.split_once(':')?.0, rest.split_once("= ")?.1);
        Some((name.to_owned(), value.trim_end_matches(';').trim_matches('"').to_owned()))
    };
    source.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::document::sections;

    #[test]
    fn tables_of_values_are_compared_both_ways() {
        let document = "## Limits\n| l | v |\n|---|---|\n| `A` | 1 |\n| `B` | 2 |\n";
        let expected = BTreeMap::from([("A", "1"), ("C", "3")]);
        assert_eq!(compare_table(&expected, &sections(document), "Limits").len(), 2);
        let expected = BTreeMap::from([("A", "7"), ("B", "2")]);
        assert_eq!(compare_table(&expected, &sections(document), "Limits").len(), 1);
    }

    #[test]
    fn names_are_read_from_the_sources() {
        let source = "pub enum ErrorCode {\n    /// Doc, with a comma,\n    BadRequest,\n    #[serde(other)]\n    Unknown,\n}\n";
        assert_eq!(variants(source, "ErrorCode"), ["bad_request", "unknown"]);
        assert_eq!(
            constants("pub const A: &str = \"/a\";\npub const B: u8 = 1;"),
            [("A".to_owned(), "/a".to_owned()), ("B".to_owned(), "1".to_owned())]
        );
    }

    #[test]
    fn tables_of_names_are_compared_both_ways() {
        let document = "## Headers\n| h |\n|---|\n| `a` |\n| `b` |\n";
        let source = "pub const A_HEADER: &str = \"a\";\npub const C_PROTOCOL: &str = \"c\";\npub const D: &str = \"d\";";
        let found = headers(source, &sections(document));
        assert_eq!(found.len(), 2, "b is too much, c is missing");
        assert_eq!(headers(source, &sections("")).len(), 1);
    }

    #[test]
    fn tags_have_to_be_said() {
        let source = r#"b"landline one v1\0" x "landline 2026 two" "landline three""#;
        assert_eq!(domains(source, "`landline one v1` and `landline 2026 two`").len(), 0);
        assert_eq!(domains(source, "landline one v1").len(), 2);
    }
}

//! PROTOCOL.md against the types: every message, field, route, limit and error code is documented
//! under its own name, and nothing is documented that is not there.
//!
//! Messages and fields come from the goldens, which the protocol crate's tests hold to the types.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use landline_protocol::{ErrorCode, limits};
use serde_json::Value;

use super::Complaint;
use super::document::{Section, quoted, sections};

const DOCUMENT: &str = "PROTOCOL.md";
const SOURCES: &str = "shared/protocol/src";
const GOLDENS: &str = "shared/protocol/tests/goldens";

/// Every limit with its value as compiled.
macro_rules! limits {
    ($($name:ident)*) => { [$((stringify!($name), limits::$name.to_string())),*] };
}

/// A message as its goldens show it: for each field, the values it has in them.
type Fields = BTreeMap<String, Vec<Value>>;

/// Checks the document of the checkout at `top`.
pub(super) fn check(top: &Path) -> Result<Vec<Complaint>> {
    let text = std::fs::read_to_string(top.join(DOCUMENT)).context(DOCUMENT)?;
    let source = |name: &str| {
        let path = format!("{SOURCES}/{name}.rs");
        std::fs::read_to_string(top.join(&path)).context(path)
    };
    let sections = sections(&text);
    let messages = goldens(&top.join(GOLDENS))?;
    let mut complaints = missing_and_surplus(&messages, &sections);
    for (name, fields) in &messages {
        if let Some(section) = sections.get(name) {
            complaints.extend(compare_fields(name, fields, section, &messages));
        }
    }
    let routes = constants(&source("account")?);
    complaints.extend(compare_routes(&routes, &source("account")?, &sections));
    complaints.extend(compare_limits(&constants(&source("limits")?), &sections));
    complaints.extend(compare_codes(&variants(&source("error")?, "ErrorCode"), &sections));
    Ok(complaints)
}

fn complaint(line: usize, what: String) -> Complaint {
    Complaint::new(Path::new(DOCUMENT), line, what)
}

/// Reads `family.message[.form].json` into the fields of `family.message`.
fn goldens(folder: &Path) -> Result<BTreeMap<String, Fields>> {
    let mut messages: BTreeMap<String, Fields> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).context("the goldens")? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = stem.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
        let value: Value = serde_json::from_slice(&std::fs::read(&path)?).context(stem)?;
        let fields = messages.entry(name).or_default();
        if let Value::Object(object) = value {
            for (field, value) in object {
                fields.entry(field).or_default().push(value);
            }
        }
    }
    Ok(messages)
}

/// A section is about a message when its title has the shape of one.
fn is_message(title: &str) -> bool {
    let families = ["client.", "server.", "body.", "type.", "account.", "text.", "peer."];
    families.iter().any(|family| title.starts_with(family))
}

fn missing_and_surplus(
    messages: &BTreeMap<String, Fields>,
    sections: &BTreeMap<String, Section>,
) -> Vec<Complaint> {
    let missing = messages
        .keys()
        .filter(|name| !sections.contains_key(*name))
        .map(|name| complaint(0, format!("nothing is said about `{name}`: add a heading `### {name}`")));
    let surplus = sections
        .iter()
        .filter(|(title, _)| is_message(title) && !messages.contains_key(*title))
        .map(|(title, section)| {
            complaint(section.line, format!("`{title}` has no golden: add a sample, or drop the heading"))
        });
    missing.chain(surplus).collect()
}

fn compare_fields(
    name: &str,
    fields: &Fields,
    section: &Section,
    messages: &BTreeMap<String, Fields>,
) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let documented: BTreeSet<&str> = section.rows.iter().filter_map(|row| row.name()).collect();
    for field in fields.keys().filter(|field| !documented.contains(field.as_str())) {
        complaints.push(complaint(section.line, format!("`{name}` has a field `{field}`: add a row for it")));
    }
    for row in &section.rows {
        let Some(field) = row.name() else { continue };
        let Some(values) = fields.get(field) else {
            let what =
                format!("no golden of `{name}` has a field `{field}`: drop the row, or fill the field in");
            complaints.push(complaint(row.line, what));
            continue;
        };
        let kind = row.cells.get(1).map_or("", String::as_str);
        complaints.extend(values.iter().filter_map(|value| {
            let wrong = wrong_kind(field, value, kind, messages)?;
            Some(complaint(row.line, wrong))
        }));
    }
    complaints
}

/// A nested object must be of a type that the row names; a `type` must be spelled as it is sent.
fn wrong_kind(field: &str, value: &Value, kind: &str, messages: &BTreeMap<String, Fields>) -> Option<String> {
    let nested = match value {
        Value::Array(values) => values.first().unwrap_or(&Value::Null),
        other => other,
    };
    if let Value::Object(object) = nested {
        let fits = |named: &str| {
            let known = messages.get(named);
            known.is_some_and(|fields| object.keys().all(|key| fields.contains_key(key)))
        };
        let unnamed = !quoted(kind).any(fits);
        return unnamed.then(|| format!("`{field}` holds an object: name its type in the second column"));
    }
    let tag = value.as_str().filter(|_| ["type", "kind", "verdict"].contains(&field))?;
    let spelled = quoted(kind).any(|named| named == tag) || kind.contains("as in");
    (!spelled).then(|| format!("`{field}` is sent as `{tag}`, which the row does not name"))
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

fn compare_routes(
    routes: &[(String, String)],
    source: &str,
    sections: &BTreeMap<String, Section>,
) -> Vec<Complaint> {
    let Some(section) = sections.get("Accounts over HTTP") else {
        return vec![complaint(0, "the section `Accounts over HTTP` is gone".to_owned())];
    };
    let documented: BTreeSet<&str> = section.rows.iter().filter_map(|row| row.name()).collect();
    let missing =
        routes.iter().filter(|(_, path)| !documented.contains(path.as_str())).map(|(name, path)| {
            complaint(section.line, format!("the route {name} `{path}` is not in the table"))
        });
    let surplus = section.rows.iter().filter(|row| {
        let path = row.name().unwrap_or_default();
        path != "/" && !source.contains(&format!("\"{path}\""))
    });
    let surplus =
        surplus.map(|row| complaint(row.line, "no constant in account.rs has this route".to_owned()));
    missing.chain(surplus).collect()
}

fn compare_limits(declared: &[(String, String)], sections: &BTreeMap<String, Section>) -> Vec<Complaint> {
    let compiled = limits!(FRAME_BYTES ENVELOPE_BYTES TEXT_BYTES PAGE_BYTES PAGE_MESSAGES ACCOUNT_BODY_BYTES
        QUEUE_MESSAGES QUEUE_BYTES ADDRESSES DEVICE_NAME_BYTES PASSWORD_MIN_CHARS PASSWORD_MAX_BYTES
        PIECE_BYTES ACCESS_TOKEN_SECS TLS_HANDSHAKE_SECS HTTP_HEADER_SECS);
    let values: BTreeMap<&str, &str> = compiled.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let unlisted =
        declared.iter().filter(|(name, _)| !values.contains_key(name.as_str())).map(|(name, _)| {
            complaint(
                0,
                format!("the limit {name} is new: add it to xtask/src/tidy/wire.rs and to the table"),
            )
        });
    unlisted.chain(compare_table(&values, sections, "Limits")).collect()
}

fn compare_codes(declared: &[String], sections: &BTreeMap<String, Section>) -> Vec<Complaint> {
    let status = |code: &String| {
        let parsed: ErrorCode =
            serde_json::from_value(Value::String(code.clone())).unwrap_or(ErrorCode::Unknown);
        parsed.http_status().to_string()
    };
    let codes: Vec<(&String, String)> = declared.iter().map(|code| (code, status(code))).collect();
    let values = codes
        .iter()
        .filter(|(code, _)| *code != "unknown")
        .map(|(code, status)| (code.as_str(), status.as_str()))
        .collect();
    compare_table(&values, sections, "Error codes")
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(list: &[(&str, Value)]) -> BTreeMap<String, Fields> {
        let fields = |value: &Value| {
            value.as_object().unwrap().clone().into_iter().map(|(k, v)| (k, vec![v])).collect()
        };
        list.iter().map(|(name, value)| ((*name).to_owned(), fields(value))).collect()
    }

    fn judged(document: &str, list: &[(&str, Value)]) -> Vec<String> {
        let (sections, messages) = (sections(document), messages(list));
        let mut found = missing_and_surplus(&messages, &sections);
        for (name, fields) in &messages {
            if let Some(section) = sections.get(name) {
                found.extend(compare_fields(name, fields, section, &messages));
            }
        }
        found.into_iter().map(|c| c.to_string()).collect()
    }

    const HEAD: &str = "| field | type |\n|---|---|\n";

    #[test]
    fn a_document_that_says_it_all_passes() {
        let document = format!(
            "### type.a\n{HEAD}| `x` | number |\n| `inner` | list of `type.b` |\n### type.b\n{HEAD}| `type` | `b` |\n"
        );
        let goldens =
            [("type.a", json!({ "x": 1, "inner": [{ "type": "b" }] })), ("type.b", json!({ "type": "b" }))];
        assert_eq!(judged(&document, &goldens), [""; 0]);
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        let document = format!("### type.a\n{HEAD}| `y` | number |\n### body.old\n");
        let found = judged(&document, &[("type.a", json!({ "x": 1 })), ("client.new", json!({}))]);
        for (part, what) in ["`client.new`", "field `x`", "field `y`", "`body.old`"]
            .iter()
            .zip(["heading", "field", "row", "section"])
        {
            assert!(found.iter().any(|c| c.contains(part)), "{what} {part} in {found:?}");
        }
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn nested_objects_and_tags_need_their_names() {
        let document = format!("### type.a\n{HEAD}| `inner` | object |\n| `type` | `b` |\n");
        let found = judged(&document, &[("type.a", json!({ "inner": { "x": 1 }, "type": "a" }))]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

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
}

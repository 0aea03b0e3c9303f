//! PROTOCOL.md against the types: every message, field, route, limit and error code is documented
//! under its own name, and nothing is documented that is not there.
//!
//! Messages and fields come from the goldens, which the protocol crate's tests hold to the types.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Complaint;
use super::document::{Section, quoted, sections};
use super::tables::{self, complaint};

const SOURCES: &str = "shared/protocol/src";
const GOLDENS: &str = "shared/protocol/tests/goldens";

/// A message as its goldens show it: for each field, the values it has in them.
type Fields = BTreeMap<String, Vec<Value>>;

/// Checks the document of the checkout at `top`.
pub(super) fn check(top: &Path) -> Result<Vec<Complaint>> {
    let text = std::fs::read_to_string(top.join(tables::DOCUMENT)).context(tables::DOCUMENT)?;
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
    complaints.extend(tables::routes(&source("account")?, &sections));
    complaints.extend(tables::paths(&paths(&top.join(GOLDENS))?, &sections));
    let headers = [source("peer_routes")?, source("swarm")?].concat();
    complaints.extend(tables::headers(&headers, &sections));
    complaints.extend(tables::limits(&source("limits")?, &sections));
    complaints.extend(tables::codes(&source("error")?, &sections));
    for name in ["ids", "envelope", "revocation", "swarm"] {
        complaints.extend(tables::domains(&source(name)?, &text));
    }
    Ok(complaints)
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

/// The paths in the goldens of `peer.*`, with names in place of the ids in them.
fn paths(folder: &Path) -> Result<BTreeSet<String>> {
    let mut paths = BTreeSet::new();
    for entry in std::fs::read_dir(folder).context("the goldens")? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("peer.") {
            let route: String = serde_json::from_slice(&std::fs::read(&path)?).context(name)?;
            paths.insert(pattern(&route));
        }
    }
    Ok(paths)
}

/// `/v1/held/00…/tree` is `/v1/held/{offer}/tree`; the index of an entry is `{entry}`.
fn pattern(route: &str) -> String {
    let named = |part: &str| match part {
        id if id.len() == 32 && id.bytes().all(|c| c.is_ascii_hexdigit()) => {
            if route.starts_with("/v1/held/") { "{offer}" } else { "{share}" }.to_owned()
        }
        index if !index.is_empty() && index.bytes().all(|c| c.is_ascii_digit()) => "{entry}".to_owned(),
        word => word.to_owned(),
    };
    route.split('/').map(named).collect::<Vec<_>>().join("/")
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
    fn ids_in_paths_are_named() {
        let id = "5a".repeat(16);
        assert_eq!(pattern(&format!("/v1/shares/{id}/0")), "/v1/shares/{share}/{entry}");
        assert_eq!(pattern(&format!("/v1/held/{id}/have")), "/v1/held/{offer}/have");
        assert_eq!(pattern("/v1/dial-back"), "/v1/dial-back");
    }
}

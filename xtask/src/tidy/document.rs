//! PROTOCOL.md, read as data: its sections, and the tables beneath their headings.

use std::collections::BTreeMap;

/// One row of a table: the line it stands on and its cells.
pub(super) struct Row {
    pub line: usize,
    pub cells: Vec<String>,
}

impl Row {
    /// What stands between backticks in the first cell.
    pub(super) fn name(&self) -> Option<&str> {
        self.cells.first().and_then(|cell| quoted(cell).next())
    }
}

/// A heading, and the rows of the tables beneath it.
pub(super) struct Section {
    pub line: usize,
    pub rows: Vec<Row>,
}

/// Reads every section by its title; table headers and rulers are left out.
pub(super) fn sections(text: &str) -> BTreeMap<String, Section> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut title = String::new();
    let mut in_table = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            line.trim_start_matches('#').trim().clone_into(&mut title);
            let (line, rows) = (index + 1, Vec::new());
            sections.insert(title.clone(), Section { line, rows });
        }
        let row = line.starts_with('|');
        let body = row && in_table && !line.starts_with("|---");
        if let (true, Some(section)) = (body, sections.get_mut(&title)) {
            section.rows.push(Row { line: index + 1, cells: cells(line) });
        }
        in_table = row;
    }
    sections
}

/// Texts between backticks.
pub(super) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_under_their_headings() {
        let text = "# A\n\n## a.b\n\n| field | type |\n|---|---|\n| `x` | `y.z`, number |\n| w |\n\n## c\n| f |\n|---|\n";
        let sections = sections(text);
        assert_eq!(sections.keys().collect::<Vec<_>>(), ["A", "a.b", "c"]);
        let rows = &sections["a.b"].rows;
        assert_eq!((rows.len(), rows[0].line, rows[0].name()), (2, 7, Some("x")));
        assert_eq!(rows[0].cells, ["`x`", "`y.z`, number"]);
        assert_eq!(rows[1].name(), None);
        assert!(sections["c"].rows.is_empty());
    }
}

//! Documents link to what exists: pictures, files, and headings of their own.

use std::path::Path;

use super::{Complaint, Text};

/// Checks the links of a Markdown file.
pub(super) fn check(top: &Path, file: &Text) -> Vec<Complaint> {
    if file.path.extension().is_none_or(|ending| ending != "md") {
        return Vec::new();
    }
    let headings: Vec<String> = file.text.lines().filter_map(anchor).collect();
    let folder = top.join(&file.path);
    let folder = folder.parent().unwrap_or(top);
    let broken = |target: &str| match target.split_once('#') {
        _ if target.contains("://") => false,
        Some(("", heading)) => !headings.iter().any(|known| known == heading),
        Some((path, _)) => !folder.join(path).exists(),
        None => !folder.join(target).exists(),
    };
    let complain = |line: usize, target: &str| {
        let what = format!("`{target}` does not exist: mend the link or add what it shows");
        Complaint::new(&file.path, line, what)
    };
    file.lines()
        .flat_map(|(line, text)| targets(text).map(move |target| (line, target)))
        .filter(|(_, target)| broken(target))
        .map(|(line, target)| complain(line, target))
        .collect()
}

/// The targets of `[text](target)`, `![text](target)` and `src="target"`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let linked = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let sources = line.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    linked.chain(sources)
}

/// The anchor that a heading gets: lower case, spaces to hyphens, punctuation dropped.
fn anchor(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c),
        _ => None,
    };
    Some(title.to_lowercase().chars().filter_map(kept).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_nothing_are_found() {
        let top = tempfile::tempdir().unwrap();
        std::fs::write(top.path().join("there.png"), "").unwrap();
        let text = "# A b, c!\n[a](#a-b-c) [b](#nowhere)\n![x](there.png) <img src=\"gone.png\">\n[w](https://example.org/x)\n";
        let file = Text { path: "README.md".into(), text: text.into() };
        let found: Vec<_> = check(top.path(), &file).iter().map(|c| (c.line, c.what.clone())).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].0 == 2 && found[0].1.contains("#nowhere"));
        assert!(found[1].0 == 3 && found[1].1.contains("gone.png"));
    }
}

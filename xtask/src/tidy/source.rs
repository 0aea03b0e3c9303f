//! Rules for single files: what they open with, how long they are, what may not stand in them.

use super::{Complaint, Text};

/// The longest Rust file.
const FILE_LINES: usize = 500;
/// The longest function, from its `fn` to its closing brace.
const FUNCTION_LINES: usize = 60;

/// A text that may not stand in a Rust file, and what to do instead. Spelled in two halves, so
/// that this file keeps its own rules.
const UNFINISHED: [(&str, &str); 3] = [
    (concat!("todo", "!("), "finish it, or leave it out"),
    (concat!("unimplemented", "!("), "finish it, or leave it out"),
    (concat!("#[ign", "ore"), "make the test pass everywhere, or delete it"),
];

/// Where somebody's machine shows through.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/ro", "ot/"), concat!("/wo", "rk/main"), concat!("/wo", "rk/shared"), concat!("/Use", "rs/")];

/// Colours and fonts belong to the theme alone.
const THEME_ONLY: [&str; 5] = [
    concat!("Color32::", "from_"),
    concat!("hex_", "color!"),
    concat!("Rgba::", "from_"),
    concat!("FontId::", "new("),
    concat!("FontId::", "proportional("),
];

/// Checks one file.
pub(super) fn check(file: &Text) -> Vec<Complaint> {
    let mut complaints = machine_paths(file);
    if file.is_rust() {
        complaints.extend(opening(file));
        complaints.extend(length(file));
        complaints.extend(unfinished(file));
        complaints.extend(functions(file));
        complaints.extend(colours(file));
    }
    complaints
}

fn opening(file: &Text) -> Option<Complaint> {
    let says = file.text.starts_with("//! ");
    (!says).then(|| Complaint::new(&file.path, 1, "open with a `//!` line that says what the file is for"))
}

fn length(file: &Text) -> Option<Complaint> {
    let count = file.text.lines().count();
    let what = format!("{count} lines; over {FILE_LINES} there is a second thing inside: move it out");
    (count > FILE_LINES).then(|| Complaint::new(&file.path, 0, what))
}

fn unfinished(file: &Text) -> Vec<Complaint> {
    let found = |(line, text): (usize, &str)| {
        let (mark, remedy) = UNFINISHED.iter().find(|(mark, _)| text.contains(mark))?;
        Some(Complaint::new(&file.path, line, format!("`{mark}` is unfinished work: {remedy}")))
    };
    file.lines().filter_map(found).collect()
}

fn machine_paths(file: &Text) -> Vec<Complaint> {
    let found = |(line, text): (usize, &str)| {
        let path = MACHINE_PATHS.iter().find(|path| text.contains(**path))?;
        let what = format!("`{path}…` exists on one machine only: use a relative path or a temporary folder");
        Some(Complaint::new(&file.path, line, what))
    };
    file.lines().filter_map(found).collect()
}

fn colours(file: &Text) -> Vec<Complaint> {
    // Tests that rasterise pictures handle colours without naming any.
    let tests = file.path.components().any(|part| part.as_os_str() == "tests");
    if tests || !file.path.starts_with("gui/src") || file.path.starts_with("gui/src/theme") {
        return Vec::new();
    }
    let found = |(line, text): (usize, &str)| {
        let used = THEME_ONLY.iter().find(|mark| text.contains(**mark))?;
        let what = format!("`{used}…`: only gui/src/theme names a colour or a font; give it a name there");
        Some(Complaint::new(&file.path, line, what))
    };
    file.lines().filter_map(found).collect()
}

/// Formatted code closes a function with a brace at the indentation of its `fn`.
fn functions(file: &Text) -> Vec<Complaint> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut complaints = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let closing = format!("{indent}}}");
        let declared = format!("{indent})"); // of a trait: over several lines, without a body
        let last = lines[start..].iter().position(|l| {
            l.trim_end() == closing || (l.starts_with(&declared) && l.ends_with(';')) || one_liner(l, line)
        });
        let count = last.map_or(0, |last| last + 1);
        if count > FUNCTION_LINES {
            let what =
                format!("`{name}` has {count} lines, more than {FUNCTION_LINES}: take a step of it out");
            complaints.push(Complaint::new(&file.path, start + 1, what));
        }
    }
    complaints
}

/// A function that ends on the line it began, or a signature without a body.
fn one_liner(line: &str, first: &str) -> bool {
    line == first && (line.ends_with('}') || line.ends_with(';'))
}

fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let qualifier = |word: &&str| {
        word.starts_with("pub") || ["async", "const", "unsafe", "extern", "\"C\""].contains(word)
    };
    let keyword = words.by_ref().find(|word| !qualifier(word))?;
    if keyword != "fn" {
        return None;
    }
    words.next()?.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> Vec<(usize, String)> {
        let file = Text { path: path.into(), text: text.to_owned() };
        check(&file).into_iter().map(|c| (c.line, c.what)).collect()
    }

    fn lines_of(path: &str, text: &str) -> Vec<usize> {
        complaints(path, text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_file_in_order_passes() {
        assert_eq!(complaints("a.rs", "//! Does it.\n\nfn it() {}\n"), []);
    }

    #[test]
    fn each_rule_names_the_line() {
        assert_eq!(lines_of("a.rs", "use x;\n"), [1]);
        assert_eq!(lines_of("a.rs", &format!("//! A.\nfn a() {{ {}) }}\n", UNFINISHED[0].0)), [2]);
        assert_eq!(lines_of("a.rs", &format!("//! A.\n{}]\n", UNFINISHED[2].0)), [2]);
        assert_eq!(lines_of("a.md", &format!("\nsee {}x\n", MACHINE_PATHS[0])), [2]);
        assert_eq!(lines_of("a.rs", &format!("//! A.\n{}", "\n".repeat(FILE_LINES))), [0]);
    }

    #[test]
    fn colours_are_allowed_in_the_theme_only() {
        let text = format!("//! A.\nlet c = {}rgb(1, 2, 3);\n", THEME_ONLY[0]);
        assert_eq!(lines_of("gui/src/views/chat.rs", &text), [2]);
        assert_eq!(lines_of("gui/src/theme/palette.rs", &text), [0; 0]);
        assert_eq!(lines_of("gui/src/app/tests/raster.rs", &text), [0; 0]);
        assert_eq!(lines_of("xtask/src/main.rs", &text), [0; 0]);
    }

    #[test]
    fn a_declaration_ends_with_its_semicolon() {
        let rest = "    fn b(&self) {\n        1;\n    }\n".repeat(FUNCTION_LINES);
        let text = format!("//! A.\ntrait A {{\n    fn a(\n        &self,\n    ) -> u8;\n{rest}}}\n");
        assert_eq!(lines_of("a.rs", &text), [0; 0]);
    }

    #[test]
    fn long_functions_are_counted_to_their_brace() {
        let function = |body: usize| {
            format!(
                "//! A.\nimpl A {{\n    pub(crate) async fn long<T>(\n        a: u8,\n    ) {{\n{}    }}\n}}\n",
                "        x();\n".repeat(body)
            )
        };
        assert_eq!(lines_of("a.rs", &function(FUNCTION_LINES - 4)), [0; 0]);
        let [(3, ref what)] = complaints("a.rs", &function(FUNCTION_LINES - 3))[..] else {
            panic!("not complained about")
        };
        assert!(what.starts_with("`long` has 61 lines"), "{what}");
    }
}

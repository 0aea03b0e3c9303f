//! Patterns for paths in a folder: `*`, `?` and `**`, as shells have them.

/// A pattern.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    parts: Vec<String>,
    /// Without a `/` it is looked for at any depth.
    anywhere: bool,
}

impl Glob {
    /// Reads one. Every text is a pattern.
    pub(crate) fn new(text: &str) -> Self {
        let text = text.trim_start_matches("./").trim_end_matches('/');
        let parts: Vec<String> = text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Self { anywhere: parts.len() == 1, parts }
    }

    /// Whether a path, `/` between its components, is meant: itself, or a folder above it.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        let pattern: Vec<&str> = self.parts.iter().map(String::as_str).collect();
        if pattern.is_empty() {
            return false;
        }
        let starts = if self.anywhere { 0..names.len() } else { 0..1 };
        starts.into_iter().any(|start| begins(&pattern, &names[start..]))
    }
}

/// Whether the pattern matches the names or the first of them.
fn begins(pattern: &[&str], names: &[&str]) -> bool {
    match (pattern.split_first(), names.split_first()) {
        (None, _) => true,
        (Some((&"**", rest)), _) => {
            (rest.is_empty() && !names.is_empty())
                || !rest.is_empty() && (0..names.len()).any(|skip| begins(rest, &names[skip..]))
        }
        (Some(_), None) => false,
        (Some((part, rest)), Some((name, below))) => fits(part, name) && begins(rest, below),
    }
}

/// Whether one name fits a pattern with `*` and `?`; goes back to the last `*` only.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, taken)) => {
                    (p, n) = (at + 1, taken + 1);
                    star = Some((at, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_shells() {
        for (pattern, path, expected) in [
            ("*.pdf", "a.pdf", true),
            ("*.pdf", "deep/down/a.pdf", true),
            ("*.pdf", "a.pdf.txt", false),
            ("photos", "photos/2026/a.jpg", true),
            ("photos/", "photos/a.jpg", true),
            ("photos/*.jpg", "photos/a.jpg", true),
            ("photos/*.jpg", "photos/2026/a.jpg", false),
            ("photos/**/*.jpg", "photos/2026/may/a.jpg", true),
            ("photos/**/*.jpg", "photos/a.jpg", true),
            ("photos/**", "photos/a.jpg", true),
            ("photos/**", "photos", false),
            ("**/a", "a", true),
            ("b/a", "c/b/a", false),
            ("отчёт ?.*", "x/отчёт 1.pdf", true),
            ("*a*b*", "xaxxbx", true),
            ("*a*b*", "xbxxax", false),
            ("", "a", false),
            ("a", "A", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(path), expected, "{pattern:?} {path:?}");
        }
    }
}

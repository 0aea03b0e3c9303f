//! What happened in the demo, and where to go next.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::cli::text;

/// A file that arrived, compared with its original.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    /// What it is called.
    pub(super) name: String,
    /// Bytes.
    pub(super) size: u64,
    /// From accepting it to the file in place; absent when that was too quick to see.
    pub(super) took: Option<Duration>,
    /// Where it was.
    pub(super) path: PathBuf,
}

/// The whole demo in figures.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    /// From the first process to the last.
    pub(super) took: Duration,
    /// What arrived.
    pub(super) files: Vec<Fetched>,
    /// Bytes to the coordinator.
    pub(super) inward: u64,
    /// Bytes from the coordinator.
    pub(super) outward: u64,
}

impl Fetched {
    fn rate(&self) -> Option<u64> {
        let seconds = self.took?.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bytes a second are far below 2^53"
        )]
        (seconds > 0.0).then(|| (self.size as f64 / seconds) as u64)
    }
}

impl Summary {
    /// For people.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![String::new(), "What happened".to_owned()];
        let largest = self.files.iter().max_by_key(|file| file.size);
        if let Some((file, took, rate)) = largest.and_then(|file| Some((file, file.took?, file.rate()?))) {
            lines.push(format!(
                "  File         {} in {}, {}/s: straight from alice to bob, TLS 1.3, every MiB verified (BLAKE3)",
                crate::units::size(file.size),
                text::duration(took),
                crate::units::size(rate)
            ));
        }
        lines.push(format!(
            "  Coordinator  {} in, {} out, counted on its doorstep: accounts, messages, offers, and no byte of a file",
            crate::units::size(self.inward),
            crate::units::size(self.outward)
        ));
        lines.push(format!(
            "  In all       {}; nothing of it is left on this machine",
            text::duration(self.took)
        ));
        lines.push(next_steps(&program()));
        lines.join("\n")
    }

    /// For scripts: one record of type `demo`.
    pub(super) fn json(&self) -> String {
        let millis = |took: Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let files: Vec<_> = self
            .files
            .iter()
            .map(|file| {
                json!({
                    "name": file.name, "size": file.size, "identical": true,
                    "took_ms": file.took.map(millis), "rate": file.rate(),
                })
            })
            .collect();
        json!({
            "type": "demo", "took_ms": millis(self.took), "files": files,
            "coordinator_bytes_in": self.inward, "coordinator_bytes_out": self.outward,
        })
        .to_string()
    }
}

/// How to go on, with the program as it was called just now.
fn next_steps(program: &str) -> String {
    let steps = [
        ("", "the window: host here, or join with an invite"),
        (" host", "a coordinator without a window; prints the first invite"),
        (" sign-up --invite NAME", "join: the invite is asked for"),
        (" send FILE NAME", "offer a file; the other side: get --wait"),
        (" --help", "everything else"),
    ];
    let lines = steps.map(|(arguments, meaning)| {
        let call = format!("{program}{arguments}");
        let width = program.len() + 24;
        format!("  {call:width$}{meaning}")
    });
    format!("\nWhere to go next\n{}", lines.join("\n"))
}

fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "landline".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_in_the_text_and_the_record() {
        let file = Fetched {
            name: "a".into(),
            size: 256 << 20,
            took: Some(Duration::from_secs(2)),
            path: PathBuf::new(),
        };
        let summary =
            Summary { took: Duration::from_secs(7), files: vec![file], inward: 2_048, outward: 4_096 };
        let text = summary.text();
        for expected in ["256 MiB in 2.0 s, 128 MiB/s", "2.0 KiB in, 4.0 KiB out", " host "] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        let record: serde_json::Value = serde_json::from_str(&summary.json()).unwrap();
        assert_eq!(record["files"][0]["rate"], 128 << 20);
        assert_eq!(record["coordinator_bytes_out"], 4_096);
    }
}

//! Which crate may know which: dependencies point one way.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Complaint;

/// A crate of the workspace and the others it may depend on.
const MAY_KNOW: [(&str, &[&str]); 8] = [
    ("landline-protocol", &[]),
    ("landline-trust", &["landline-protocol"]),
    ("landline-net", &["landline-protocol", "landline-trust"]),
    ("landline-transfer", &["landline-protocol", "landline-trust", "landline-net"]),
    ("landline-peer", &["landline-protocol", "landline-trust", "landline-net", "landline-transfer"]),
    ("landline-coordinator", &["landline-protocol", "landline-trust", "landline-net"]),
    (
        "landline",
        &[
            "landline-protocol",
            "landline-trust",
            "landline-net",
            "landline-transfer",
            "landline-peer",
            "landline-coordinator",
        ],
    ),
    ("xtask", &["landline-protocol", "landline-trust", "landline-net", "landline-transfer", "landline-peer"]),
];

/// What a crate must do without, whoever else uses it.
const MUST_NOT_KNOW: [(&str, &[&str]); 7] = [
    ("landline-protocol", &["tokio", "hyper", "rusqlite", "getrandom", "egui", "eframe"]),
    ("landline-trust", &["tokio", "hyper", "rusqlite", "egui", "eframe"]),
    ("landline-net", &["rusqlite", "egui", "eframe"]),
    ("landline-transfer", &["rusqlite", "egui", "eframe"]),
    ("landline-peer", &["egui", "eframe", "clap"]),
    ("landline-coordinator", &["egui", "eframe"]),
    ("xtask", &["egui", "eframe"]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: std::path::PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<String>,
    /// `dev` and `build`; absent for what the crate itself uses.
    kind: Option<String>,
}

/// Checks every manifest of the workspace.
pub(super) fn check(top: &Path) -> Result<Vec<Complaint>> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(top)
        .output()
        .context("cargo metadata")?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    Ok(metadata.packages.iter().flat_map(|package| judge(top, package)).collect())
}

fn judge(top: &Path, package: &Package) -> Vec<Complaint> {
    let manifest = package.manifest_path.strip_prefix(top).unwrap_or(&package.manifest_path);
    let Some((_, allowed)) = MAY_KNOW.iter().find(|(name, _)| *name == package.name) else {
        let what = "a new crate: say what it may depend on in xtask/src/tidy/crates.rs and ARCHITECTURE.md";
        return vec![Complaint::new(manifest, 0, what)];
    };
    let forbidden =
        MUST_NOT_KNOW.iter().find(|(name, _)| *name == package.name).map_or(&[][..], |(_, list)| list);
    let refused = |dependency: &&Dependency| {
        let name = dependency.name.as_str();
        let outward = dependency.path.is_some() && !allowed.contains(&name);
        let used = dependency.kind.is_none();
        used && (outward || forbidden.contains(&name))
    };
    let complain = |dependency: &Dependency| {
        let what = format!(
            "{} must not know {}: dependencies point one way (ARCHITECTURE.md)",
            package.name, dependency.name
        );
        Complaint::new(manifest, 0, what)
    };
    package.dependencies.iter().filter(refused).map(complain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, dependency: &str, path: Option<&str>) -> usize {
        let package = Package {
            name: name.into(),
            manifest_path: "Cargo.toml".into(),
            dependencies: vec![Dependency {
                name: dependency.into(),
                path: path.map(Into::into),
                kind: None,
            }],
        };
        judge(Path::new("top"), &package).len()
    }

    #[test]
    fn arrows_against_the_stream_are_found() {
        assert_eq!(judged("landline-trust", "landline-protocol", Some("p")), 0);
        assert_eq!(judged("landline-protocol", "landline-trust", Some("p")), 1);
        assert_eq!(judged("landline-peer", "landline-coordinator", Some("p")), 1);
        assert_eq!(judged("landline-protocol", "tokio", None), 1);
        assert_eq!(judged("landline-new", "tokio", None), 1);
    }
}

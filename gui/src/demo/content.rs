//! The files that change hands in the demo: made, and compared at the end.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::task::spawn_blocking;

const MIB: u64 = 1024 * 1024;
/// The usual size of the large file, in MiB.
const USUAL_MIB: u64 = 256;
/// A name with everything that breaks lesser programs.
pub(super) const PDF_NAME: &str = "отчёт 2026 (финал) 😀.pdf";
/// The large file.
pub(super) const LARGE_NAME: &str = "holiday.mov";

/// A file that will be offered.
#[derive(Clone, Debug)]
pub(super) struct Prop {
    /// What it is called.
    pub(super) name: &'static str,
    /// Where the sender has it.
    pub(super) path: PathBuf,
    /// Bytes.
    pub(super) size: u64,
}

/// Makes both files in `folder`: a small document, and a large file of noise, so that nothing on
/// the way can make it smaller.
pub(super) async fn make(folder: PathBuf, mebibytes: Option<u64>) -> anyhow::Result<Vec<Prop>> {
    let made = spawn_blocking(move || -> io::Result<Vec<Prop>> {
        std::fs::create_dir_all(&folder)?;
        let size = mebibytes.unwrap_or_else(|| fitting(free_bytes(&folder))) * MIB;
        let large = folder.join(LARGE_NAME);
        write_noise(&large, size)?;
        let small = folder.join(PDF_NAME);
        let document = document();
        std::fs::write(&small, &document)?;
        Ok(vec![
            Prop { name: PDF_NAME, path: small, size: document.len() as u64 },
            Prop { name: LARGE_NAME, path: large, size },
        ])
    });
    made.await?.context("The files to share could not be written.")
}

/// Both copies and some room must fit: a small disk gets a small demo.
fn fitting(free: Option<u64>) -> u64 {
    let room = free.map_or(USUAL_MIB, |free| free / MIB / 4);
    room.clamp(1, USUAL_MIB)
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

fn write_noise(path: &Path, size: u64) -> io::Result<()> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
    let mut state = u64::from_le_bytes(seed);
    let mut file = File::create_new(path)?;
    let mut block = vec![0; 1 << 20];
    for _ in 0..size / MIB {
        for word in block.chunks_exact_mut(8) {
            word.copy_from_slice(&next(&mut state).to_le_bytes());
        }
        file.write_all(&block)?;
    }
    Ok(())
}

/// `SplitMix64` (Steele, Lea and Flood 2014): fast noise, for no secret.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// One page with one line on it.
fn document() -> Vec<u8> {
    let page = "BT /F1 24 Tf 72 720 Td (Sent with Landline.) Tj ET";
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>"
            .to_owned(),
        format!("<</Length {}>>stream\n{page}\nendstream", page.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let mut text = String::from("%PDF-1.4\n");
    // Writing to a String cannot fail.
    let mut places = Vec::with_capacity(objects.len());
    for (index, object) in objects.iter().enumerate() {
        places.push(text.len());
        let _ = writeln!(text, "{} 0 obj{object}endobj", index + 1);
    }
    let start = text.len();
    let size = objects.len() + 1;
    let _ = write!(text, "xref\n0 {size}\n0000000000 65535 f \n");
    for place in places {
        let _ = writeln!(text, "{place:010} 00000 n ");
    }
    let _ = write!(text, "trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n");
    text.into_bytes()
}

/// Whether two files are the same, byte for byte.
pub(super) async fn identical(one: PathBuf, other: PathBuf) -> anyhow::Result<bool> {
    let compared = spawn_blocking(move || same(&one, &other));
    compared.await?.context("The files could not be compared.")
}

fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let read = one.read(&mut left)?;
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..read])?;
        if left[..read] != right[..read] {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_made_to_size_and_compared_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let props = make(folder.path().join("files"), Some(3)).await.unwrap();
        assert_eq!(props.iter().map(|one| one.name).collect::<Vec<_>>(), [PDF_NAME, LARGE_NAME]);
        assert_eq!(std::fs::metadata(&props[1].path).unwrap().len(), 3 * MIB);
        let copy = folder.path().join("copy");
        std::fs::copy(&props[1].path, &copy).unwrap();
        assert!(identical(props[1].path.clone(), copy.clone()).await.unwrap());
        let mut bytes = std::fs::read(&copy).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&copy, &bytes).unwrap();
        assert!(!identical(props[1].path.clone(), copy).await.unwrap());
    }

    #[test]
    fn a_small_disk_gets_a_small_demo() {
        assert_eq!([None, Some(1 << 40), Some(100 * MIB), Some(0)].map(fitting), [256, 256, 25, 1]);
    }
}

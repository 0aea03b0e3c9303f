//! Lists of what is in a folder that no honest machine writes, with roots that are theirs: a hostile
//! author may offer anything.

use landline_transfer::Manifest;

use crate::random::Random;

/// A manifest in the making, with paths that may be anything.
#[derive(Clone, Debug, Default)]
struct Raw {
    folders: Vec<Vec<u8>>,
    files: Vec<File>,
    /// Said instead of how many there are.
    counts: Option<(u64, u64)>,
}

#[derive(Clone, Debug)]
struct File {
    path: Vec<u8>,
    size: u64,
    values: Vec<[u8; 32]>,
}

/// One that breaks a rule, or is damaged, or has nasty names; drawn.
pub(super) fn hostile(good: &Manifest, random: &mut Random) -> (&'static str, Vec<u8>) {
    let mut raw = Raw::of(good);
    let bytes = raw.encode();
    match random.below(13) {
        0..4 => return ("a path that leads out", raw.with_path(outward(random))),
        4 => raw.files.push(raw.files[random.below(raw.files.len())].clone()),
        5 => {
            let file = raw.files[random.below(raw.files.len())].clone();
            let path = [&file.path[..], b"/beneath"].concat();
            raw.files.push(File { path, ..file });
        }
        6 => raw.folders.clear(),
        7 => {
            let vast = [u64::MAX, 1 << 62, 1 << 32, 1 << 24];
            raw.counts = Some((vast[random.below(4)], vast[random.below(4)]));
        }
        8 => {
            let file = random.below(raw.files.len());
            raw.files[file].size = u64::MAX >> random.below(40);
        }
        9 => return ("a manifest cut short", bytes[..random.below(bytes.len())].to_vec()),
        10 => {
            let mut bytes = bytes;
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
            return ("a manifest with a flipped bit", bytes);
        }
        11 => return ("a manifest with more behind it", [&bytes[..], b"\0"].concat()),
        _ => {
            let mut bytes = bytes[..9].to_vec();
            bytes.resize(9 + random.below(4096), 0);
            random.fill(&mut bytes[9..]);
            return ("a manifest of noise", bytes);
        }
    }
    raw.sort();
    ("a manifest that breaks a rule", raw.encode())
}

/// A path that must not be written to.
fn outward(random: &mut Random) -> Vec<u8> {
    let long = [b"x".repeat(256), b"x/".repeat(70), b"y".repeat(5000)];
    let paths: [&[u8]; 17] = [
        b"..",
        b"../precious",
        b"../../precious",
        b"a/../../precious",
        b"/tmp/landline-precious",
        b"./precious",
        b".",
        b"",
        b"a//b",
        b"a/",
        b"a\0b",
        b"\xff\xfe",
        b"a/./b",
        b"..\0",
        &long[0],
        &long[1],
        &long[2],
    ];
    paths[random.below(paths.len())].to_vec()
}

impl Raw {
    fn of(good: &Manifest) -> Self {
        let folders = good.folders.iter().map(|folder| folder.path.as_str().into()).collect();
        let file = |(number, file): (usize, &landline_transfer::manifest::FileEntry)| File {
            path: file.path.as_str().into(),
            size: file.size,
            values: good.values_of(number).to_vec(),
        };
        Self { folders, files: good.files.iter().enumerate().map(file).collect(), counts: None }
    }

    /// One more file, or a file or folder under another name.
    fn with_path(mut self, path: Vec<u8>) -> Vec<u8> {
        self.files.push(File { path, size: 4, values: vec![*blake3::hash(b"evil").as_bytes()] });
        self.sort();
        self.encode()
    }

    fn sort(&mut self) {
        let rank =
            |path: &[u8]| path.iter().map(|byte| if *byte == b'/' { 0 } else { *byte }).collect::<Vec<_>>();
        self.folders.sort_by_key(|path| rank(path));
        self.files.sort_by_key(|file| rank(&file.path));
    }

    /// As the documentation of [`Manifest`] says.
    fn encode(&self) -> Vec<u8> {
        let mut out = b"LLFOLDER\x01".to_vec();
        let (folders, files) = self.counts.unwrap_or((self.folders.len() as u64, self.files.len() as u64));
        number(&mut out, folders);
        number(&mut out, files);
        let mut before: &[u8] = b"";
        for path in &self.folders {
            spell(&mut out, before, path);
            out.extend_from_slice(&[0, 0]);
            before = path;
        }
        before = b"";
        for file in &self.files {
            spell(&mut out, before, &file.path);
            number(&mut out, file.size);
            out.extend_from_slice(&[0, 0, 0]);
            out.extend_from_slice(file.values.as_flattened());
            before = &file.path;
        }
        out
    }
}

fn spell(out: &mut Vec<u8>, before: &[u8], path: &[u8]) {
    let common = before.iter().zip(path).take_while(|(one, other)| one == other).count();
    number(out, common as u64);
    number(out, (path.len() - common) as u64);
    out.extend_from_slice(&path[common..]);
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_well_is_read_and_what_leads_out_is_not() {
        let file =
            |path: &str| File { path: path.into(), size: 4, values: vec![*blake3::hash(b"good").as_bytes()] };
        let raw = Raw { folders: vec![b"a".into()], files: vec![file("a/b"), file("ab")], counts: None };
        let good = Manifest::read(&raw.encode()[..]).unwrap();
        assert_eq!(Raw::of(&good).encode(), raw.encode());
        for seed in 0..300 {
            let (what, bytes) = hostile(&good, &mut Random::new(seed));
            let read = Manifest::read(&bytes[..]);
            if what == "a path that leads out" {
                assert!(read.is_err(), "{seed}");
            }
        }
    }
}

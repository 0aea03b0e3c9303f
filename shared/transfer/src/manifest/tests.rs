//! What is written is read again, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use landline_protocol::limits::PIECE_BYTES;
use proptest::prelude::*;

use super::*;
use crate::tree::piece_count;

fn path(text: &str) -> EntryPath {
    EntryPath::parse(text).unwrap()
}

fn file(text: &str, size: u64) -> (FileEntry, Vec<ChainingValue>) {
    let entry = FileEntry { path: path(text), size, modified: (1_700_000_000, 5), executable: false };
    let values = (0..piece_count(size)).map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes()).collect();
    (entry, values)
}

fn folder(text: &str) -> FolderEntry {
    FolderEntry { path: path(text), modified: (-1, 999_999_999) }
}

fn encoded(manifest: &Manifest) -> (Vec<u8>, Root) {
    let mut bytes = Vec::new();
    let root = manifest.write(&mut bytes).unwrap();
    (bytes, root)
}

/// Folders, an empty one too, and files of no, one and several pieces.
fn sample() -> Manifest {
    let files = vec![
        file("a", 0),
        file("a-b", 7),
        file("d/e/f", 2 * PIECE_BYTES + 1),
        file("d/e/ä", PIECE_BYTES),
        file("d.x", 3),
    ];
    Manifest::new(files, vec![folder("d"), folder("empty"), folder("d/e")]).unwrap()
}

#[test]
fn the_form_is_as_documented() {
    let (files, folders) = (vec![file("d/a", 2)], vec![folder("d")]);
    let manifest = Manifest::new(files, folders).unwrap();
    let (bytes, root) = encoded(&manifest);
    let mut expected = b"LLFOLDER\x01\x01\x01".to_vec();
    expected.extend(b"\x00\x01d\x01\xff\x93\xeb\xdc\x03"); // "d", -1 s, 999,999,999 ns
    expected.extend(b"\x00\x03d/a\x02\x80\xc4\x9f\xd5\x0c\x05\x00"); // 2 bytes, 1,700,000,000 s, 5 ns
    expected.extend(blake3::hash(&0u64.to_le_bytes()).as_bytes());
    assert_eq!(bytes, expected);
    assert_eq!(root.as_bytes(), blake3::hash(&bytes).as_bytes());
}

#[test]
fn a_folder_stands_together() {
    let manifest = sample();
    let order: Vec<_> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(order, ["a", "a-b", "d/e/f", "d/e/ä", "d.x"]);
    assert_eq!(manifest.summary(), FolderSummary { files: 5, folders: 3 });
    assert_eq!(manifest.values_of(2).len(), 3);
    assert_eq!(manifest.layout().pieces(), 6);
}

#[test]
fn paths_keep_to_the_rules() {
    let deep = |n: usize| vec!["x"; n].join("/");
    let wide = |n: usize| vec!["x".repeat(200); n].join("/");
    for good in ["a", "a/b", "...", "a\\b", "ä b/\u{202e}c", &"x".repeat(255), &deep(64), &wide(20)] {
        assert!(EntryPath::parse(good).is_some(), "{good}");
    }
    for bad in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "a\0b"] {
        assert!(EntryPath::parse(bad).is_none(), "{bad:?}");
    }
    for bad in [&"x".repeat(256), &deep(65), &wide(21)] {
        assert!(EntryPath::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn what_breaks_a_rule_is_refused() {
    let damaged = |files, folders| matches!(Manifest::new(files, folders), Err(ManifestError::Damaged(_)));
    assert!(damaged(vec![file("a", 1), file("a", 1)], vec![]), "twice");
    assert!(damaged(vec![file("a", 1), file("a/b", 1)], vec![]), "beneath a file");
    assert!(damaged(vec![file("a", 1), file("a/b", 1)], vec![folder("a")]), "a file and a folder");
    assert!(damaged(vec![file("a/b", 1)], vec![]), "a folder that is not listed");
    assert!(damaged(vec![], vec![folder("a/b")]), "likewise");
    assert!(damaged(vec![], vec![folder("a"), folder("a")]), "twice");
    let short = (file("a", 2 * PIECE_BYTES).0, vec![[0; 32]]);
    assert!(damaged(vec![short], vec![]), "a value is missing");
    let huge = |name| (FileEntry { size: u64::MAX - 5, ..file(name, 0).0 }, vec![]);
    assert!(damaged(vec![huge("a"), huge("b")], vec![]), "more than there can be");
}

#[test]
fn cut_short_at_any_byte_it_is_refused() {
    let (bytes, _) = encoded(&sample());
    for len in 0..bytes.len() {
        let result = Manifest::read(&bytes[..len]);
        assert!(matches!(result, Err(ManifestError::Damaged(_))), "{len} of {}", bytes.len());
    }
    let longer = [&bytes[..], b"\0"].concat();
    assert!(matches!(Manifest::read(&longer[..]), Err(ManifestError::Damaged(_))));
}

#[test]
fn claims_cost_no_memory() {
    let mut counts = b"LLFOLDER\x01".to_vec();
    counts.extend([0xff; 9].iter().chain(&[0x01]));
    counts.push(0);
    assert!(Manifest::read(&counts[..]).is_err());
    let mut size = b"LLFOLDER\x01\x00\x01\x00\x01a".to_vec();
    size.extend([0xff; 9].iter().chain(&[0x01, 0, 0, 0]));
    assert!(Manifest::read(&size[..]).is_err());
}

#[test]
fn an_endless_one_is_given_up() {
    let head = b"LLFOLDER\x01\x00\x01\x00\x01a\x80\x80\x80\x80\x80\x80\x80\x40\x00\x00\x00";
    let result = Manifest::read(head.chain(io::repeat(7)));
    assert!(matches!(result, Err(ManifestError::Damaged(_))));
}

/// Some folder: names that repeat, so that files are beneath folders and share beginnings.
fn any_manifest() -> impl Strategy<Value = Manifest> {
    let name = prop::sample::select(vec!["a", "a b", "a-", "b", "ä", "\u{1}", "long-name", "..."]);
    let times = (any::<i64>(), 0u32..1_000_000_000);
    let file = (prop::collection::vec(name, 1..5), 0..3 * PIECE_BYTES, times, any::<bool>());
    prop::collection::vec(file, 0..30).prop_map(|entries| {
        let (mut files, mut folders) = (BTreeMap::new(), BTreeSet::new());
        for (names, size, modified, executable) in entries {
            for depth in 1..names.len() {
                folders.insert(path(&names[..depth].join("/")));
            }
            let path = path(&names.join("/"));
            files.insert(path.clone(), FileEntry { path, size, modified, executable });
        }
        let beneath_a_file: Vec<_> = files.keys().filter(|path| folders.contains(path)).cloned().collect();
        for path in beneath_a_file {
            files.remove(&path);
        }
        let values = |file: &FileEntry| (0..piece_count(file.size)).map(|_| [7; 32]).collect();
        let files = files.into_values().map(|file| (file.clone(), values(&file))).collect();
        let folders = folders.into_iter().map(|path| FolderEntry { path, modified: (7, 7) }).collect();
        Manifest::new(files, folders).unwrap()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(manifest in any_manifest()) {
        let (bytes, root) = encoded(&manifest);
        let read = Manifest::read(&bytes[..]).unwrap();
        prop_assert_eq!(&read.files, &manifest.files);
        prop_assert_eq!(&read.folders, &manifest.folders);
        prop_assert_eq!(read.values.all(), manifest.values.all());
        prop_assert_eq!(encoded(&read), (bytes, root));
    }

    /// A flipped bit gives an error or another folder, whose one form these bytes are.
    #[test]
    fn a_flipped_bit_never_panics_and_never_gives_a_second_form(at: prop::sample::Index, bit in 0u32..8) {
        let (mut bytes, _) = encoded(&sample());
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        if let Ok(other) = Manifest::read(&bytes[..]) {
            prop_assert_eq!(encoded(&other).0, bytes);
        }
    }

    #[test]
    fn nonsense_never_panics(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [&b"LLFOLDER\x01"[..], &tail].concat();
        if let Ok(manifest) = Manifest::read(&bytes[..]) {
            prop_assert_eq!(encoded(&manifest).0, bytes);
        }
    }
}

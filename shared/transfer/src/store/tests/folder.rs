//! A folder: everything in it as it was, resumed after a stop, and quick for many small files.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

fn entries() -> Vec<(&'static str, Vec<u8>)> {
    let mut holes = vec![0; 3 * MIB];
    holes[..100].fill(1);
    vec![
        ("empty/", vec![]),
        ("sub/", vec![]),
        ("sub/deep/", vec![]),
        ("a.txt", text("a")),
        ("none", vec![]),
        ("sub/big", noise(2 * MIB + 5, "big")),
        ("sub/deep/holes", holes),
        ("*sub/run.sh", text("#!/bin/sh\n")),
        ("sub/zeros", vec![0; 128 * 1024]),
    ]
}

fn expected(entries: &[(&str, Vec<u8>)]) -> BTreeMap<String, Option<Vec<u8>>> {
    let is_file = |path: &str| !path.ends_with('/');
    entries
        .iter()
        .map(|(path, bytes)| (path.trim_start_matches('*').to_owned(), is_file(path).then(|| bytes.clone())))
        .collect()
}

#[test]
fn everything_arrives_with_times_modes_and_empty_folders() {
    let sample = Sample::folder(&entries());
    let (placed, brought) = sample.fetch().unwrap();
    assert_eq!((&placed, brought), (&Placed::at(sample.path("Sent")), sample.layout.pieces()));
    assert_eq!(contents(&placed.path), expected(&entries()));
    assert_eq!(sample.names(), ["Sent"], "nothing else is left");
    for (path, _) in entries() {
        let meta = fs::metadata(placed.path.join(path.trim_start_matches('*'))).unwrap();
        assert_eq!((meta.mtime(), meta.mtime_nsec()), (WHEN.0, WHEN.1.into()), "{path}");
        let runs = meta.permissions().mode() & 0o100 != 0;
        assert_eq!(runs, path.starts_with('*') || path.ends_with('/'), "{path}");
    }
    for sparse in ["sub/zeros", "sub/deep/holes"] {
        assert!(fs::metadata(placed.path.join(sparse)).unwrap().blocks() <= 130, "{sparse}");
    }
}

#[test]
fn a_folder_that_drops_in_the_middle_is_finished_by_the_next() {
    let sample = Sample::folder(&entries());
    let store = sample.open().unwrap();
    let half: Vec<usize> = (0..sample.layout.pieces()).step_by(2).collect();
    sample.write_all(&store, half.iter().copied());
    store.write(1, 0, &sample.piece(1)[..10]).unwrap();
    drop(store);
    let store = sample.open().unwrap();
    assert_eq!(sample.good(&store).unwrap(), half);
    let rest = sample.layout.pieces() - half.len();
    drop(store);
    let (placed, brought) = sample.fetch().unwrap();
    assert_eq!(brought, rest);
    assert_eq!(contents(&placed.path), expected(&entries()));
    let meta = fs::metadata(placed.path.join("sub/run.sh")).unwrap();
    assert!(meta.permissions().mode() & 0o100 != 0 && meta.mtime() == WHEN.0);
}

#[test]
fn what_was_wanted_before_and_is_not_now_gets_no_name() {
    let sample = Sample::folder(&entries());
    let store = sample.open().unwrap();
    for number in 0..sample.layout.pieces() {
        store.write(number, 0, &[66]).unwrap();
    }
    drop(store);
    let store = sample.open_some(|path| path == "sub/deep/holes").unwrap();
    let files = &sample.manifest.as_ref().unwrap().files;
    let file = files.iter().position(|file| file.path.as_str() == "sub/deep/holes").unwrap();
    let pieces: Vec<usize> = sample.layout.pieces_of(file).collect();
    assert_eq!(sample.good(&store).unwrap(), [0; 0]);
    sample.write_all(&store, pieces.iter().copied());
    assert_eq!(sample.good(&store).unwrap(), pieces);
    store.sync().unwrap();
    let placed = store.place().unwrap();
    let there: Vec<_> = contents(&placed.path).into_keys().collect();
    assert_eq!(there, ["sub/", "sub/deep/", "sub/deep/holes"]);
}

#[test]
fn a_folder_is_read_back_across_its_files() {
    let sample = Sample::folder(&entries());
    let store = sample.open().unwrap();
    sample.bring(&store).unwrap();
    let mut all = vec![0; sample.bytes.len()];
    store.read(0, &mut all).unwrap();
    assert!(all == sample.bytes);
    let mut some = vec![0; 40];
    let start = sample.bytes.len() - 50;
    store.read(start as u64, &mut some).unwrap();
    assert_eq!(some, sample.bytes[start..start + 40]);
    store.sync().unwrap();
    store.place().unwrap();
    store.read(0, &mut all).unwrap();
    assert!(all == sample.bytes, "also once it has its name");
}

#[test]
fn the_manifest_is_kept_for_another_attempt() {
    let sample = Sample::folder(&entries());
    let folder = sample.temp.path();
    assert_eq!(load_proof(folder, &part(), share::Kind::Folder).unwrap(), None);
    save_proof(folder, &part(), share::Kind::Folder, b"longer than the next").unwrap();
    save_proof(folder, &part(), share::Kind::Folder, b"manifest").unwrap();
    assert_eq!(load_proof(folder, &part(), share::Kind::Folder).unwrap().unwrap(), b"manifest");
    let store = sample.open().unwrap();
    assert_eq!(sample.bring(&store).unwrap(), sample.layout.pieces());
    drop(store);
    assert_eq!(load_proof(folder, &part(), share::Kind::Folder).unwrap().unwrap(), b"manifest");
    discard(folder, &part()).unwrap();
    assert_eq!(sample.names(), [""; 0]);
}

#[test]
fn an_empty_folder_is_a_folder() {
    let sample = Sample::folder(&[]);
    let (placed, _) = sample.fetch().unwrap();
    assert!(placed.path.is_dir());
}

#[test]
fn ten_thousand_small_files() {
    let names: Vec<String> = (0..10_000).map(|n| format!("d{}/file{n}", n % 20)).collect();
    let folders: Vec<String> = (0..20).map(|n| format!("d{n}/")).collect();
    let files = names.iter().map(|name| (name.as_str(), noise(16 * 1024, name)));
    let entries: Vec<_> = folders.iter().map(|name| (name.as_str(), vec![])).chain(files).collect();
    let mut sample = Sample::folder(&entries);
    if Path::new("/dev/shm").is_dir() {
        sample.temp = tempfile::tempdir_in("/dev/shm").unwrap();
        sample.to.folder = sample.temp.path().to_owned();
    }
    let began = std::time::Instant::now();
    let store = sample.open().unwrap();
    let opened = began.elapsed();
    for number in 0..sample.layout.pieces() {
        store.write(number, 0, sample.piece(number)).unwrap();
    }
    let written = began.elapsed();
    store.sync().unwrap();
    let synced = began.elapsed();
    let placed = store.place().unwrap();
    println!("opened {opened:?}, written {written:?}, synced {synced:?}, placed {:?}", began.elapsed());
    assert_eq!(contents(&placed.path), expected(&entries));
    let again = std::time::Instant::now();
    let (placed, brought) = sample.fetch().unwrap();
    println!("sent again: {:?}", again.elapsed());
    assert_eq!((placed.identical, brought), (10_000, 0));
}

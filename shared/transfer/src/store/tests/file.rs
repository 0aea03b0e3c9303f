//! A single file: resume, holes, links.

use std::os::unix::fs::{MetadataExt, symlink};

use super::*;

/// Five pieces and a bit; the fourth is zeros, and so is where the third begins.
fn sample() -> Sample {
    let mut bytes = noise(5 * MIB + 11, "file");
    bytes[2 * MIB..2 * MIB + 192 * 1024].fill(0);
    bytes[3 * MIB..4 * MIB].fill(0);
    Sample::file(bytes)
}

#[test]
fn what_was_written_is_found_again_and_what_is_damaged_is_not() {
    let sample = sample();
    let store = sample.open().unwrap();
    assert_eq!(sample.good(&store).unwrap(), [0; 0], "space set aside is not data");
    for number in [1, 3, 5] {
        sample.write(&store, number);
    }
    store.write(4, 0, &[9; 100]).unwrap();
    drop(store);
    let store = sample.open().unwrap();
    assert_eq!(sample.good(&store).unwrap(), [1, 3, 5], "with no record at all, zeros included");
    store.write(1, 0, b"damage").unwrap();
    assert_eq!(sample.good(&store).unwrap(), [3, 5]);
    assert_eq!(store.prefix(1).unwrap(), 0, "what is whole and wrong is given back");
}

/// What was set aside for a part is its own: a disk that has room for the rest is not too full to go on.
#[test]
fn space_that_is_set_aside_is_not_needed_again() {
    let temp = tempfile::tempdir().unwrap();
    let part = fs::File::create_new(temp.path().join("part")).unwrap();
    let size = 64 * MIB as u64;
    part.set_len(size).unwrap();
    assert_eq!(room::need(&part, size, 0).unwrap(), size, "a hole has no place on disk");
    if crate::disk::set_aside(&part, 0, size / 2).is_err() {
        return; // this file system cannot, so nothing is set aside on it
    }
    assert_eq!(room::need(&part, size, 0).unwrap(), size / 2);
    assert_eq!(room::need(&part, size, size / 4).unwrap(), size / 2, "a quarter came into it");
    assert_eq!(room::need(&part, size, size).unwrap(), 0);
    // A small file takes whole blocks: that spares others nothing.
    let small = fs::File::create_new(temp.path().join("small")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&small, b"small", 0).unwrap();
    small.sync_all().unwrap();
    assert_eq!((room::need(&small, 5, 5).unwrap(), room::need(&small, 5, 0).unwrap()), (0, 0));
}

#[test]
fn a_claim_is_hashed_and_a_torn_record_claims_nothing() {
    let sample = sample();
    let store = sample.open().unwrap();
    store.checkpoint(&[0b1100]).unwrap();
    assert_eq!(sample.good(&store).unwrap(), [3], "a hole that is claimed and is zeros; not the other");
    drop(store);
    let record = fs::File::options().write(true).open(sample.path(&part().record())).unwrap();
    record.set_len(60).unwrap();
    assert_eq!(sample.good(&sample.open().unwrap()).unwrap(), [0; 0]);
}

#[test]
fn what_an_interrupted_piece_has_from_its_start_is_gone_on_from() {
    let sample = sample();
    let store = sample.open().unwrap();
    let piece = sample.piece(0);
    store.write(0, 0, &piece[..256 * 1024]).unwrap();
    store.write(0, 512 * 1024, &piece[512 * 1024..768 * 1024]).unwrap();
    store.write(1, 0, &sample.piece(1)[..100_000]).unwrap();
    store.write(2, 0, &sample.piece(2)[..128 * 1024]).unwrap();
    store.write(2, 128 * 1024, &sample.piece(2)[128 * 1024..320 * 1024]).unwrap();
    store.write(5, 0, sample.piece(5)).unwrap();
    drop(store);
    let store = sample.open().unwrap();
    assert_eq!(sample.good(&store).unwrap(), [5]);
    let whole_pages = |until: usize| until - 4096..=until;
    assert!(whole_pages(256 * 1024).contains(&store.prefix(0).unwrap()), "up to the first hole");
    let torn = store.prefix(1).unwrap();
    assert!((90_000..=100_000).contains(&torn), "{torn}: never more than was written");
    assert!(whole_pages(320 * 1024).contains(&store.prefix(2).unwrap()), "zeros count");
    assert_eq!(store.prefix(4).unwrap(), 0);
    assert_eq!(store.prefix(5).unwrap(), 11);
    store.write(0, 256 * 1024, &piece[256 * 1024..]).unwrap();
    assert_eq!(sample.good(&store).unwrap(), [0, 5]);
}

#[test]
fn a_download_that_drops_in_the_middle_is_finished_by_the_next() {
    let sample = sample();
    let store = sample.open().unwrap();
    sample.write(&store, 4);
    store.checkpoint(&[0b1_0000]).unwrap();
    drop(store);
    let (placed, brought) = sample.fetch().unwrap();
    assert_eq!((placed.path, brought), (sample.path("Name.bin"), 5));
    assert_eq!(fs::read(sample.path("Name.bin")).unwrap(), sample.bytes);
    assert_eq!(sample.names(), ["Name.bin"]);
}

#[test]
fn zeros_arrive_as_holes_even_where_other_bytes_were() {
    let mut bytes = vec![0; 64 * MIB];
    bytes[20 * MIB..21 * MIB].copy_from_slice(&noise(MIB, "data"));
    let sample = Sample::file(bytes);
    let store = sample.open().unwrap();
    store.write(7, 0, &noise(MIB, "a lie")).unwrap();
    assert_eq!(sample.bring(&store).unwrap(), 64);
    store.sync().unwrap();
    let placed = store.place().unwrap();
    assert_eq!(fs::read(&placed.path).unwrap(), sample.bytes);
    let taken = fs::metadata(&placed.path).unwrap().blocks() * 512;
    assert!(taken <= 2 * PIECE_BYTES, "{taken} bytes on disk");
}

#[test]
fn space_set_aside_ahead_is_neither_data_nor_left_where_zeros_come() {
    let mut sample = sample();
    sample.layout = Arc::new(Layout::single(600 * PIECE_BYTES));
    let taken = || fs::metadata(sample.path(&part().data())).unwrap().blocks() * 512;
    let store = sample.open().unwrap();
    let noise = noise(MIB, "ahead");
    store.write(5, 0, &noise[..256 * 1024]).unwrap();
    assert_eq!((store.prefix(4).unwrap(), store.prefix(6).unwrap()), (0, 0));
    assert_eq!(store.prefix(5).unwrap(), 256 * 1024);
    let before = taken();
    for number in 6..256 {
        store.write(number, 0, &vec![0; MIB]).unwrap();
        assert_eq!(store.prefix(number).unwrap(), MIB);
    }
    assert!(taken() <= 7 * PIECE_BYTES, "{} of {before}", taken());
    store.write(300, 0, &noise).unwrap();
    assert!(taken() <= 8 * PIECE_BYTES, "no more is set aside");
}

#[test]
fn space_set_aside_that_was_read_is_no_data() {
    let mut sample = sample();
    sample.layout = Arc::new(Layout::single(600 * PIECE_BYTES));
    let other = vec![crate::tree::value_of(sample.layout.size(), 0, &noise(MIB, "other")); 600];
    sample.values = Values::of_folder(Arc::clone(&sample.layout), other).unwrap();
    let noise = noise(MIB, "ahead");
    for sync in [false, true] {
        let store = sample.open().unwrap();
        store.write(5, 0, &noise[..256 * 1024]).unwrap();
        if sync {
            store.checkpoint(&[]).unwrap();
        }
        drop(store);
        let store = sample.open().unwrap();
        let mut whole = vec![0; 2 * MIB];
        store.read(5 * PIECE_BYTES, &mut whole).unwrap();
        drop(store);
        let store = sample.open().unwrap();
        assert_eq!(sample.good(&store).unwrap(), [0; 0]);
        let prefix = store.prefix(5).unwrap();
        assert!((256 * 1024 - 4096..=256 * 1024).contains(&prefix), "{prefix}");
        assert_eq!(store.prefix(6).unwrap(), 0);
    }
}

#[test]
fn a_huge_file_of_zeros_needs_no_room_and_one_of_data_is_refused_at_once() {
    let sample = sample();
    let folder = Directory::open(sample.temp.path()).unwrap();
    let free = crate::disk::free(folder.handle()).unwrap();
    let size = free / PIECE_BYTES * PIECE_BYTES + 300 * PIECE_BYTES;
    let layout = Arc::new(Layout::single(size));
    let dense = Values::of_folder(layout.clone(), vec![[1; 32]; layout.pieces()]).unwrap();
    let full = room::check(&folder, &dense, size).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    room::check(&folder, &dense, free / 2).unwrap();
    let absurd = room::plausible(&folder, 1 << 60).unwrap_err();
    assert_eq!(absurd.kind(), io::ErrorKind::StorageFull);
    let small = Arc::new(Layout::single(700 * PIECE_BYTES));
    let zero = vec![0; MIB];
    let value = |n| crate::values::compute(&small, n, &zero).unwrap();
    let sparse = Values::of_folder(small.clone(), (0..700).map(value).collect()).unwrap();
    room::check(&folder, &sparse, size).unwrap();
}

#[test]
fn two_downloads_never_write_one_part() {
    let sample = sample();
    let store = sample.open().unwrap();
    assert_eq!(kind(sample.open()), io::ErrorKind::ResourceBusy);
    drop(store);
    sample.open().unwrap();
}

#[test]
fn a_link_laid_out_for_us_is_not_written_through() {
    let sample = sample();
    let precious = sample.path("precious");
    fs::write(&precious, "precious").unwrap();
    for name in [part().data(), part().record()] {
        fs::hard_link(&precious, sample.path(&name)).unwrap();
        assert_eq!(kind(sample.open()), io::ErrorKind::PermissionDenied);
        fs::remove_file(sample.path(&name)).unwrap();
        symlink(&precious, sample.path(&name)).unwrap();
        sample.open().unwrap_err();
        fs::remove_file(sample.path(&name)).unwrap();
    }
    assert_eq!(fs::read(precious).unwrap(), b"precious");
}

#[test]
fn pieces_are_read_back_across_their_borders() {
    let sample = sample();
    let store = sample.open().unwrap();
    sample.write_all(&store, 0..6);
    let mut buffer = vec![0; 3 * MIB];
    store.read(2 * PIECE_BYTES - 5, &mut buffer).unwrap();
    assert_eq!(buffer, sample.bytes[2 * MIB - 5..5 * MIB - 5]);
    assert_eq!(kind(store.read(5 * PIECE_BYTES, &mut buffer)), io::ErrorKind::UnexpectedEof);
}

#[test]
fn an_empty_file_is_a_file() {
    let sample = Sample::file(Vec::new());
    let (placed, brought) = sample.fetch().unwrap();
    assert_eq!((fs::read(placed.path).unwrap().len(), brought), (0, 0));
}

#[test]
fn what_is_given_up_leaves_nothing() {
    let sample = sample();
    let store = sample.open().unwrap();
    sample.write(&store, 0);
    drop(store);
    fs::write(sample.path("mine"), "mine").unwrap();
    discard(sample.temp.path(), &part()).unwrap();
    assert_eq!(sample.names(), ["mine"]);
    discard(sample.temp.path(), &part()).unwrap();
    discard(&sample.path("gone"), &part()).unwrap();
}

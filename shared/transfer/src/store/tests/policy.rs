//! A name that is taken: nothing is ever overwritten, and what is identical is not fetched again.

use std::io::Write as _;
use std::time::Duration;

use super::*;

const ALL: [Conflict; 4] = [Conflict::Ask, Conflict::Skip, Conflict::Rename, Conflict::Replace];

fn small() -> Sample {
    Sample::file(text("new"))
}

fn folder() -> Sample {
    Sample::folder(&[
        ("dir/", vec![]),
        ("same", text("same")),
        ("dir/file", text("new")),
        ("fresh", text("fresh")),
        ("dir/none", vec![]),
    ])
}

/// A folder of that name, in which one file is identical and one is not.
fn occupied(conflict: Conflict) -> Sample {
    let sample = folder().conflict(conflict);
    fs::create_dir_all(sample.path("Sent/dir")).unwrap();
    fs::write(sample.path("Sent/same"), "same").unwrap();
    fs::write(sample.path("Sent/dir/file"), "old").unwrap();
    fs::write(sample.path("Sent/dir/mine"), "mine").unwrap();
    sample
}

fn texts(folder: &Path) -> BTreeMap<String, String> {
    let text = |bytes: Option<Vec<u8>>| Some(String::from_utf8_lossy(&bytes?).into_owned());
    contents(folder).into_iter().filter_map(|(path, bytes)| Some((path, text(bytes)?))).collect()
}

#[test]
fn an_identical_file_is_neither_fetched_nor_touched() {
    for conflict in ALL {
        let sample = small().conflict(conflict);
        fs::write(sample.path("name.BIN"), "new").unwrap();
        let before = fs::metadata(sample.path("name.BIN")).unwrap().modified().unwrap();
        let (placed, brought) = sample.fetch().unwrap();
        assert_eq!((placed.identical, brought, &placed.path), (1, 0, &sample.path("name.BIN")));
        assert_eq!(fs::metadata(&placed.path).unwrap().modified().unwrap(), before);
        assert_eq!(sample.names(), ["name.BIN"]);
    }
}

/// It would be passed on unverified.
#[test]
fn an_identical_file_that_is_edited_is_not_read_any_more() {
    let [one, many] = [small(), folder()].map(|sample| sample.conflict(Conflict::Replace));
    fs::write(one.path("Name.bin"), "new").unwrap();
    fs::create_dir_all(many.path("Sent")).unwrap();
    fs::write(many.path("Sent/same"), "same").unwrap();
    for (sample, path) in [(one, "Name.bin"), (many, "Sent/same")] {
        let store = sample.open().unwrap();
        let good = sample.good(&store).unwrap();
        let start = sample.layout.piece(good[0]).unwrap().start;
        let mut buffer = [0; 3];
        store.read(start, &mut buffer).unwrap();
        let (text, there) =
            (fs::read(sample.path(path)).unwrap(), fs::File::options().write(true).open(sample.path(path)));
        std::thread::sleep(Duration::from_millis(20)); // the clock of files ticks every few milliseconds
        there.unwrap().write_all(&text.to_ascii_uppercase()).unwrap();
        assert!(store.read(start, &mut buffer).unwrap_err().to_string().contains("changed"), "{path}");
    }
}

#[test]
fn a_different_file_stays_whatever_the_policy() {
    for conflict in ALL {
        for old in ["old", "another size"] {
            let sample = small().conflict(conflict);
            fs::write(sample.path("Name.bin"), old).unwrap();
            let fetched = sample.fetch();
            let kept = |name: &str| assert_eq!(fs::read(sample.path(name)).unwrap(), old.as_bytes());
            let new = |name: &str| assert_eq!(fs::read(sample.path(name)).unwrap(), b"new");
            match conflict {
                Conflict::Ask => {
                    let error = fetched.unwrap_err();
                    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
                    assert_eq!(Taken::of(&error), Some(&Taken(sample.path("Name.bin"))));
                    kept("Name.bin");
                }
                Conflict::Skip => {
                    let (placed, brought) = fetched.unwrap();
                    assert_eq!((placed.kept, brought, placed.path), (1, 0, sample.path("Name.bin")));
                    kept("Name.bin");
                    assert_eq!(sample.names(), ["Name.bin"]);
                }
                Conflict::Rename => {
                    let (placed, _) = fetched.unwrap();
                    assert_eq!(placed.path, sample.path("Name (1).bin"));
                    assert_eq!(placed.respelled, [("Name.bin".into(), "Name (1).bin".into())]);
                    kept("Name.bin");
                    new("Name (1).bin");
                    let (again, brought) = sample.fetch().unwrap();
                    assert_eq!((again.path, brought), (placed.path, 0), "found under its number");
                }
                Conflict::Replace => {
                    let (placed, _) = fetched.unwrap();
                    new("Name.bin");
                    let [aside] = &placed.moved_aside[..] else { panic!("{placed:?}") };
                    let aside = aside.file_name().unwrap().to_str().unwrap();
                    assert!(aside.starts_with("Name (replaced 2") && aside.ends_with(").bin"), "{aside}");
                    kept(aside);
                }
            }
        }
    }
}

#[test]
fn a_taken_name_is_left_alone_whatever_its_case() {
    let mut sample = small();
    sample.to.name = FileName::parse("Résumé.PDF").unwrap();
    let decomposed = "re\u{301}sume\u{301}.pdf";
    fs::write(sample.path(decomposed), "mine").unwrap();
    fs::create_dir(sample.path("résumé (1).pdf")).unwrap();
    assert!(outlook(&sample.to).unwrap().taken);
    assert!(outlook(&sample.to).unwrap().free.unwrap() > 0);
    let (placed, _) = sample.fetch().unwrap();
    assert_eq!(placed.path, sample.path("Résumé (2).PDF"));
    assert_eq!(fs::read(sample.path(decomposed)).unwrap(), b"mine");
    assert_eq!(sample.names(), ["Résumé (2).PDF", decomposed, "résumé (1).pdf"]);
}

#[test]
fn a_name_taken_while_the_file_was_coming_is_respected() {
    for conflict in ALL {
        let sample = small().conflict(conflict);
        let store = sample.open().unwrap();
        sample.bring(&store).unwrap();
        store.sync().unwrap();
        fs::write(sample.path("Name.bin"), "quick").unwrap();
        let placed = store.place();
        assert_eq!(placed.is_err(), conflict == Conflict::Ask);
        let all = texts(sample.temp.path());
        assert!(all.values().any(|text| text == "quick"), "{conflict:?}: {all:?}");
    }
}

#[test]
fn a_folder_goes_into_the_one_that_is_there() {
    let sample = occupied(Conflict::Rename);
    let (placed, brought) = sample.fetch().unwrap();
    assert_eq!((placed.identical, brought), (1, 2));
    assert_eq!(placed.respelled, [("dir/file".into(), "dir/file (1)".into())]);
    let expected = [
        ("dir/file", "old"),
        ("dir/file (1)", "new"),
        ("dir/mine", "mine"),
        ("dir/none", ""),
        ("fresh", "fresh"),
        ("same", "same"),
    ];
    let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(texts(&placed.path), expected.clone().into());
    let (again, brought) = sample.fetch().unwrap();
    assert_eq!((again.identical, brought), (4, 0), "the numbered one is found again");
    assert_eq!(texts(&placed.path), expected.into());
    assert_eq!(sample.names(), ["Sent"]);
}

#[test]
fn a_folder_skips_asks_or_replaces_file_by_file() {
    let asks = occupied(Conflict::Ask);
    let error = asks.fetch().unwrap_err();
    assert_eq!(Taken::of(&error), Some(&Taken(asks.path("Sent/dir/file"))));
    let skips = occupied(Conflict::Skip);
    let (placed, brought) = skips.fetch().unwrap();
    assert_eq!((placed.identical, placed.kept, brought), (1, 1, 1));
    assert_eq!(texts(&placed.path)["dir/file"], "old");
    assert_eq!(texts(&placed.path)["fresh"], "fresh");
    let replaces = occupied(Conflict::Replace);
    let (placed, _) = replaces.fetch().unwrap();
    assert_eq!(texts(&placed.path)["dir/file"], "new");
    let [aside] = &placed.moved_aside[..] else { panic!("{placed:?}") };
    assert_eq!(fs::read(aside).unwrap(), b"old");
}

#[test]
fn a_folder_whose_clashes_are_all_identical_asks_nobody() {
    let sample = occupied(Conflict::Ask);
    fs::write(sample.path("Sent/dir/file"), "new").unwrap();
    let (placed, brought) = sample.fetch().unwrap();
    assert_eq!((placed.identical, brought), (2, 1));
    assert_eq!(texts(&placed.path)["dir/mine"], "mine");
}

#[test]
fn a_file_where_a_folder_must_be_stays() {
    for conflict in ALL {
        for place in ["Sent", "Sent/dir"] {
            let sample = folder().conflict(conflict);
            fs::create_dir_all(sample.path(place).parent().unwrap()).unwrap();
            fs::write(sample.path(place), "in the way").unwrap();
            let fetched = sample.fetch();
            let all = texts(sample.temp.path());
            let (old, new) = (
                all.iter().find(|(_, text)| *text == "in the way").unwrap().0,
                all.iter().find(|(_, text)| *text == "new").map(|(name, _)| name.as_str()),
            );
            match conflict {
                Conflict::Ask => {
                    assert_eq!(Taken::of(&fetched.unwrap_err()), Some(&Taken(sample.path(place))));
                }
                Conflict::Skip => assert_eq!((old.as_str(), new), (place, None)),
                Conflict::Rename => {
                    assert_eq!(old, place);
                    assert_eq!(new.unwrap(), format!("{place} (1){}", &"Sent/dir/file"[place.len()..]));
                    let (again, brought) = sample.fetch().unwrap();
                    assert_eq!((again.identical, brought), (4, 0));
                }
                Conflict::Replace => {
                    assert_eq!(new, Some("Sent/dir/file"));
                    assert!(old.starts_with(place) && old.contains("replaced"), "{old}");
                }
            }
        }
    }
}

#[test]
fn a_stop_while_names_are_given_loses_nothing_and_repeats_nothing() {
    for conflict in [Conflict::Skip, Conflict::Rename, Conflict::Replace] {
        for stop in 0..6 {
            let sample = occupied(conflict);
            let store = sample.open().unwrap();
            sample.bring(&store).unwrap();
            store.sync().unwrap();
            let Kind::Folder(folder) = &store.0 else { unreachable!() };
            folder.names_left.store(stop, std::sync::atomic::Ordering::Relaxed);
            let is_done = store.place().is_ok();
            drop(store);
            let (placed, brought) = sample.fetch().unwrap();
            assert_eq!(brought, 0, "{conflict:?} {stop} {is_done}");
            let all = texts(&placed.path);
            let count = |text: &str| all.values().filter(|other| *other == text).count();
            let new = usize::from(conflict != Conflict::Skip);
            assert_eq!(
                (count("old"), count("new"), count("fresh"), count("same"), count("mine")),
                (1, new, 1, 1, 1)
            );
            assert_eq!(all.len(), 5 + new, "{all:?}");
            assert_eq!(sample.names(), ["Sent"]);
        }
    }
}

#[test]
fn an_identical_file_that_changes_meanwhile_is_not_passed_off() {
    let sample = occupied(Conflict::Rename);
    let store = sample.open().unwrap();
    sample.bring(&store).unwrap();
    fs::write(sample.path("Sent/same"), "else").unwrap();
    store.sync().unwrap_err();
    drop(store);
    let (placed, brought) = sample.fetch().unwrap();
    assert_eq!(brought, 1);
    assert_eq!(texts(&placed.path)["same (1)"], "same");
}

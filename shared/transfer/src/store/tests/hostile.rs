//! Names and traps: nothing outside the destination is read, written or removed.

use std::os::unix::fs::symlink;

use super::*;

fn outside() -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("precious")).unwrap();
    fs::write(temp.path().join("precious/file"), "precious").unwrap();
    let path = temp.path().join("precious");
    (temp, path)
}

#[test]
fn hostile_names_are_respelled_and_told() {
    let sample = Sample::folder(&[
        ("CON/", vec![]),
        ("dots.../", vec![]),
        ("Case", text("1")),
        ("case", text("2")),
        ("CASE", text("3")),
        ("case (1)", text("4")),
        ("re\u{301}sume\u{301}", text("5")),
        ("résumé", text("6")),
        ("CON/..\\up", text("7")),
        ("dots.../a:b\u{202e}", text("8")),
        ("line\nbreak", text("9")),
    ]);
    let (placed, _) = sample.fetch().unwrap();
    let all = contents(&placed.path);
    assert_eq!(all.len(), 11, "{:?}", all.keys());
    let mut folded: Vec<_> = all.keys().map(|path| path.to_lowercase()).collect();
    folded.dedup();
    assert_eq!(folded.len(), 11, "no two are one file elsewhere");
    for path in all.keys() {
        for name in path.trim_end_matches('/').split('/') {
            assert_eq!(FileName::parse(name).unwrap().as_str(), name);
        }
    }
    let told: BTreeMap<_, _> = placed.respelled.iter().cloned().collect();
    assert_eq!(told["CON/..\\up"], "_CON/.._up");
    assert_eq!(told["dots.../a:b\u{202e}"], "dots/a_b_");
    assert_eq!(all[&told["line\nbreak"]], Some(text("9")));
    assert!(told.len() >= 6 && told.iter().all(|(offered, saved)| offered != saved), "{told:?}");
}

#[test]
fn many_names_that_fold_alike_take_no_longer() {
    let file = |n: u32| {
        let text: String = (0..17).map(|bit| if n >> bit & 1 == 1 { 'A' } else { 'a' }).collect();
        let path = EntryPath::parse(&text).unwrap();
        (FileEntry { path, size: 0, modified: WHEN, executable: false }, Vec::new())
    };
    let manifest = Manifest::new((0..20_000).map(file).collect(), Vec::new()).unwrap();
    let tree = tree::Tree::of(&manifest, &FileName::parse("Sent").unwrap());
    let names: std::collections::HashSet<_> =
        (0..20_000).map(|file| tree.name(&manifest, file).collision_key()).collect();
    assert_eq!(names.len(), 20_000);
    assert_eq!(tree.respelled(&manifest, 0..20_000).count(), 19_999);
}

#[test]
fn a_symlink_at_the_destination_is_not_followed() {
    for conflict in [Conflict::Ask, Conflict::Skip, Conflict::Rename, Conflict::Replace] {
        for (link, to) in [("Sent", ""), ("Sent/dir", ""), ("Sent/dir/file", "file")] {
            let (_temp, precious) = outside();
            let sample =
                Sample::folder(&[("dir/", vec![]), ("dir/file", text("precious")), ("dir/other", text("x"))])
                    .conflict(conflict);
            fs::create_dir_all(sample.path(link).parent().unwrap()).unwrap();
            symlink(precious.join(to), sample.path(link)).unwrap();
            let fetched = sample.fetch();
            assert_eq!(fetched.is_err(), conflict == Conflict::Ask, "{link}");
            assert_eq!(fetched.map_or(0, |(placed, _)| placed.identical), 0, "{link}");
            assert_eq!(names(&precious), ["file"]);
            assert_eq!(fs::read(precious.join("file")).unwrap(), b"precious");
        }
    }
}

#[test]
fn a_trap_among_the_parts_is_not_written_through() {
    let (_temp, precious) = outside();
    let sample =
        Sample::folder(&[("dir/", vec![]), ("dir/file", text("new")), ("big", noise(2 * MIB, "big"))]);
    let parts = sample.path(&part().folder());
    let plant = |path: &str, is_link: bool| {
        let path = parts.join(path);
        match (is_link, path.ends_with("dir")) {
            (true, true) => symlink(&precious, path).unwrap(),
            (true, false) => symlink(precious.join("file"), path).unwrap(),
            (false, _) => fs::hard_link(precious.join("file"), path).unwrap(),
        }
    };
    for (trap, is_link) in [
        ("files/dir", true),
        ("files/dir/file", true),
        ("files/dir/file", false),
        ("files/big", true),
        ("files/big", false),
        ("state", true),
        ("state", false),
    ] {
        drop(sample.open().unwrap());
        fs::remove_file(parts.join("state")).unwrap();
        if trap.matches('/').count() == 2 {
            fs::create_dir(parts.join("files/dir")).unwrap();
        }
        plant(trap, is_link);
        let refused = sample.open().and_then(|store| {
            sample.good(&store)?;
            store.write(0, 0, sample.piece(0))?;
            store.write(2, 0, sample.piece(2))
        });
        refused.unwrap_err();
        discard(sample.temp.path(), &part()).unwrap();
        assert_eq!(names(&precious), ["file"], "{trap}");
        assert_eq!(fs::read(precious.join("file")).unwrap(), b"precious", "{trap}");
        assert_eq!(sample.names(), [""; 0]);
    }
}

#[test]
fn nobody_else_gets_at_the_parts_and_a_link_to_others_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (_temp, precious) = outside();
    let sample = Sample::folder(&[("file", text("new"))]);
    let parts = sample.path(&part().folder());
    fs::create_dir(&parts).unwrap();
    fs::set_permissions(&parts, fs::Permissions::from_mode(0o777)).unwrap();
    drop(sample.open().unwrap());
    assert_eq!(fs::metadata(&parts).unwrap().permissions().mode() & 0o777, 0o700);
    discard(sample.temp.path(), &part()).unwrap();
    symlink(&precious, &parts).unwrap();
    sample.open().unwrap_err();
    save_proof(sample.temp.path(), &part(), share::Kind::Folder, b"x").unwrap_err();
    discard(sample.temp.path(), &part()).unwrap_err();
    assert_eq!(names(&precious), ["file"]);
}

#[test]
fn discarding_follows_no_link_and_goes_as_deep_as_it_is() {
    let (_temp, precious) = outside();
    let sample = Sample::folder(&[("file", text("new"))]);
    drop(sample.open().unwrap());
    let mut deep = sample.path(&part().folder()).join("files");
    for _ in 0..200 {
        deep.push("d");
        fs::create_dir(&deep).unwrap();
        symlink(&precious, deep.join("link")).unwrap();
        fs::write(deep.join("file"), "x").unwrap();
    }
    discard(sample.temp.path(), &part()).unwrap();
    assert_eq!(sample.names(), [""; 0]);
    assert_eq!(names(&precious), ["file"]);
}

#[test]
fn nothing_is_saved_under_the_name_of_its_own_part() {
    for name in [part().data(), part().record(), part().folder()] {
        let mut sample = Sample::file(text("x"));
        sample.to.name = FileName::parse(&name.to_uppercase()).unwrap();
        assert_eq!(kind(sample.open()), io::ErrorKind::InvalidFilename);
    }
}

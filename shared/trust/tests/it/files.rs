//! Private files: made once, for their owner alone, refused when others could have read them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Barrier;

use landline_trust::private_file::{create_private, private_dir, read_private, write_private};
use landline_trust::{DeviceKey, TokenSigner};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn loosen(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_device_stays_the_same_and_its_files_are_private() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("a/b");
    let first = DeviceKey::load_or_create(&dir).unwrap();
    let again = DeviceKey::load_or_create(&dir).unwrap();
    assert_eq!(first.id(), again.id());
    TokenSigner::load_or_create(&dir, first.id()).unwrap();
    assert_eq!((mode(&dir), mode(&home.path().join("a"))), (0o700, 0o700));
    let names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 3, "no drafts stay behind: {names:?}");
    for path in names {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn two_processes_that_start_at_once_get_one_key() {
    let home = tempfile::tempdir().unwrap();
    loosen(home.path(), 0o755);
    let barrier = Barrier::new(8);
    let ids: Vec<_> = std::thread::scope(|scope| {
        let start = || {
            barrier.wait();
            DeviceKey::load_or_create(home.path()).unwrap().id()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(mode(home.path()), 0o700, "an empty directory is made private");
}

#[test]
fn loose_permissions_are_refused_and_the_cure_is_named() {
    let home = tempfile::tempdir().unwrap();
    DeviceKey::load_or_create(home.path()).unwrap();
    let file = home.path().join("device.pem");
    for loose in [0o640, 0o604, 0o620] {
        loosen(&file, loose);
        let error = DeviceKey::load_or_create(home.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("mode {loose:o}")), "{error}");
        assert!(error.contains(&format!("chmod 600 '{}'", file.display())), "{error}");
    }
    loosen(&file, 0o600);
    loosen(home.path(), 0o755);
    let error = DeviceKey::load_or_create(home.path()).unwrap_err().to_string();
    assert!(error.contains("chmod 700"), "{error}");
    loosen(home.path(), 0o700);
    DeviceKey::load_or_create(home.path()).unwrap();
}

#[test]
fn a_damaged_key_is_never_replaced_silently() {
    let home = tempfile::tempdir().unwrap();
    let id = DeviceKey::load_or_create(home.path()).unwrap().id();
    let file = home.path().join("device.pem");
    let whole = fs::read(&file).unwrap();
    for (damage, why) in
        [(Vec::new(), "no private key"), (whole[..whole.len() / 2].to_vec(), "no certificate")]
    {
        fs::write(&file, &damage).unwrap();
        let error = DeviceKey::load_or_create(home.path()).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("is damaged"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), damage);
    }
    let other = tempfile::tempdir().unwrap();
    DeviceKey::load_or_create(other.path()).unwrap();
    let foreign = fs::read_to_string(other.path().join("device.pem")).unwrap();
    let key = String::from_utf8(whole.clone()).unwrap();
    let mixed = [
        key.split("-----BEGIN CERT").next().unwrap(),
        "-----BEGIN CERT",
        foreign.split("-----BEGIN CERT").nth(1).unwrap(),
    ]
    .concat();
    fs::write(&file, mixed).unwrap();
    let error = DeviceKey::load_or_create(home.path()).unwrap_err().to_string();
    assert!(error.contains("belongs to another key"), "{error}");
    fs::write(&file, whole).unwrap();
    assert_eq!(DeviceKey::load_or_create(home.path()).unwrap().id(), id);
}

#[test]
fn private_writing_replaces_and_private_making_does_not() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("secret");
    assert_eq!(read_private(&path).unwrap(), None);
    assert!(create_private(&path, b"one").unwrap());
    assert!(!create_private(&path, b"two").unwrap());
    assert_eq!(read_private(&path).unwrap().unwrap(), b"one");
    loosen(&path, 0o644);
    write_private(&path, b"three").unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(read_private(&path).unwrap().unwrap(), b"three");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    let error = private_dir(&path).unwrap_err().to_string();
    assert!(error.contains("cannot be used"), "{error}");
}

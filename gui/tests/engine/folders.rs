//! Folders: whole, in part, and again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use landline_peer::api::{AcceptHow, Action, Outcome, TransferKind, TransferState};

use crate::office::Office;
use crate::person::Person;
use crate::views::*;

/// Small and large files, one that may be executed, empty ones, and a folder with nothing in it.
fn folder_of(person: &Person) -> PathBuf {
    let folder = person.file("project", 0);
    fs::remove_file(&folder).unwrap();
    fs::create_dir_all(folder.join("src/deep")).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    write_content(&folder.join("big.bin"), 7 * MIB + 3);
    write_content(&folder.join("src/none"), 0);
    for number in 0..40 {
        write_content(&folder.join(format!("src/deep/{number:02}.txt")), 100 + number);
    }
    let script = folder.join("run.sh");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).unwrap().permissions().mode() & 0o100 != 0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_arrives_as_it_was() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let folder = folder_of(&alice);
    let offer = alice.shares(&LOBBY, folder.clone()).await;
    bob.accepts(offer).await;
    let path = bob.receives(offer).await;
    assert_eq!(path, bob.downloads().join("project"));
    assert_eq!(tree_of(&path), tree_of(&folder));
    assert!(is_executable(&path.join("run.sh")) && !is_executable(&path.join("big.bin")));
    let modified = |path: &Path| fs::metadata(path.join("big.bin")).unwrap().modified().unwrap();
    assert_eq!(modified(&path), modified(&folder));
    assert_eq!(bob.in_downloads(), ["project"], "nothing else is left");
    bob.transfer("a complete folder", offer, |view| {
        let TransferKind::Folder(summary) = view.kind else { return false };
        (summary.files, summary.folders, view.files_done) == (43, 3, 43)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_picked_is_fetched() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let folder = folder_of(&alice);
    let offer = alice.shares(&LOBBY, folder.clone()).await;
    bob.is_offered(offer).await;
    alice.transfer("a sealed folder", offer, |view| view.state == TransferState::Offered).await;
    bob.says(&LOBBY, "after the seal").await;
    alice.says(&LOBBY, "after the seal, too").await;
    bob.hears(&LOBBY, "after the seal, too").await;
    let Outcome::Listing(listing) = bob.run(Action::List { offer }).await.unwrap() else {
        panic!("no listing");
    };
    assert_eq!(listing.len(), 43);
    let index = |name: &str| {
        let at = listing.iter().position(|entry| entry.path.as_raw() == name).unwrap();
        u32::try_from(at).unwrap()
    };
    let picks: Arc<[u32]> = [index("run.sh"), index("src/deep/07.txt")].into();
    let how = AcceptHow { picks: Some(picks), ..AcceptHow::default() };
    bob.run(Action::Accept { offer, how }).await.unwrap();
    let path = bob.receives(offer).await;
    let files: Vec<_> =
        tree_of(&path).into_iter().filter_map(|(name, content)| content.map(|_| name)).collect();
    assert_eq!(files, [Path::new("run.sh"), Path::new("src/deep/07.txt")]);
    bob.transfer("the size of the picks", offer, |view| (view.size, view.files_done) == (117, 2)).await;
    let own = alice.run(Action::List { offer }).await.unwrap();
    assert_eq!(own, Outcome::Listing(listing), "the author sees the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_still_looked_through_is_accepted_and_arrives() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let folder = folder_of(&alice);
    fs::File::create(folder.join("hole")).unwrap().set_len(600 * MIB).unwrap();
    let offer = alice.shares(&LOBBY, folder.clone()).await;
    bob.accepts(offer).await;
    let path = bob.receives(offer).await;
    assert_eq!(fs::metadata(path.join("hole")).unwrap().len(), 600 * MIB);
    assert_same_content(&folder.join("big.bin"), &path.join("big.bin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_shared_before_a_restart_is_served_after_it() {
    let office = Office::open().await;
    let (mut alice, mut bob) = (office.person("alice").await, office.person("bob").await);
    let folder = folder_of(&alice);
    let offer = alice.shares(&LOBBY, folder.clone()).await;
    bob.is_offered(offer).await;
    alice.transfer("a sealed folder", offer, |view| view.state == TransferState::Offered).await;
    alice.restart().await;
    bob.accepts(offer).await;
    assert_eq!(tree_of(&bob.receives(offer).await), tree_of(&folder));
}

//! Folders, queues, limits and everything else about transfers that a user would miss.

use std::path::Path;
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use landline_peer::api::{
    Action, Conflict, Event, Failure, FailureKind, Outcome, Priority, TransferSettings,
};
use landline_protocol::MessageId;

use super::{Desk, fake};
use crate::bridge::{Errand, Report};
use crate::state::Choose;

const WIDE: [f32; 2] = [1200.0, 800.0];
/// Room for a card in every state.
const TALL: [f32; 2] = [1200.0, 7000.0];

fn click(desk: &mut Desk, label: &str) {
    desk.window.get_by_label(label).click();
    desk.window.run();
}

fn type_over(desk: &mut Desk, label: &str, text: &str) {
    let field = desk.window.get_by_role_and_label(Role::TextInput, label);
    field.focus();
    desk.window.run();
    desk.window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    desk.window.run();
    desk.window.get_by_role_and_label(Role::TextInput, label).type_text(text);
    desk.window.run();
}

/// A window on a conversation with a card in every state.
fn cards() -> Desk {
    let mut desk = Desk::new(fake::every_transfer(), TALL);
    desk.window.state_mut().state.open = Some(fake::direct("Marta Keller"));
    desk.window.run();
    desk.asked();
    desk
}

fn page() -> Desk {
    let mut desk = Desk::new(fake::every_transfer(), [1200.0, 3000.0]);
    click(&mut desk, "All transfers");
    desk.asked();
    desk
}

fn offer_of(desk: &Desk, name: &str) -> MessageId {
    let snapshot = fake::every_transfer();
    let found = snapshot.transfers.values().find(|one| one.name.as_raw() == name).map(|one| one.offer);
    let _ = desk;
    found.unwrap()
}

/// Opens the picker of "survey photos" and lists so many files in it.
pub(super) fn list(desk: &mut Desk, files: u32) {
    let offer = offer_of(desk, "survey photos");
    let options = crate::state::AppCommand::Options { offer };
    desk.window.state_mut().queue.push(options);
    desk.window.run();
    while let Ok(command) = desk.far.commands.try_recv() {
        if matches!(command.action, Action::List { .. }) {
            let result = Ok(Outcome::Listing(fake::listing(files)));
            let event = Event::Finished { ticket: command.ticket, result };
            desk.far.reports.try_send(Report::Event(event)).unwrap();
        }
    }
    desk.window.run();
}

#[test]
fn a_download_is_paused_resumed_and_moved_to_the_front() {
    let mut desk = cards();
    click(&mut desk, "Pause photos.zip");
    click(&mut desk, "Resume paused.img");
    click(&mut desk, "Try now backup.img");
    click(&mut desk, "Start next queued.iso");
    click(&mut desk, "Cancel queued.iso");
    let asked = desk.asked();
    assert!(
        matches!(
            asked[..],
            [
                Action::Pause { .. },
                Action::Resume { .. },
                Action::Resume { .. },
                Action::Prioritise { priority: Priority::High, .. },
                Action::Cancel { .. }
            ]
        ),
        "{asked:?}"
    );
}

#[test]
fn a_taken_name_is_decided_on_the_card() {
    let mut desk = cards();
    for (label, expected) in
        [("Keep both", Conflict::Rename), ("Skip", Conflict::Skip), ("Replace", Conflict::Replace)]
    {
        click(&mut desk, &format!("{label} plan.odt"));
        let asked = desk.asked();
        assert!(
            matches!(&asked[..], [Action::Accept { how, .. }] if how.conflict == Some(expected)),
            "{asked:?}"
        );
    }
}

#[test]
fn what_would_go_wrong_is_said_before_accepting() {
    let desk = cards();
    desk.window.get_by_label("Needs 840 MiB, 300 MiB free.");
    desk.window.get_by_label("The name is taken there: it will get another one.");
}

#[test]
fn sources_and_pieces_are_shown_and_a_liar_is_named() {
    let desk = cards();
    desk.window.get_by_label("73 % of site visit here");
    desk.window.get_by_label_contains("Marta Keller 80 MiB/s, Jonas Weber 12 MiB/s, Olu Adeyemi (waiting)");
    desk.window.get_by_label("Ken Ito was dropped. What it sent was not what was offered.");
}

#[test]
fn a_changed_source_can_be_shared_again_and_leads_to_its_new_version() {
    let mut desk = cards();
    click(&mut desk, "Share the new version mine-changed.ods");
    let asked = desk.asked();
    assert!(matches!(asked[..], [Action::ShareAgain { .. }]), "{asked:?}");
    assert!(
        desk.window.query_by_label("Share the new version mine-replaced.ods").is_none(),
        "it was already"
    );
    click(&mut desk, "Show the new version c.csv");
    assert_eq!(desk.window.state().state.open, Some(fake::direct("Marta Keller")));
}

#[test]
fn files_of_a_folder_are_picked() {
    let mut desk = Desk::new(fake::every_transfer(), WIDE);
    desk.window.state_mut().state.open = Some(fake::direct("Marta Keller"));
    desk.window.run();
    list(&mut desk, 312);
    desk.window.get_by_label_contains("312 of 312 files");
    click(&mut desk, "None");
    desk.window.get_by_label_contains("0 of 312 files");
    click(&mut desk, "Accept these");
    assert!(desk.asked().iter().all(|action| !matches!(action, Action::Accept { .. })), "nothing is picked");
    type_over(&mut desk, "Find files", "picture 00031");
    click(&mut desk, "Take these");
    click(&mut desk, "day 1/picture 000310.jpg");
    click(&mut desk, "Replace");
    click(&mut desk, "Accept these");
    let asked = desk.asked();
    let [Action::Accept { how, .. }] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(how.picks.as_deref(), Some(&[311][..]), "310 was left out again");
    assert_eq!(how.conflict, Some(Conflict::Replace));
    assert_eq!(how.folder.as_deref(), Some(Path::new("/home/alex/Downloads/Landline")));
}

#[test]
fn a_hundred_thousand_files_stay_smooth() {
    let mut desk = Desk::new(fake::every_transfer(), WIDE);
    list(&mut desk, 100_000);
    desk.window.get_by_label_contains("100000 of 100000 files");
    let rows = desk.window.query_all_by_role(Role::CheckBox).count();
    assert!((5..40).contains(&rows), "{rows} rows are laid out");
    let begun = Instant::now();
    for _ in 0..20 {
        desk.window.step();
    }
    let pass = begun.elapsed() / 20;
    assert!(pass < Duration::from_millis(50), "{pass:?} a pass");
}

#[test]
fn a_listing_that_does_not_come_still_lets_one_accept() {
    let mut desk = Desk::new(fake::every_transfer(), WIDE);
    let offer = offer_of(&desk, "survey photos");
    desk.window.state_mut().queue.push(crate::state::AppCommand::Options { offer });
    desk.window.run();
    desk.window.get_by_label("Asking what is in it…");
    let ticket = std::iter::from_fn(|| desk.far.commands.try_recv().ok())
        .find(|command| matches!(command.action, Action::List { .. }))
        .unwrap()
        .ticket;
    let failure = Failure::new(FailureKind::Unreachable, "Marta Keller is still reading the folder.");
    let event = Event::Finished { ticket, result: Err(failure) };
    desk.far.reports.try_send(Report::Event(event)).unwrap();
    desk.window.run();
    desk.window.get_by_label("Marta Keller is still reading the folder.");
    click(&mut desk, "Accept these");
    let asked = desk.asked();
    assert!(matches!(&asked[..], [Action::Accept { how, .. }] if how.picks.is_none()), "{asked:?}");
}

#[test]
fn everything_is_paused_and_resumed_at_once() {
    let mut desk = page();
    click(&mut desk, "Pause all");
    let asked = desk.asked();
    assert!(asked.len() > 5 && asked.iter().all(|one| matches!(one, Action::Pause { .. })), "{asked:?}");
    click(&mut desk, "Resume all");
    let asked = desk.asked();
    assert!(matches!(asked[..], [Action::Resume { .. }]), "{asked:?}");
}

#[test]
fn the_page_leads_to_conversations_and_back() {
    let mut desk = page();
    desk.window.get_by_label("Jonas Weber");
    desk.window.get_by_label_contains("for-everyone.mkv · 840 MiB");
    click(&mut desk, "Show for-everyone.mkv in its conversation");
    desk.window.get_by_label("Message Everyone");
    click(&mut desk, "All transfers");
    click(&mut desk, "Back to the conversations");
    desk.window.get_by_label("Message Everyone");
}

#[test]
fn a_download_is_moved_to_the_end_by_its_menu() {
    let mut desk = page();
    click(&mut desk, "More for photos.zip");
    click(&mut desk, "After the others");
    let asked = desk.asked();
    assert!(matches!(asked[..], [Action::Prioritise { priority: Priority::Low, .. }]), "{asked:?}");
}

#[test]
fn what_is_open_but_hidden_by_the_page_is_not_read() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    desk.asked();
    click(&mut desk, "All transfers");
    desk.window.state_mut().state.open = Some(fake::direct("Jonas Weber"));
    desk.window.run();
    assert!(desk.asked().is_empty());
}

#[test]
fn limits_are_typed_with_units_and_nonsense_is_told_in_place() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    click(&mut desk, "Settings");
    click(&mut desk, "Slots and limits…");
    type_over(&mut desk, "Upload limit", "fast");
    click(&mut desk, "Save");
    desk.window.get_by_label_contains("“fast” is no limit");
    assert!(desk.asked().is_empty());
    type_over(&mut desk, "Upload limit", "2 MiB/s");
    type_over(&mut desk, "Downloads at once", "7");
    click(&mut desk, "Skip");
    click(&mut desk, "Save");
    let asked = desk.asked();
    let [Action::SetTransfers(settings)] = &asked[..] else {
        panic!("{asked:?}");
    };
    let expected = TransferSettings {
        up: Some(2 << 20),
        download_slots: 7,
        conflict: Conflict::Skip,
        ..TransferSettings::default()
    };
    assert_eq!(*settings, expected);
}

#[test]
fn one_person_is_limited_in_the_menu_of_their_conversation() {
    let mut desk = cards();
    click(&mut desk, "Limits of Marta Keller");
    type_over(&mut desk, "To them", "500K");
    click(&mut desk, "Save limits");
    let asked = desk.asked();
    let [Action::SetTransfers(settings)] = &asked[..] else {
        panic!("{asked:?}");
    };
    let marta = fake::user("Marta Keller");
    assert_eq!(settings.up_to.get(&marta), Some(&(500 << 10)));
    assert_eq!(settings.up_to.len(), 2, "others keep theirs");
}

#[test]
fn files_and_folders_are_chosen_by_the_desktop() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    for (label, what) in [("File…", Choose::Files), ("Folder…", Choose::Folder)] {
        click(&mut desk, "Send files");
        click(&mut desk, label);
        assert!(
            matches!(desk.far.errands.try_recv(), Ok(Errand::Choose(_, asked)) if asked == what),
            "{label}"
        );
    }
    let to = fake::direct("Olu Adeyemi");
    let report = Report::Chosen { to: to.clone(), paths: vec!["/a".into(), "/b".into()] };
    desk.far.reports.try_send(report).unwrap();
    desk.window.run();
    let asked = desk.asked();
    assert_eq!(
        asked.iter().filter(|one| matches!(one, Action::Share { to: whom, .. } if *whom == to)).count(),
        2
    );
}

#[test]
fn what_moved_in_the_last_minute_is_drawn() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    desk.window.run_steps(30);
    desk.window.get_by_label_contains("Rates of the last minute: 112 MiB/s inwards, 31 MiB/s outwards");
    let mut still = Desk::new(fake::alone(), WIDE);
    click(&mut still, "All transfers");
    assert!(still.window.query_by_label_contains("Rates of the last minute").is_none());
}

#[test]
fn a_folder_is_told_from_a_file_in_the_list_and_on_its_card() {
    let desk = cards();
    let about = desk.window.query_all_by_label("folder · 312 files · 840 MiB · from Marta Keller");
    assert_eq!(about.count(), 2, "of both folders");
    let node = desk.window.get_by_label("Choose… survey photos");
    assert_eq!(node.accesskit_node().role(), Role::Button);
}

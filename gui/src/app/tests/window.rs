//! What a user would lose if it broke.

use std::sync::Arc;

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use landline_peer::api::{Action, Event, Failure, FailureKind, Outcome, Target, Ticket};
use landline_protocol::{ConversationKind, InviteLink, Seq};

use super::{Desk, File, fake};
use crate::bridge::{Errand, Report};

const WIDE: [f32; 2] = [1200.0, 800.0];
const NARROW: [f32; 2] = [480.0, 700.0];
/// Room for a card in every state.
const TALL: [f32; 2] = [1200.0, 7000.0];

fn type_into(desk: &mut Desk, label: &str, text: &str) {
    let field = desk.window.get_by_role_and_label(field_role(label), label);
    field.focus();
    desk.window.run();
    desk.window.get_by_role_and_label(field_role(label), label).type_text(text);
    desk.window.run();
}

fn field_role(label: &str) -> Role {
    match label {
        "Password" => Role::PasswordInput,
        label if label.starts_with("Message") => Role::MultilineTextInput,
        _ => Role::TextInput,
    }
}

fn click(desk: &mut Desk, label: &str) {
    desk.window.get_by_label(label).click();
    desk.window.run();
}

fn open(desk: &mut Desk, kind: ConversationKind) {
    desk.window.state_mut().state.open = Some(kind);
    desk.window.run();
    desk.asked();
}

fn scroll_up(desk: &mut Desk, notches: usize) {
    for _ in 0..notches {
        let delta = egui::vec2(0.0, 400.0);
        desk.window.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta,
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers: egui::Modifiers::NONE,
        });
        desk.window.run_steps(4);
    }
    desk.window.run_steps(30);
}

fn report(desk: &mut Desk, report: Report) {
    desk.far.reports.try_send(report).unwrap();
    desk.window.run();
}

fn finish(desk: &mut Desk, ticket: Ticket, result: Result<Outcome, Failure>) {
    report(desk, Report::Event(Event::Finished { ticket, result }));
}

#[test]
fn the_form_signs_up_with_what_is_typed_and_shows_a_refusal_in_place() {
    let mut desk = Desk::new(fake::signed_out(), WIDE);
    type_into(&mut desk, "Address or invite link", "192.168.1.20:4810");
    type_into(&mut desk, "Password", "correct horse");
    click(&mut desk, "Create account and join");
    let command = desk.far.commands.try_recv().unwrap();
    let Action::SignUp { target, username, password } = command.action else {
        panic!("{:?}", command.action);
    };
    assert_eq!(target, Target::Address("192.168.1.20:4810".into()));
    assert_eq!(username.as_str(), "x86_64-linux-a4f2", "the suggestion stands unless it is edited");
    assert_eq!(password.expose(), "correct horse");
    assert!(desk.window.query_by_label("Joining…").is_some(), "it is seen to be under way");

    let refusal = "That name is taken here. Choose another.";
    finish(&mut desk, command.ticket, Err(Failure::new(FailureKind::Invalid, refusal)));
    desk.window.get_by_label(refusal);
    desk.window.get_by_label("Create account and join");
}

#[test]
fn what_is_missing_in_the_form_is_said_before_anything_is_sent() {
    let mut desk = Desk::new(fake::signed_out(), WIDE);
    click(&mut desk, "Create account and join");
    desk.window.get_by_label("Type a password.");
    type_into(&mut desk, "Password", "short");
    click(&mut desk, "Create account and join");
    desk.window.get_by_label("A password needs at least 8 characters.");
    assert!(
        desk.window.get_by_role_and_label(Role::PasswordInput, "Password").is_focused(),
        "one types on at once"
    );
    assert!(desk.asked().is_empty());
}

#[test]
fn enter_in_the_password_field_signs_in() {
    let mut desk = Desk::new(fake::signed_out(), WIDE);
    click(&mut desk, "I have an account");
    type_into(&mut desk, "Address or invite link", "hub:4810");
    type_into(&mut desk, "Password", "pw");
    desk.window.key_press(egui::Key::Enter);
    desk.window.run();
    assert!(matches!(desk.asked()[..], [Action::SignIn { .. }]));
}

#[test]
fn hosting_is_one_click_and_offers_an_invite_for_others() {
    let mut desk = Desk::new(fake::signed_out(), WIDE);
    click(&mut desk, "Host here");
    type_into(&mut desk, "Password", "correct horse");
    click(&mut desk, "Host on this computer");
    let Ok(Errand::Host { ticket, username, .. }) = desk.far.errands.try_recv() else {
        panic!("a coordinator is asked for");
    };
    let hosting = crate::state::Hosting { listen: "0.0.0.0:4810".parse().unwrap() };
    report(&mut desk, Report::Hosting { hosting, address: "192.168.1.20:4810".into() });
    assert!(matches!(desk.far.errands.try_recv(), Ok(Errand::Save(settings)) if settings.hosting.is_some()));
    desk.show(fake::alone());
    finish(&mut desk, ticket, Ok(Outcome::SignedIn { user: username }));
    let invite = desk.far.commands.try_recv().unwrap();
    assert!(matches!(invite.action, Action::Invite));
    let link =
        InviteLink { host: "127.0.0.1".into(), port: 4810, key: fake::other_key(), code: "abc".into() };
    finish(&mut desk, invite.ticket, Ok(Outcome::Invited { link }));
    let field = desk.window.get_by_role_and_label(Role::TextInput, "Invite link");
    let shown = field.value().unwrap();
    assert!(
        shown.starts_with("landline://192.168.1.20:4810/"),
        "others dial this machine, not their own: {shown}"
    );
    click(&mut desk, "Copy link");
    desk.window.get_by_label("Copied");
}

#[test]
fn a_message_is_sent_by_enter_and_the_field_is_empty_again() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    open(&mut desk, fake::direct("Marta Keller"));
    type_into(&mut desk, "Message Marta Keller", "see you");
    desk.window.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::Enter);
    desk.window.run();
    assert!(desk.asked().is_empty(), "Shift+Enter starts a new line");
    desk.window.get_by_label("Message Marta Keller").type_text("at four");
    desk.window.run();
    desk.window.key_press(egui::Key::Enter);
    desk.window.run();
    let asked = desk.asked();
    let [Action::SendText { to, text }] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!((to, text.as_str()), (&fake::direct("Marta Keller"), "see you\nat four"));
    let field = desk.window.get_by_label("Message Marta Keller");
    assert_eq!(field.value().unwrap_or_default(), "");
}

#[test]
fn a_card_is_accepted_declined_and_cancelled_by_its_buttons() {
    let mut desk = Desk::new(fake::every_transfer(), TALL);
    open(&mut desk, fake::direct("Marta Keller"));
    click(&mut desk, "Accept minutes.pdf");
    click(&mut desk, "Decline minutes.pdf");
    click(&mut desk, "Cancel photos.zip");
    click(&mut desk, "Cancel mine-going.mkv");
    click(&mut desk, "Accept again song.mp3");
    let asked = desk.asked();
    assert!(
        matches!(
            asked[..],
            [
                Action::Accept { .. },
                Action::Decline { .. },
                Action::Cancel { .. },
                Action::Cancel { .. },
                Action::Accept { .. }
            ]
        ),
        "{asked:?}"
    );
    click(&mut desk, "Open report.pdf");
    assert!(matches!(desk.far.errands.try_recv(), Ok(Errand::Open(path)) if path.ends_with("report.pdf")));
    click(&mut desk, "Show in folder report.pdf");
    assert!(matches!(desk.far.errands.try_recv(), Ok(Errand::Open(path)) if path.ends_with("Landline")));
}

#[test]
fn save_as_asks_for_a_path() {
    let mut desk = Desk::new(fake::every_transfer(), TALL);
    open(&mut desk, fake::direct("Marta Keller"));
    click(&mut desk, "Save as… minutes.pdf");
    let field = desk.window.get_by_role_and_label(Role::TextInput, "Where and under which name");
    assert_eq!(field.value().as_deref(), Some("/home/alex/Downloads/Landline/minutes.pdf"));
    click(&mut desk, "Save");
    let asked = desk.asked();
    let [Action::Accept { how, .. }] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(how.folder.as_deref(), Some(std::path::Path::new("/home/alex/Downloads/Landline")));
    assert_eq!(how.name.as_ref().map(landline_protocol::FileName::as_str), Some("minutes.pdf"));
    assert_eq!((how.conflict, how.picks.clone()), (None, None), "the rest is as usual");
}

#[test]
fn unread_messages_are_counted_and_opening_marks_them_read() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    let row = desk.window.get_by_label_contains("Jonas Weber, online, 1 unread");
    row.click();
    desk.window.run();
    let asked = desk.asked();
    assert!(asked.iter().any(|action| matches!(action, Action::MarkRead { seq: Seq(4), .. })), "{asked:?}");
    desk.window.get_by_label("New");
    desk.window.run();
    assert!(desk.asked().is_empty(), "it is told once");
}

#[test]
fn a_file_dropped_on_a_person_goes_to_that_person() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    open(&mut desk, fake::direct("Marta Keller"));
    let row = desk.window.get_by_label_contains("Olu Adeyemi, online").rect();
    desk.window.hover_at(row.center());
    desk.window.input_mut().hovered_files.push(egui::HoveredFile::default());
    desk.window.run_steps(2);
    desk.window.input_mut().hovered_files.clear();
    desk.window.input_mut().dropped_files.push(Arc::new(File("/tmp/report.pdf".into())));
    desk.window.run();
    let asked = desk.asked();
    let [Action::Share { to, path }] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(to, &fake::direct("Olu Adeyemi"));
    assert_eq!(path.to_str(), Some("/tmp/report.pdf"));
}

#[test]
fn a_file_dropped_into_the_conversation_goes_there() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    open(&mut desk, fake::direct("Marta Keller"));
    desk.window.hover_at(egui::pos2(600.0, 400.0));
    desk.window.run();
    desk.window.input_mut().dropped_files.push(Arc::new(File("/tmp/a".into())));
    desk.window.run();
    assert!(matches!(&desk.asked()[..], [Action::Share { to, .. }] if *to == fake::direct("Marta Keller")));
}

#[test]
fn a_folder_and_files_dropped_together_are_offered_one_by_one() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    open(&mut desk, fake::direct("Marta Keller"));
    desk.window.hover_at(egui::pos2(600.0, 400.0));
    desk.window.run();
    for path in ["/tmp/photos", "/tmp/a", "/tmp/b"] {
        desk.window.input_mut().dropped_files.push(Arc::new(File(path.into())));
    }
    desk.window.run();
    let asked = desk.asked();
    let paths: Vec<_> = asked
        .iter()
        .filter_map(|action| match action {
            Action::Share { path, .. } => path.to_str(),
            _ => None,
        })
        .collect();
    assert_eq!(paths, ["/tmp/photos", "/tmp/a", "/tmp/b"]);
}

#[test]
fn a_typed_path_sends_a_file_where_there_is_no_dialog() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    click(&mut desk, "Send files");
    type_into(&mut desk, "Or type its path", "/tmp/отчёт.pdf");
    click(&mut desk, "Send this");
    let asked = desk.asked();
    assert!(matches!(&asked[..], [Action::Share { path, .. }] if path.ends_with("отчёт.pdf")), "{asked:?}");
}

#[test]
fn a_changed_key_stops_everything_and_shows_both() {
    let mut desk = Desk::new(fake::refused(), WIDE);
    let pinned = fake::alone().me.unwrap().coordinator_key.fingerprint();
    desk.window.get_by_label(&pinned);
    desk.window.get_by_label(&fake::other_key().fingerprint());
    assert!(desk.window.query_by_label("Send").is_none(), "there is no way around it");
    click(&mut desk, "Sign out");
    assert!(matches!(desk.asked()[..], [Action::SignOut]));
}

#[test]
fn the_line_says_when_it_tries_again_and_can_be_told_to_now() {
    let mut desk = Desk::new(fake::waiting(7), WIDE);
    desk.window.get_by_label_contains("Reconnecting in");
    click(&mut desk, "Reconnect now");
    assert!(matches!(desk.asked()[..], [Action::Reconnect]));
}

#[test]
fn a_failed_command_is_told() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    let failure = Failure::new(FailureKind::DiskFull, "The disk is full. Free some space and try again.");
    report(&mut desk, Report::Event(Event::Notice(failure)));
    desk.window.get_by_label("The disk is full. Free some space and try again.");
    click(&mut desk, "Dismiss");
    assert!(desk.window.query_by_label_contains("The disk is full").is_none());
}

#[test]
fn a_full_queue_loses_nothing() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    desk.asked();
    let state = desk.window.state_mut();
    for _ in 0..100 {
        let command = crate::state::AppCommand::Engine(Action::Reconnect, crate::state::Purpose::Quiet);
        state.queue.push(command);
    }
    let mut heard = 0;
    for _ in 0..10 {
        desk.window.run_steps(1);
        heard += desk.asked().len();
    }
    assert_eq!(heard, 100);
}

#[test]
fn everything_can_be_reached_by_keyboard() {
    let mut desk = Desk::new(fake::signed_out(), WIDE);
    let mut reached: Vec<String> = Vec::new();
    for _ in 0..12 {
        desk.window.key_press(egui::Key::Tab);
        desk.window.run();
        let focused = desk.window.root().children_recursive().find(egui_kittest::Node::is_focused);
        reached.extend(focused.and_then(|node| node.accesskit_node().label()));
    }
    for label in [
        "Join",
        "Host here",
        "I have an account",
        "Username",
        "Password",
        "Show password",
        "Create account and join",
    ] {
        assert!(reached.iter().any(|one| one == label), "{label} in {reached:?}");
    }
    let at = |label| reached.iter().position(|one| one == label);
    assert!(at("Username") < at("Password") && at("Password") < at("Show password"), "{reached:?}");
}

#[test]
fn no_view_is_wider_than_a_narrow_window() {
    let long = fake::direct(&"W".repeat(64));
    for (what, snapshot, kind) in [
        ("first", fake::signed_out(), None),
        ("stop", fake::refused(), None),
        ("list", fake::long_names(), None),
        ("chat", fake::long_names(), Some(long)),
        ("cards", fake::every_transfer(), Some(fake::direct("Marta Keller"))),
        ("lobby", fake::every_transfer(), Some(ConversationKind::Lobby)),
        ("waiting", fake::waiting(60), Some(ConversationKind::Lobby)),
        ("page", fake::every_transfer(), None),
        ("empty page", fake::alone(), None),
    ] {
        let mut desk = Desk::new(snapshot, NARROW);
        desk.window.state_mut().state.open = kind;
        desk.window.state_mut().state.page = what.contains("page");
        desk.window.run();
        for node in desk.window.root().children_recursive() {
            let node = node.accesskit_node();
            let (Some(bounds), label) = (node.raw_bounds(), node.label()) else { continue };
            assert!(bounds.x1 <= 480.5 && bounds.x0 >= -0.5, "{what}: {label:?} at {bounds:?}");
        }
    }
}

#[test]
fn what_was_read_stays_in_place_when_the_past_grows() {
    let mut desk = Desk::new(fake::long_past(100, 200), WIDE);
    desk.window.hover_at(egui::pos2(600.0, 400.0));
    scroll_up(&mut desk, 60);
    let before = desk.window.get_by_label("line 104").rect();
    desk.show(fake::long_past(1, 200));
    let after = desk.window.get_by_label("line 104").rect();
    assert!((after.min.y - before.min.y).abs() < 1.0, "{before:?} became {after:?}");
}

#[test]
fn an_idle_window_asks_for_no_frame() {
    for snapshot in [fake::busy(), fake::signed_out(), fake::refused(), fake::alone()] {
        let mut desk = Desk::new(snapshot, WIDE);
        desk.window.run();
        let delay = desk.window.output().viewport_output.values().map(|view| view.repaint_delay).min();
        assert!(delay.is_none_or(|delay| delay > std::time::Duration::from_mins(1)), "{delay:?}");
    }
}

#[test]
fn enter_in_the_filter_opens_who_is_found() {
    let mut desk = Desk::new(fake::busy(), WIDE);
    type_into(&mut desk, "Find people", "olu");
    desk.window.key_press(egui::Key::Enter);
    desk.window.run();
    desk.window.get_by_label("Message Olu Adeyemi");
}

#[test]
fn a_long_past_is_asked_for_at_its_top_and_left_by_one_button() {
    let mut desk = Desk::new(fake::long_past(1, 300), WIDE);
    desk.window.get_by_label("line 300");
    assert!(desk.window.query_by_label("line 1").is_none(), "only what is in view is painted");
    assert!(desk.asked().iter().all(|action| !matches!(action, Action::LoadOlder { .. })));
    desk.window.hover_at(egui::pos2(600.0, 400.0));
    scroll_up(&mut desk, 60);
    desk.window.get_by_label("line 1");
    let asked = desk.asked();
    assert_eq!(
        asked.iter().filter(|action| matches!(action, Action::LoadOlder { .. })).count(),
        1,
        "{asked:?}"
    );
    click(&mut desk, "Go to the newest message");
    desk.window.get_by_label("line 300");
}

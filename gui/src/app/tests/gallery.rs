//! Every screen in both themes: nothing leaves the window, everything has a name. With
//! `LANDLINE_GALLERY=DIR` (and `LANDLINE_GALLERY_ONLY=PART` of a name) it also leaves pictures.

use std::io::Write;
use std::path::Path;

use egui_kittest::kittest::{NodeT, Queryable};
use landline_peer::api::{Failure, FailureKind, Snapshot};
use landline_protocol::ConversationKind;

use super::raster::{Image, Textures};
use super::{Desk, fake};
use crate::theme::ThemeChoice::{self, Dark, Light};

const WIDE: [f32; 2] = [1200.0, 800.0];
const NARROW: [f32; 2] = [480.0, 800.0];

/// Shows one screen, looks whether it is in order, and paints it if pictures are wanted.
fn take(name: &str, snapshot: Snapshot, size: [f32; 2], theme: ThemeChoice, act: impl FnOnce(&mut Desk)) {
    if std::env::var("LANDLINE_GALLERY_ONLY").is_ok_and(|only| !name.contains(&only)) {
        return;
    }
    let folder = std::env::var_os("LANDLINE_GALLERY");
    let textures = Textures::default();
    let renderer = textures.clone();
    let mut desk = Desk::build(snapshot, size, theme, |builder| match folder {
        Some(_) => builder.renderer(renderer).with_context_setup(crate::theme::install_system_fonts),
        None => builder,
    });
    act(&mut desk);
    desk.window.run_steps(3);
    desk.window.check_accessibility();
    inspect(name, &desk, size);
    if let Some(folder) = folder {
        let output = desk.window.output();
        let scale = output.pixels_per_point;
        let primitives = desk.window.ctx.tessellate(output.shapes.clone(), scale);
        std::fs::create_dir_all(&folder).unwrap();
        write(&Path::new(&folder).join(format!("{name}.ppm")), &textures.paint(&primitives, size, scale));
    }
}

/// Something is there, and all of it is within the window.
fn inspect(name: &str, desk: &Desk, size: [f32; 2]) {
    let root = desk.window.root();
    let nodes: Vec<_> = root.children_recursive().collect();
    assert!(nodes.len() > 3, "{name} is empty");
    for node in nodes {
        let node = node.accesskit_node();
        let (Some(bounds), label) = (node.raw_bounds(), node.label()) else { continue };
        let fits = bounds.x0 >= -0.5 && bounds.x1 <= f64::from(size[0]) + 0.5;
        assert!(fits, "{name}: {label:?} at {bounds:?}");
    }
}

fn write(path: &Path, image: &Image) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(file, "P6 {} {} 255", image.width, image.height).unwrap();
    for pixel in &image.pixels {
        file.write_all(&pixel.to_array()[..3]).unwrap();
    }
}

fn open(kind: ConversationKind) -> impl FnOnce(&mut Desk) {
    move |desk| {
        desk.window.state_mut().state.open = Some(kind);
        desk.window.run();
    }
}

fn click(label: &'static str) -> impl FnOnce(&mut Desk) {
    move |desk| {
        desk.window.get_by_label(label).click();
        desk.window.run();
    }
}

/// A minute in which things moved.
fn moved(desk: &mut Desk) {
    let rates = &mut desk.window.state_mut().state.rates;
    *rates = crate::state::Rates::default();
    for step in 0..200_u32 {
        let wave = |period: f64| (f64::from(step) / period).sin() + 1.3;
        let now = 0.3 * f64::from(step) - 60.0;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
        let rate = |period: f64, mebibytes: f64| (wave(period) * mebibytes * 1_048_576.0) as u64;
        rates.note(now, rate(17.0, 50.0), rate(9.0, 14.0));
    }
    desk.window.run();
}

/// The picker of a folder with so many files, a few of them left out.
fn pick(files: u32) -> impl FnOnce(&mut Desk) {
    move |desk| {
        open(marta())(desk);
        super::transfers::list(desk, files);
        desk.window.get_by_label("day 1/picture 000003.txt").click();
        desk.window.run();
    }
}

fn limits(desk: &mut Desk) {
    click("All transfers")(desk);
    click("Slots and limits")(desk);
}

fn marta() -> ConversationKind {
    fake::direct("Marta Keller")
}

#[test]
fn every_screen_is_in_order_in_both_themes() {
    for (theme, tone) in [(Dark, "dark"), (Light, "light")] {
        take(&format!("main-{tone}"), fake::busy(), WIDE, theme, |desk| {
            moved(desk);
            open(marta())(desk);
        });
        take(&format!("lobby-{tone}"), fake::busy(), WIDE, theme, open(ConversationKind::Lobby));
        take(&format!("first-{tone}"), fake::signed_out(), WIDE, theme, |_| {});
        take(&format!("refused-{tone}"), fake::refused(), WIDE, theme, |_| {});
        take(&format!("cards-{tone}"), fake::every_transfer(), [1200.0, 6400.0], theme, open(marta()));
        take(&format!("page-{tone}"), fake::every_transfer(), [1200.0, 2300.0], theme, |desk| {
            moved(desk);
            click("All transfers")(desk);
        });
        take(&format!("pick-{tone}"), fake::every_transfer(), WIDE, theme, pick(312));
        take(&format!("limits-{tone}"), fake::every_transfer(), WIDE, theme, limits);
        take(&format!("settings-{tone}"), fake::busy(), WIDE, theme, click("Settings"));
    }
    take("alone", fake::alone(), WIDE, Dark, |_| {});
    take("waiting", fake::waiting(7), WIDE, Dark, open(fake::direct("Priya Nair")));
    take("invite", fake::busy(), WIDE, Dark, click("Invite someone"));
    take("attach", fake::busy(), WIDE, Dark, click("Send files"));
    take("person", fake::busy(), WIDE, Light, |desk| {
        open(marta())(desk);
        click("Limits of Marta Keller")(desk);
    });
    take("page-empty", fake::alone(), WIDE, Light, click("All transfers"));
}

#[test]
fn narrow_windows_and_long_names_are_in_order() {
    let long = || fake::direct(&"W".repeat(64));
    take("narrow-list", fake::busy(), NARROW, Dark, |_| {});
    take("narrow-chat", fake::busy(), NARROW, Light, open(marta()));
    take("narrow-cards", fake::every_transfer(), [480.0, 6900.0], Dark, open(marta()));
    take("narrow-page", fake::every_transfer(), [480.0, 2500.0], Light, click("All transfers"));
    take("narrow-pick", fake::every_transfer(), NARROW, Dark, pick(40));
    take("narrow-limits", fake::every_transfer(), NARROW, Light, limits);
    take("narrow-first", fake::signed_out(), NARROW, Light, |_| {});
    take("narrow-refused", fake::refused(), NARROW, Light, |_| {});
    take("narrow-settings", fake::busy(), NARROW, Light, click("Settings"));
    take("narrow-invite", fake::busy(), NARROW, Light, click("Invite someone"));
    take("long", fake::long_names(), WIDE, Dark, open(long()));
    take("long-narrow", fake::long_names(), NARROW, Dark, open(long()));
    take("long-list", fake::long_names(), NARROW, Dark, |_| {});
}

#[test]
fn what_comes_and_goes_is_in_order() {
    take("host", fake::signed_out(), WIDE, Dark, click("Host here"));
    take("first-error", fake::signed_out(), WIDE, Light, |desk| {
        let text = "Nobody answers at 192.168.1.20:4810. Check the address, and that the coordinator runs.";
        let form = &mut desk.window.state_mut().state.sign_in;
        form.target = "192.168.1.20:4810".to_owned();
        form.fail(&Failure::new(FailureKind::Unreachable, text));
    });
    let hold = |desk: &mut Desk| desk.window.input_mut().hovered_files.push(egui::HoveredFile::default());
    take("drop", fake::busy(), WIDE, Dark, |desk| {
        open(marta())(desk);
        hold(desk);
    });
    take("drop-row", fake::busy(), WIDE, Light, |desk| {
        open(marta())(desk);
        desk.window.hover_at(egui::pos2(140.0, 260.0));
        hold(desk);
    });
    take("toast", fake::busy(), WIDE, Light, |desk| {
        let state = &mut desk.window.state_mut().state;
        state.toast("Jonas Weber has demo-recording.mkv", false);
        state.toast("/home/alex/secret.txt cannot be opened: it was moved or deleted.", true);
    });
}

//! Pictures of every screen: `LANDLINE_GALLERY=DIR cargo test -p landline gallery -- --ignored`.

use std::io::Write;
use std::path::Path;

use egui_kittest::kittest::Queryable;
use landline_peer::api::{Failure, FailureKind, Snapshot};
use landline_protocol::ConversationKind;

use super::raster::{Image, Textures};
use super::{Desk, fake};
use crate::theme::ThemeChoice::{self, Dark, Light};

const WIDE: [f32; 2] = [1200.0, 800.0];
const NARROW: [f32; 2] = [480.0, 800.0];

struct Gallery {
    folder: std::path::PathBuf,
}

impl Gallery {
    fn take(
        &self,
        name: &str,
        snapshot: Snapshot,
        size: [f32; 2],
        theme: ThemeChoice,
        act: impl FnOnce(&mut Desk),
    ) {
        if std::env::var("LANDLINE_GALLERY_ONLY").is_ok_and(|only| !name.contains(&only)) {
            return;
        }
        let textures = Textures::default();
        let renderer = textures.clone();
        let mut desk = Desk::build(snapshot, size, theme, |builder| {
            builder.renderer(renderer).with_context_setup(crate::theme::install_system_fonts)
        });
        act(&mut desk);
        desk.window.run_steps(3);
        let output = desk.window.output();
        let scale = output.pixels_per_point;
        let shapes = output.shapes.clone();
        let primitives = desk.window.ctx.tessellate(shapes, scale);
        let image = textures.paint(&primitives, size, scale);
        write(&self.folder.join(format!("{name}.ppm")), &image);
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

#[test]
#[ignore = "paints pictures for people to look at"]
fn gallery() {
    let Some(folder) = std::env::var_os("LANDLINE_GALLERY") else {
        return;
    };
    let gallery = Gallery { folder: folder.into() };
    std::fs::create_dir_all(&gallery.folder).unwrap();
    let marta = || fake::direct("Marta Keller");
    for (theme, tone) in [(Dark, "dark"), (Light, "light")] {
        gallery.take(&format!("main-{tone}"), fake::busy(), WIDE, theme, open(marta()));
        gallery.take(&format!("lobby-{tone}"), fake::busy(), WIDE, theme, open(ConversationKind::Lobby));
        gallery.take(&format!("first-{tone}"), fake::signed_out(), WIDE, theme, |_| {});
        gallery.take(&format!("refused-{tone}"), fake::refused(), WIDE, theme, |_| {});
        gallery.take(
            &format!("cards-{tone}"),
            fake::every_transfer(),
            [1200.0, 2700.0],
            theme,
            open(marta()),
        );
        gallery.take(&format!("settings-{tone}"), fake::busy(), WIDE, theme, |desk| {
            desk.window.get_by_label("Settings").click();
            desk.window.run();
        });
    }
    gallery.take("host", fake::signed_out(), WIDE, Dark, |desk| {
        desk.window.get_by_label("Host here").click();
        desk.window.run();
    });
    gallery.take("first-error", fake::signed_out(), WIDE, Light, |desk| {
        let text = "Nobody answers at 192.168.1.20:4810. Check the address, and that the coordinator runs.";
        let form = &mut desk.window.state_mut().state.sign_in;
        form.target = "192.168.1.20:4810".to_owned();
        form.fail(&Failure::new(FailureKind::Unreachable, text));
    });
    gallery.take("alone", fake::alone(), WIDE, Dark, |_| {});
    gallery.take("waiting", fake::waiting(7), WIDE, Dark, open(fake::direct("Priya Nair")));
    gallery.take("narrow-list", fake::busy(), NARROW, Dark, |_| {});
    gallery.take("narrow-chat", fake::busy(), NARROW, Light, open(marta()));
    gallery.take("narrow-first", fake::signed_out(), NARROW, Light, |_| {});
    gallery.take("long", fake::long_names(), WIDE, Dark, open(fake::direct(&"W".repeat(64))));
    gallery.take("long-narrow", fake::long_names(), NARROW, Dark, open(fake::direct(&"W".repeat(64))));
    gallery.take("invite", fake::busy(), WIDE, Dark, |desk| {
        desk.window.get_by_label("Invite someone").click();
        desk.window.run();
    });
    gallery.take("attach", fake::busy(), WIDE, Dark, |desk| {
        desk.window.get_by_label("Send a file").click();
        desk.window.run();
    });
    gallery.take("drop", fake::busy(), WIDE, Dark, |desk| {
        open(marta())(desk);
        desk.window.input_mut().hovered_files.push(egui::HoveredFile::default());
    });
    gallery.take("drop-row", fake::busy(), WIDE, Light, |desk| {
        open(marta())(desk);
        desk.window.hover_at(egui::pos2(140.0, 260.0));
        desk.window.input_mut().hovered_files.push(egui::HoveredFile::default());
    });
    gallery.take("toast", fake::busy(), WIDE, Light, |desk| {
        let state = &mut desk.window.state_mut().state;
        state.toast("Jonas Weber has demo-recording.mkv", false);
        state.toast("/home/alex/secret.txt cannot be opened: it was moved or deleted, or nothing here opens such files.", true);
    });
}

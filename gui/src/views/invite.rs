//! The invite dialog: a link for one person, to copy and pass on.

use egui::{Id, Modal, Ui};
use egui_material_icons::icons::{ICON_CHECK, ICON_CONTENT_COPY, ICON_REFRESH};

use crate::state::{AppCommand, Commands, InviteDialog};
use crate::theme::{self, size};
use crate::widgets::{Button, Field, Kind, text};

/// Shows the dialog; false once it is closed. `hosting` is the address others dial, if this window
/// hosts.
pub(crate) fn show(
    ui: &mut Ui,
    dialog: &InviteDialog,
    hosting: Option<&str>,
    commands: &mut Commands,
) -> bool {
    let width = (ui.ctx().content_rect().width() - 64.0).clamp(260.0, 440.0);
    let modal = Modal::new(Id::unique("invite")).frame(egui::Frame::popup(ui.style()).inner_margin(20)).show(
        ui.ctx(),
        |ui| {
            ui.set_width(width);
            contents(ui, dialog, hosting, commands)
        },
    );
    !(modal.inner || modal.should_close())
}

/// The words and buttons; true when Close was pressed.
fn contents(ui: &mut Ui, dialog: &InviteDialog, hosting: Option<&str>, commands: &mut Commands) -> bool {
    let palette = theme::palette(ui);
    text::flowing(ui, "Invite someone", theme::semibold(size::HEADING), palette.text);
    let about = "Send this link to one person. They paste it when they join; it is good once, for seven days, and \
                 tells their computer which key to expect here.";
    text::flowing(ui, about, theme::regular(size::BODY), palette.weak);
    if let Some(address) = hosting {
        let words = format!("You are hosting at {address}. Others can join while this window runs.");
        text::flowing(ui, &words, theme::regular(size::BODY), palette.text);
    }
    ui.add_space(4.0);
    match (&dialog.link, &dialog.error) {
        (Some(link), _) => link_field(ui, &link.to_string(), dialog.copied, commands),
        (None, Some(error)) => {
            text::flowing(ui, error, theme::regular(size::BODY), palette.red_text);
        }
        (None, None) => {
            text::flowing(ui, "Asking the coordinator for a link…", theme::regular(size::BODY), palette.weak);
        }
    }
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        let done = dialog.link.is_some() || dialog.error.is_some();
        let another = Button::new(Kind::Secondary, "Another link").icon(ICON_REFRESH).enabled(done);
        if ui.add(another).clicked() {
            commands.push(AppCommand::Invite);
        }
        ui.add(Button::new(Kind::Secondary, "Close")).clicked()
    })
    .inner
}

fn link_field(ui: &mut Ui, link: &str, copied: bool, commands: &mut Commands) {
    let mut shown = link.to_owned();
    Field::new("Invite link", &mut shown).read_only().show(ui);
    let (label, icon) = if copied { ("Copied", ICON_CHECK) } else { ("Copy link", ICON_CONTENT_COPY) };
    let copy = Button::new(Kind::Primary, label).icon(icon).width(ui.available_width());
    if ui.add(copy).clicked() {
        commands.push(AppCommand::Copy { text: link.to_owned(), what: "Invite link" });
    }
}

//! The dialog behind "Save as": a path to type or to browse for.

use std::path::{Path, PathBuf};

use egui::{Id, Key, Modal, Ui};
use egui_material_icons::icons::{ICON_FOLDER_OPEN, ICON_SAVE_AS};
use landline_peer::api::Action;
use landline_protocol::FileName;

use crate::state::{AppCommand, Commands, Purpose, SaveAs};
use crate::theme::{self, size};
use crate::widgets::{Button, Field, Kind, text};

/// Shows the dialog; false once it is closed.
pub(crate) fn show(ui: &mut Ui, dialog: &mut SaveAs, commands: &mut Commands) -> bool {
    let width = (ui.ctx().content_rect().width() - 64.0).clamp(260.0, 460.0);
    let modal = Modal::new(Id::unique("save as"))
        .frame(egui::Frame::popup(ui.style()).inner_margin(20))
        .show(ui.ctx(), |ui| {
            ui.set_width(width);
            contents(ui, dialog, commands)
        });
    !(modal.inner || modal.should_close())
}

/// True when the dialog is done.
fn contents(ui: &mut Ui, dialog: &mut SaveAs, commands: &mut Commands) -> bool {
    let palette = theme::palette(ui);
    text::flowing(ui, "Save as", theme::semibold(size::HEADING), palette.text);
    ui.add_space(2.0);
    let wrong = dialog.error.is_some();
    let field = Field::new("Where and under which name", &mut dialog.path).wrong(wrong).show(ui);
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if field.changed() {
        dialog.error = None;
    }
    if let Some(error) = dialog.error {
        text::flowing(ui, error, theme::regular(size::PREVIEW), palette.red_text);
    }
    ui.add_space(6.0);
    let buttons = ui.horizontal(|ui| {
        let save = ui.add(Button::new(Kind::Primary, "Save").icon(ICON_SAVE_AS)).clicked();
        if ui.add(Button::new(Kind::Secondary, "Browse…").icon(ICON_FOLDER_OPEN)).clicked() {
            let (offer, path) = (dialog.offer, PathBuf::from(&dialog.path));
            commands.push(AppCommand::BrowseSave { offer, path });
        }
        (save, ui.add(Button::new(Kind::Quiet, "Back")).clicked())
    });
    let (save, back) = buttons.inner;
    if !(save || entered) {
        return back;
    }
    match parse(&dialog.path) {
        Ok((folder, name)) => {
            let action = Action::Accept { offer: dialog.offer, folder: Some(folder), name };
            commands.push(AppCommand::Engine(action, Purpose::Quiet));
            true
        }
        Err(error) => {
            dialog.error = Some(error);
            false
        }
    }
}

/// A folder and, unless the path ends with a separator, a name.
fn parse(typed: &str) -> Result<(PathBuf, Option<FileName>), &'static str> {
    let path = Path::new(typed.trim());
    if !path.is_absolute() {
        return Err("Type the whole path, from the root on.");
    }
    if typed.trim().ends_with('/') {
        return Ok((path.to_owned(), None));
    }
    let name = path.file_name().and_then(|name| name.to_str()).map(FileName::parse);
    match (path.parent(), name) {
        (Some(folder), Some(Ok(name))) => Ok((folder.to_owned(), Some(name))),
        _ => Err("That file name is not allowed. Leave out : * ? \" < > | and control characters."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_folder_and_a_name() {
        let (folder, name) = parse(" /home/me/new.pdf ").unwrap();
        assert_eq!(folder, Path::new("/home/me"));
        assert_eq!(name.unwrap().as_str(), "new.pdf");
        assert_eq!(parse("/home/me/").unwrap(), (PathBuf::from("/home/me/"), None));
        for bad in ["", "new.pdf", "/", "/home/a:b", "/home/.."] {
            let result = parse(bad);
            assert!(result.is_err() || bad == "/", "{bad}: {result:?}");
        }
    }
}

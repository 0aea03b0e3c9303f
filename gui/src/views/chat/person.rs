//! The menu of the person at the other end: limits of their own.

use egui::{Id, Popup, Ui};
use egui_material_icons::icons::{ICON_CHECK, ICON_MORE_VERT};
use landline_protocol::UserName;

use super::data::Person;
use crate::state::{AppCommand, Commands};
use crate::theme::{self, size};
use crate::units::typed_rate;
use crate::views::limits::limit;
use crate::widgets::{Button, Field, IconButton, Kind, text};

const WIDTH: f32 = 260.0;

/// What is typed.
pub(crate) struct PersonForm {
    user: UserName,
    up: String,
    down: String,
    error: Option<String>,
}

impl PersonForm {
    fn of(person: &Person) -> Self {
        let shown = |limit: Option<u64>| limit.map(typed_rate).unwrap_or_default();
        Self { user: person.user.clone(), up: shown(person.up), down: shown(person.down), error: None }
    }

    fn parse(&self) -> Result<AppCommand, String> {
        let (up, down) = (limit(&self.up)?, limit(&self.down)?);
        Ok(AppCommand::LimitPerson { user: self.user.clone(), up, down })
    }
}

/// Shows the button and, once it is pressed, the menu.
pub(super) fn show(ui: &mut Ui, person: &Person, form: &mut Option<PersonForm>, commands: &mut Commands) {
    let name = format!("Limits of {}", person.user);
    let button = ui.add(IconButton::new(ICON_MORE_VERT, &name));
    let shown = Popup::menu(&button)
        .id(Id::unique(("person", person.user.as_str())))
        .accessible_name(&name)
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .frame(egui::Frame::popup(ui.style()).inner_margin(14))
        .width(WIDTH)
        .show(|ui| {
            ui.set_width(WIDTH);
            let known = form.take().filter(|form| form.user == person.user);
            contents(ui, form.insert(known.unwrap_or_else(|| PersonForm::of(person))), commands);
        });
    if shown.is_none() {
        *form = None;
    }
}

fn contents(ui: &mut Ui, form: &mut PersonForm, commands: &mut Commands) {
    let palette = theme::palette(ui);
    let title = format!("Limits of {}", form.user);
    text::clipped(ui, &title, theme::semibold(size::BODY), palette.text);
    let up = Field::new("To them", &mut form.up).hint("no limit of their own").show(ui).changed();
    let down = Field::new("From them", &mut form.down).hint("no limit of their own").show(ui).changed();
    if up || down {
        form.error = None;
    }
    match &form.error {
        Some(error) => text::flowing(ui, error, theme::regular(size::PREVIEW), palette.red_text),
        None => text::flowing(ui, "For example 500 KiB/s.", theme::regular(size::SMALL), palette.weak),
    };
    let save = Button::new(Kind::Primary, "Save limits").icon(ICON_CHECK).small();
    if ui.add(save.width(ui.available_width())).clicked() {
        match form.parse() {
            Ok(command) => {
                commands.push(command);
                ui.close();
            }
            Err(error) => form.error = Some(error),
        }
    }
}

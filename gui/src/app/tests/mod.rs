//! The window driven from inside: by role and label, as a screen reader sees it.

mod gallery;
mod raster;
mod transfers;
mod window;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui_kittest::Harness;
use landline_peer::api::{Action, Snapshot};

use super::App;
use crate::bridge::{FarEnd, fake};
use crate::state::Settings;
use crate::theme::{self, ThemeChoice};

/// A window on a fake engine.
pub(crate) struct Desk {
    pub(crate) window: Harness<'static, App>,
    pub(crate) far: FarEnd,
}

impl Desk {
    pub(crate) fn new(snapshot: Snapshot, size: [f32; 2]) -> Self {
        Self::build(snapshot, size, ThemeChoice::Dark, |builder| builder)
    }

    pub(crate) fn build(
        snapshot: Snapshot,
        size: [f32; 2],
        theme: ThemeChoice,
        tune: impl FnOnce(egui_kittest::HarnessBuilder<App>) -> egui_kittest::HarnessBuilder<App>,
    ) -> Self {
        let (bridge, far) = fake::bridge(snapshot);
        let kind = if theme == ThemeChoice::Light { egui::Theme::Light } else { egui::Theme::Dark };
        let builder = Harness::builder().with_size(size).with_theme(kind).allow_missing_glyphs();
        let window = tune(builder).build_eframe(move |cc| {
            theme::install(&cc.egui_ctx, theme);
            let settings = Settings { theme, hosting: None };
            let mut app = App::new(bridge, settings, "x86_64-linux-a4f2".to_owned());
            app.clock = fake::clock;
            app
        });
        let mut desk = Self { window, far };
        desk.window.run();
        desk
    }

    /// What the engine was asked for since the last call.
    pub(crate) fn asked(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Ok(command) = self.far.commands.try_recv() {
            actions.push(command.action);
        }
        actions
    }

    /// The engine shows something else.
    pub(crate) fn show(&mut self, snapshot: Snapshot) {
        self.far.stage.send_replace(crate::bridge::Stage::Running(Arc::new(snapshot)));
        self.window.run();
    }
}

/// A file as the desktop drops it.
#[derive(Debug)]
struct File(PathBuf);

impl egui::DroppedFile for File {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("the window reads no dropped file".to_owned())
    }
}

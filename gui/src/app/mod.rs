//! The window: what it is started with, and its frame loop.

mod drop;
mod frames;
mod handlers;
mod screen;
mod shell;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Context as _;
use eframe::egui;

use crate::bridge::{self, Bridge, Stage};
use crate::state::{Commands, Settings, UiState};
use crate::theme::{self, metrics};
use crate::views::format::Clock;
use landline_peer::Options;

pub(crate) use drop::DropZones;
pub(crate) use shell::filter_id;

/// What a window is started with.
pub(crate) struct WindowOptions {
    /// For the engine; its profile also holds the window's settings.
    pub(crate) engine: Options,
    /// Where the window stands, in points from the upper left corner of the screen.
    pub(crate) position: Option<[f32; 2]>,
    /// How large it is, in points.
    pub(crate) size: Option<[f32; 2]>,
}

/// Opens the window and returns when it is closed.
pub(crate) fn run(options: WindowOptions) -> anyhow::Result<()> {
    check_libraries()?;
    let settings = Settings::load(&options.engine.profile);
    let native = native_options(&options);
    let suggestion = landline_peer::suggested_username().to_string();
    // The app is taken out of the toolkit's hands when the window closes, so that the engine can
    // end in order after the window is gone.
    let left_over: Arc<std::sync::Mutex<Option<Bridge>>> = Arc::default();
    let keep = Arc::clone(&left_over);
    let result = eframe::run_native(
        "landline",
        native,
        Box::new(move |cc| {
            theme::install(&cc.egui_ctx, settings.theme);
            theme::install_system_fonts(&cc.egui_ctx);
            let ctx = cc.egui_ctx.clone();
            let waker = Arc::new(move || ctx.request_repaint());
            let bridge = bridge::spawn(options.engine, settings.hosting.clone(), waker)?;
            let mut app = App::new(bridge, settings, suggestion);
            app.keep = keep;
            Ok(Box::new(app))
        }),
    );
    if let Some(bridge) = left_over.lock().ok().and_then(|mut kept| kept.take()) {
        bridge.close();
    }
    result.map_err(|error| anyhow::anyhow!("{error}"))
}

fn native_options(options: &WindowOptions) -> eframe::NativeOptions {
    let title = "Landline";
    let mut viewport = egui::ViewportBuilder::default()
        .with_title(title)
        .with_app_id("landline")
        .with_inner_size(options.size.unwrap_or(metrics::WINDOW))
        .with_min_inner_size(metrics::MIN_WINDOW)
        .with_drag_and_drop(true);
    if let Some(position) = options.position {
        viewport = viewport.with_position(position);
    }
    match eframe::icon_data::from_png_bytes(include_bytes!("../../../assets/icon.png")) {
        Ok(icon) => viewport = viewport.with_icon(icon),
        Err(error) => tracing::warn!(%error, "the window's icon cannot be read"),
    }
    // The theme brings its own order of fonts.
    eframe::NativeOptions { viewport, system_font_fallback: false, ..eframe::NativeOptions::default() }
}

/// The toolkit ends the process where this library is missing, so it is looked for first.
#[cfg(target_os = "linux")]
fn check_libraries() -> anyhow::Result<()> {
    let wayland = std::env::var_os("WAYLAND_DISPLAY").is_some_and(|name| !name.is_empty());
    if wayland || library_present("libxkbcommon-x11.so.0") {
        return Ok(());
    }
    Err(anyhow::anyhow!("install the package libxkbcommon-x11-0 (libxkbcommon-x11 on Fedora and Arch)"))
        .context("the library libxkbcommon-x11 is missing")
}

#[cfg(not(target_os = "linux"))]
fn check_libraries() -> anyhow::Result<()> {
    Ok(())
}

/// Whether the loader knows a library, by its cache or by the usual folders.
#[cfg(target_os = "linux")]
fn library_present(name: &str) -> bool {
    const FOLDERS: [&str; 6] = [
        "/usr/lib",
        "/usr/lib64",
        "/lib",
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    let named = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let here = std::env::split_paths(&named).any(|folder| folder.join(name).exists());
    here || FOLDERS.iter().any(|folder| std::path::Path::new(folder).join(name).exists())
        || std::fs::read("/etc/ld.so.cache").is_ok_and(|cache| contains(&cache, name.as_bytes()))
}

#[cfg(target_os = "linux")]
fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The window's application.
pub(crate) struct App {
    bridge: Option<Bridge>,
    keep: Arc<std::sync::Mutex<Option<Bridge>>>,
    stage: Stage,
    state: UiState,
    settings: Settings,
    /// The address that others dial, while this process hosts.
    hosting: Option<String>,
    /// Ask for an invite once the administrator is signed in.
    invite_next: bool,
    queue: Commands,
    zones: DropZones,
    frames: frames::Counter,
    /// The time zone and the present; fixed in tests.
    clock: fn() -> Clock,
}

impl App {
    /// A window at the near end of `bridge`.
    pub(crate) fn new(bridge: Bridge, settings: Settings, suggestion: String) -> Self {
        let mut state = UiState::default();
        state.sign_in.username = suggestion;
        Self {
            bridge: Some(bridge),
            keep: Arc::default(),
            stage: Stage::Starting,
            state,
            settings,
            hosting: None,
            invite_next: false,
            queue: Commands::new(),
            zones: DropZones::default(),
            frames: frames::Counter::from_environment(),
            clock: Clock::local,
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.take_in();
        if let Stage::Running(snapshot) = &self.stage {
            let sum = crate::views::transfers::summary(snapshot);
            self.state.rates.note(ctx.time(), sum.down, sum.up);
        }
        self.run_queue(ctx);
        self.note_read(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.frames.count();
        self.zones.begin(ui.ctx());
        self.show(ui);
        self.settle_drop(ui);
        crate::views::toasts::show(ui, &mut self.state.toasts);
        if !self.queue.is_empty() {
            ui.ctx().request_repaint();
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if let Ok(mut kept) = self.keep.lock() {
            *kept = self.bridge.take();
        }
    }
}

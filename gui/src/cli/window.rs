//! The way to the window, and what to say where there is none.

use super::args::Global;
use super::exit::Problem;

/// Opens the window and returns when it is closed.
pub(crate) fn open(global: &Global) -> Result<(), Problem> {
    if !built_in() {
        return Err(Problem::usage(format!("This landline was built without its window. {INSTEAD}")));
    }
    if !display_present() {
        return Err(Problem::usage(format!(
            "There is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set). {INSTEAD}"
        )));
    }
    show(global)
}

/// What works everywhere.
const INSTEAD: &str = "Without one, `landline demo` shows everything, `landline host` runs a coordinator, and \
                       `landline sign-up`, `peers`, `msg`, `send`, `get` and the others of `landline --help` do the work.";

/// Whether this build has a window.
pub(crate) const fn built_in() -> bool {
    cfg!(feature = "window")
}

/// Whether there is something to open a window on. Only X11 and Wayland can be missing.
pub(crate) fn display_present() -> bool {
    let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos")) || named("DISPLAY") || named("WAYLAND_DISPLAY")
}

#[cfg(feature = "window")]
fn show(global: &Global) -> Result<(), Problem> {
    if global.until_stdin_closes {
        super::interrupt::exit_with_stdin();
    }
    let options = crate::app::WindowOptions {
        engine: super::client::options(global)?,
        position: global.window_position,
        size: global.window_size,
    };
    crate::app::run(options).map_err(|error| {
        tracing::info!("the window did not open: {error:#}");
        let problem = format!("The window did not open: {}. {INSTEAD}", cause(&format!("{error:#}")));
        Problem::new(super::exit::Exit::Failed, problem)
    })
}

/// What went wrong at the bottom, without the layers and source files above it that the toolkit
/// reports.
#[cfg(feature = "window")]
fn cause(error: &str) -> &str {
    error.rsplit(": ").next().unwrap_or(error).trim_end_matches('.')
}

#[cfg(not(feature = "window"))]
fn show(_global: &Global) -> Result<(), Problem> {
    // `open` has said so already.
    Err(Problem::usage(INSTEAD))
}

//! `landline`: without a subcommand the window, with one the command line. Same engine, same
//! profiles.

mod cli;
mod demo;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod memory;
mod units;

#[cfg(feature = "window")]
mod app;
#[cfg(feature = "window")]
mod bridge;
#[cfg(feature = "window")]
mod hosting;
#[cfg(feature = "window")]
mod state;
#[cfg(feature = "window")]
mod theme;
#[cfg(feature = "window")]
mod views;
#[cfg(feature = "window")]
mod widgets;

fn main() -> std::process::ExitCode {
    cli::main().into()
}

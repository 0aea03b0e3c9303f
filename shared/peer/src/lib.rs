//! One participant: its session with a coordinator, its history, its shares and downloads, behind
//! one engine. No window, no terminal.

pub mod api;

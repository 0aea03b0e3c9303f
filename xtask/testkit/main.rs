//! Clients, load and a checker, for `cargo xtask soak`.

fn main() {}

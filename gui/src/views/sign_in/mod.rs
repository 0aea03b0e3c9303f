//! The first screen: join a coordinator or host one, sign in or make an account.

mod data;
mod ui;

pub(crate) use data::Form;
pub(crate) use ui::show;

//! What is where: the live list of who holds an offered content. In memory, for it is true only as
//! long as the holders are connected.

mod holders;

pub(crate) use holders::Holders;

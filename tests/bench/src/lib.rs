//! What the gate costs: how it is measured, and what is asked.
//!
//! On a shared machine the time of one and the same operation drifts by half from minute to minute.
//! So each question takes turns with a reference in the same process, and what is shown is the
//! ratio of neighbours: its median and its quartiles. `cargo xtask bench` runs every program and
//! makes one page of their figures.

mod figure;
mod page;
mod plot;
pub mod questions;
mod turns;

pub use self::figure::{Figure, Goal};
pub use self::page::page;
pub use self::turns::{Turns, compare};

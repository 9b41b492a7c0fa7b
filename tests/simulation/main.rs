//! What needs no server and no window: the Model in simulated worlds, and texts of all kinds.

#[path = "../support/all.rs"]
mod support;

mod depth;
mod pasted;
mod simulation;
mod story;

//! What must not pass: statements that a read-only connection refuses, secrets in a text that is kept.

pub mod guard;
pub mod mask;

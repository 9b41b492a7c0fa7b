//! What must not pass: statements that a read-only connection refuses, and secrets in stored text.

pub mod guard;
pub mod mask;

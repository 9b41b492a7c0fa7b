//! What needs the window, and so the feature `gui`: all that one build of it can test.

#[path = "../support/all.rs"]
mod support;

mod end_to_end;
mod window;
mod window_stories;

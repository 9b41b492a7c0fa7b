//! Sessions: the link that carries one, what runs in it, how Tusk cancels and watches it.

pub(super) mod cancel;
pub(super) mod capture;
pub(super) mod file_run;
pub(super) mod held;
pub(super) mod link;
pub(super) mod sealed;
pub(super) mod watchdog;
pub(super) mod words;

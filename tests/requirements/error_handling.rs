//! Errors, FR-001 to FR-004, SC-008.

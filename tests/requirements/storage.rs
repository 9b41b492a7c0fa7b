//! Local storage and the data directory, FR-025 to FR-027a.

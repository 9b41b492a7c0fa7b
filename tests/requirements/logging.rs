//! Logging, FR-022 to FR-024a.

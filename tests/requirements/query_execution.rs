//! Queries, FR-014 to FR-016, FR-020, FR-021.

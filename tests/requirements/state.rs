//! State, FR-005 to FR-009, SC-009.

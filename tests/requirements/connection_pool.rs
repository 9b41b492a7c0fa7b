//! Connections and pools, FR-010 to FR-013a, SC-003, SC-010.

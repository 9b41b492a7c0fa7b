//! Credentials, FR-017 to FR-019a.

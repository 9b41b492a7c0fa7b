//! How rows are shown: values, types, sums.

pub mod display;
pub mod summary;
pub mod type_name;

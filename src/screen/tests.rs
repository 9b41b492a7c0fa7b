//! What each state shows.

//! What one read works with.

use super::super::window::Window;
use super::mapping::Mapping;
use rusqlite::Connection;

/// A database that is being read by a mapping.
pub struct Reader<'a> {
    /// The database.
    pub db: &'a Connection,
    /// What part of it is read.
    pub window: &'a Window,
    /// How it is read.
    pub mapping: &'a Mapping,
}

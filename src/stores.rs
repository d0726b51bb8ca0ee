//! The stores: which scheduler a database belongs to, and how its tables become a [`Snapshot`].
//!
//! Each store is a folder with a function `read`. Only here and in [`crate::db`] is `rusqlite` named.

mod phantom;
mod value;

#[cfg(test)]
pub use phantom::for_tests as phantom_for_tests;

use crate::db::{Unread, Window};
use crate::model::Snapshot;
use std::path::Path;

/// Reads the database at `path`, a path that [`crate::db::locate`] gave.
///
/// # Errors
/// What is wrong with the database.
pub fn read(path: &Path, window: &Window) -> Result<Snapshot, Unread> {
    phantom::read(path, window)
}

//! Ids of jobs: keys, and words that people run commands with.

use super::value::text;
use crate::shell;
use rusqlite::types::ValueRef;
use std::ffi::OsStr;
use std::hash::Hasher;

/// Stands for the id of a job in a command.
pub const PLACEHOLDER: &str = "<job-id>";

/// Ids up to this length are kept whole; of a longer one so much, and a hash that tells it from others.
const MAX_ID_LEN: usize = 200;
const ID_SHOWN: usize = 190;
/// The longest id that is shown in a command or a statement.
const MAX_QUOTED_LEN: usize = 200;

/// An id, which is a key: a long one is cut and hashed, and stays longer than any that is kept whole.
pub fn id(bytes: &[u8]) -> String {
    if bytes.len() <= MAX_ID_LEN {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let begin: String = String::from_utf8_lossy(&bytes[..MAX_ID_LEN]).chars().take(ID_SHOWN).collect();
    let mut hash = fnv::FnvHasher::default();
    hash.write(bytes);
    format!("{begin:.<ID_SHOWN$}…{:016x}", hash.finish())
}

/// The bytes of an id; a number as its digits.
pub fn bytes(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        other => text(other).unwrap_or_default().into_bytes(),
    }
}

/// Whether an id is short enough to show, and known to the byte, so that a command or a statement may hold it.
pub fn can_be_quoted(id: &str) -> bool {
    id.len() <= MAX_QUOTED_LEN && !id.contains(char::REPLACEMENT_CHARACTER)
}

/// An id as a word of a command; None if it would be an option, or can't be quoted.
pub fn word(id: &str) -> Option<String> {
    let is_word = !id.is_empty() && !id.starts_with('-') && can_be_quoted(id);
    is_word.then(|| shell::word(OsStr::new(id)))
}

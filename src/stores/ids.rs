//! Ids of jobs, which are keys.

use super::value::text;
use rusqlite::types::ValueRef;
use std::hash::Hasher;

/// Ids up to this length are kept whole; of a longer one so much, and a hash that tells it from others.
const MAX_ID_LEN: usize = 200;
const ID_SHOWN: usize = 190;

/// An id, which is a key: a long one is cut and hashed, and stays longer than any that is kept whole.
pub fn id(bytes: &[u8]) -> String {
    if bytes.len() <= MAX_ID_LEN {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let begin: String = String::from_utf8_lossy(&bytes[..MAX_ID_LEN]).chars().take(ID_SHOWN).collect();
    let mut hash = fnv::FnvHasher::default();
    hash.write(bytes);
    let mut id = format!("{begin:.<ID_SHOWN$}…{:016x}", hash.finish());
    id.shrink_to_fit();
    id
}

/// The bytes of an id; a number as its digits.
pub fn bytes(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        other => text(other).unwrap_or_default().into_bytes(),
    }
}

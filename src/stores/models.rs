//! The names of models, kept once each: histories hold millions of runs and a handful of names.

use super::value::cut;
use crate::model::ModelIndex;
use rustc_hash::FxHashMap;

/// Names that are told apart, and the longest that is shown of one.
const MAX_MODELS: usize = 1000;
const MAX_NAME_LEN: usize = 100;
/// The bytes of a name by which it is told apart.
const MAX_KEPT_LEN: usize = 200;

/// Names of models, as they are met.
#[derive(Debug, Clone, Default)]
pub struct Models {
    names: Vec<Vec<u8>>,
    positions: FxHashMap<Vec<u8>, ModelIndex>,
    /// The one that was met last: most runs in a row are on the same.
    last: Option<ModelIndex>,
}

impl Models {
    /// The position of a name; None if it is empty, or if too many are known.
    pub fn index(&mut self, name: &[u8]) -> Option<ModelIndex> {
        let name = &name[..name.len().min(MAX_KEPT_LEN)];
        if let Some(last) = self.last.filter(|last| self.names[last.position()] == name) {
            return Some(last);
        }
        if let Some(position) = self.positions.get(name) {
            self.last = Some(*position);
            return Some(*position);
        }
        let position =
            ModelIndex::at(self.names.len()).filter(|_| !name.is_empty() && self.names.len() < MAX_MODELS)?;
        self.names.push(name.to_vec());
        self.positions.insert(name.to_vec(), position);
        Some(position)
    }

    /// Takes in other names; returns the position that each has here, by its position there.
    pub fn adopt(&mut self, other: &Models) -> Vec<Option<ModelIndex>> {
        other.names.iter().map(|name| self.index(name)).collect()
    }

    /// The names, as they are shown.
    pub fn shown(&self) -> Vec<String> {
        self.names.iter().map(|name| cut(String::from_utf8_lossy(name).into_owned(), MAX_NAME_LEN)).collect()
    }
}

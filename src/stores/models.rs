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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_position_and_the_empty_one_and_the_thousand_and_first_none() {
        let mut models = Models::default();
        let positions = [&b"a"[..], b"b", b"a", b""].map(|name| models.index(name).map(ModelIndex::position));
        assert_eq!(positions, [Some(0), Some(1), Some(0), None]);
        assert_eq!(models.shown(), ["a", "b"]);
        let many: Vec<bool> = (0..=MAX_MODELS).map(|n| models.index(n.to_string().as_bytes()).is_some()).collect();
        assert_eq!(many.iter().filter(|known| **known).count(), MAX_MODELS - 2);
        assert_eq!(models.index(b"b").map(ModelIndex::position), Some(1));
    }

    #[test]
    fn names_are_told_apart_by_their_first_bytes_and_shown_shorter() {
        let mut models = Models::default();
        let long = |last: char, bytes: usize| format!("{}{last}", "x".repeat(bytes)).into_bytes();
        assert_ne!(models.index(&long('a', MAX_KEPT_LEN - 1)), models.index(&long('b', MAX_KEPT_LEN - 1)));
        assert_eq!(models.index(&long('a', MAX_KEPT_LEN)), models.index(&long('b', MAX_KEPT_LEN)));
        assert!(models.shown().iter().all(|name| name.len() == MAX_NAME_LEN));
    }

    #[test]
    fn adopted_names_get_their_positions_here() {
        let (mut here, mut there) = (Models::default(), Models::default());
        assert!(here.index(b"a").is_some() && here.index(b"b").is_some());
        assert!(there.index(b"b").is_some() && there.index(b"c").is_some());
        let adopted = here.adopt(&there).into_iter().map(|at| at.map(ModelIndex::position)).collect::<Vec<_>>();
        assert_eq!((adopted, here.shown().len()), (vec![Some(1), Some(2)], 3));
    }
}
